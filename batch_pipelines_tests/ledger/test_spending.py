"""Where the money of a job went."""

from __future__ import annotations

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import make_plan, start_items, start_job


def test_every_cent_is_in_one_place(ledger: Ledger) -> None:
    """Finished and unfinished phases of completed, failed and half-done items are all there, and are the total (E3)."""
    tiers = (Tier.TEMPLATE, Tier.TEMPLATE, Tier.SCENARIO, None)
    items = tuple(item.model_copy(update={"tier": tier}) for item, tier in zip(make_plan(4).items, tiers, strict=True))
    rows = start_job(ledger, items=4, **{"items": items}) if False else start_job(ledger, 4)
    start_items(ledger, rows)
