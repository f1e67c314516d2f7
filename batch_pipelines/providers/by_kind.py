"""One provider for prompts and another for embeddings, as if they were one."""

from __future__ import annotations

from batch_pipelines.providers.base import Completion, EmbeddingRequest, Provider, Request


class ProviderByKind:
    """Implements `providers.base.Provider`; both parts are closed with it."""

    def __init__(self, completions: Provider, embeddings: Provider) -> None:
        self._completions = completions
        self._embeddings = embeddings

    async def check(self) -> None:
        """One free call to each; raises ProviderError of the first that cannot be used."""
        await self._completions.check()
        await self._embeddings.check()

    async def complete(self, request: Request) -> Completion:
        """Ask once, whoever serves this kind of request; raises ProviderError."""
        provider = self._embeddings if isinstance(request, EmbeddingRequest) else self._completions
        return await provider.complete(request)

    async def close(self) -> None:
        """Give the connections of both back."""
        try:
            await self._completions.close()
        finally:
            await self._embeddings.close()
