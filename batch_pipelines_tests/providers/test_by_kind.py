"""Two providers as one."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.base import Completion, CompletionRequest, EmbeddingRequest, Request
from batch_pipelines.providers.by_kind import ProviderByKind
from batch_pipelines_tests.providers.conftest import Connect

PROMPT = CompletionRequest("m", None, "Hello", 10, 1.0)
TEXT = EmbeddingRequest("e", "hello", 1.0)


class Noted:
    """Notes what is done with it."""

    def __init__(self, name: str, problem: str | None = None) -> None:
        self.name = name
        self.problem = problem
        self.done: list[str] = []

    async def check(self) -> None:
        self.done.append("check")

    async def complete(self, request: Request) -> Completion:
        return Completion(self.name, request.model, None, Usage(), None, simulated=False)

    async def close(self) -> None:
        self.done.append("close")
        if self.problem:
            raise OSError(self.problem)


async def test_each_kind_of_request_has_its_provider() -> None:
    """And both are checked and closed."""
    first, second = Noted("prompts"), Noted("vectors")
    both = ProviderByKind(first, second)

    await both.check()
    texts = [(await both.complete(request)).text for request in (PROMPT, TEXT)]
    await both.close()

    assert texts == ["prompts", "vectors"]
    assert first.done == second.done == ["check", "close"]


async def test_a_provider_that_cannot_be_closed_leaves_no_other_open() -> None:
    """The error is not lost either."""
    first, second = Noted("prompts", "no"), Noted("vectors")

    with pytest.raises(OSError, match="no"):
        await ProviderByKind(first, second).close()

    assert second.done == ["close"]


async def test_the_messages_api_makes_no_vectors(connect: Connect) -> None:
    """It says what to set, before anything is sent."""
    with pytest.raises(ProviderError, match="BATCH_PIPELINES_EMBEDDINGS_PROVIDER") as caught:
        await connect("http://127.0.0.1:9").complete(TEXT)

    assert caught.value.category is ErrorCategory.INVALID_REQUEST
