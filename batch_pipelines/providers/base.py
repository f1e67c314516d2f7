"""What the engine asks of whoever serves models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from batch_pipelines.domain.limits import LimitReading
from batch_pipelines.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One call: a system prompt, one user message, and bounds."""

    model: str
    system: str | None
    prompt: str
    max_tokens: int
    timeout_seconds: float
    output_schema: dict[str, Any] | None = None
    """JSON Schema that the answer is held to; None where it is free."""

    @property
    def sent_bytes(self) -> int:
        """Of its texts, in UTF-8."""
        return len((self.system or "").encode()) + len(self.prompt.encode())


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """One call that turns a text into a vector."""

    model: str
    text: str
    timeout_seconds: float
    max_tokens: int = 0
    """Of output, of which an embedding has none."""

    @property
    def sent_bytes(self) -> int:
        """Of its text, in UTF-8."""
        return len(self.text.encode())


Request = CompletionRequest | EmbeddingRequest


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer that arrived whole, whatever its stop reason; it is billed."""

    text: str
    """The answer; of an embedding the vector, as a JSON list of numbers."""
    model: str
    stop_reason: str | None
    usage: Usage
    request_id: str | None
    simulated: bool
    """Whether the server said that it is a simulation."""
    limits: tuple[LimitReading, ...] = ()
    """What the server said about its limits."""


class Provider(Protocol):
    """Somebody who answers prompts. Calls run concurrently on one event loop; nothing is retried inside."""

    async def check(self) -> None:
        """One free call that proves address and key; raises ProviderError."""

    async def complete(self, request: Request) -> Completion:
        """Ask once, within the request's time; raises ProviderError with the category of what went wrong.

        That is INVALID_REQUEST for a kind of request that it does not serve.
        """

    async def close(self) -> None:
        """Give connections back."""
