"""Requests and tokens per minute, shared by every process through the ledger (requirement D3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.ledger.limits import LimitKind

Take = Callable[[str, Mapping[LimitKind, int], Mapping[LimitKind, int], datetime], float]

UNAVAILABLE_SECONDS = 1.0
"""How long to wait for a ledger that is away; who gives up, and when, is decided where the lease is renewed."""


class Limiter(Protocol):
    """Says when a call may start."""

    async def admit(self, expected: TokenProfile) -> None:
        """Returns when a call of about this size fits under the limits.

        Raises InvalidInput for one that never will. May be cancelled.
        """


class NoLimits:
    """No limit is set: every call may start at once."""

    async def admit(self, expected: TokenProfile) -> None:
        return


class SharedLimits:
    """Token buckets in the ledger; every call takes what it is expected to use before it starts.

    Belongs to one event loop. Calls are admitted in the order in which they came, and only the first asks the ledger.
    """

    def __init__(
        self, take: Take, scope: str, per_minute: Mapping[LimitKind, int], clock: Callable[[], datetime]
    ) -> None:
        self._take = take
        self._scope = scope
        self._per_minute = per_minute
        self._clock = clock
        self._turn = asyncio.Lock()

    async def admit(self, expected: TokenProfile) -> None:
        sizes = {
            LimitKind.REQUESTS: 1,
            LimitKind.INPUT_TOKENS: expected.input_tokens,
            LimitKind.OUTPUT_TOKENS: expected.output_tokens,
        }
        amounts = {kind: sizes[kind] for kind in self._per_minute}
        async with self._turn:
            while wait := await self._wait_for(amounts):
                await asyncio.sleep(wait)

    async def _wait_for(self, amounts: Mapping[LimitKind, int]) -> float:
        """0 where the amounts were taken, else the seconds after which to ask again."""
        try:
            return await asyncio.to_thread(self._take, self._scope, amounts, self._per_minute, self._clock())
        except LedgerUnavailable:
            return UNAVAILABLE_SECONDS
