"""Where an item stands in a phase whose answers are validated; kept with every call, so that a crash repeats none."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Purpose(StrEnum):
    """What a call is for."""

    ANSWER = "answer"
    """To get the phase's output."""
    JUDGEMENT = "judgement"
    """To score an answer."""


class Verdict(BaseModel):
    """What one judge said of one answer."""

    model_config = ConfigDict(frozen=True)

    score: float
    """From 1 to 10."""
    reasons: tuple[str, ...]


class Assessment(BaseModel):
    """What was found out about an answer."""

    model_config = ConfigDict(frozen=True)

    score: float | None
    """Mean of the judges' scores; None where none was asked."""
    reasons: tuple[str, ...]
    """Why it is not good enough, or what the judges said of it."""
    is_accepted: bool


class Candidate(BaseModel):
    """An answer that is not accepted, yet or at all."""

    model_config = ConfigDict(frozen=True)

    text: str
    model: str
    """That gave it."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the judges asked so far."""
    assessment: Assessment | None = None
    """None while it waits for its judgement."""


class Trial(BaseModel):
    """What was tried for one item in one phase so far."""

    model_config = ConfigDict(frozen=True)

    rung: int = 0
    """Which model of the cascade answers now: 0 is the one that was routed."""
    tries: int = 0
    """Answers of this model that were found not good enough."""
    pending: Candidate | None = None
    """The answer that waits for its judgement."""
    rejected: Candidate | None = None
    """The last answer that was not good enough; its reasons are the feedback for the next."""
    best: Candidate | None = None
    """The rejected answer with the highest score; None where none was scored."""

    @property
    def text_bytes(self) -> int:
        """What it takes as JSON, roughly, and rather more than less."""
        return 2 * sum(len(one.model_dump_json()) for one in (self.pending, self.rejected, self.best) if one)
