"""Conversations, as the brief in the prompt asks for them."""

from __future__ import annotations

from batch_pipelines.providers.simulated.brief import Brief
from batch_pipelines.providers.simulated.conversation import converse
from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material


def conversation(material: Material) -> Draft:
    """A line for each turn; where the prompt names no topic, about what it speaks of most."""
    stated = material.request.brief
    brief = Brief(stated.tier, stated.persona, stated.emotion, stated.topic or " and ".join(material.subjects[:2]))
    return lambda source: converse(brief, source)
