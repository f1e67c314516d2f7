"""The lowest and the highest of what is under way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.engine.extremes import Extremes


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=50))
def test_they_are_those_of_what_is_left(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever came and left, they are what a search through all would find."""
    extremes, left = Extremes(), {}
    for number, (one, other, is_leaving) in enumerate(steps, start=1):
        left[number] = min(one, other), max(one, other)
        extremes.add(number, *left[number])
        if is_leaving:
            oldest = min(left)
            del left[oldest]
            extremes.leave(oldest)
        if left:
            expected = min(low for low, _ in left.values()), max(high for _, high in left.values())
            assert extremes.of(min(left)) == expected


def test_what_came_before_the_first_is_not_known() -> None:
    """A number from before anything was added has no range."""
    extremes = Extremes()
    assert extremes.of(5) is None

    extremes.add(7, 1.0, 2.0)

    assert extremes.of(6) is None
    assert extremes.of(7) == (1.0, 2.0)
