"""The row about planning: what a process holds at most that plans a file and creates its batch job."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.children import run_child
from benchmarks.findings import Finding, Scale, say
from benchmarks.workload import Measured, Task, Workload

ITEMS = 10_000
MORE_ITEMS = 1_000_000
MOST_GROWTH = 1.1
"""A hundred times the items within this is flat: allocators round, and each item's digest takes eight bytes."""
MOST_SECONDS = 120
FILE = "items.jsonl"
TOPIC = "A question of some length, as people ask it. " * 4


def planning(scale: Scale) -> Finding:
    """Peak memory for few items and for a hundred times as many, one after the other: both write to the disk."""
    counts = [scale.items(ITEMS), scale.items(MORE_ITEMS)]
    few, many = (_measure(count) for count in counts)
    growth = many.peak_mb / few.peak_mb
    return Finding(
        met=growth <= MOST_GROWTH and many.seconds <= MOST_SECONDS,
        summary=f"{few.peak_mb:.0f} MB; {many.peak_mb:.0f} MB for {counts[1]:,} items, in {many.seconds:.0f} s",
        measured={
            "peak_mb": round(few.peak_mb),
            "peak_mb_with_a_hundred_times_the_items": round(many.peak_mb),
            "growth": round(growth, 3),
            "seconds": round(many.seconds, 1),
            "items_per_second": round(counts[1] / many.seconds),
        },
    )


def _measure(count: int) -> Measured:
    with TemporaryDirectory() as home:
        task = Task(workload=Workload(items=count, slots=50), url="", home=Path(home))
        with (task.home / FILE).open("w", encoding="utf-8") as file:
            file.writelines(
                f'{{"id": "item-{number}", "number": {number}, "topic": "{TOPIC}"}}\n' for number in range(count)
            )
        measured = run_child("planner", task)
    if measured.completed_items != count:
        raise RuntimeError(f"{measured.completed_items} of {count} items were planned")
    say(f"  {count:,} items: {measured.peak_mb:.0f} MB, planned and created in {measured.seconds:.0f} s")
    return measured
