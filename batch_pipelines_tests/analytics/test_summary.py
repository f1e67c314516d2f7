"""Tests of batch_pipelines.analytics.summary, over a real ledger."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest

from batch_pipelines.analytics.summary import summarize
from batch_pipelines.domain.errors import ErrorCategory, JobNotFound
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemTrigger, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.analytics.samples import batch_job, estimate_of, pipeline
from batch_pipelines_tests.analytics.story import Clock, attempt, create, fail, report, rows, succeed


def test_a_job_that_is_over(ledger: Ledger, clock: Clock) -> None:
    """Every figure of the contract is there and right for three items, of which one failed (E3)."""
    job = create(ledger, Tier.TEMPLATE, Tier.TEMPLATE, Tier.EDGE_CASE)
    ledger.save_estimate(job.id, estimate_of(job.pipeline, {Tier.TEMPLATE: 2, Tier.EDGE_CASE: 1}))
    ledger.move_job(job.id, JobTrigger.START)
    keys = rows(ledger, job)
    ledger.record(job.id, succeed(keys[0], 0, 15, "0.25", 10_000))
    ledger.record(job.id, succeed(keys[2], 2, 30, "0.45", 20_000))
    ledger.record(job.id, fail(keys[1], 1, 45, "0.10", ErrorCategory.REFUSAL))
    clock.set(60)
    job = ledger.move_job(job.id, JobTrigger.COMPLETE)
    clock.set(9999)

    figures = json.loads(summarize(ledger, job).model_dump_json())

    timeline = figures.pop("timeline")
    assert figures == {
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
            "without_result_usd": "0.1",
            "by_phase": [{"phase": "generate", "cost_usd": "0.7", "percentage": 87.5}],
            "by_tier": [
                {
                    "tier": "template",
                    "item_count": 2,
                    "cost_usd": "0.25",
                    "per_item_usd": "0.25",
                    "percentage": 31.25,
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
    assert len(timeline) == 60
    assert timeline[-1] == {
        "at": "2026-11-20T12:01:00Z",
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


def test_a_job_that_never_ran(ledger: Ledger, clock: Clock) -> None:
    """What is not known is null: rates, averages, percentiles, throughput and variance; what was not spent is 0."""
    job = create(ledger, None, None)

    figures = summarize(ledger, job)

    assert figures.overview.success_rate is None
    assert (figures.cost.total_usd, figures.cost.per_item_usd) == (0, None)
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


def test_a_running_job(ledger: Ledger, clock: Clock) -> None:
    """While it runs it has a timeline up to now, rates over what ended, and no variance yet."""
    job = create(ledger, None, None)
    ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 2}))
    job = ledger.move_job(job.id, JobTrigger.START)
    ledger.record(job.id, succeed(rows(ledger, job)[0], 0, 10, "0.25"))
    clock.set(30)

    figures = summarize(ledger, job)

    assert (figures.overview.pending, figures.overview.success_rate) == (1, 1.0)
    assert figures.performance.items_per_minute == 2
    assert (figures.timeline[-1].at, figures.timeline[-1].cumulative_completed) == (clock.now, 1)
    assert figures.variance.cost is None


def test_pauses_take_no_time(ledger: Ledger, clock: Clock) -> None:
    """A night between pause and resumption counts neither as work nor against the estimated time (C5)."""
    job = create(ledger, None)
    ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 1}))
    for seconds, trigger in ((0, JobTrigger.START), (10, JobTrigger.DRAIN), (40_000, JobTrigger.RESUME)):
        clock.set(seconds)
        ledger.move_job(job.id, trigger)
    clock.set(40_012)
    ledger.record(job.id, succeed(rows(ledger, job)[0], 0, 40_011, "0.1"))
    job = ledger.move_job(job.id, JobTrigger.COMPLETE)

    figures = summarize(ledger, job)

    assert figures.performance.working_seconds == 22
    assert figures.variance.time is not None
    assert figures.variance.time.difference_seconds == 0


def test_a_refused_job_has_no_variance(ledger: Ledger, clock: Clock) -> None:
    """A batch job that its gate refused was never measured against its estimate."""
    job = create(ledger, None)
    ledger.save_estimate(job.id, estimate_of(job.pipeline, {None: 1}))
    job = ledger.move_job(job.id, JobTrigger.FAIL, reason="refused")

    assert summarize(ledger, job).variance.cost is None


def test_cancelled_items_are_no_throughput(ledger: Ledger, clock: Clock) -> None:
    """Cancelling the rest of a batch job makes it neither faster nor the cancelled items pending."""
    job = create(ledger, None, None, None)
    ledger.move_job(job.id, JobTrigger.START)
    ledger.record(job.id, succeed(rows(ledger, job)[0], 0, 60, "0.1"))
    ledger.cancel_items(job.id)
    clock.set(60)
    job = ledger.move_job(job.id, JobTrigger.CANCEL)

    figures = summarize(ledger, job)

    assert (figures.overview.cancelled, figures.overview.pending) == (2, 0)
    assert figures.performance.items_per_minute == 1


def test_unknown_job(ledger: Ledger) -> None:
    """A batch job that was deleted meanwhile raises JobNotFound."""
    with pytest.raises(JobNotFound):
        summarize(ledger, batch_job())


def test_item_duration_is_the_sum_of_its_phases(ledger: Ledger, clock: Clock) -> None:
    """An item of two phases took as long as both together, and each phase is measured apart (E3)."""
    job = create(ledger, None, phases=pipeline("write", "check"))
    ledger.move_job(job.id, JobTrigger.START)
    row = rows(ledger, job)[0]
    write, check = attempt("0.1", 1000), attempt("0.3", 500)
    ledger.record(
        job.id,
        [
            report(row, 0, 1, "write", trigger=ItemTrigger.START),
            report(row, 0, 2, "write", attempt=write, output="Text."),
            report(row, 0, 3, "check", attempt=check, output="Good.", trigger=ItemTrigger.COMPLETE),
        ],
    )

    figures = summarize(ledger, ledger.job(job.id))

    assert figures.performance.p50_ms == 1500
    assert [(phase.phase, phase.p50_ms) for phase in figures.performance.by_phase] == [("write", 1000), ("check", 500)]
    assert [(phase.phase, phase.percentage) for phase in figures.cost.by_phase] == [("write", 25), ("check", 75)]


def test_ten_thousand_items(ledger: Ledger, clock: Clock) -> None:
    """10,000 items of three phases are summed up within two seconds of processor time."""
    phases = ("write", "check", "polish")
    job = create(ledger, *[Tier.TEMPLATE] * 10_000, phases=pipeline(*phases))
    ledger.move_job(job.id, JobTrigger.START)
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
        for position, row in enumerate(rows(ledger, job))
        for phase in phases
    ]
    starts = [
        report(row, position, 0, trigger=ItemTrigger.START) for position, row in enumerate(rows(ledger, job))
    ]
    for group in (starts, *(news[start : start + 3000] for start in range(0, len(news), 3000))):
        ledger.record(job.id, group)
    clock.set(1000)
    job = ledger.move_job(job.id, JobTrigger.COMPLETE)
    summarize(ledger, create_small(ledger))  # pays for the import of pandas

    began = time.process_time()
    figures = summarize(ledger, job)

    assert time.process_time() - began < 2
    assert (figures.overview.successful, figures.cost.total_usd) == (10_000, 300)
