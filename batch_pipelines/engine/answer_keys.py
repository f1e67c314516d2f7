"""Under what an answer is kept: digests of everything it depends on. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import lru_cache
from typing import Any

from batch_pipelines.domain.answers import TEMPLATES, AnswerKey
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.providers.base import Request

NOT_ANSWERED = frozenset({"timeout_seconds"})
"""Fields of a request that decide when it is given up, and nothing about its answer."""
VALIDATION = "validation"
"""The part for what an answer had to pass: one that was good enough for less is not kept for more."""
KEPT_DIGESTS = 256
"""Of templates; a pipeline has twenty at most."""


def answer_key(phase: Phase, request: Request) -> AnswerKey:
    """The key of a phase's request for an item: equal for equal requests, in every process.

    The project and whether a simulation answers are no parts of it: the ledger looks answers up by them too. What a
    request leaves out (None) is no part either, so that a new optional field leaves the keys of old answers alone.
    """
    # Taken from its class, so that a field that is added to it changes keys without anybody having to think of it.
    values = [(each.name, getattr(request, each.name)) for each in fields(request) if each.name not in NOT_ANSWERED]
    if phase.validation.enabled:
        values.append((VALIDATION, phase.validation.model_dump(mode="json")))
    parts = tuple((name, _digest(value)) for name, value in values if value is not None)
    # Digests of one length under their names, as JSON: text that moves from one part to another changes the whole.
    return AnswerKey(_digest(parts), (*parts, (TEMPLATES, _templates(phase.prompt or "", phase.system_prompt))))


@lru_cache(KEPT_DIGESTS)
def _templates(prompt: str, system_prompt: str | None) -> str:
    """The version of a phase's prompts."""
    return _digest([prompt, system_prompt])


def _digest(value: Any) -> str:
    # In ASCII, as half a character has no UTF-8.
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
