"""Tests of batch_pipelines.analytics.durations."""

from __future__ import annotations

import statistics
from random import Random

import pytest

from batch_pipelines.analytics.durations import durations


@pytest.mark.parametrize(
    ("values", "mean", "p50", "p95", "p99"),
    [
        ([], None, None, None, None),
        ([7.0], 7, 7, 7, 7),
        ([100.0, 200.0], 150, 150, 195, 199),
        ([400.0, 100.0, 300.0, 200.0], 250, 250, 385, 397),
        ([0.0], 0, 0, 0, 0),
    ],
)
def test_percentiles(
    values: list[float], mean: float | None, p50: float | None, p95: float | None, p99: float | None
) -> None:
    """Percentiles lie linearly between the two nearest values, in any order; of nothing they are unknown (E3)."""
    assert durations(values).model_dump() == {"mean_ms": mean, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


def test_against_the_standard_library() -> None:
    """A thousand lognormal durations have the percentiles that `statistics` gives them."""
    random = Random(1)
    values = [random.lognormvariate(7, 1) for _ in range(1000)]
    expected = statistics.quantiles(values, n=100, method="inclusive")

    found = durations(values)

    assert (found.p50_ms, found.p95_ms, found.p99_ms) == pytest.approx((expected[49], expected[94], expected[98]))
