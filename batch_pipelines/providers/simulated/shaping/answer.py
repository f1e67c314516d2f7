"""Drafts of an answer that an output schema shapes."""

from __future__ import annotations

import json
import random
from typing import Any

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.shaping.values import Filler
from batch_pipelines.providers.simulated.tasks.material import Material

LAYOUTS: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"indent": 2}, {"indent": 1})
"""How JSON may be written."""


def shaped(schema: dict[str, Any], material: Material, work: Draft | None) -> Draft:
    """JSON that fits the schema; `work` drafts what the task type answers without one."""
    filler = Filler(schema, material, work)

    def draft(source: random.Random) -> str:
        return json.dumps(filler.document(source), ensure_ascii=False, **source.choice(LAYOUTS))

    return draft
