"""A sample that is spread evenly."""

from __future__ import annotations

import pytest

from batch_pipelines.inputs.sampling import EvenSample


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (0, []),
        (1, [0]),
        (4, [0, 1, 2, 3]),
        (5, [0, 2, 4]),
        (8, [0, 2, 4, 6]),
        (9, [0, 4, 8]),
        (16, [0, 4, 8, 12]),
        (17, [0, 8, 16]),
    ],
)
def test_every_nth_is_kept(offered: int, expected: list[int]) -> None:
    """Never more than four here, and from all of it (C2)."""
    sample = EvenSample[int](4)
    for number in range(offered):
        sample.offer(number)

    assert sample.kept == expected


def test_a_large_sample_is_never_less_than_half_full() -> None:
    """Whatever is offered (C2)."""
    for offered in range(500, 10_000, 7):
        sample = EvenSample[int](500)
        for number in range(offered):
            sample.offer(number)
        assert 250 < len(sample.kept) <= 500
