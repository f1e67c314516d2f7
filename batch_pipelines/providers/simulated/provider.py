"""The simulated provider as an engine uses it: the vendor's own client, talking to a server on loopback."""

from __future__ import annotations

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic import AnthropicProvider
from batch_pipelines.providers.base import Completion, CompletionRequest
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
        self._adapter = AnthropicProvider(KEY, url, max_connections)

    async def check(self) -> None:
        """One free call that proves that the server answers; raises ProviderError."""
        await self._adapter.check()

    async def complete(self, request: CompletionRequest) -> Completion:
        """Ask once; raises ProviderError."""
        return await self._adapter.complete(request)

    async def close(self) -> None:
        """Give connections back, and end the server if it is ours."""
        await self._adapter.close()
        if self._process is not None:
            self._process.stop()
