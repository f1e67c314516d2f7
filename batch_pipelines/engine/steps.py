"""What a phase asks next for an item: an answer, a better answer, or a judgement of one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from batch_pipelines.domain.job import Decided, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.trial import Purpose, Trial
from batch_pipelines.engine.prompts import Subject, request_of
from batch_pipelines.providers.base import CompletionRequest, Request
from batch_pipelines.quality.cascade import with_feedback
from batch_pipelines.quality.checks import has_checks
from batch_pipelines.quality.judging import judge_request


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a phase for an item."""

    request: Request
    purpose: Purpose


def is_validated(phase: Phase) -> bool:
    """Whether an answer has to pass anything before it is the phase's output."""
    return has_checks(phase) or phase.validation.judge_count > 0


def next_request(job: Decided, phase: Phase, item: WorkItem, trial: Trial) -> Step:
    """The call that a trial has come to; raises ProviderError(TEMPLATE) where a prompt cannot be rendered."""
    subject = Subject.of(item)
    if trial.pending is None:
        return Step(_with_feedback(request_of(job, phase, subject, trial.rung), trial), Purpose.ANSWER)
    asked = request_of(job, phase, subject)
    assert isinstance(asked, CompletionRequest), "only completions are judged"
    judge = phase.validation.judges[len(trial.pending.verdicts)]
    model = job.pipeline.judge_model(phase, judge, job.options.model)
    request = judge_request(model, asked, trial.pending.text, judge.criteria, phase.timeout_seconds)
    return Step(request, Purpose.JUDGEMENT)


def _with_feedback(request: Request, trial: Trial) -> Request:
    if trial.rejected is None or not isinstance(request, CompletionRequest):
        return request
    return replace(request, prompt=with_feedback(request.prompt, trial))
