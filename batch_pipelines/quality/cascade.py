"""Decides what follows an answer: it is accepted, judged, asked for again, or given up (requirement B7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_pipelines.domain.trial import Assessment, Candidate, Trial, Verdict
from batch_pipelines.domain.validation import Validation, WhenExhausted
from batch_pipelines.quality.marking import marked

FEEDBACK_HEADING = "The previous answer was not good enough:"
MOST_REASONS = 10
"""Of one answer that are kept and handed on."""
LONGEST_REASON = 500
"""Characters of one reason."""


@dataclass(frozen=True, slots=True)
class Accept:
    """The answer is the phase's output."""

    answer: Candidate
    """With its assessment."""


@dataclass(frozen=True, slots=True)
class AskJudge:
    """The next judge is asked about the pending answer."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Another answer is asked for."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No answer was good enough."""

    reason: str


Next = Accept | AskJudge | AskAgain | GiveUp


def next_step(validation: Validation, trial: Trial, problems: Sequence[str], models: int) -> Next:
    """What follows the pending answer of a trial, in which `problems` is what the checks found.

    `models` is how many the cascade has. Judges are asked one after the other, and none about an answer that fails a
    check.
    """
    pending = trial.pending
    assert pending is not None, "only an answer that waits is decided on"
    if problems:
        return _rejected(
            validation, trial, pending, Assessment(score=None, reasons=cut(problems), is_accepted=False), models
        )
    if len(pending.verdicts) < validation.judge_count:
        return AskJudge(trial)
    assessment = _assessment(validation, pending.verdicts)
    if assessment.is_accepted:
        return Accept(_assessed(pending, assessment))
    return _rejected(validation, trial, pending, assessment, models)


def answered(trial: Trial, text: str, model: str) -> Trial:
    """The trial after an answer, which waits for its judgement."""
    return trial.model_copy(update={"pending": Candidate(text=text, model=model)})


def judged(trial: Trial, verdict: Verdict) -> Trial:
    """The trial after one more verdict on the pending answer."""
    pending = trial.pending
    assert pending is not None, "only an answer that waits is judged"
    said = verdict.model_copy(update={"reasons": cut(verdict.reasons)})
    return trial.model_copy(update={"pending": pending.model_copy(update={"verdicts": (*pending.verdicts, said)})})


def with_feedback(prompt: str, trial: Trial) -> str:
    """The prompt for another answer, with what was wrong with the last one."""
    rejected = trial.rejected
    if rejected is None or rejected.assessment is None:
        return prompt
    reasons = "\n".join(f"- {reason}" for reason in rejected.assessment.reasons) or "- Its score was too low."
    return (
        f"{prompt}\n\n{FEEDBACK_HEADING}\n{marked(reasons, 'reasons')}\n\n"
        f"{marked(rejected.text, 'previous_answer')}\n\nAnswer again, and mend what the reasons name."
    )


def cut(reasons: Sequence[str]) -> tuple[str, ...]:
    """As much of the reasons as is kept: a model, or a document that it quotes, may go on for ever."""
    return tuple(reason[:LONGEST_REASON] for reason in reasons[:MOST_REASONS])


def _rejected(
    validation: Validation, trial: Trial, pending: Candidate, assessment: Assessment, models: int
) -> Accept | AskAgain | GiveUp:
    candidate = _assessed(pending, assessment)
    best = _better(trial.best, candidate)
    tries = trial.tries + 1
    if tries <= validation.retries:
        return AskAgain(Trial(rung=trial.rung, tries=tries, rejected=candidate, best=best))
    if trial.rung + 1 < models:
        return AskAgain(Trial(rung=trial.rung + 1, rejected=candidate, best=best))
    if validation.when_exhausted is WhenExhausted.KEEP_BEST and best is not None:
        return Accept(best)
    return GiveUp(_why(validation, assessment))


def _assessment(validation: Validation, verdicts: Sequence[Verdict]) -> Assessment:
    """The mean of the scores, against the one that is needed; without judges everything is accepted."""
    if not validation.judge_count or validation.min_score is None:
        return Assessment(score=None, reasons=(), is_accepted=True)
    score = sum(verdict.score for verdict in verdicts) / len(verdicts)
    reasons = cut([reason for verdict in verdicts for reason in verdict.reasons])
    return Assessment(score=score, reasons=reasons, is_accepted=score >= validation.min_score)


def _assessed(candidate: Candidate, assessment: Assessment) -> Candidate:
    return candidate.model_copy(update={"assessment": assessment})


def _better(best: Candidate | None, candidate: Candidate) -> Candidate | None:
    """The one with the higher score; the earlier where they are equal."""
    score = _score(candidate)
    return best if score is None or (best is not None and (_score(best) or 0) >= score) else candidate


def _score(candidate: Candidate) -> float | None:
    return candidate.assessment.score if candidate.assessment else None


def _why(validation: Validation, assessment: Assessment) -> str:
    reasons = " ".join(assessment.reasons)
    if assessment.score is None:
        return f"no answer passed the checks: {reasons}"
    return f"no answer reached the score {validation.min_score:g}; the last had {assessment.score:g}: {reasons}".rstrip(
        ": "
    )
