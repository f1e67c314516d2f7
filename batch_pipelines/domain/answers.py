"""Answers that are kept, so that an equal request need not be paid for again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from batch_pipelines.domain.trial import Assessment
from batch_pipelines.domain.usage import Usage

TEMPLATES: Final = "templates"
"""The part that only explains: equal requests from different templates have equal answers."""


class AnswerCache(StrEnum):
    """What a batch job does with kept answers."""

    OFF = "off"
    """Every call is made, and no answer is kept."""
    READ = "read"
    """A call whose answer is kept is not made."""
    READ_WRITE = "read_write"
    """The same, and new answers are kept."""


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """Everything that an answer depends on, as digests."""

    digest: str
    """SHA-256 over all parts but TEMPLATES, in hexadecimal."""
    parts: tuple[tuple[str, str], ...]
    """(name, digest) of each part, so that a miss can be explained. A part that a request does not have is absent."""

    def differing_parts(self, other: AnswerKey) -> tuple[str, ...]:
        """Names of the parts in which the two differ, in their order; one that only one of them has counts."""
        mine, theirs = dict(self.parts), dict(other.parts)
        return tuple(name for name in mine | theirs if mine.get(name) != theirs.get(name))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that was accepted before."""

    key: AnswerKey
    output: str
    model: str
    """That answered."""
    simulated: bool
    usage: Usage
    """Tokens it took when it was bought."""
    cost_usd: Decimal
    """What it cost then, which is what using it again saves."""
    kept_at: datetime
    assessment: Assessment | None = None
    """What was found out about it, where the phase was validated."""
