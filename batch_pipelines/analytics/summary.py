"""The figures of one batch job, from the ledger (requirements C5, E3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from batch_pipelines.analytics.costs import WORKED, costs
from batch_pipelines.analytics.distributions import error_distribution, mean_quality_score, quality_distribution
from batch_pipelines.analytics.durations import durations
from batch_pipelines.analytics.timeline import life_of, timeline
from batch_pipelines.analytics.values import Analytics, Overview, Performance, PhasePerformance, Tokens, Variances
from batch_pipelines.domain.events import Event, working_seconds
from batch_pipelines.domain.job import BatchJob, Progress
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.estimation.variance import cost_variance, time_variance
from batch_pipelines.ledger.queries import ErrorCount, FinishedCall
from batch_pipelines.ledger.spending import Spending
from batch_pipelines.ledger.store import Ledger

EVENTS_AT_ONCE = 5_000
"""Events read by one query; bounds the memory that a large job takes."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the ledger holds about one batch job."""

    progress: Progress
    calls: Sequence[FinishedCall]
    """In the order of their ends."""
    errors: Sequence[ErrorCount]
    """The most frequent first."""
    spendings: Sequence[Spending]
    items_by_tier: Mapping[Tier | None, int]
    worked_by_tier: Mapping[Tier | None, int]
    """Of these items, the ones that succeeded or failed."""
    job_events: Sequence[Event]
    """Of the batch job itself, in order."""
    events: Iterable[Event]
    """All of them in order; gone through once, so that a large job's need not be in memory."""


def summarize(ledger: Ledger, job: BatchJob) -> Analytics:
    """Everything the ledger knows about `job` in figures, be it over or not; raises JobNotFound.

    The ledger is read several times: figures of a batch job that is running may be some calls apart.
    """
    sources = Sources(
        progress=ledger.progress(job.id),
        calls=ledger.finished_calls(job.id),
        errors=ledger.errors(job.id),
        spendings=ledger.spending(job.id),
        items_by_tier=ledger.items_by_tier(job.id),
        worked_by_tier=ledger.items_by_tier(job.id, WORKED),
        job_events=ledger.job_events(job.id),
        events=_all_events(ledger, job.id),
    )
    return compose(job, sources, ledger.clock())


def compose(job: BatchJob, sources: Sources, now: datetime) -> Analytics:
    """The figures from what the ledger holds."""
    progress, calls = sources.progress, sources.calls
    seconds = working_seconds(sources.job_events, now)
    life = life_of(sources.job_events, now)
    return Analytics(
        overview=_overview(progress),
        cost=costs(job, sources.spendings, sources.items_by_tier, sources.worked_by_tier),
        tokens=Tokens(
            input_tokens=progress.usage.total_input_tokens,
            output_tokens=progress.usage.output_tokens,
        ),
        performance=_performance(job, progress, calls, seconds),
        error_distribution=error_distribution(sources.errors),
        quality_distribution=quality_distribution(calls),
        mean_quality_score=mean_quality_score(calls),
        timeline=timeline(life, sources.events) if life else (),
        variance=_variances(job, progress, seconds),
    )


def _overview(progress: Progress) -> Overview:
    return Overview(
        total=progress.total,
        successful=progress.completed,
        failed=progress.failed,
        skipped=progress.skipped,
        cancelled=progress.cancelled,
        pending=progress.total - progress.ended,
        success_rate=round(progress.completed / progress.ended, 4) if progress.ended else None,
    )


def _performance(job: BatchJob, progress: Progress, calls: Sequence[FinishedCall], seconds: float) -> Performance:
    return Performance(
        **durations(_item_durations(calls)).model_dump(),
        items_per_minute=round(progress.worked / seconds * 60, 2) if progress.worked and seconds else None,
        working_seconds=round(seconds, 3),
        by_phase=tuple(_phase_performance(phase.name, calls) for phase in job.pipeline.phases),
    )


def _item_durations(calls: Sequence[FinishedCall]) -> list[float]:
    """Milliseconds of each item that succeeded, over all its phases."""
    sums: dict[str, float] = defaultdict(float)
    for call in calls:
        if call.item_status is ItemStatus.COMPLETED:
            sums[call.item_id] += call.duration_ms
    return list(sums.values())


def _phase_performance(phase: str, calls: Sequence[FinishedCall]) -> PhasePerformance:
    values = [call.duration_ms for call in calls if call.phase == phase]
    return PhasePerformance(**durations(values).model_dump(), phase=phase, count=len(values))


def _variances(job: BatchJob, progress: Progress, seconds: float) -> Variances:
    if job.estimate is None or job.started_at is None or not job.status.is_final:
        return Variances(cost=None, time=None)
    return Variances(
        cost=cost_variance(job.estimate.total_cost_usd, progress.cost_usd),
        time=time_variance(job.estimate.time.seconds, round(seconds, 3)),
    )


def _all_events(ledger: Ledger, batch_job_id: str) -> Iterator[Event]:
    page = ledger.events_after(batch_job_id, 0, EVENTS_AT_ONCE)
    while page:
        yield from page
        page = ledger.events_after(batch_job_id, page[-1].id, EVENTS_AT_ONCE)
