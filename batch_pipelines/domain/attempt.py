"""What the engine tells the ledger about calls and items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.retrieval import Source
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.trial import Assessment, Purpose, Trial
from batch_pipelines.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call for one item in one phase, as it ended."""

    number: int
    """From 1, over all runs of the batch job."""
    started_at: datetime
    duration_ms: float
    model: str
    simulated: bool
    usage: Usage | None
    """None where the provider did not say, as after a broken connection."""
    cost_usd: Decimal | None
    """None where the usage is unknown."""
    worst_case_usd: Decimal
    """What it could cost at most; counts against the budget for as long as the cost is unknown."""
    request_id: str | None
    stop_reason: str | None
    error_category: ErrorCategory | None
    """None for an answer that was accepted."""
    error_message: str | None
    purpose: Purpose = Purpose.ANSWER


@dataclass(frozen=True, slots=True)
class Purchase:
    """What an output took, where more than one call went into it."""

    model: str
    """That gave it."""
    simulated: bool
    usage: Usage
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """News about one item, written in one transaction with others of its group.

    A start carries `trigger` START alone; a finished call carries its attempt; what ends a phase carries `output`, and
    what ends the item its `trigger`. In a validated phase a call ends nothing: it carries the `trial` as it stands
    after it, and a report without an attempt follows when the answer was accepted or given up.
    """

    row: int
    """The item's key in the ledger."""
    item_id: str
    phase: str
    at: datetime
    trigger: ItemTrigger | None = None
    attempt: Attempt | None = None
    output: str | None = None
    """Set when the phase is done for this item."""
    item_error: ProviderError | None = None
    """Why the item fails, where no attempt says it: no call could be made, or none more is worth its money."""
    answer_key: AnswerKey | None = None
    """Under what the output is to be kept for equal requests; None where it is not."""
    reused: bool = False
    """Whether the output is an answer that was kept, so that no attempt was made for it."""
    purchase: Purchase | None = None
    """With an `answer_key` and no attempt: what is kept about the answer."""
    trial: Trial | None = None
    """Where the item stands in a validated phase."""
    assessment: Assessment | None = None
    """With the output of a validated phase: what was found out about it."""
    sources: tuple[Source, ...] = ()
    """With an output: where the passages stand that were in its prompt."""
