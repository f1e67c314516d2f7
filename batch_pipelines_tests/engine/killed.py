"""A process that works on a batch job until it is killed; its arguments are ledger, journals and server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.engine.samples import drive, make_engine, utc_now


def main(ledger_url: str, journals: str, server_url: str) -> None:
    """Take the job through its phases."""
    with Ledger.open(ledger_url, utc_now) as ledger, make_engine(ledger, Path(journals), server_url) as engine:
        asyncio.run(drive(ledger, engine))


if __name__ == "__main__":
    main(*sys.argv[1:])
