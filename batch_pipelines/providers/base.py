"""What the engine asks of whoever serves models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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

    @property
    def sent_bytes(self) -> int:
        """Of its texts, in UTF-8."""
        return len((self.system or "").encode()) + len(self.prompt.encode())


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer that arrived whole, whatever its stop reason; it is billed."""

    text: str
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

    async def complete(self, request: CompletionRequest) -> Completion:
        """Ask once, within the request's time; raises ProviderError with the category of what went wrong."""

    async def close(self) -> None:
        """Give connections back."""
