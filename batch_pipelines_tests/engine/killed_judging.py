"""A process that works on a validated batch job until it kills itself in the middle of judgements.

Its arguments are ledger, journals, server, how many judgements it gets, and whether it dies `before` the next is asked
for or `after` it was given.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Completion, Request
from batch_pipelines_tests.engine.samples import utc_now
from batch_pipelines_tests.engine.validated import Watched, drive, engine_with, judges


def main(ledger_url: str, journals: str, server_url: str, judgements: str, moment: str) -> None:
    """Take the job through its phases until then."""
    left = int(judgements)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def before(request: Request) -> None:
        if judges(request) and not left and moment == "before":
            die()

    def after(request: Request, completion: Completion) -> Completion:
        nonlocal left
        if judges(request):
            if not left:
                die()
            left -= 1
        return completion

    with (
        Ledger.open(ledger_url, utc_now) as ledger,
        engine_with(ledger, Path(journals), Watched(server_url, before, after)) as engine,
    ):
        asyncio.run(drive(ledger, engine))


if __name__ == "__main__":
    main(*sys.argv[1:])
