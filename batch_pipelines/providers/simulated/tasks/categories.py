"""Categories: the one of those offered that fits the text best."""

from __future__ import annotations

import random

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material


def categorization(material: Material) -> Draft:
    """The category alone; without an offer the text's first subject."""
    options = material.offered
    fitting = material.best_fit(options)

    def draft(source: random.Random) -> str:
        if not options:
            return material.subjects[0].capitalize()
        return fitting or source.choice(options)

    return draft
