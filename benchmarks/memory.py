"""The row about memory: what the process of a run holds at most, for two numbers of items."""

from __future__ import annotations

from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from benchmarks.children import run_to_end
from benchmarks.findings import Finding, Scale, say
from benchmarks.workload import Measured, Workload

ITEMS = 10_000
MORE_ITEMS = 20_000
MOST_MB = 300
MOST_GROWTH = 1.1
"""Twice the items within this is flat: allocators round."""


def memory(scale: Scale) -> Finding:
    """Peak memory of the process that plans the batch job, runs it and closes it, with Dagster loaded."""
    counts = [scale.items(ITEMS), scale.items(MORE_ITEMS)]
    # One after the other: a process that is kept waiting holds more reports that are not written yet.
    few, many = map(_peak, counts)
    growth = many.peak_mb / few.peak_mb
    return Finding(
        met=few.peak_mb <= MOST_MB and growth <= MOST_GROWTH,
        summary=f"{few.peak_mb:.0f} MB; {many.peak_mb:.0f} MB for {counts[1]:,} items",
        measured={
            "peak_mb": round(few.peak_mb),
            "peak_mb_with_twice_the_items": round(many.peak_mb),
            "growth": round(growth, 3),
        },
    )


def _peak(items: int) -> Measured:
    workload = Workload(items=items, slots=50, phases=3, is_chained=True)
    with SimulatedProcess(SimulatedConfig(latency_mean_seconds=0)) as server:
        measured = run_to_end("worker", workload, server.url)
    say(f"  {items:,} items: {measured.peak_mb:.0f} MB after {measured.seconds:.0f} s")
    return measured
