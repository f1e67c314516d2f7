"""The row about a limit that nobody told the engine: used to the full, found without a storm of refusals."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from benchmarks.children import run_to_end
from benchmarks.findings import Finding, Scale, say
from benchmarks.server_log import Entry, arrival, by_arrival
from benchmarks.workload import Workload

PER_MINUTE = 600
BURST = 20
"""Requests that the server lets through at once after a rest."""
LEAST_SHARE = 0.98
HANDFUL = 10
"""Refusals that are a handful: a thirtieth of the calls."""


@dataclass(frozen=True, slots=True)
class Found:
    """How the engine got on with the limit."""

    share: float
    """Of what the server would have let through from the first call to the last."""
    refused: int
    """Answers of status 429."""
    seconds: float
    """From the first call to the last one that was let through."""


def limit(scale: Scale) -> Finding:
    """Once with the provider's headers, once without."""
    workload = Workload(items=scale.items(300), slots=100)
    told = _found(workload, has_headers=True)
    untold = _found(workload, has_headers=False)
    return Finding(
        met=min(told.share, untold.share) >= LEAST_SHARE and not told.refused and untold.refused <= HANDFUL,
        summary=f"{told.share:.1%} with {told.refused} 429s; without headers {untold.share:.1%} with {untold.refused}",
        measured={"with_headers": _rounded(told), "without_headers": _rounded(untold)},
    )


def _found(workload: Workload, *, has_headers: bool) -> Found:
    config = SimulatedConfig(
        requests_per_minute=PER_MINUTE, burst_seconds=60 * BURST / PER_MINUTE, limit_headers=has_headers
    )
    with SimulatedProcess(config) as server:
        run_to_end("worker", workload, server.url)
        entries = by_arrival(server.url)
    found = judge(entries)
    say(f"  {found}")
    return found


def judge(entries: list[Entry]) -> Found:
    """What the server's log shows; the entries are in the order of their arrival, the first was let through."""
    passed = [arrival(entry) for entry in entries if entry["status"] != 429]
    seconds = (passed[-1] - passed[0]).total_seconds()
    possible = BURST + seconds * PER_MINUTE / 60
    return Found(len(passed) / possible, len(entries) - len(passed), seconds)


def _rounded(found: Found) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(found).items()}
