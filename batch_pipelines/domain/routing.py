"""Which model does what: rows by task type, complexity and tier, and a ladder from weaker to stronger (B7)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class Tier(StrEnum):
    """How demanding a conversation is (requirement B6)."""

    TEMPLATE = "template"
    """A common situation, handled by the book."""
    SCENARIO = "scenario"
    """A situation with a twist that needs judgement."""
    EDGE_CASE = "edge_case"
    """A rare situation at the limits of what is allowed or possible."""


class Complexity(StrEnum):
    """How much an item asks of a model, as the analyzer measures it."""

    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"


class ItemGroup(NamedTuple):
    """Items that are routed alike."""

    tier: Tier | None
    complexity: Complexity


class Route(BaseModel):
    """One row of a routing table; what it leaves out fits anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_type: str | None = Field(default=None, description="Of the phase.")
    complexity: Complexity | None = Field(default=None, description="Of the item.")
    tier: Tier | None = Field(default=None, description="Of the item.")
    model: str = Field(min_length=1, description="Who answers.")

    def fits(self, task_type: str, complexity: Complexity, tier: Tier | None) -> bool:
        """Whether the row is about such a call."""
        return (
            self.task_type in (None, task_type)
            and self.complexity in (None, complexity)
            and (self.tier is None or self.tier is tier)
        )


def route(routes: Iterable[Route], task_type: str, complexity: Complexity, tier: Tier | None) -> str | None:
    """The model of the first row that fits; None where none does."""
    return next((row.model for row in routes if row.fits(task_type, complexity, tier)), None)


def stronger_than(model: str, ladder: tuple[str, ...]) -> tuple[str, ...]:
    """The models above this one; none for a model that stands on no rung."""
    return ladder[ladder.index(model) + 1 :] if model in ladder else ()
