"""Estimates a batch job under the settings in force (requirements C1-C3, C6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from batch_pipelines.control.measuring import measure
from batch_pipelines.domain.estimate import Estimate
from batch_pipelines.domain.job import Decided, Plan, PlannedItem
from batch_pipelines.domain.routing import ItemGroup
from batch_pipelines.estimation.duration import DEFAULT_REQUESTS_PER_MINUTE, DEFAULT_SECONDS_PER_CALL, Pace
from batch_pipelines.estimation.estimator import Workload, estimate
from batch_pipelines.estimation.overrides import load_overrides
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.estimation.savings import Savings
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


def estimate_plan(plan: Plan, settings: Settings, at: datetime, savings: Savings | None = None) -> Estimate:
    """The estimate of a job that does not exist yet; `savings` as `find_savings` has them. Raises UnknownPrice."""
    return estimate_items(plan, plan.groups, plan.sample, settings, at, savings)


def estimate_items(
    job: Decided,
    groups: Mapping[ItemGroup, int],
    sample: Iterable[PlannedItem],
    settings: Settings,
    at: datetime,
    savings: Savings | None,
) -> Estimate:
    """The estimate of so many items of a batch job or a plan, of which some are measured; raises UnknownPrice."""
    measured = measure(job, sample)
    workload = Workload(job.pipeline, groups, job.options.model, job.concurrency, job.budget, savings, measured)
    return estimate(workload, price_book(settings), pace(settings), at)
