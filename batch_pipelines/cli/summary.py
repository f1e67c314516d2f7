"""A batch job as people read it: its status, and how it ended against its estimate."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from batch_pipelines.cli.output import (
    UNKNOWN,
    milliseconds,
    percent,
    seconds,
    simulated_mark,
    status_text,
    usd,
)
from batch_pipelines.control.status import JobStatusView
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
