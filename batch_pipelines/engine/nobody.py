"""Who answers in batch jobs that call no model."""

from __future__ import annotations

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.base import Completion, Request


class Nobody:
    """The provider of batch jobs that call no model; implements `providers.base.Provider`."""

    async def check(self) -> None:
        """Nobody is there to be reached."""

    async def complete(self, request: Request) -> Completion:
        """Raises ProviderError: a call here is a defect."""
        raise ProviderError(ErrorCategory.INTERNAL, f"nobody answers {request.model} in a batch job without models")

    async def close(self) -> None:
        """Nothing is held."""


NOBODY = Nobody()
