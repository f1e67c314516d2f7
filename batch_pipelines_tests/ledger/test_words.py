"""Words by which passages are found."""

from __future__ import annotations

import pytest

from batch_pipelines.ledger.words import LONGEST_WORD, words_looked_for, words_of

ALICE = ["alice", "s", "cat", "x", "ray", "snake", "case", "c", "3", "14"]
ECOLE = ["ecole", "naive", "strasse", "fine", "ab", "istanbul", "елка"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... --- \x00 \ud800", []),
        ("Alice's cat, x-ray; snake_case C++ 3.14", ALICE),
        ("ÉCOLE naïve Straße \ufb01ne \uff21\uff22 İstanbul Ёлка", ECOLE),
        ('tea" OR NEAR(mice) NOT * ^', ["tea", "or", "near", "mice", "not"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("x" * 100, ["x" * LONGEST_WORD]),
    ],
)
def test_a_word_is_small_and_without_accents(text: str, words: list[str]) -> None:
    """Of letters, digits and their marks; whatever else a text or a query holds, it is no operator."""
    assert words_of(text) == words
    assert words_looked_for(text) == words


@pytest.mark.parametrize(
    ("text", "kept", "asked"),
    [
        ("東京は2026年", ["東", "京", "は", "東京", "京は", "2026", "年"], ["東京", "京は", "2026", "年"]),
        ("猫 neko", ["猫", "neko"], ["猫", "neko"]),
        ("서울은", ["서", "울", "은", "서울", "울은"], ["서울", "울은"]),
        (
            "カタカナー",
            ["カ", "タ", "カ", "ナ", "ー", "カタ", "タカ", "カナ", "ナー"],
            ["カタ", "タカ", "カナ", "ナー"],
        ),
    ],
)
def test_scripts_without_spaces_give_pairs(text: str, kept: list[str], asked: list[str]) -> None:
    """A word of one or more characters is found wherever it stands in such a text."""
    assert words_of(text) == kept
    assert words_looked_for(text) == asked
    assert set(asked) <= set(kept)
