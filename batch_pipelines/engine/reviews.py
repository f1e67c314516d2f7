"""Looks answers over in threads of its own, as checks are somebody's code and may take their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.engine.checking import Problems, look_over
from batch_pipelines.engine.work import Call
from batch_pipelines.quality.checks import has_checks

THREADS = 4


class Reviews:
    """Checks that are under way; belongs to one event loop.

    `then` is told the problems that were found in a call's pending answer, or why nobody can tell; None where nobody
    waits for it any more.
    """

    def __init__(self, then: Callable[[Call, Problems | ProviderError | None], None]) -> None:
        self._then = then
        self._tasks: set[asyncio.Task[Problems | ProviderError]] = set()
        self._threads: ThreadPoolExecutor | None = None

    def begin(self, call: Call) -> None:
        """Look the call's pending answer over; one without checks, or that a judge has seen, passed them."""
        pending = call.trial.pending
        assert pending is not None, "only an answer that waits is reviewed"
        if pending.verdicts or not has_checks(call.run.phase):
            self._then(call, ())
            return
        task = asyncio.get_running_loop().create_task(self._problems(call, pending.text))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._after(call, ended))

    @property
    def are_under_way(self) -> bool:
        """Whether any is."""
        return bool(self._tasks)

    async def ended(self) -> None:
        """Returns when none is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def abandon(self) -> None:
        """Wait for none of them."""
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Give the threads back; each waits for its checks only so long."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _problems(self, call: Call, answer: str) -> Problems | ProviderError:
        self._threads = self._threads or ThreadPoolExecutor(THREADS, thread_name_prefix="reviews")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, look_over, call.run.phase, answer, call.item.parameters)

    def _after(self, call: Call, task: asyncio.Task[Problems | ProviderError]) -> None:
        self._tasks.discard(task)
        try:
            found: Problems | ProviderError | None = task.result()
        except asyncio.CancelledError:
            found = None
        except Exception as error:  # noqa: BLE001  # whatever it is, nobody may wait for ever
            found = ProviderError(ErrorCategory.INTERNAL, f"the checks could not be run: {error!r}")
        self._then(call, found)
