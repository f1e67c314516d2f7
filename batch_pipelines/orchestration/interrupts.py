"""Waits for the engine without being deaf to SIGTERM and to a termination from the UI (requirements A4, A5)."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

import dagster as dg
from dagster._utils.interrupts import check_captured_interrupt

from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger

T = TypeVar("T")

CHECK_SECONDS = 0.5


async def outcome_of(work: Future[T], context: dg.OpExecutionContext, ledger: Ledger, batch_job_id: str) -> T:
    """The result of `work`, which an interrupt of this process ends early by draining the batch job.

    While an executor holds several steps in one process Dagster only notes an interrupt, and leaves it to them.
    """
    waiting = asyncio.wrap_future(work)
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=CHECK_SECONDS)
        if check_captured_interrupt():
            drain(context, ledger, batch_job_id)
    return waiting.result()


def drain(context: dg.OpExecutionContext, ledger: Ledger, batch_job_id: str) -> None:
    """Ask the batch job to end early, once: a termination from the UI cancels it.

    A signal from elsewhere only means that this process has to end, and pauses it.
    """
    if ledger.open_requests(batch_job_id):
        return
    run = context.instance.get_run_by_id(context.run_id)
    # A termination that does not wait has marked the run as canceled already.
    is_terminated = run is not None and run.status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)
    kind = RequestKind.CANCEL if is_terminated else RequestKind.PAUSE
    ledger.request(batch_job_id, kind, by="dagster", reason="the run was interrupted")
