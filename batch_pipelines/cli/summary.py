"""A batch job as people read it: its status, its figures, and how it ended against its estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from batch_pipelines.cli.output import (
    UNKNOWN,
    milliseconds,
    percent,
    seconds,
    simulated_mark,
    status_text,
    usd,
)
from batch_pipelines.control.status import JobStatusView
from batch_pipelines.domain.job import BatchJob

if TYPE_CHECKING:
    # Its module brings pandas, and `status` must answer at once.
    from batch_pipelines.analytics.values import Analytics


def print_status(console: Console, view: JobStatusView) -> None:
    """One batch job in a few lines."""
    progress = view.progress
    console.print(f"[bold]{view.name}[/]  {view.id}{simulated_mark(view.simulated)}")
    console.print(f"{status_text(view.status)}{f': {view.error}' if view.error else ''}")
    counts = [
        f"{count:,} {name}"
        for name, count in (
            ("completed", progress.completed),
            ("failed", progress.failed),
            ("skipped", progress.skipped),
            ("cancelled", progress.cancelled),
            ("running", progress.running),
        )
        if count
    ]
    console.print(f"{progress.percent:g} % of {progress.total:,} items: {', '.join(counts) or 'none ended yet'}")
    console.print(
        f"{usd(view.cost_usd)} spent on {view.input_tokens:,} input and {view.output_tokens:,} output tokens; "
        f"{seconds(view.elapsed_seconds)} so far, {seconds(view.remaining_seconds)} left"
    )
    if view.in_progress:
        shown = ", ".join(view.in_progress[:5])
        console.print(f"{view.current_phase}: {shown}{' ...' if len(view.in_progress) > 5 else ''}")


def print_analytics(console: Console, job: BatchJob, analytics: Analytics) -> None:
    """Estimate against actual, success, durations, cost by tier and by phase, errors."""
    mark = simulated_mark(job.simulated)
    console.print(f"[bold]{job.name}[/]  {job.id}  {status_text(job.status)}{mark}")
    console.print(_against_estimate(job, analytics))
    overview, performance = analytics.overview, analytics.performance
    rate = None if overview.success_rate is None else overview.success_rate * 100
    console.print(
        f"Success  {percent(rate)}  ({overview.successful:,} of {overview.total:,} items"
        f"{f', {overview.failed:,} failed' if overview.failed else ''})"
    )
    console.print(
        f"Duration of an item  p50 {milliseconds(performance.p50_ms)}   p95 {milliseconds(performance.p95_ms)}   "
        f"p99 {milliseconds(performance.p99_ms)}   mean {milliseconds(performance.mean_ms)}"
    )
    console.print(f"Throughput  {_rate(performance.items_per_minute)}")
    console.print(_cost_table(analytics))
    for error in analytics.error_distribution:
        console.print(f"[red]{error.count} x {error.error}[/]: {error.message}")


def _rate(items_per_minute: float | None) -> str:
    return UNKNOWN if items_per_minute is None else f"{items_per_minute:,.0f} items a minute"


def _against_estimate(job: BatchJob, analytics: Analytics) -> Table:
    table = _table("", "estimated", "actual", "difference", "")
    cost, time = analytics.variance.cost, analytics.variance.time
    estimate = job.estimate
    table.add_row(
        "Cost",
        usd(estimate.total_cost_usd if estimate else None),
        usd(analytics.cost.total_usd),
        percent(cost.percentage) if cost and cost.percentage is not None else UNKNOWN,
        _margin(cost.within_margin if cost else None, "10 %"),
    )
    table.add_row(
        "Time",
        seconds(estimate.time.seconds if estimate else None),
        seconds(analytics.performance.working_seconds),
        percent(time.percentage) if time and time.percentage is not None else UNKNOWN,
        _margin(time.within_margin if time else None, "20 %"),
    )
    return table


def _margin(within: bool | None, margin: str) -> str:
    if within is None:
        return ""
    return f"[green]within {margin}[/]" if within else f"[yellow]more than {margin} off[/]"


def _cost_table(analytics: Analytics) -> Table:
    tiers = [tier for tier in analytics.cost.by_tier if tier.tier is not None]
    if tiers:
        table = _table("cost by tier", "items", "per item", "total", "share")
        for tier in tiers:
            share = percent(tier.percentage, 0)
            table.add_row(tier.tier, f"{tier.item_count:,}", usd(tier.per_item_usd), usd(tier.cost_usd), share)
        return table
    table = _table("cost by phase", "total", "share")
    for phase in analytics.cost.by_phase:
        table.add_row(phase.phase, usd(phase.cost_usd), percent(phase.percentage, 0))
    return table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, padding=(0, 3, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    return table
