"""Watches memory and processor time of the process, and slows its batch jobs down or pauses them (requirement D7)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from batch_pipelines.domain.errors import BatchPipelinesError
from batch_pipelines.engine.resources import (
    SAMPLE_SECONDS,
    Pressure,
    PressureLevel,
    ResourceLimits,
    Sample,
    Sampler,
    Told,
    assess,
    is_news,
)
from batch_pipelines.engine.session import Session
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger


class Watch:
    """Looks every other second for as long as it runs; lives on the engine's event loop.

    `sessions` gives the batch jobs under way; each of them is told in an event what the process uses.
    """

    def __init__(
        self, ledger: Ledger, sampler: Sampler, limits: ResourceLimits, sessions: Callable[[], Iterable[Session]]
    ) -> None:
        self._ledger = ledger
        self._sampler = sampler
        self._limits = limits
        self._sessions = sessions
        self._pressure = Pressure()
        self._told: dict[str, Told] = {}
        """By batch job, until it is not under way any more."""
        self._telling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            sessions = list(self._sessions())
            if sessions:
                self._look(sessions)
            self._told = {session.job.id: self._told[session.job.id] for session in sessions}
            await asyncio.sleep(SAMPLE_SECONDS)

    def _look(self, sessions: list[Session]) -> None:
        sample = self._sampler.sample()
        self._pressure = assess(sample, self._limits, self._pressure)
        for session in sessions:
            session.press(self._pressure.slots_share)
            if self._pressure.level is PressureLevel.EXCEEDED:
                session.halt(RequestKind.PAUSE, self._pressure.reason or "")
            if is_news(sample, self._pressure, self._told.get(session.job.id)):
                self._told[session.job.id] = Told(sample.at, self._pressure.level)
                # Not waited for: a ledger that is slow is no reason to look away.
                telling = asyncio.ensure_future(self._tell(session.job.id, sample))
                self._telling.add(telling)
                telling.add_done_callback(self._telling.discard)

    async def _tell(self, batch_job_id: str, sample: Sample) -> None:
        """Write an event; a ledger that is away now gets the next one."""
        with contextlib.suppress(BatchPipelinesError):
            await asyncio.to_thread(
                self._ledger.note_resources,
                batch_job_id,
                rss_mb=sample.rss_mb,
                cpu_percent=sample.cpu_percent,
                level=self._pressure.level.value,
                reason=self._pressure.reason,
            )
