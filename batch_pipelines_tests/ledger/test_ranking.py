"""The order of passages, and which words of a query tell most."""

from __future__ import annotations

from collections import Counter

import pytest

from batch_pipelines.ledger.ranking import (
    ENOUGH_PASSAGES,
    MOST_WORDS,
    TELLING_WORDS,
    Corpus,
    fit,
    most_said,
    needed,
    telling,
)


def test_rare_words_tell_more() -> None:
    """A word weighs the more the fewer passages have it, and one that none has weighs nothing."""
    weights = telling({"the": 1, "dormouse": 1, "zebra": 1}, {"the": 99, "dormouse": 2, "zebra": 0}, passages=100)

    assert list(weights) == ["dormouse", "the"]
    assert weights["dormouse"] == pytest.approx(3.70, abs=0.01)
    assert 0 < weights["the"] < 0.02


def test_what_is_said_often_tells_more() -> None:
    """A query that comes back to a word means it."""
    weights = telling({"tea": 5, "cat": 1}, {"tea": 10, "cat": 10}, passages=100)

    assert 1.5 * weights["cat"] < weights["tea"] < 2 * weights["cat"]


def test_a_long_query_is_bounded() -> None:
    """Of its words, those that tell most are looked for, and those that are said most often looked up."""
    words = [f"word{number}" for number in range(2 * MOST_WORDS)]

    said = most_said([*words, words[-1]])
    weights = telling(said, dict.fromkeys(words, 1), passages=10)

    assert (len(said), len(weights)) == (MOST_WORDS, TELLING_WORDS)
    assert next(iter(weights)) == words[-1]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": 5, "b": 9_000}, ["a", "b"]),
        ({"a": ENOUGH_PASSAGES, "b": 9_000}, ["a"]),
        ({"b": 9_000, "c": 12_000}, ["b"]),
        ({}, []),
    ],
)
def test_the_commonest_words_bring_nobody(counts: dict[str, int], words: list[str]) -> None:
    """Where rarer words bring enough passages, one that has only the commonest is not looked at."""
    assert needed(counts, counts) == words


def test_a_fit_grows_with_words_and_shrinks_with_length() -> None:
    """As BM25 has it: saying a word again matters less each time, and a long passage must say it more often."""
    once = fit({"tea": 1.0}, Counter({"tea": 1, "x": 9}), mean_words=10)
    twice = fit({"tea": 1.0}, Counter({"tea": 2, "x": 8}), mean_words=10)
    lengthy = fit({"tea": 1.0}, Counter({"tea": 1, "x": 99}), mean_words=10)

    assert once == pytest.approx(1.0)
    assert lengthy < once < twice < 2 * once
    assert fit({"tea": 1.0}, Counter("x"), mean_words=10) == 0


def test_an_empty_corpus_has_a_mean() -> None:
    """Nothing divides by nothing."""
    assert (Corpus(0, 0).mean_words, Corpus(2, 10).mean_words) == (1.0, 5.0)
