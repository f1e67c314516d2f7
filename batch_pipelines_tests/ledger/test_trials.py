"""What was tried for an item, what was found out, and where passages came from, on each database (B7, B8, D5, E2)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.attempt import Purchase, Report
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.retrieval import Source
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.domain.trial import Assessment, Candidate, Purpose, Trial, Verdict
from batch_pipelines.engine.journal_lines import ended_line, read_line
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import after
from batch_pipelines_tests.ledger.samples import JOB, start_items, start_job
from batch_pipelines_tests.reports import COST, USAGE, failed_attempt, make_attempt, make_report

ASSESSMENT = Assessment(score=8.5, reasons=("Fine.",), is_accepted=True)
REJECTED = Candidate(
    text="First.\u0000\ud83d 'quoted' \u2028",
    model="claude-test",
    verdicts=(Verdict(score=3, reasons=("Weak.", "It has \u0000.")),),
    assessment=Assessment(score=3, reasons=("Weak.",), is_accepted=False),
)
TRIAL = Trial(
    rung=1,
    tries=2,
    pending=Candidate(text="Second.", model="claude-opus", verdicts=(Verdict(score=7.5, reasons=()),)),
    rejected=REJECTED,
    best=REJECTED,
)


def begin(ledger: Ledger, items: int = 1) -> list[int]:
    """A job whose items are running."""
    rows = start_job(ledger, items)
    start_items(ledger, rows)
    return rows


def trial_of(ledger: Ledger, phase: str = "draft") -> Trial | None:
    """What the next run finds."""
    (work,) = ledger.partition_work(JOB, phase, 0, 1)
    return work.trial


def tried(row: int, number: int = 1, trial: Trial | None = TRIAL, **changes: Any) -> Report:
    """A call that brought the trial further, or did not."""
    attempt = make_attempt(number, started_at=after(number), **changes)
    return make_report(row, at=after(number), attempt=attempt, trial=trial)


def test_a_new_item_was_not_tried(ledger: Ledger) -> None:
    """None is not a trial of nothing."""
    begin(ledger)

    assert trial_of(ledger) is None


def test_a_trial_is_kept_as_it_was(ledger: Ledger) -> None:
    """With whatever models write; another phase has its own (D5)."""
    (row,) = begin(ledger)

    ledger.record(JOB, [tried(row)])

    assert trial_of(ledger) == TRIAL
    assert trial_of(ledger, "review") is None
    assert ledger.item(JOB, "item_0").output is None


def test_the_last_trial_of_a_group_counts(ledger: Ledger) -> None:
    """Reports come in their order."""
    (row,) = begin(ledger)

    ledger.record(JOB, [tried(row, 1, Trial(tries=1)), tried(row, 2, Trial(tries=2))])
    assert trial_of(ledger) == Trial(tries=2)

    ledger.record(JOB, [tried(row, 3, Trial(rung=1))])
    assert trial_of(ledger) == Trial(rung=1)


def test_an_error_in_between_forgets_nothing(ledger: Ledger) -> None:
    """A judge that was overloaded says nothing about the answer that waits (D4, D5)."""
    (row,) = begin(ledger)
    ledger.record(JOB, [tried(row)])

    ledger.record(JOB, [make_report(row, at=after(2), attempt=failed_attempt(2, started_at=after(2)))])

    assert trial_of(ledger) == TRIAL


def test_releasing_items_forgets_nothing(ledger: Ledger) -> None:
    """The run after a pause goes on where this one stood (A4, B7)."""
    (row,) = begin(ledger)
    ledger.record(JOB, [tried(row)])

    ledger.release_items(JOB)

    assert trial_of(ledger) == TRIAL


def test_an_output_ends_the_trial_and_has_its_assessment(ledger: Ledger) -> None:
    """Score and reasons are on the result, by phase; the score of the last one is the item's (E2)."""
    (row,) = begin(ledger)
    ledger.record(JOB, [tried(row)])

    ledger.record(JOB, [make_report(row, at=after(2), output="Second.", assessment=ASSESSMENT)])

    item = ledger.item(JOB, "item_0")
    assert item.assessments == {"draft": ASSESSMENT}
    assert (item.quality_score, item.phase_outputs, item.status) == (8.5, {"draft": "Second."}, ItemStatus.RUNNING)
    assert ledger.partition_work(JOB, "draft", 0, 1) == []
    poor = Assessment(score=4.0, reasons=(), is_accepted=False)
    end = {"output": "Done.", "assessment": poor, "trigger": ItemTrigger.COMPLETE}
    ledger.record(JOB, [make_report(row, "review", at=after(3), **end)])
    item = ledger.item(JOB, "item_0")
    assert (item.quality_score, item.assessments) == (4.0, {"draft": ASSESSMENT, "review": poor})
    assert (item.status, item.output) == (ItemStatus.COMPLETED, "Done.")


def test_an_output_that_nobody_scored_takes_no_score_away(ledger: Ledger) -> None:
    """Unknown is not zero, and does not replace what is known (E2)."""
    (row,) = begin(ledger)
    ledger.record(JOB, [make_report(row, output="a", assessment=ASSESSMENT)])
    unscored = Assessment(score=None, reasons=(), is_accepted=True)

    ledger.record(JOB, [make_report(row, "review", output="b", assessment=unscored, trigger=ItemTrigger.COMPLETE)])

    item = ledger.item(JOB, "item_0")
    assert (item.quality_score, item.assessments["review"]) == (8.5, unscored)


def test_a_failure_takes_the_tries_back(ledger: Ledger) -> None:
    """Whoever tries the item again later starts anew (A7)."""
    (row,) = begin(ledger)
    ledger.record(JOB, [tried(row)])
    error = ProviderError(ErrorCategory.VALIDATION, "no answer reached the score 9")

    ledger.record(JOB, [make_report(row, at=after(2), trigger=ItemTrigger.FAIL, item_error=error, trial=Trial())])
    ledger.record(JOB, [make_report(row, at=after(3), trigger=ItemTrigger.RETRY)])

    assert trial_of(ledger) in (None, Trial())
    assert ledger.item(JOB, "item_0").attempts == 1


def test_judgements_are_paid_for_and_are_no_retries(ledger: Ledger) -> None:
    """The item's model is the one that answered, never the one that judged (C2, E2)."""
    (row,) = begin(ledger)
    ledger.record(
        JOB,
        [
            tried(row, 1),
            tried(row, 2, purpose=Purpose.JUDGEMENT, model="claude-judge"),
            tried(row, 3, model="claude-opus"),
            tried(row, 4, purpose=Purpose.JUDGEMENT, model="claude-judge"),
            make_report(row, at=after(5), output="x", assessment=ASSESSMENT),
        ],
    )

    item = ledger.item(JOB, "item_0")
    assert (item.attempts, item.retries, item.model, item.cost_usd) == (4, 1, "claude-opus", 4 * COST)
    assert (item.usage.output_tokens, item.duration_ms) == (4 * USAGE.output_tokens, 3200.0)
    assert ledger.progress(JOB).cost_usd == 4 * COST


def test_a_group_that_is_delivered_again_changes_nothing(ledger: Ledger) -> None:
    """Though its last report has no attempt by which it could be known (D5)."""
    (row,) = begin(ledger)
    group = [
        tried(row, 1),
        tried(row, 2, trial=TRIAL, purpose=Purpose.JUDGEMENT),
        make_report(row, at=after(3), output="x", assessment=ASSESSMENT, trigger=ItemTrigger.COMPLETE),
    ]
    ledger.record(JOB, group)
    before = ledger.item(JOB, "item_0"), ledger.progress(JOB)

    ledger.record(JOB, group)

    assert (ledger.item(JOB, "item_0"), ledger.progress(JOB)) == before
    completions = [event for event in ledger.events_after(JOB, 0) if event.type is EventType.ITEM_COMPLETED]
    assert len(completions) == 1


def test_sources_are_kept_with_the_output(ledger: Ledger) -> None:
    """By phase; an output that rests on none has none (B8, E2)."""
    (row,) = begin(ledger)
    sources = (Source(source="notes/ä.md", position=3, score=1.25), Source(source="b.pdf", position=0, score=0.5))

    ledger.record(JOB, [make_report(row, attempt=make_attempt(), output="x", sources=sources)])
    ledger.record(JOB, [make_report(row, "review", output="y", trigger=ItemTrigger.COMPLETE)])

    assert ledger.item(JOB, "item_0").sources == {"draft": sources}


@pytest.mark.parametrize("second", [ItemTrigger.FAIL, ItemTrigger.START])
@pytest.mark.parametrize("is_one_group", [True, False])
def test_two_phases_may_tell_the_same_of_an_item(ledger: Ledger, second: ItemTrigger, is_one_group: bool) -> None:
    """The first failure is the one that counts, told once; a phase that starts later changes nothing (B3, A3)."""
    (row,) = begin(ledger)
    first = ProviderError(ErrorCategory.VALIDATION, "the first")
    other = ProviderError(ErrorCategory.TEMPLATE, "the second") if second is ItemTrigger.FAIL else None
    reports = [
        make_report(row, "draft", at=after(1), trigger=ItemTrigger.FAIL, item_error=first),
        make_report(row, "review", at=after(2), trigger=second, item_error=other),
    ]

    for group in [reports] if is_one_group else [[report] for report in reports]:
        ledger.record(JOB, group)

    item = ledger.item(JOB, "item_0")
    assert item.error is not None
    assert (item.status, item.error.message) == (ItemStatus.FAILED, "the first")
    events = [event.type for event in ledger.events_after(JOB, 0) if event.item_id]
    assert events == [EventType.ITEM_STARTED, EventType.ITEM_FAILED]
    assert ledger.progress(JOB).failed == 1


def test_an_answer_that_comes_after_another_phase_failed_is_paid_for(ledger: Ledger) -> None:
    """Its output is kept, and the item stays failed (B3, D6)."""
    (row,) = begin(ledger)
    error = ProviderError(ErrorCategory.VALIDATION, "no good")
    ledger.record(JOB, [make_report(row, "draft", trigger=ItemTrigger.FAIL, item_error=error)])

    ledger.record(JOB, [make_report(row, "review", at=after(1), attempt=make_attempt(), output="late")])

    item = ledger.item(JOB, "item_0")
    assert (item.status, item.cost_usd, item.phase_outputs) == (ItemStatus.FAILED, COST, {"review": "late"})


def test_an_accepted_answer_is_kept_with_all_that_it_took(ledger: Ledger) -> None:
    """Judges and rejected answers too: that is what using it again saves (B7)."""
    (row,) = begin(ledger)
    key = AnswerKey("d" * 64, (("model", "m"),))
    purchase = Purchase("claude-opus", False, USAGE + USAGE, Decimal("0.51"))
    report = make_report(row, at=after(2), output="x", assessment=ASSESSMENT, answer_key=key, purchase=purchase)

    ledger.record(JOB, [tried(row, 1), tried(row, 2, purpose=Purpose.JUDGEMENT), report])

    kept = ledger.kept_answers("default", [key.digest], simulated=False)[key.digest]
    assert (kept.output, kept.model, kept.cost_usd, kept.usage) == ("x", "claude-opus", Decimal("0.51"), USAGE + USAGE)
    assert kept.assessment == ASSESSMENT


def test_an_answer_that_nobody_knows_the_price_of_is_not_kept(ledger: Ledger) -> None:
    """As when an earlier run bought a part of it."""
    (row,) = begin(ledger)
    key = AnswerKey("d" * 64, ())

    ledger.record(JOB, [make_report(row, output="x", assessment=ASSESSMENT, answer_key=key)])

    assert ledger.kept_answers("default", [key.digest], simulated=False) == {}


@pytest.mark.parametrize("trial", [TRIAL, Trial(), None])
@pytest.mark.parametrize("purpose", Purpose)
def test_a_journal_keeps_trials(trial: Trial | None, purpose: Purpose) -> None:
    """What it gives back is what was noted, whatever models wrote (D5)."""
    report = replace(tried(1, trial=trial, purpose=purpose), sources=(Source(source="a", position=1, score=0.5),))

    assert read_line(ended_line(report)) == report
