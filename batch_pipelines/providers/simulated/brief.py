"""What a prompt asks a conversation to be about, read from its lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batch_pipelines.domain.pipeline import Tier

# One field a line, perhaps as a list item: "Persona: Expert", "- topic: Rain".
FIELD = re.compile(r"^[ \t>*#-]*(tier|persona|emotion|topic)[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Brief:
    """Fields that a prompt states; None for one that it does not."""

    tier: Tier | None
    persona: str | None
    emotion: str | None
    topic: str | None

    @property
    def asks_for_conversation(self) -> bool:
        """Whether it is a known tier's conversation, or says at least who speaks and about what."""
        return self.tier is not None or (self.persona is not None and self.topic is not None)


def brief_of(text: str) -> Brief:
    """The first statement of each field in `text`; a tier of another name counts as none."""
    fields: dict[str, str] = {}
    for name, value in FIELD.findall(text):
        if value.strip():
            fields.setdefault(name.lower(), " ".join(value.split()))
    return Brief(tier_named(fields.get("tier")), fields.get("persona"), fields.get("emotion"), fields.get("topic"))


def tier_named(value: str | None) -> Tier | None:
    """The tier of this name, however it is written; None for another name."""
    name = re.sub(r"[\s-]+", "_", (value or "").lower())
    return Tier(name) if name in set(Tier) else None
