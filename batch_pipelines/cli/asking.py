"""The command that spends nothing: `estimate`."""

from __future__ import annotations

from pathlib import Path

from rich.padding import Padding
from rich.table import Table

from batch_pipelines.analytics.wording import money, tier_name
from batch_pipelines.cli.opening import now, opened_ledger, planned
from batch_pipelines.cli.output import headline, plain, print_json, stdout, table
from batch_pipelines.control.estimating import estimate_plan
from batch_pipelines.control.reuse import find_savings
from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.estimate import Estimate, GateSeverity, Reuse
from batch_pipelines.domain.job import Plan
from batch_pipelines.settings import Settings, load_settings

GATE_TEXTS = {
    GateSeverity.OK: "[green]lets it run[/]",
    GateSeverity.WARN: "[yellow]lets it run, with a warning[/]",
    GateSeverity.ERROR: "[red]refuses it[/]",
}


def show_estimate(
    spec_file: Path, as_json: bool, seconds_per_call: float | None, requests_per_minute: int | None
) -> None:
    """What a spec would cost and take."""
    settings = load_settings()
    given = {"seconds_per_call": seconds_per_call, "requests_per_minute": requests_per_minute}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    plan = planned(spec_file, settings)
    estimate = estimate_with_savings(plan, settings)
    if as_json:
        print_json(estimate)
    else:
        print_estimate(plan, estimate)


def estimate_with_savings(plan: Plan, settings: Settings) -> Estimate:
    """The estimate less what kept answers save; raises UnknownPrice, LedgerUnavailable."""
    if plan.options.answer_cache is AnswerCache.OFF:
        # An estimate leaves nothing behind, so the ledger is not even opened without need.
        return estimate_plan(plan, settings, now())
    with opened_ledger(settings) as ledger:
        return estimate_plan(plan, settings, now(), find_savings(ledger, plan, plan.items))


def print_estimate(plan: Plan, estimate: Estimate) -> None:
    """An estimate for people."""
    console = stdout()
    console.print(headline(plan.name, simulated=plan.simulated))
    console.print(estimate.summary)
    console.print()
    if not plan.pipeline.calls_models:
        return
    shares = table("", "items", "input tokens", "output tokens", "per item", "cost")
    for tier in estimate.by_tier:
        shares.add_row(
            tier_name(tier.tier),
            f"{tier.item_count:,}",
            f"{tier.input_tokens:,}",
            f"{tier.output_tokens:,}",
            money(tier.cost_per_item_usd),
            money(tier.cost_usd),
        )
    if len(estimate.by_tier) > 1:
        shares.add_row(
            "total",
            f"{estimate.item_count:,}",
            f"{estimate.total_input_tokens:,}",
            f"{estimate.total_output_tokens:,}",
            money(estimate.cost_per_item_usd),
            money(estimate.total_cost_usd),
            style="bold",
        )
    console.print(shares)
    console.print()
    if estimate.reuse and estimate.reuse.calls:
        console.print(_reuse_table(estimate.reuse))
        console.print()
    console.print(f"{_limits(plan)}: the gate {GATE_TEXTS[estimate.gate.severity]}.")
    for reason in estimate.gate.reasons:
        console.print(Padding(plain(reason), (0, 0, 0, 2), expand=False))
    if plan.simulated:
        console.print("No money will be spent: the provider is simulated, and the cost is what its tokens would cost.")


def _reuse_table(reuse: Reuse) -> Table:
    """What kept answers save, by phase."""
    shares = table("kept answers", "calls", "saved")
    for phase in reuse.by_phase:
        shares.add_row(plain(phase.phase), f"{phase.calls:,}", money(phase.saved_usd))
    if len(reuse.by_phase) > 1:
        shares.add_row("total", f"{reuse.calls:,}", money(reuse.saved_usd), style="bold")
    return shares


def _limits(plan: Plan) -> str:
    """The budget in words."""
    cost, time = plan.budget.max_cost_usd, plan.budget.max_duration_seconds
    limits = [money(cost)] if cost is not None else []
    if time is not None:
        limits.append(f"{time:g} seconds")
    return f"Budget {' and '.join(limits)}" if limits else "No budget"
