"""The row about documents: the whole product on 120 real texts, from the command line through Dagster to the report."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
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
REPETITIONS = 3
LEAST = 0.75
"""Nobody knows beforehand which document is judged four times; where it comes late, it ends alone."""
PIPELINE = "document_analysis"
TEXTS = ROOT.parent / "shared" / "data" / "peps.jsonl"
"""Real documents, where they are there; the pipeline's own samples again and again elsewhere."""


def documents(scale: Scale) -> Finding:
    """First call to last of a batch job of four phases with models, two of them side by side and one judged."""
    count = scale.items(DOCUMENTS)
    found = sorted((_run(count) for _ in range(scale.repetitions(REPETITIONS))), key=lambda run: run.share)
    middle = found[len(found) // 2]
    return Finding(
        met=middle.share >= LEAST,
        summary=f"{middle.share:.1%} of the ideal ({found[0].share:.0%} to {found[-1].share:.0%}); "
        f"{count / middle.seconds * 60:.0f} documents a minute",
        measured={
            "calls": middle.calls,
            "seconds": round(middle.seconds, 2),
            "ideal_seconds": round(middle.least_seconds, 2),
            "share": round(middle.share, 4),
            "all_shares": [round(run.share, 4) for run in found],
        },
        repetitions=len(found),
        taken="the median",
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One batch job."""

    calls: int
    seconds: float
    """From the first start of a call to the last end."""
    least_seconds: float
    """No schedule is shorter: all calls spread over all slots, or the longest way of one item through its phases."""

    @property
    def share(self) -> float:
        """How near it came to the least."""
        return self.least_seconds / self.seconds


def _run(count: int) -> _Run:
    with (
        TemporaryDirectory() as folder,
        SimulatedProcess(SimulatedConfig(latency_mean_seconds=LATENCY_SECONDS)) as server,
    ):
        home = Path(folder)
        _write(home, count)
        subprocess.run(
            [sys.executable, "-m", "batch_pipelines.cli", "run", "spec.json", "--json"],
            cwd=home,
            env={**environment(), "DAGSTER_HOME": str(home / "home"), "ANTHROPIC_BASE_URL": server.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        run = _measured(home / "home" / "batch_pipelines.db")
    say(f"  {run.calls} calls in {run.seconds:.1f} s, of which {run.least_seconds:.1f} s could not be less")
    return run


def _write(folder: Path, count: int) -> None:
    """The items and the spec."""
    source = TEXTS if TEXTS.exists() else SHIPPED / PIPELINE / "sample_items.jsonl"
    texts = [json.loads(line) for line in source.read_text().splitlines()]
    lines = (json.dumps({**texts[number % len(texts)], "id": f"text_{number}"}) for number in range(count))
    (folder / "items.jsonl").write_text("\n".join(lines))
    spec = {"pipeline": PIPELINE, "items": {"jsonl": "items.jsonl"}, "options": {"concurrency": SLOTS}}
    (folder / "spec.json").write_text(json.dumps(spec))


def _measured(database: Path) -> _Run:
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
    return _Run(len(rows), (max(ends) - min(starts)).total_seconds(), max(longest, spread))


def _way(pipeline: Pipeline, seconds: dict[str, float]) -> float:
    """The longest way of an item through its phases."""
    until: dict[str, float] = {}
    for phase in pipeline.in_order:
        before = max((until[name] for name in pipeline.needs[phase.name]), default=0.0)
        until[phase.name] = before + seconds.get(phase.name, 0.0)
    return max(until.values())
