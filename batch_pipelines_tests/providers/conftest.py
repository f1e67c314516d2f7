"""A simulated provider in this process, and adapters that talk to it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from batch_pipelines.providers.anthropic import AnthropicProvider
from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.request_log import RequestLog
from batch_pipelines.providers.simulated.server import SimulatedServer, start

Serve = Callable[..., Awaitable[str]]
Connect = Callable[..., AnthropicProvider]
Ask = Callable[..., CompletionRequest]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server of its own in the test's event loop; takes fields of SimulatedConfig, returns the address."""
    runners = []
    numbers = itertools.count(1)

    async def start_one(**fields: Any) -> str:
        config = SimulatedConfig(**{"latency_mean_seconds": 0, **fields})
        server = SimulatedServer(config, RequestLog(), f"test{next(numbers)}")
        runner, url = await start(server.app(), 0, shutdown_seconds=0.1)
        runners.append(runner)
        return url

    yield start_one
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes adapters for an address, and closes them."""
    providers = []

    def connect_one(url: str, api_key: str = "sk-test-key") -> AnthropicProvider:
        providers.append(AnthropicProvider(api_key, url, 10))
        return providers[-1]

    yield connect_one
    for provider in providers:
        await provider.close()


@pytest.fixture
def ask() -> Ask:
    """Makes requests; every field has a default."""

    def request(prompt: str = "Say something about rain.", **fields: Any) -> CompletionRequest:
        defaults: dict[str, Any] = {"system": None, "max_tokens": 8000, "timeout_seconds": 10.0}
        return CompletionRequest(model="claude-sonnet-5-5", prompt=prompt, **{**defaults, **fields})

    return request
