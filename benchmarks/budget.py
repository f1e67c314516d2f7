"""The row about a budget that is far too small: never spent over, and used to its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.caller import INPUT_MARGIN
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, log
from benchmarks.children import run_child
from benchmarks.findings import Finding, Scale, say
from benchmarks.server_log import billed_usd
from benchmarks.workload import MODEL, Task, Workload

TIER = Tier.TEMPLATE
MAX_TOKENS = 3300
"""A tenth over the mean of 3,000; answers of this tier lie within 8 % of it."""
CALLS = 100
LEAST_BOUGHT = 0.95
LATENCY_SECONDS = 0.3
REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class Spent:
    """One batch job that came to the end of its budget."""

    bought: int
    spent_usd: Decimal
    outcome: str


def budget(scale: Scale) -> Finding:
    """The server's own log, priced by the price book, against the budget."""
    calls = scale.items(CALLS)
    config = SimulatedConfig(latency_mean_seconds=LATENCY_SECONDS)
    tokens = config.tier_tokens[TIER]
    each_usd = PriceBook().cost(MODEL, Usage(**tokens.model_dump()), utc_now())
    workload = Workload(
        items=4 * calls,
        slots=50,
        brief=f"Tier: {TIER}",
        max_tokens=MAX_TOKENS,
        tokens=tokens,
        budget_usd=calls * each_usd,
    )
    worst_usd = PriceBook().upper_bound(MODEL, int(tokens.input_tokens * INPUT_MARGIN), MAX_TOKENS, utc_now())
    found = [_spent(workload, config.changed({"seed": seed})) for seed in range(scale.repetitions(REPETITIONS))]
    return _judged(found, calls, calls * each_usd, worst_usd / each_usd)


def _spent(workload: Workload, config: SimulatedConfig) -> Spent:
    with TemporaryDirectory() as home, SimulatedProcess(config) as server:
        measured = run_child("worker", Task(workload=workload, url=server.url, home=Path(home)))
        entries = log(server.url)
    found = Spent(sum(entry["billed"] for entry in entries), billed_usd(entries), measured.outcome)
    say(f"  {found}")
    return found


def _judged(found: list[Spent], calls: int, limit_usd: Decimal, worst_by_expected: Decimal) -> Finding:
    fewest, most_usd = min(each.bought for each in found), max(each.spent_usd for each in found)
    return Finding(
        met=most_usd <= limit_usd and fewest >= LEAST_BOUGHT * calls,
        summary=f"{most_usd / limit_usd:.1%} of the budget spent at most, {fewest} calls bought at least",
        measured={
            "budget_usd": str(limit_usd),
            "most_spent_usd": str(most_usd),
            "fewest_bought": fewest,
            "worth_calls": calls,
            "worst_case_by_expected_cost": round(float(worst_by_expected), 3),
            "jobs": [{**asdict(each), "spent_usd": str(each.spent_usd)} for each in found],
        },
        repetitions=len(found),
        taken="the worst",
    )
