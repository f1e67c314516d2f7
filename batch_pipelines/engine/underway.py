"""A batch job under way in this process: its session and what keeps it going, from the first phase to the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from batch_pipelines.domain.job import BatchJob
from batch_pipelines.engine.caller import Caller
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.journal import Journal
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.session import Session
from batch_pipelines.engine.share import Share
from batch_pipelines.engine.turns import Turns
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all batch jobs of one engine have in common."""

    ledger: Ledger
    journals: Path
    """The folder of journals."""
    limiter: Limiter
    turns: Turns
    clock: Callable[[], datetime]
    random: Random
    is_alone: bool
    """Whether no other process runs phases of the same batch jobs."""


class Underway:
    """A session, the journal and the checkpoints it writes to, and the share it lives on; lives on the engine's loop.

    `holder` names it among everything that holds a lease. Raises JournalUnavailable.
    """

    def __init__(
        self, around: Surroundings, job: BatchJob, run_id: str, holder: str, worked_seconds: float, caller: Caller
    ) -> None:
        self.phases = 0
        """Phases of partitions that are being run."""
        self.ending: asyncio.Task[None] | None = None
        """Set from the moment on when the last of them is over."""
        self._ledger = around.ledger
        self._turns = around.turns
        self._loop = asyncio.get_running_loop()
        self._journal = Journal(around.journals, job.id, holder)
        self._checkpoints = Checkpoints(
            lambda group: around.ledger.record(job.id, group),
            job.options.checkpoint_frequency,
            self._on_written,
            self._on_unwritten,
        )
        self.session = Session(
            job,
            caller,
            around.limiter,
            self._checkpoints,
            self._journal,
            around.clock,
            around.random,
            self._tell,
            around.turns.take,
            is_alone=around.is_alone,
        )
        around.turns.join(self.session, job.priority)
        self._forget_room = around.limiter.on_room(around.turns.take)
        self._share = Share(
            self.session, self._checkpoints, around.ledger, holder, run_id, worked_seconds, around.random
        )
        self._keeper = self._loop.create_task(self._share.keep())
        self._keeper.add_done_callback(self._after_keeper)

    async def end(self) -> None:
        """Let calls in flight finish, write all news, and give the share back."""
        await self.session.finish()
        self._forget_room()
        self._turns.leave(self.session)
        self._share.stop()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await asyncio.to_thread(self._checkpoints.close)
        # What the last groups told the loop is known before the journal decides whether it may go.
        await asyncio.sleep(0)
        self._journal.close()
        await self._share.release()

    def _tell(self, kind: RequestKind, reason: str) -> asyncio.Future[None]:
        """Tell every process of the run, through the ledger, that the batch job drains."""
        return self._loop.run_in_executor(
            None, lambda: self._ledger.request(self.session.job.id, kind, by="engine", reason=reason)
        )

    def _on_written(self, calls: int) -> None:
        """On the checkpoints' thread: these calls are in the ledger."""
        self._loop.call_soon_threadsafe(self.session.written, calls)

    def _on_unwritten(self, error: BaseException) -> None:
        """On the checkpoints' thread: what finishes from now on stays in the journal."""
        reason = f"results cannot be written: {error}"
        self._loop.call_soon_threadsafe(self.session.halt, RequestKind.PAUSE, reason)

    def _after_keeper(self, keeper: asyncio.Task[None]) -> None:
        """Without its keeper a session may start nothing: whoever waits for it must not wait for ever."""
        if not keeper.cancelled() and (error := keeper.exception()):
            self.session.halt(RequestKind.STOP, f"the engine failed: {error!r}")
