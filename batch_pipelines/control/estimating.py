"""Estimates a batch job under the settings in force (requirements C1-C3, C6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from batch_pipelines.domain.estimate import Estimate
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import Pipeline, Tier
from batch_pipelines.domain.spec import Budget, Options
from batch_pipelines.estimation.duration import DEFAULT_REQUESTS_PER_MINUTE, DEFAULT_SECONDS_PER_CALL, Pace
from batch_pipelines.estimation.estimator import Workload, estimate
from batch_pipelines.estimation.overrides import load_overrides
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.providers.simulated.config import DEFAULT_LATENCY_MEAN_SECONDS
from batch_pipelines.settings import ProviderName, Settings


def price_book(settings: Settings) -> PriceBook:
    """The price book with the deployment's own prices in front; raises InvalidInput for a bad file."""
    return PriceBook(load_overrides(settings.prices_file) if settings.prices_file else ())


def pace(settings: Settings) -> Pace:
    """How fast calls go: what the settings say, else what is known of the provider."""
    simulated = settings.provider is ProviderName.SIMULATED
    seconds = DEFAULT_LATENCY_MEAN_SECONDS if simulated else DEFAULT_SECONDS_PER_CALL
    # The simulated provider has no limit of its own.
    requests = None if simulated else DEFAULT_REQUESTS_PER_MINUTE
    return Pace(
        seconds_per_call=settings.seconds_per_call or seconds,
        requests_per_minute=settings.requests_per_minute or requests,
        input_tokens_per_minute=settings.input_tokens_per_minute,
        output_tokens_per_minute=settings.output_tokens_per_minute,
    )


def estimate_plan(plan: Plan, settings: Settings, at: datetime) -> Estimate:
    """The estimate of a job that does not exist yet; raises UnknownPrice."""
    tiers = Counter(item.tier for item in plan.items)
    return estimate_items(plan.pipeline, tiers, plan.options, plan.budget, settings, at)


def estimate_items(
    pipeline: Pipeline,
    items_by_tier: Mapping[Tier | None, int],
    options: Options,
    budget: Budget,
    settings: Settings,
    at: datetime,
) -> Estimate:
    """The estimate of so many items; `options` has its concurrency decided. Raises UnknownPrice."""
    concurrency = options.concurrency or pipeline.default_concurrency
    workload = Workload(pipeline, items_by_tier, options.model, concurrency, budget)
    return estimate(workload, price_book(settings), pace(settings), at)
