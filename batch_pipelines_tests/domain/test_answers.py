"""Keys of answers, compared."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.answers import AnswerKey


def key(**parts: str) -> AnswerKey:
    """A key of these parts."""
    return AnswerKey("", tuple(parts.items()))


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        (key(model="a", prompt="p"), key(model="a", prompt="p"), ()),
        (key(model="a", prompt="p"), key(model="b", prompt="p"), ("model",)),
        (key(model="a", prompt="p"), key(prompt="q", model="b"), ("model", "prompt")),
        (key(model="a", system="s"), key(model="a"), ("system",)),
        (key(model="a"), key(model="a", system="s"), ("system",)),
    ],
)
def test_the_parts_that_differ_are_named(one: AnswerKey, other: AnswerKey, differing: tuple[str, ...]) -> None:
    """In their order; a part that only one of the two has differs."""
    assert one.differing_parts(other) == differing
