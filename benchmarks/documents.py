"""The row about documents: the whole product on 120 real texts, from the command line through Dagster to the report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.pipelines.catalogue import SHIPPED, read_pipeline
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from benchmarks.children import PATIENCE_SECONDS, ROOT, environment
from benchmarks.findings import Finding, Scale, say

DOCUMENTS = 120
SLOTS = 50
LATENCY_SECONDS = 2.0
LEAST = 0.85
PIPELINE = "document_analysis"
TEXTS = ROOT.parent / "shared" / "data" / "peps.jsonl"
"""Real documents, where they are there; the pipeline's own samples again and again elsewhere."""


def documents(scale: Scale) -> Finding:
    """First call to last of a batch job of four phases with models, two of them side by side and one judged."""
    config = SimulatedConfig(latency_mean_seconds=LATENCY_SECONDS)
    with TemporaryDirectory() as folder, SimulatedProcess(config) as server:
        home = Path(folder)
        _write(home, scale.items(DOCUMENTS))
        subprocess.run(
            [sys.executable, "-m", "batch_pipelines.cli", "run", "spec.json", "--json"],
            cwd=home,
            env={**environment(), "DAGSTER_HOME": str(home / "home"), "ANTHROPIC_BASE_URL": server.url},
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        calls, seconds, least = _times(home / "home" / "batch_pipelines.db")
    share = least / seconds
    say(f"  {calls} calls in {seconds:.1f} s, of which {least:.1f} s could not be less")
    return Finding(
        met=share >= LEAST,
        summary=f"{share:.1%} of the ideal; {scale.items(DOCUMENTS) / seconds * 60:.0f} documents a minute",
        measured={
            "calls": calls,
            "seconds": round(seconds, 2),
            "ideal_seconds": round(least, 2),
            "share": round(share, 4),
        },
    )


def _write(folder: Path, count: int) -> None:
    """The items and the spec."""
    source = TEXTS if TEXTS.exists() else SHIPPED / PIPELINE / "sample_items.jsonl"
    texts = [json.loads(line) for line in source.read_text().splitlines()]
    lines = (json.dumps({**texts[number % len(texts)], "id": f"text_{number}"}) for number in range(count))
    (folder / "items.jsonl").write_text("\n".join(lines))
    spec = {"pipeline": PIPELINE, "items": {"jsonl": "items.jsonl"}, "options": {"concurrency": SLOTS}}
    (folder / "spec.json").write_text(json.dumps(spec))


def _times(database: Path) -> tuple[int, float, float]:
    """Calls, seconds from the first start to the last end, and what these could be at least.

    No schedule is shorter than all calls spread over all slots, or than the longest way of one item through its phases.
    """
    pipeline = read_pipeline(SHIPPED / PIPELINE)
    columns = (attempts.c.item_row, attempts.c.phase, attempts.c.started_at, attempts.c.duration_ms)
    with Ledger.open(f"sqlite:///{database}", utc_now) as ledger, reading(ledger._engine) as connection:
        rows = connection.execute(select(*columns)).all()
    starts: list[datetime] = [start for _, _, start, _ in rows]
    ends = [start + timedelta(milliseconds=took) for _, _, start, took in rows]
    taken: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row, phase, _, took in rows:
        taken[row][phase] += took / 1000
    longest = max(_way(pipeline, by_phase) for by_phase in taken.values())
    spread = sum(took for *_, took in rows) / 1000 / SLOTS
    return len(rows), (max(ends) - min(starts)).total_seconds(), max(longest, spread)


def _way(pipeline: Pipeline, seconds: dict[str, float]) -> float:
    """The longest way of an item through its phases."""
    until: dict[str, float] = {}
    for phase in pipeline.in_order:
        before = max((until[name] for name in pipeline.needs[phase.name]), default=0.0)
        until[phase.name] = before + seconds.get(phase.name, 0.0)
    return max(until.values())
