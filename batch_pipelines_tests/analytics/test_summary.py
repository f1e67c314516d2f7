"""Tests of batch_pipelines.analytics.summary, over a real ledger."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.analytics import summary
from batch_pipelines.analytics.durations import durations
from batch_pipelines.analytics.summary import summarize
from batch_pipelines.domain.errors import ErrorCategory, JobNotFound
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemTrigger, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.analytics.samples import batch_job, estimate_of, pipeline
from batch_pipelines_tests.analytics.story import attempt, create, fail, report, succeed
from batch_pipelines_tests.clock import ManualClock, after
from batch_pipelines_tests.reports import rows_of

FIGURES: dict[str, Any] = {
    "overview": {
        "total": 3,
        "successful": 2,
        "failed": 1,
        "skipped": 0,
        "cancelled": 0,
        "pending": 0,
        "success_rate": 0.6667,
    },
    "cost": {
        "total_usd": "0.8",
        "per_item_usd": "0.2666666667",
        "by_phase": [{"phase": "generate", "cost_usd": "0.8", "percentage": 100}],
        "by_tier": [
            {
                "tier": "template",
                "item_count": 2,
                "cost_usd": "0.35",
                "per_item_usd": "0.175",
                "percentage": 43.75,
            },
            {
                "tier": "edge_case",
                "item_count": 1,
                "cost_usd": "0.45",
                "per_item_usd": "0.45",
                "percentage": 56.25,
            },
        ],
    },
    "tokens": {"input_tokens": 6000, "output_tokens": 9000},
    "performance": {
        "mean_ms": 15_000,
        "p50_ms": 15_000,
        "p95_ms": 19_500,
        "p99_ms": 19_900,
        "items_per_minute": 3,
        "working_seconds": 60,
        "by_phase": [
            {
                "phase": "generate",
                "count": 2,
                "mean_ms": 15_000,
                "p50_ms": 15_000,
                "p95_ms": 19_500,
                "p99_ms": 19_900,
            }
        ],
    },
    "error_distribution": [
        {"error": "refusal", "message": "refusal happened", "count": 1, "percentage": 100},
    ],
    "quality_distribution": [],
    "mean_quality_score": None,
    "variance": {
        "cost": {
            "estimated_usd": "0.93",
            "actual_usd": "0.8",
            "difference_usd": "-0.13",
            "percentage": -13.98,
            "within_margin": False,
        },
        "time": {
            "estimated_seconds": 22,
            "actual_seconds": 60,
            "difference_seconds": 38,
            "percentage": 172.73,
            "within_margin": False,
        },
    },
}
"""Of two conversations by the book, of which one failed, and one edge case, in one minute."""


def test_a_job_that_is_over(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """Every figure of the contract is there and right for three items, of which one failed (E3)."""
    job = create(sqlite_ledger, Tier.TEMPLATE, Tier.TEMPLATE, Tier.EDGE_CASE)
    sqlite_ledger.save_estimate(job.id, estimate_of(job.pipeline, {Tier.TEMPLATE: 2, Tier.EDGE_CASE: 1}))
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    keys = rows_of(sqlite_ledger, job.id)
    sqlite_ledger.record(job.id, succeed(keys[0], 0, 15, "0.25", 10_000))
    sqlite_ledger.record(job.id, succeed(keys[2], 2, 30, "0.45", 20_000))
    sqlite_ledger.record(job.id, fail(keys[1], 1, 45, "0.10", ErrorCategory.REFUSAL))
    clock.now = after(60)
    job = sqlite_ledger.move_job(job.id, JobTrigger.COMPLETE)
    clock.now = after(9999)

    figures = json.loads(summarize(sqlite_ledger, job).model_dump_json())

    timeline = figures.pop("timeline")
    assert figures == FIGURES
    assert len(timeline) == 60
    assert timeline[-1] == {
        "at": "2026-11-22T12:01:00Z",
        "completed": 0,
        "failed": 0,
        "cost_usd": "0",
        "cumulative_completed": 2,
    }
    assert [(n, point["completed"], point["failed"], point["cost_usd"]) for n, point in enumerate(timeline)][15] == (
        15,
        1,
        0,
        "0.25",
    )
    assert sum(Decimal(point["cost_usd"]) for point in timeline) == Decimal("0.8")


def test_a_job_that_never_ran(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """What is not known is null: rates, averages, percentiles, throughput and variance; what was not spent is 0."""
    job = create(sqlite_ledger, None, None)

    figures = summarize(sqlite_ledger, job)

    assert figures.overview.success_rate is None
    assert (str(figures.cost.total_usd), figures.cost.per_item_usd) == ("0", None)
    assert [(tier.tier, tier.item_count, tier.per_item_usd) for tier in figures.cost.by_tier] == [(None, 2, None)]
    assert figures.cost.by_phase[0].percentage is None
    assert figures.performance.model_dump(exclude={"by_phase", "working_seconds"}) == {
        "mean_ms": None,
        "p50_ms": None,
        "p95_ms": None,
        "p99_ms": None,
        "items_per_minute": None,
    }
    assert (figures.timeline, figures.error_distribution, figures.quality_distribution) == ((), (), ())
    assert (figures.variance.cost, figures.variance.time) == (None, None)


def test_a_running_job(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """While it runs it has a timeline up to now, rates over what ended, and no variance yet."""
    job = create(sqlite_ledger, None, None)
    sqlite_ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 2}))
    job = sqlite_ledger.move_job(job.id, JobTrigger.START)
    sqlite_ledger.record(job.id, succeed(rows_of(sqlite_ledger, job.id)[0], 0, 10, "0.25"))
    clock.now = after(30)

    figures = summarize(sqlite_ledger, job)

    assert (figures.overview.pending, figures.overview.success_rate) == (1, 1.0)
    assert figures.performance.items_per_minute == 2
    assert (figures.timeline[-1].at, figures.timeline[-1].cumulative_completed) == (clock.now, 1)
    assert figures.variance.cost is None


def test_pauses_take_no_time(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """A night between pause and resumption counts neither as work nor against the estimated time (C5)."""
    job = create(sqlite_ledger, None)
    sqlite_ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 1}))
    for seconds, trigger in ((0, JobTrigger.START), (10, JobTrigger.DRAIN), (40_000, JobTrigger.RESUME)):
        clock.now = after(seconds)
        sqlite_ledger.move_job(job.id, trigger)
    clock.now = after(40_012)
    sqlite_ledger.record(job.id, succeed(rows_of(sqlite_ledger, job.id)[0], 0, 40_011, "0.1"))
    job = sqlite_ledger.move_job(job.id, JobTrigger.COMPLETE)

    figures = summarize(sqlite_ledger, job)

    assert figures.performance.working_seconds == 22
    assert figures.variance.time is not None
    assert figures.variance.time.difference_seconds == 0


def test_a_refused_job_has_no_variance(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """A batch job that its gate refused was never measured against its estimate."""
    job = create(sqlite_ledger, None)
    sqlite_ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 1}))
    job = sqlite_ledger.move_job(job.id, JobTrigger.FAIL, reason="refused")

    assert summarize(sqlite_ledger, job).variance.cost is None


def test_cancelled_items_are_no_throughput(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """Cancelling the rest of a batch job makes it neither faster nor the cancelled items pending."""
    job = create(sqlite_ledger, None, None, None)
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    sqlite_ledger.record(job.id, succeed(rows_of(sqlite_ledger, job.id)[0], 0, 60, "0.1"))
    sqlite_ledger.cancel_items(job.id)
    clock.now = after(60)
    job = sqlite_ledger.move_job(job.id, JobTrigger.CANCEL)

    figures = summarize(sqlite_ledger, job)

    assert (figures.overview.cancelled, figures.overview.pending) == (2, 0)
    assert figures.performance.items_per_minute == 1


def test_unknown_job(sqlite_ledger: Ledger) -> None:
    """A batch job that was deleted meanwhile raises JobNotFound."""
    with pytest.raises(JobNotFound):
        summarize(sqlite_ledger, batch_job())


def test_item_duration_is_the_sum_of_its_phases(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """An item of two phases took as long as both together, and each phase is measured apart (E3)."""
    job = create(sqlite_ledger, None, phases=pipeline("write", "check"))
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    row = rows_of(sqlite_ledger, job.id)[0]
    write, check = attempt("0.1", 1000), attempt("0.3", 500)
    sqlite_ledger.record(
        job.id,
        [
            report(row, 0, 1, "write", trigger=ItemTrigger.START),
            report(row, 0, 2, "write", attempt=write, output="Text."),
            report(row, 0, 3, "check", attempt=check, output="Good.", trigger=ItemTrigger.COMPLETE),
        ],
    )

    figures = summarize(sqlite_ledger, sqlite_ledger.job(job.id))

    assert figures.performance.p50_ms == 1500
    assert [(phase.phase, phase.p50_ms) for phase in figures.performance.by_phase] == [("write", 1000), ("check", 500)]
    assert [(phase.phase, phase.percentage) for phase in figures.cost.by_phase] == [("write", 25), ("check", 75)]


def test_a_phase_under_way_is_no_item(sqlite_ledger: Ledger) -> None:
    """The duration and the cost of an item are of items that went their way, not of those half-way (E3)."""
    job = create(sqlite_ledger, Tier.TEMPLATE, Tier.TEMPLATE, phases=pipeline("write", "check"))
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    done, under_way = rows_of(sqlite_ledger, job.id)
    call = attempt("0.1", 1000)
    sqlite_ledger.record(
        job.id,
        [
            report(done, 0, 1, "write", trigger=ItemTrigger.START),
            report(done, 0, 2, "write", attempt=call, output="Text."),
            report(done, 0, 3, "check", attempt=call, output="Good.", trigger=ItemTrigger.COMPLETE),
            report(under_way, 1, 1, "write", trigger=ItemTrigger.START),
            report(under_way, 1, 4, "write", attempt=call, output="Text."),
        ],
    )

    figures = summarize(sqlite_ledger, sqlite_ledger.job(job.id))

    assert (figures.performance.mean_ms, figures.performance.by_phase[0].count) == (2000, 2)
    assert [str(cost) for cost in (figures.cost.per_item_usd, figures.cost.by_tier[0].per_item_usd)] == ["0.2", "0.2"]
    assert str(figures.cost.total_usd) == "0.3"


def test_shares_are_exact(sqlite_ledger: Ledger) -> None:
    """Phases add up to the total, and so do tiers, with items that completed, failed half-way or are on their way."""
    job = create(sqlite_ledger, *Tier, None, phases=pipeline("write", "check"))
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    done, failed, under_way, other = rows_of(sqlite_ledger, job.id)
    call, lost = attempt("0.1"), attempt("0.7", error=ErrorCategory.MAX_TOKENS)
    sqlite_ledger.record(
        job.id,
        [report(row, position, 0, trigger=ItemTrigger.START) for position, row in enumerate((done, failed))]
        + [
            report(done, 0, 1, "write", attempt=call, output="Text."),
            report(done, 0, 2, "check", attempt=call, output="Good.", trigger=ItemTrigger.COMPLETE),
            report(failed, 1, 1, "write", attempt=call, output="Text."),
            report(failed, 1, 2, "check", attempt=lost, trigger=ItemTrigger.FAIL),
            report(under_way, 2, 1, "write", attempt=call),
            report(other, 3, 1, "write", attempt=attempt(None)),
        ],
    )

    cost = summarize(sqlite_ledger, sqlite_ledger.job(job.id)).cost

    assert str(cost.total_usd) == str(sqlite_ledger.progress(job.id).cost_usd) == "1.1"
    assert [str(phase.cost_usd) for phase in cost.by_phase] == ["0.3", "0.8"]
    assert [str(tier.cost_usd) for tier in cost.by_tier] == ["0.2", "0.8", "0.1", "None"]
    assert [str(tier.per_item_usd) for tier in cost.by_tier] == ["0.2", "0.8", "None", "None"]
    assert str(cost.per_item_usd) == "0.5"


def test_events_are_read_in_pages(sqlite_ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However events fall into pages, each is counted once."""
    job = create(sqlite_ledger, *[None] * 7)
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    for position, row in enumerate(rows_of(sqlite_ledger, job.id)):
        sqlite_ledger.record(job.id, succeed(row, position, position, "0.1"))
    clock.now = after(10)

    for size in (1, 2, 3, 5, 5_000):
        monkeypatch.setattr(summary, "EVENTS_AT_ONCE", size)
        points = summarize(sqlite_ledger, sqlite_ledger.job(job.id)).timeline
        assert (points[-1].cumulative_completed, str(sum(point.cost_usd for point in points))) == (7, "0.7")


def test_ten_thousand_items(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """10,000 items of three phases are summed up within two seconds of processor time."""
    phases = ("write", "check", "polish")
    job = create(sqlite_ledger, *[Tier.TEMPLATE] * 10_000, phases=pipeline(*phases))
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    call = attempt("0.01")
    news = [
        report(
            row,
            position,
            position / 10,
            phase,
            attempt=call,
            output="Text.",
            trigger=ItemTrigger.COMPLETE if phase == "polish" else None,
        )
        for position, row in enumerate(rows_of(sqlite_ledger, job.id))
        for phase in phases
    ]
    starts = [
        report(row, position, 0, trigger=ItemTrigger.START)
        for position, row in enumerate(rows_of(sqlite_ledger, job.id))
    ]
    for group in (starts, *(news[start : start + 3000] for start in range(0, len(news), 3000))):
        sqlite_ledger.record(job.id, group)
    clock.now = after(1000)
    job = sqlite_ledger.move_job(job.id, JobTrigger.COMPLETE)
    durations([1.0])  # pays for the import of pandas

    began = time.process_time()
    figures = summarize(sqlite_ledger, job)

    assert (taken := time.process_time() - began) < 2, taken
    assert (figures.overview.successful, str(figures.cost.total_usd)) == (10_000, "300")
