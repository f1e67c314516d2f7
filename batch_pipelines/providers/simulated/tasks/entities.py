"""Entities: the names in a text by kind, a line each."""

from __future__ import annotations

import random

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.names import NameKind

HEADINGS = {NameKind.PERSON: "People", NameKind.PLACE: "Places", NameKind.ORGANISATION: "Organisations"}
FEWEST, MOST = 6, 12


def entities(material: Material) -> Draft:
    """`People: ...`, `Places: ...`, `Organisations: ...`, and `Terms: ...` for what is no name."""

    def draft(source: random.Random) -> str:
        most = source.randint(FEWEST, MOST)
        lines = [f"{heading}: {'; '.join(material.named(kind)[:most]) or 'none'}" for kind, heading in HEADINGS.items()]
        return "\n".join([*lines, f"Terms: {'; '.join(material.subjects[:most])}"])

    return draft
