"""A batch job as people read it: its status, and its figures against its estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from batch_pipelines.analytics.wording import count, duration, milliseconds, money, percent, tier_name
from batch_pipelines.cli.output import headline, plain, status_text, table
from batch_pipelines.control.status import JobStatusView
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.estimation.duration import formatted
from batch_pipelines.estimation.variance import COST_MARGIN, TIME_MARGIN

if TYPE_CHECKING:
    # Its module brings pandas, and `status` must answer at once.
    from batch_pipelines.analytics.values import Analytics

SHOWN_IN_PROGRESS = 5

ASSUMED = (
    "The estimate takes answers to be as long as a model's usually are; a simulation's are often\n"
    "shorter. Say `tokens` in a phase to reckon with what its calls take."
)


def print_status(console: Console, view: JobStatusView) -> None:
    """One batch job in a few lines."""
    progress = view.progress
    console.print(headline(view.name, view.id, simulated=view.simulated))
    console.print(f"{status_text(view.status)}{f': {plain(view.error)}' if view.error else ''}")
    counts = [
        f"{number:,} {name}"
        for name in ("completed", "failed", "skipped", "cancelled", "running")
        if (number := getattr(progress, name))
    ]
    console.print(f"{percent(progress.percent)} of {count(progress.total, 'item')}: {', '.join(counts) or 'none yet'}")
    if view.input_tokens or view.output_tokens:
        console.print(
            f"{money(view.cost_usd)} for {count(view.input_tokens, 'input token')} and "
            f"{count(view.output_tokens, 'output token')}"
        )
    if view.elapsed_seconds:
        console.print(f"{formatted(view.elapsed_seconds)} of work{_pace(view)}")
    if view.in_progress:
        shown = ", ".join(view.in_progress[:SHOWN_IN_PROGRESS])
        more = ", ..." if len(view.in_progress) > SHOWN_IN_PROGRESS else ""
        console.print(f"{plain(view.current_phase or 'running')}: {plain(shown)}{more}")


def _pace(view: JobStatusView) -> str:
    """How fast, and how long still, where that is known."""
    text = "" if view.items_per_minute is None else f", {rate(view.items_per_minute)}"
    return f"{text}, about {formatted(view.remaining_seconds)} left" if view.remaining_seconds else text


def rate(items_per_minute: float) -> str:
    """Throughput in words; a slow one keeps its digits."""
    return f"{items_per_minute:,.{0 if items_per_minute >= 10 else 1}f} items a minute"


def print_analytics(console: Console, job: BatchJob, analytics: Analytics) -> None:
    """Estimate against actual, success, durations, cost by tier or phase, errors."""
    console.print(headline(job.name, job.id, status_text(job.status), simulated=job.simulated))
    if job.error:
        console.print(plain(job.error))
    if job.started_at is None:
        console.print("It has not started, so there are no figures.")
        return
    console.print()
    if job.pipeline.calls_models:
        console.print(_against_estimate(job, analytics))
        if _is_of_assumptions(job, analytics):
            console.print(ASSUMED, highlight=False)
        console.print()
    console.print(_facts(job, analytics))
    if job.pipeline.calls_models:
        console.print()
        console.print(_costs(analytics))
    if analytics.error_distribution:
        console.print()
    for error in analytics.error_distribution:
        what = f"{count(error.count, 'item')} failed with {error.error}, as"
        console.print(f"[red]{what}[/]: {plain(error.message)}")


def _is_of_assumptions(job: BatchJob, analytics: Analytics) -> bool:
    """Whether a simulation's answers were not as long as task types assume, where phases do not say it themselves."""
    cost = analytics.variance.cost
    return (
        job.simulated
        and cost is not None
        and not cost.within_margin
        and any(phase.is_measured(None) for phase in job.pipeline.phases)
    )


def _against_estimate(job: BatchJob, analytics: Analytics) -> Table:
    comparison = table("", "estimated", "actual", "difference", "")
    comparison.columns[-1].justify = "left"
    cost, time, estimate = analytics.variance.cost, analytics.variance.time, job.estimate
    comparison.add_row(
        "Cost",
        money(estimate.total_cost_usd if estimate else None),
        money(analytics.cost.total_usd),
        percent(cost.percentage, signed=True) if cost else "",
        _verdict(cost.within_margin, float(COST_MARGIN)) if cost else "",
    )
    comparison.add_row(
        "Time",
        duration(estimate.time.seconds) if estimate else money(None),
        duration(analytics.performance.working_seconds),
        percent(time.percentage, signed=True) if time else "",
        _verdict(time.within_margin, float(TIME_MARGIN)) if time else "",
    )
    return comparison


def _verdict(within: bool, margin: float) -> str:
    limit = percent(margin * 100)
    return f"[green]within {limit}[/]" if within else f"[yellow]more than {limit} off[/]"


def _facts(job: BatchJob, analytics: Analytics) -> Table:
    """How well and how fast it went."""
    overview, speed = analytics.overview, analytics.performance
    share = None if overview.success_rate is None else overview.success_rate * 100
    failed = f", {overview.failed:,} failed" if overview.failed else ""
    facts = table("", "", figures_from=None)
    facts.show_header = False
    facts.add_row("Success", f"{percent(share)} ({overview.successful:,} of {count(overview.total, 'item')}{failed})")
    if job.pipeline.calls_models:
        facts.add_row(
            "Duration of an item",
            f"p50 {milliseconds(speed.p50_ms)}, p95 {milliseconds(speed.p95_ms)}, p99 {milliseconds(speed.p99_ms)}, "
            f"mean {milliseconds(speed.mean_ms)}",
        )
    facts.add_row("Throughput", "unknown" if speed.items_per_minute is None else rate(speed.items_per_minute))
    return facts


def _costs(analytics: Analytics) -> Table:
    """By tier where there are tiers, else by phase."""
    if any(tier.tier for tier in analytics.cost.by_tier):
        costs = table("cost by tier", "items", "per item", "total", "share")
        for tier in analytics.cost.by_tier:
            share = percent(tier.percentage)
            costs.add_row(
                tier_name(tier.tier), f"{tier.item_count:,}", money(tier.per_item_usd), money(tier.cost_usd), share
            )
        return costs
    costs = table("cost by phase", "total", "share")
    for phase in analytics.cost.by_phase:
        costs.add_row(phase.phase, money(phase.cost_usd), percent(phase.percentage))
    return costs
