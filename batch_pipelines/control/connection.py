"""Chooses the provider that the settings ask for, and proves before a job is made that it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from batch_pipelines.domain.errors import ErrorCategory, InvalidInput, ProviderError
from batch_pipelines.domain.pipeline import MOST_CONCURRENCY, Pipeline
from batch_pipelines.providers.base import Provider
from batch_pipelines.settings import EmbeddingsProviderName, ProviderName, Settings


def connector(settings: Settings) -> Callable[[], Provider]:
    """How an engine gets its provider; raises InvalidInput where a setting is missing."""
    if settings.provider is ProviderName.SIMULATED:
        return lambda: _simulated(settings)
    completions, embeddings = _completions(settings), _embeddings(settings)

    def connect() -> Provider:
        from batch_pipelines.providers.by_kind import ProviderByKind  # late for the reason given in `_simulated`

        return ProviderByKind(completions(), embeddings())

    return connect


def check_provider(settings: Settings) -> None:
    """One free call where a provider already runs; raises InvalidInput naming the setting to mend."""
    connect = connector(settings)
    if settings.provider is ProviderName.ANTHROPIC:
        _prove(_completions(settings), lambda error: _explained(error, settings))
        _prove(_embeddings(settings), lambda error: _explained_embeddings(error, settings))
    elif settings.simulated_url is not None:
        _prove(connect, lambda error: _explained(error, settings))


def check_provider_for(pipeline: Pipeline, settings: Settings) -> None:
    """The same, unless the pipeline calls nobody."""
    if pipeline.calls_models:
        check_provider(settings)


def _simulated(settings: Settings) -> Provider:
    # The SDK takes a second to import, and only processes that make calls need it.
    from batch_pipelines.providers.simulated.provider import SimulatedProvider

    return SimulatedProvider(settings.simulated_url, MOST_CONCURRENCY)


def _completions(settings: Settings) -> Callable[[], Provider]:
    """Who answers prompts for money; raises InvalidInput where the key is missing."""
    key = _key(settings)

    def connect() -> Provider:
        from batch_pipelines.providers.anthropic import AnthropicProvider  # late for the reason given in `_simulated`

        return AnthropicProvider(key, settings.anthropic_base_url, MOST_CONCURRENCY)

    return connect


def _embeddings(settings: Settings) -> Callable[[], Provider]:
    """Who turns texts into vectors beside real answers; raises InvalidInput where the address is missing."""
    if settings.embeddings_provider is EmbeddingsProviderName.SIMULATED:
        return _simulated_embeddings
    url, key = settings.embeddings_url, settings.embeddings_api_key
    if url is None:
        remedy = "set the address of a server with /v1/embeddings, or unset BATCH_PIPELINES_EMBEDDINGS_PROVIDER"
        raise InvalidInput("BATCH_PIPELINES_EMBEDDINGS_URL", None, "is missing", remedy)

    def connect() -> Provider:
        from batch_pipelines.providers.embeddings import EmbeddingsProvider  # with aiohttp; late as in `_simulated`

        secret = key.get_secret_value() if key else None
        return EmbeddingsProvider(url, secret, MOST_CONCURRENCY, now=lambda: datetime.now(UTC))

    return connect


def _simulated_embeddings() -> Provider:
    from batch_pipelines.providers.simulated.provider import SimulatedEmbeddings  # late for the reason above

    return SimulatedEmbeddings(MOST_CONCURRENCY)


def _prove(connect: Callable[[], Provider], explained: Callable[[ProviderError], InvalidInput]) -> None:
    """Make the provider and let it check itself; raises what `explained` makes of its error."""
    try:
        # In a thread of its own: the caller may stand in an event loop, as Dagster's steps do.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(lambda: asyncio.run(_check(connect))).result()
    except ProviderError as error:
        raise explained(error) from None


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


def _explained_embeddings(error: ProviderError, settings: Settings) -> InvalidInput:
    """The setting that is to blame for a server of embeddings that cannot be used."""
    if error.category in (ErrorCategory.AUTHENTICATION, ErrorCategory.PERMISSION):
        shown = "(set)" if settings.embeddings_api_key else None
        problem = f"is not accepted: {error.message}" if shown else f"is missing: {error.message}"
        return InvalidInput("BATCH_PIPELINES_EMBEDDINGS_API_KEY", shown, problem, "set a valid key")
    problem = f"cannot be used: {error.message}"
    remedy = "correct it, or unset BATCH_PIPELINES_EMBEDDINGS_PROVIDER"
    return InvalidInput("BATCH_PIPELINES_EMBEDDINGS_URL", settings.embeddings_url, problem, remedy)
