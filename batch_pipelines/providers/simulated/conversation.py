"""Conversations that read like real ones, made from phrases by chance that repeats."""

from __future__ import annotations

import random
import re

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.providers.simulated import phrases
from batch_pipelines.providers.simulated.brief import Brief
from batch_pipelines.providers.simulated.circumstances import CIRCUMSTANCES, LIMITS

ASSISTANT = "Assistant"
OTHER_ASSISTANT = "Advisor"
"""The second speaker where the persona is called Assistant already."""

PLANS: dict[Tier, tuple[phrases.Move, ...]] = {
    Tier.TEMPLATE: (
        phrases.OPENING,
        phrases.PROBE,
        phrases.DETAIL,
        phrases.ADVICE,
        phrases.FOLLOW_UP,
        phrases.CLARIFY,
        phrases.CONFIRM,
        phrases.CLOSING,
    ),
    Tier.SCENARIO: (
        phrases.OPENING,
        phrases.PROBE,
        phrases.DETAIL,
        phrases.ADVICE,
        phrases.TWIST,
        phrases.REASSESS,
        phrases.CONCERN,
        phrases.RECOMMEND,
        phrases.ACCEPT,
        phrases.CLOSING,
    ),
    Tier.EDGE_CASE: (
        phrases.OPENING,
        phrases.PROBE,
        phrases.DETAIL,
        phrases.ADVICE,
        phrases.PRESSURE,
        phrases.BOUNDARY,
        phrases.INSIST,
        phrases.STAND_FIRM,
        phrases.WORRY,
        phrases.ALTERNATIVE,
        phrases.ACCEPT,
        phrases.CLOSING,
    ),
}
"""What the two speakers do in turn, the persona first (requirement B6)."""


def converse(brief: Brief, source: random.Random) -> str:
    """A conversation, a line for each turn: `speaker: what is said`; the speakers alternate, the persona begins."""
    persona = _plain(brief.persona or "Customer")
    slots = _slots(brief, persona, source)
    names = (_label(persona), OTHER_ASSISTANT if persona.lower() == ASSISTANT.lower() else ASSISTANT)
    plan = PLANS[brief.tier or Tier.TEMPLATE]
    return "\n".join(f"{names[turn % 2]}: {_said(move, slots, source)}" for turn, move in enumerate(plan))


def _slots(brief: Brief, persona: str, source: random.Random) -> dict[str, str]:
    """Every slot with its words; those that may open a sentence also with a capital."""
    slots = {
        "persona": persona,
        "emotion": _within_sentence(_plain(brief.emotion or "calm")),
        "topic": _within_sentence(_plain(brief.topic or "an open question")),
    }
    slots |= {name: source.choice(options) for name, options in CIRCUMSTANCES.items()}
    slots["your_other"] = re.sub(r"^my\b", "your", slots["other"])
    slots |= source.choice(LIMITS)
    return slots | {name.capitalize(): text[:1].upper() + text[1:] for name, text in slots.items()}


def _said(move: phrases.Move, slots: dict[str, str], source: random.Random) -> str:
    return " ".join(source.choice(pool).format_map(slots) for pool in move)


def _plain(text: str) -> str:
    """Words that can stand within a sentence: one line, no punctuation at the end."""
    return " ".join(text.split()).rstrip(".!?,;: ") or "something"


def _label(persona: str) -> str:
    """A speaker's name; a colon inside would end it early."""
    return re.sub(r"\s*:\s*", " - ", persona)


def _within_sentence(text: str) -> str:
    """Without the capital of a heading: "Late delivery" becomes "late delivery", "NASA" and "New York" stay."""
    first, _, rest = text.partition(" ")
    is_heading = first[:1].isupper() and first[1:] == first[1:].lower() and not any(char.isupper() for char in rest)
    return text[:1].lower() + text[1:] if is_heading else text
