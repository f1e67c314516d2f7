"""Why kept answers were used for an item, or were not: what the ledger knows about each of its phases."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from batch_pipelines.control.verdicts import Evidence, PhaseExplanation, Verdict, explain_phase
from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.errors import ProviderError, UnknownName
from batch_pipelines.domain.job import BatchJob, ItemResult
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.engine.prompts import Subject, request_of
from batch_pipelines.ledger.answers import DonePhase
from batch_pipelines.ledger.store import Ledger


class ItemExplanation(BaseModel):
    """One item of a batch job as `why --json` shows it."""

    model_config = ConfigDict(frozen=True)

    batch_job_id: str
    item_id: str
    answer_cache: AnswerCache
    simulated: bool
    phases: tuple[PhaseExplanation, ...]


def explain_item(ledger: Ledger, batch_job_id: str, item_id: str, phase: str | None = None) -> ItemExplanation:
    """Each phase of an item, or one; raises JobNotFound, InvalidInput for the item, UnknownName for the phase."""
    job = ledger.job(batch_job_id)
    item = ledger.item(batch_job_id, item_id)
    names = tuple(known.name for known in job.pipeline.phases)
    if phase is not None and phase not in names:
        raise UnknownName("phase", phase, names)
    return ItemExplanation(
        batch_job_id=job.id,
        item_id=item.item_id,
        answer_cache=job.options.answer_cache,
        simulated=job.simulated,
        phases=tuple(one for one in _explain_phases(ledger, job, item) if phase in (None, one.phase)),
    )


def _explain_phases(ledger: Ledger, job: BatchJob, item: ItemResult) -> Iterator[PhaseExplanation]:
    """All phases in order; the outputs of earlier ones, or what is kept for them, lead to later requests."""
    done = ledger.done_phases(job.id, item.item_id)
    outputs: dict[str, str] = {}
    missing: str | None = None
    for phase in job.pipeline.phases:
        if missing is not None:
            yield _unknown(phase, f"cannot be told before phase {missing} has an output")
            continue
        try:
            evidence = _gather(ledger, job, item, phase, outputs, done.get(phase.name))
        except ProviderError as error:
            missing = phase.name
            yield _unknown(phase, error.message)
            continue
        yield explain_phase(evidence)
        if evidence.done:
            outputs[phase.name] = evidence.done.output
        elif evidence.kept and not evidence.is_off:
            outputs[phase.name] = evidence.kept.output
        else:
            missing = phase.name


def _unknown(phase: Phase, why: str) -> PhaseExplanation:
    return PhaseExplanation(
        phase=phase.name,
        verdict=Verdict.UNKNOWN,
        kept_at=None,
        differs_in=(),
        templates_changed=None,
        explanation=why,
    )


def _gather(
    ledger: Ledger, job: BatchJob, item: ItemResult, phase: Phase, outputs: dict[str, str], done: DonePhase | None
) -> Evidence:
    """What the ledger knows; raises ProviderError where the prompt cannot be rendered."""
    key = answer_key(phase, request_of(job, phase, Subject(item.input, item.tier, item.complexity, outputs)))
    return Evidence(
        phase=phase.name,
        done=done,
        is_off=job.options.answer_cache is AnswerCache.OFF,
        simulated=job.simulated,
        key=key,
        kept=ledger.kept_answers(job.project, [key.digest], simulated=job.simulated).get(key.digest),
        nearest=ledger.nearest_answer(
            job.project,
            job.pipeline.name,
            phase.name,
            item.item_id,
            simulated=job.simulated,
            other_than=key.digest,
            before=done.completed_at if done else None,
        ),
    )
