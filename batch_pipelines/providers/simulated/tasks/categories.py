"""Categories: the one of those offered that fits the text best."""

from __future__ import annotations

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material


def categorization(material: Material) -> Draft:
    """The category alone, the same in every draft; without an offer the text's first subject."""
    options = material.offered
    chosen = material.best_fit(options) or (material.pick(options) if options else material.subjects[0].capitalize())
    return lambda _source: chosen
