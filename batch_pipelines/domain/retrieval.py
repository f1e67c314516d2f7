"""Passages of a project's documents: what a phase asks for, and what it got (requirement B8)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MOST_PASSAGES = 20


class Retrieval(BaseModel):
    """Which passages go into a phase's prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passages: int = Field(default=5, ge=1, le=MOST_PASSAGES, description="How many at most.")
    query: str | None = Field(
        default=None,
        description="Jinja template of what to look for, with the variables of a prompt; default: the item's texts.",
    )
    sources: tuple[str, ...] = Field(
        default=(), description="Only documents whose source fits one of these patterns, as `characters/*`."
    )
    vectors_from: str | None = Field(
        default=None,
        description="An earlier phase of task type `embedding_generation` whose vector is compared with those of the "
        "passages; default: a search by words.",
    )


class Passage(BaseModel):
    """A piece of a document, as it goes into a prompt."""

    model_config = ConfigDict(frozen=True)

    source: str
    """Of its document: a path or a name."""
    position: int
    """Its place in the document, from 0."""
    text: str
    score: float
    """How well it fits what was looked for; higher is better, comparable within one search."""

    @property
    def reference(self) -> Source:
        """Where it stands, without its text."""
        return Source(source=self.source, position=self.position, score=round(self.score, 4))


class Source(BaseModel):
    """Where a passage stands that an output rests on."""

    model_config = ConfigDict(frozen=True)

    source: str
    position: int
    score: float
