"""What became of a batch job, in Markdown, for people who decide (requirements C5, E3)."""

from __future__ import annotations

from base64 import b64encode

from batch_pipelines.analytics.chart import chart_png
from batch_pipelines.analytics.values import Analytics, Durations
from batch_pipelines.analytics.wording import (
    UNKNOWN,
    count,
    duration,
    milliseconds,
    money,
    percent,
    signed_duration,
    signed_money,
    tier_name,
)
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.estimation.variance import COST_MARGIN, TIME_MARGIN
from batch_pipelines.markdown import quoted, table

SIMULATED = (
    "> **SIMULATED.** Answers came from the simulated provider. No money was spent: the costs are what the same tokens "
    "would have cost, and the outputs, durations and errors say nothing about a real model."
)
ENDINGS = {
    JobStatus.PENDING: "has not started",
    JobStatus.RUNNING: "is running",
    JobStatus.PAUSED: "is paused",
    JobStatus.RETRYING: "is about to run again",
    JobStatus.COMPLETED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "was cancelled",
}


def render_report(job: BatchJob, analytics: Analytics) -> str:
    """The whole report as one Markdown text, its chart inside as a data URI."""
    sections = (
        _head(job),
        SIMULATED if job.simulated else "",
        _outcome(job, analytics),
        # Where no model is called there is nothing to expect of cost and time.
        *((_image(job, analytics), _against_estimate(job, analytics)) if job.pipeline.calls_models else ()),
        _items(analytics),
        *((_durations(analytics), _costs(job, analytics)) if job.pipeline.calls_models else ()),
        _errors(analytics),
        _quality(analytics),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(job: BatchJob) -> str:
    return (
        f"# {quoted(job.name)}\n\nBatch job `{job.id}`, pipeline `{job.pipeline.name}`, "
        f"project `{job.project}`, at most {count(job.concurrency, 'call')} at once."
    )


def _outcome(job: BatchJob, analytics: Analytics) -> str:
    """One sentence on what happened, with the reason where it went wrong."""
    items, seconds = analytics.overview, analytics.performance.working_seconds
    sentence = (
        f"The batch job **{ENDINGS[job.status]}**: {items.successful:,} of {count(items.total, 'item')} succeeded"
        f"{f' and {items.failed:,} failed' if items.failed else ''}"
    )
    if job.started_at is None:
        sentence += ", and nothing was spent."
    else:
        sentence += f", for {money(analytics.cost.total_usd)} in {duration(seconds)} of work."
    return f"{sentence} Reason: {quoted(job.error)}" if job.error else sentence


def _image(job: BatchJob, analytics: Analytics) -> str:
    if job.started_at is None:
        return ""
    data = b64encode(chart_png(job, analytics)).decode("ascii")
    return f"![Items finished over time, and cost by tier](data:image/png;base64,{data})"


def _against_estimate(job: BatchJob, analytics: Analytics) -> str:
    """The comparison where there is one, else what was expected."""
    estimate, cost, time = job.estimate, analytics.variance.cost, analytics.variance.time
    if estimate is None:
        return "## Estimate against actual\n\nThere is no estimate of this batch job."
    if cost is None or time is None:
        fate = "nothing ran to compare it with" if job.status.is_final else "it is compared when the batch job is over"
        return f"## Estimate\n\n{money(estimate.total_cost_usd)} and {estimate.time.formatted}; {fate}."
    lines = (
        (
            "Cost",
            money(cost.estimated_usd),
            money(cost.actual_usd),
            f"{signed_money(cost.difference_usd)} ({percent(cost.percentage, signed=True)})",
            _verdict(cost.within_margin, float(COST_MARGIN)),
        ),
        (
            "Time",
            duration(time.estimated_seconds),
            duration(time.actual_seconds),
            f"{signed_duration(time.difference_seconds)} ({percent(time.percentage, signed=True)})",
            _verdict(time.within_margin, float(TIME_MARGIN)),
        ),
    )
    text = table(("", "Estimate", "Actual", "Difference", "Within margin"), lines)
    low, high, coverage = estimate.interval.low_usd, estimate.interval.high_usd, estimate.interval.coverage * 100
    expected = f"The cost was expected from {money(low)} to {money(high)}, with a probability of {percent(coverage)}."
    return f"## Estimate against actual\n\n{text}\n\n{expected}{_incomplete(analytics)}"


def _verdict(within: bool, margin: float) -> str:
    return f"{'yes' if within else '**no**'} (±{margin:.0%})".replace("%", " %")


def _incomplete(analytics: Analytics) -> str:
    """A warning where the two columns are not about the same items."""
    items = analytics.overview
    left = items.pending + items.cancelled + items.skipped
    if not left:
        return ""
    return f" The estimate is for all {count(items.total, 'item')}, of which {left:,} did not run to their end."


def _items(analytics: Analytics) -> str:
    items = analytics.overview
    rate = None if items.success_rate is None else items.success_rate * 100
    figures = {
        "Items": items.total,
        "Succeeded": items.successful,
        "Failed": items.failed,
        "Skipped": items.skipped,
        "Cancelled": items.cancelled,
        "Not ended": items.pending,
    }
    always = ("Items", "Succeeded", "Failed")
    shown = {name: f"{figure:,}" for name, figure in figures.items() if figure or name in always}
    return f"## Success\n\n{table((*shown, 'Success rate'), [(*shown.values(), percent(rate))])}"


def _durations(analytics: Analytics) -> str:
    """How long items took, and their phases where there are several."""
    speed = analytics.performance
    if speed.p50_ms is None:
        return "## Duration\n\nNo item succeeded, so none has a duration."
    lines = [_duration_line("An item", speed)]
    if len(speed.by_phase) > 1:
        lines += [_duration_line(f"Phase `{phase.phase}`", phase) for phase in speed.by_phase]
    text = table(("Time in calls", "Mean", "Median (p50)", "p95", "p99"), lines)
    rate = UNKNOWN if speed.items_per_minute is None else f"{speed.items_per_minute:,.1f}"
    return f"## Duration\n\n{text}\n\nThroughput: {rate} items per minute of work."


def _duration_line(name: str, values: Durations) -> tuple[str, ...]:
    return (name, *(milliseconds(value) for value in (values.mean_ms, values.p50_ms, values.p95_ms, values.p99_ms)))


def _costs(job: BatchJob, analytics: Analytics) -> str:
    cost, tokens = analytics.cost, analytics.tokens
    if job.started_at is None:
        return ""
    expected = {tier.tier: tier.cost_usd for tier in job.estimate.by_tier} if job.estimate else {}
    tiers = [
        (
            tier_name(tier.tier),
            f"{tier.item_count:,}",
            money(expected.get(tier.tier)),
            money(tier.cost_usd),
            money(tier.per_item_usd),
            percent(tier.percentage),
        )
        for tier in cost.by_tier
    ]
    phases = [(f"`{phase.phase}`", money(phase.cost_usd), percent(phase.percentage)) for phase in cost.by_phase]
    return "\n\n".join(
        (
            f"## Cost\n\n{money(cost.total_usd)} in total, {money(cost.per_item_usd)} for an item, "
            f"{tokens.input_tokens:,} input tokens and {tokens.output_tokens:,} output tokens.",
            table(("Tier", "Items", "Estimate", "Actual", "For an item", "Share"), tiers),
            table(("Phase", "Actual", "Share"), phases),
        )
    )


def _errors(analytics: Analytics) -> str:
    if not analytics.error_distribution:
        return ""
    lines = [
        (f"`{error.error}`: {quoted(error.message)}", f"{error.count:,}", percent(error.percentage))
        for error in analytics.error_distribution
    ]
    return f"## Errors\n\n{table(('Error and its most frequent message', 'Items', 'Share'), lines)}"


def _quality(analytics: Analytics) -> str:
    if not analytics.quality_distribution:
        return ""
    lines = [(share.range, f"{share.count:,}", percent(share.percentage)) for share in analytics.quality_distribution]
    return f"## Quality\n\n{table(('Score, 1 to 10', 'Items', 'Share'), lines)}"
