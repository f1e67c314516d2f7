"""Conversations, as the brief in the prompt asks for them."""

from __future__ import annotations

from batch_pipelines.providers.simulated.brief import Brief, tier_named
from batch_pipelines.providers.simulated.conversation import converse
from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material


def conversation(material: Material) -> Draft:
    """A line for each turn; what the prompt does not say of it is taken from its data, the topic at last from both."""
    stated, told = material.request.brief, material.fields
    brief = Brief(
        stated.tier or tier_named(told.get("tier")),
        stated.persona or told.get("persona"),
        stated.emotion or told.get("emotion"),
        stated.topic or told.get("topic") or " and ".join(material.subjects[:2]),
    )
    return lambda source: converse(brief, source)
