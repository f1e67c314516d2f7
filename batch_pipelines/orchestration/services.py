"""The Dagster resource through which assets and ops reach the ledger, the engine and the settings."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from random import Random

import dagster as dg

from batch_pipelines.control.connection import connector
from batch_pipelines.control.estimating import price_book
from batch_pipelines.control.limits import limiter
from batch_pipelines.control.running import close_run
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.resources import ResourceLimits
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Provider
from batch_pipelines.settings import ExecutorName, Settings, load_settings


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass
class Services:
    """What a step needs; each part is made when it is first used and given back when the process is done with it."""

    settings: Settings
    _closing: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, migrated."""
        return self._closing.enter_context(Ledger.open(self.settings.ledger_url, utc_now))

    @cached_property
    def engine(self) -> Engine:
        """The engine of this process."""
        settings, ledger = self.settings, self.ledger
        return self._closing.enter_context(
            Engine(
                ledger,
                settings.journals,
                lambda: connected(settings),
                price_book(settings),
                limiter(settings, ledger, utc_now),
                utc_now,
                Random(),
                ResourceLimits(settings.max_memory_mb, settings.max_cpu_percent),
                is_alone=settings.executor is not ExecutorName.MULTIPROCESS,
            )
        )

    def close(self) -> None:
        """Close what was opened, the engine before the ledger; a batch job that this interrupts is paused."""
        if "engine" in self.__dict__:
            self.engine.close()
            for batch_job_id in self.engine.interrupted:
                # With a process for each step, the last of them to end does it.
                if not self.ledger.is_worked_on(batch_job_id):
                    close_run(self.ledger, batch_job_id)
        self._closing.close()


def connected(settings: Settings) -> Provider:
    """The provider; only asked for where somebody is called, as batch jobs that call nobody need no key."""
    provider = connector(settings)()
    # What was imported is there for good; to look through it again and again takes a tenth of a call's CPU.
    gc.collect()
    gc.freeze()
    return provider


@dg.resource(description="The ledger and the engine of this process, set up from the environment.")
def services(_: dg.InitResourceContext) -> Iterator[Services]:
    """One Services for each process that runs steps."""
    opened = Services(load_settings())
    try:
        yield opened
    finally:
        opened.close()
