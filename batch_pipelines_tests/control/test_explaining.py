"""Why kept answers were used for an item, or were not."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.control.explaining import explain_item
from batch_pipelines.control.submission import submit
from batch_pipelines.control.verdicts import Verdict
from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.errors import InvalidInput, JobNotFound, UnknownName
from batch_pipelines.domain.job import BatchJob, Plan
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import after
from batch_pipelines_tests.control.samples import MODEL, plan
from batch_pipelines_tests.kept import finish, keep

DRAFT = Phase(name="draft", task_type=TaskType.CHAT, prompt="About {{ item.topic }}.")
REVIEW = Phase(name="review", task_type=TaskType.CHAT, prompt="Judge {{ phases.draft }}.")


def planned(*phases: Phase, topic: str = "tea", **options: Any) -> Plan:
    """A plan of one item, of the phases `draft` and `review` unless told."""
    talk = Pipeline(name="talk", description="", model=MODEL, phases=phases or (DRAFT, REVIEW))
    return plan({"options": {"answer_cache": "read", **options}}, of=talk, raw=[{"id": "i0", "topic": topic}])


def started(ledger: Ledger, wanted: Plan) -> BatchJob:
    """Its batch job, at work."""
    job = submit(wanted, ledger)
    return ledger.move_job(job.id, JobTrigger.START)


def verdicts(ledger: Ledger, job: BatchJob) -> dict[str, Verdict]:
    """What is said of the item, by phase."""
    return {phase.phase: phase.verdict for phase in explain_item(ledger, job.id, "i0").phases}


def test_a_job_that_bought_its_answers_is_told_why_it_had_to(sqlite_ledger: Ledger) -> None:
    """Its own answers, kept since, do not hide what they differ from: an earlier job's of the same item."""
    old = planned(topic="coffee")
    submit(old, sqlite_ledger)
    keep(sqlite_ledger, old, old.items, at=after(10))
    new = planned()
    job = started(sqlite_ledger, new)
    for phase in ("draft", "review"):
        finish(sqlite_ledger, job.id, phase, after(60))
    keep(sqlite_ledger, new, new.items, at=after(60))
    later = planned(topic="cocoa")
    keep(sqlite_ledger, later, later.items, "draft", at=after(90))

    draft, review = explain_item(sqlite_ledger, job.id, "i0").phases

    assert (draft.verdict, draft.differs_in, draft.templates_changed) == (Verdict.CALLED, ("prompt",), False)
    assert draft.kept_at == after(10)
    # The item's draft happened to come out the same, so the review of it could have been reused.
    assert (review.verdict, review.differs_in, review.kept_at) == (Verdict.CALLED, (), after(10))


def test_phases_to_come_are_looked_up_through_what_is_kept(sqlite_ledger: Ledger) -> None:
    """As an estimate does; behind a miss nobody can tell."""
    wanted = planned()
    job = started(sqlite_ledger, wanted)
    assert verdicts(sqlite_ledger, job) == {"draft": Verdict.NOT_FOUND, "review": Verdict.UNKNOWN}

    keep(sqlite_ledger, wanted, wanted.items, "draft")
    assert verdicts(sqlite_ledger, job) == {"draft": Verdict.FOUND, "review": Verdict.NOT_FOUND}

    keep(sqlite_ledger, wanted, wanted.items, "review")
    assert verdicts(sqlite_ledger, job) == {"draft": Verdict.FOUND, "review": Verdict.FOUND}

    finish(sqlite_ledger, job.id, "draft", after(60), reused=True)
    assert verdicts(sqlite_ledger, job) == {"draft": Verdict.REUSED, "review": Verdict.FOUND}


def test_with_the_cache_off_a_kept_answer_leads_no_further(sqlite_ledger: Ledger) -> None:
    """It is there, but it will not be used, so the next phase will see another."""
    wanted = planned(answer_cache="off")
    job = started(sqlite_ledger, wanted)
    keep(sqlite_ledger, wanted, wanted.items)

    explanation = explain_item(sqlite_ledger, job.id, "i0")

    assert explanation.answer_cache is AnswerCache.OFF
    assert [phase.explanation for phase in explanation.phases] == [
        "found; the answer kept on 2026-11-22 12:00 UTC fits, but options.answer_cache is off",
        "cannot be told before phase draft has an output",
    ]


def test_a_prompt_that_cannot_be_rendered_says_so(sqlite_ledger: Ledger) -> None:
    """With the template's own complaint."""
    job = started(sqlite_ledger, planned(DRAFT.model_copy(update={"prompt": "{{ item.lost }}"}), REVIEW))

    draft, review = explain_item(sqlite_ledger, job.id, "i0").phases

    assert (draft.verdict, review.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert draft.explanation.startswith("the prompt of phase draft cannot be rendered: ")
    assert "'lost'" in draft.explanation


def test_another_projects_answers_are_not_even_compared(sqlite_ledger: Ledger) -> None:
    """A project learns nothing of what others asked."""
    job = started(sqlite_ledger, planned())
    others = planned(topic="coffee").model_copy(update={"project": "other"})
    submit(others, sqlite_ledger)
    keep(sqlite_ledger, others, others.items)

    draft, _ = explain_item(sqlite_ledger, job.id, "i0").phases

    assert draft.explanation == "not found; no simulated answer for this item and phase is kept"


def test_one_phase_can_be_asked_for(sqlite_ledger: Ledger) -> None:
    """The others are followed all the same, and left out."""
    wanted = planned()
    job = started(sqlite_ledger, wanted)
    keep(sqlite_ledger, wanted, wanted.items)

    (review,) = explain_item(sqlite_ledger, job.id, "i0", "review").phases

    assert (review.phase, review.verdict) == ("review", Verdict.FOUND)


def test_what_is_not_there_is_named(sqlite_ledger: Ledger) -> None:
    """Job, item and phase each have an error of their own."""
    job = submit(planned(), sqlite_ledger)

    with pytest.raises(JobNotFound, match="no batch job 'nope'"):
        explain_item(sqlite_ledger, "nope", "i0")
    with pytest.raises(InvalidInput, match="item: 'nope' is no item of batch job"):
        explain_item(sqlite_ledger, job.id, "nope")
    with pytest.raises(UnknownName, match="phase: 'nope' is not known; use one of: draft, review"):
        explain_item(sqlite_ledger, job.id, "i0", "nope")
