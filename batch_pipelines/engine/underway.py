"""A batch job under way in this process: its session and what keeps it going, from the first phase to the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random

from batch_pipelines.domain.job import BatchJob
from batch_pipelines.engine.caller import Caller
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.purse import Purse
from batch_pipelines.engine.session import Session
from batch_pipelines.engine.share import Share
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger


class Underway:
    """A session, the checkpoints it writes to and the share it lives on; made and ended on the engine's event loop.

    `holder` names it among everything that holds a lease. `unknown_usd` is what earlier calls of unknown cost may
    have cost.
    """

    def __init__(
        self,
        ledger: Ledger,
        job: BatchJob,
        run_id: str,
        holder: str,
        worked_seconds: float,
        unknown_usd: Decimal,
        caller: Caller,
        limiter: Limiter,
        clock: Callable[[], datetime],
        random: Random,
    ) -> None:
        self.phases = 0
        """Phases of partitions that are being run."""
        self.ending: asyncio.Task[None] | None = None
        """Set from the moment on when the last of them is over."""
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._checkpoints = Checkpoints(
            lambda group: ledger.record(job.id, group),
            job.options.checkpoint_frequency,
            self._on_written,
            self._on_unwritten,
        )
        self.session = Session(job, caller, limiter, self._checkpoints, Purse(unknown_usd), clock, random, self._tell)
        self._share = Share(self.session, self._checkpoints, ledger, holder, run_id, worked_seconds, random)
        self._keeper = self._loop.create_task(self._share.keep())
        self._keeper.add_done_callback(self._after_keeper)

    async def end(self) -> None:
        """Let calls in flight finish, make all news durable, and give the share back."""
        await self.session.drained()
        self._share.stop()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await asyncio.to_thread(self._checkpoints.close)
        await self._share.release()

    def _tell(self, kind: RequestKind, reason: str) -> asyncio.Future[None]:
        """Tell every process of the run, through the ledger, that the batch job drains."""
        return self._loop.run_in_executor(
            None, lambda: self._ledger.request(self.session.job.id, kind, by="engine", reason=reason)
        )

    def _on_written(self, calls: int) -> None:
        """On the checkpoints' thread: these calls need their slots no longer."""
        self._loop.call_soon_threadsafe(self.session.free, calls)

    def _on_unwritten(self, error: BaseException) -> None:
        """On the checkpoints' thread: what finishes from now on would be lost."""
        reason = f"results cannot be written: {error}"
        self._loop.call_soon_threadsafe(self.session.halt, RequestKind.PAUSE, reason)

    def _after_keeper(self, keeper: asyncio.Task[None]) -> None:
        """Without its keeper a session may start nothing: whoever waits for it must not wait for ever."""
        if not keeper.cancelled() and (error := keeper.exception()):
            self.session.halt(RequestKind.STOP, f"the engine failed: {error!r}")
