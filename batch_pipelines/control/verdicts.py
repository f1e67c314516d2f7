"""What is known about a kept answer for a phase of an item, judged and put into words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from batch_pipelines.domain.answers import TEMPLATES, AnswerKey, KeptAnswer
from batch_pipelines.estimation.money import spoken
from batch_pipelines.ledger.answers import DonePhase

RENDERED = frozenset({"system", "prompt"})
"""Parts of a request that templates make."""
PART_NAMES = {"model": "the model", "system": "the system prompt", "prompt": "the prompt"}
"""For people; other parts are called what specs call them."""


class Verdict(StrEnum):
    """What became, or would become, of a phase of an item."""

    REUSED = "reused"
    """Done with a kept answer."""
    CALLED = "called"
    """Done by a call."""
    FOUND = "found"
    """Not done; an answer to an equal request is kept."""
    NOT_FOUND = "not_found"
    """Not done; none is."""
    UNKNOWN = "unknown"
    """Not done, and its request cannot be made out yet."""


class PhaseExplanation(BaseModel):
    """One phase of the item."""

    model_config = ConfigDict(frozen=True)

    phase: str
    verdict: Verdict
    kept_at: datetime | None
    """When the answer was kept that was used, would be, or is the nearest; None where there is none."""
    differs_in: tuple[str, ...]
    """Parts of the request in which the nearest answer's was another."""
    templates_changed: bool | None
    """Whether the phase's templates are others than the nearest answer's; None where nothing differs."""
    explanation: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a phase of an item whose request can be made out."""

    phase: str
    done: DonePhase | None
    is_off: bool
    """Whether the batch job uses no kept answers."""
    simulated: bool
    key: AnswerKey
    kept: KeptAnswer | None
    """The answer to an equal request; for a phase that was done by a call it may be the one that this call bought."""
    nearest: KeptAnswer | None
    """The newest other answer for this item in this phase; for a done phase, of those kept before it was."""

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.done:
            return Verdict.REUSED if self.done.reused else Verdict.CALLED
        return Verdict.FOUND if self.kept else Verdict.NOT_FOUND

    @property
    def equal(self) -> KeptAnswer | None:
        """The answer to an equal request, unless the phase's own call bought it."""
        if self.kept and self.verdict is Verdict.CALLED and self.done and self.kept.kept_at >= self.done.completed_at:
            return None
        return self.kept


def explain_phase(evidence: Evidence) -> PhaseExplanation:
    """The evidence in words. Pure."""
    against = evidence.equal or (None if evidence.verdict is Verdict.REUSED else evidence.nearest)
    differing = evidence.key.differing_parts(against.key) if against and against is not evidence.equal else ()
    return PhaseExplanation(
        phase=evidence.phase,
        verdict=evidence.verdict,
        kept_at=against.kept_at if against else None,
        differs_in=tuple(name for name in differing if name != TEMPLATES),
        templates_changed=TEMPLATES in differing if differing else None,
        explanation=_explanation(evidence, differing),
    )


def _explanation(evidence: Evidence, differing: tuple[str, ...]) -> str:
    equal = evidence.equal
    match evidence.verdict:
        case Verdict.REUSED if equal:
            return f"reused the answer kept on {_moment(equal)}, which saved {spoken(equal.cost_usd)}"
        case Verdict.REUSED:
            return "reused a kept answer that is there no more"
        case Verdict.FOUND if equal:
            fits = f"found; the answer kept on {_moment(equal)} fits"
            return f"{fits}, but options.answer_cache is off" if evidence.is_off else fits
        case Verdict.CALLED:
            opening = "a call was made, as options.answer_cache is off" if evidence.is_off else "a call was made"
        case _:
            opening = "not found, and options.answer_cache is off" if evidence.is_off else "not found"
    return f"{opening}; {_why_not(evidence, differing)}"


def _why_not(evidence: Evidence, differing: tuple[str, ...]) -> str:
    """Why no kept answer was used, as the second half of a sentence."""
    equal, nearest = evidence.equal, evidence.nearest
    if equal:
        since = "" if evidence.is_off else ", after this item had looked for one"
        return f"an equal answer was kept on {_moment(equal)}{since}"
    if nearest:
        return f"{_differ(differing)} from the answer kept on {_moment(nearest)}{_cause(differing)}"
    kind = "simulated answer" if evidence.simulated else "answer of a real model"
    was = "was kept before" if evidence.done else "is kept"
    return f"no {kind} for this item and phase {was}"


def _differ(differing: tuple[str, ...]) -> str:
    """`the prompt and max_tokens differ`."""
    *others, last = (PART_NAMES.get(name, name) for name in differing if name != TEMPLATES)
    return f"{', '.join(others)} and {last} differ" if others else f"{last} differs"


def _cause(differing: tuple[str, ...]) -> str:
    """What made a rendered text another one; empty where none is."""
    if not RENDERED & set(differing):
        return ""
    if TEMPLATES in differing:
        return " (the templates of the phase have changed)"
    return " (the templates of the phase are the same: what fills them has changed)"


def _moment(answer: KeptAnswer) -> str:
    return f"{answer.kept_at:%Y-%m-%d %H:%M} UTC"
