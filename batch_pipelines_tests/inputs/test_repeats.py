"""What came twice among many."""

from __future__ import annotations

import pytest

from batch_pipelines.inputs import repeats
from batch_pipelines.inputs.repeats import Repeats


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["a"], []),
        (["a", "b", "c"], []),
        (["a", "b", "a"], [2]),
        (["a", "b", "b", "a", "b"], [2, 3, 4]),
        (["é", "e", "é"], [2]),
    ],
)
def test_repeats_are_found_in_their_order(texts: list[str], expected: list[int]) -> None:
    """By their positions, the first place of each left out."""
    found = Repeats()
    for text in texts:
        found.add(text)

    assert list(found.suspects()) == expected


def test_one_of_a_million_is_found() -> None:
    """And nobody is suspected beside it."""
    found = Repeats()
    for number in range(1_000_000):
        found.add(str(number))
    found.add("777777")

    assert list(found.suspects()) == [1_000_000]


def test_a_short_digest_suspects_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """So whoever asks has to look: a suspicion is no proof."""
    monkeypatch.setattr(repeats, "DIGEST_BYTES", 1)
    found = Repeats()
    for number in range(1_000):
        found.add(str(number))

    assert len(list(found.suspects())) > 700
