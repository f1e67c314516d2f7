"""The simulated provider as an engine uses it: the real adapters, talking to a server on loopback."""

from __future__ import annotations

import asyncio

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic import AnthropicProvider, utc_now
from batch_pipelines.providers.base import Completion, Request
from batch_pipelines.providers.by_kind import ProviderByKind
from batch_pipelines.providers.embeddings import EmbeddingsProvider
from batch_pipelines.providers.simulated.process import SimulatedProcess, is_simulated

KEY = "simulated"
"""Sent in place of a key, so that a real one never leaves for a simulation."""


class SimulatedProvider:
    """Implements `providers.base.Provider` over the server at `url`, or over a server of its own when that is None.

    A server of its own starts here and ends with `close`, or with this process however that ends. Raises ProviderError
    for a `url` where no simulation answers: any other server might spend money.
    """

    def __init__(self, url: str | None, max_connections: int) -> None:
        self._process: SimulatedProcess | None = None
        if url is None:
            self._process = SimulatedProcess()
            self._process.start()
            url = self._process.url
        elif not is_simulated(url):
            message = f"{url} is not a simulated provider; set BATCH_PIPELINES_PROVIDER=anthropic to use it"
            raise ProviderError(ErrorCategory.PERMISSION, message)
        self._adapter = ProviderByKind(
            AnthropicProvider(KEY, url, max_connections),
            EmbeddingsProvider(url, KEY, max_connections, now=utc_now),
        )

    async def check(self) -> None:
        """One free call of each kind that proves that the server answers; raises ProviderError."""
        await self._adapter.check()

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError."""
        return await self._adapter.complete(request)

    async def close(self) -> None:
        """Give connections back, and end the server if it is ours."""
        await self._adapter.close()
        if self._process is not None:
            self._process.stop()


class SimulatedEmbeddings:
    """Simulated vectors beside real answers, from a server of its own that starts with the first text to embed.

    Implements `providers.base.Provider`. Most pipelines embed nothing, and should not wait for a process.
    """

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._started: SimulatedProvider | None = None
        self._starting = asyncio.Lock()

    async def check(self) -> None:
        """Nothing runs yet that could be asked."""

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError, CONNECTION where the server cannot be started."""
        async with self._starting:
            if self._started is None:
                # In a thread, as it blocks until the new process listens.
                self._started = await asyncio.to_thread(SimulatedProvider, None, self._max_connections)
        return await self._started.complete(request)

    async def close(self) -> None:
        """Give connections back, and end the server if it was started."""
        if self._started is not None:
            await self._started.close()
