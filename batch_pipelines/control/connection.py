"""Chooses the provider that the settings ask for, and proves before a job is made that it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from batch_pipelines.domain.errors import ErrorCategory, InvalidInput, ProviderError
from batch_pipelines.domain.pipeline import MOST_CONCURRENCY
from batch_pipelines.providers.base import Provider
from batch_pipelines.settings import ProviderName, Settings


def connector(settings: Settings) -> Callable[[], Provider]:
    """How an engine gets its provider; raises InvalidInput where a setting is missing."""
    key = None if settings.provider is ProviderName.SIMULATED else _key(settings)

    def connect() -> Provider:
        # The SDK takes a second to import, and only processes that make calls need it.
        from batch_pipelines.providers.anthropic import AnthropicProvider
        from batch_pipelines.providers.simulated.provider import SimulatedProvider

        if key is None:
            return SimulatedProvider(settings.simulated_url, MOST_CONCURRENCY)
        return AnthropicProvider(key, settings.anthropic_base_url, MOST_CONCURRENCY)

    return connect


def check_provider(settings: Settings) -> None:
    """One free call where a provider already runs; raises InvalidInput naming the setting to mend."""
    connect = connector(settings)
    if settings.provider is ProviderName.SIMULATED and settings.simulated_url is None:
        return
    try:
        # In a thread of its own: the caller may stand in an event loop, as Dagster's steps do.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(lambda: asyncio.run(_check(connect))).result()
    except ProviderError as error:
        raise _explained(error, settings) from None


async def _check(connect: Callable[[], Provider]) -> None:
    provider = connect()
    try:
        await provider.check()
    finally:
        await provider.close()


def _key(settings: Settings) -> str:
    if settings.anthropic_api_key is None or not settings.anthropic_api_key.get_secret_value():
        remedy = "set it, or set BATCH_PIPELINES_PROVIDER=simulated"
        raise InvalidInput("ANTHROPIC_API_KEY", None, "is missing", remedy)
    return settings.anthropic_api_key.get_secret_value()


def _explained(error: ProviderError, settings: Settings) -> InvalidInput:
    """The setting that is to blame for a provider that cannot be used."""
    is_real = settings.provider is ProviderName.ANTHROPIC
    if is_real and error.category in (ErrorCategory.AUTHENTICATION, ErrorCategory.PERMISSION):
        return InvalidInput("ANTHROPIC_API_KEY", "(set)", f"is not accepted: {error.message}", "set a valid key")
    address = settings.anthropic_base_url or "(the provider's own address)"
    remedy = "correct or unset it, or start a server there (`batch-pipelines simulate --port N`)"
    return InvalidInput("ANTHROPIC_BASE_URL", address, f"cannot be used: {error.message}", remedy)
