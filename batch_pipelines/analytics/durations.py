"""Averages and percentiles of durations."""

from __future__ import annotations

from collections.abc import Sequence

from batch_pipelines.analytics.values import Durations

PERCENTILES = (0.50, 0.95, 0.99)
DIGITS = 3
"""Of a millisecond; finer than any clock that measured a call."""


def durations(values_ms: Sequence[float]) -> Durations:
    """Mean and percentiles; all None for no values. Percentiles lie between the nearest two values, linearly."""
    if not values_ms:
        return Durations(mean_ms=None, p50_ms=None, p95_ms=None, p99_ms=None)
    import pandas as pd  # takes 0.4 s, which every command and every step process would pay for nothing

    values = pd.Series(values_ms, dtype="float64")
    p50, p95, p99 = (round(float(value), DIGITS) for value in values.quantile(PERCENTILES, interpolation="linear"))
    return Durations(mean_ms=round(float(values.mean()), DIGITS), p50_ms=p50, p95_ms=p95, p99_ms=p99)
