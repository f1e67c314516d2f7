"""Standard output is for results, standard error for people; money and times as people read them."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from rich.console import Console

from batch_pipelines.domain.errors import BatchPipelinesError, InvalidInput
from batch_pipelines.domain.transitions import JobStatus

UNKNOWN = "-"

STATUS_STYLES: dict[JobStatus, str] = {
    JobStatus.PENDING: "cyan",
    JobStatus.RUNNING: "blue",
    JobStatus.RETRYING: "blue",
    JobStatus.PAUSED: "yellow",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "magenta",
}


def stdout() -> Console:
    """For results."""
    return Console(highlight=False)


def stderr() -> Console:
    """For messages and progress."""
    return Console(stderr=True, highlight=False)


def print_json(value: BaseModel | list[Any] | dict[str, Any]) -> None:
    """One JSON document on standard output."""
    text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def explain(error: BatchPipelinesError, *, as_json: bool) -> None:
    """An error as a sentence for people, and as a document for programs that asked for JSON."""
    sys.stderr.write(f"Error: {error}\n")
    if as_json:
        document: dict[str, Any] = {"error": str(error), "exit_code": error.exit_code}
        if isinstance(error, InvalidInput):
            document |= {"field": error.field, "value": str(error.value), "remedy": error.remedy}
        print_json(document)


def usd(amount: Decimal | None) -> str:
    """`$4.05`, with more digits for small amounts."""
    if amount is None:
        return UNKNOWN
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


def seconds(value: float | None) -> str:
    """`9.8 s`, `12 min 5 s`, `1 h 4 min`."""
    if value is None:
        return UNKNOWN
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def milliseconds(value: float | None) -> str:
    """`312 ms` or `1.84 s`."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.2f} s"


def percent(value: float | None, digits: int = 1) -> str:
    """`97.8 %`; a share must be times 100 already."""
    return UNKNOWN if value is None else f"{value:.{digits}f} %"


def status_text(status: JobStatus) -> str:
    """The status in its colour."""
    return f"[{STATUS_STYLES[status]}]{status}[/]"


def simulated_mark(simulated: bool) -> str:
    """Said wherever answers of the simulated provider are shown."""
    return " [yellow](simulated)[/]" if simulated else ""
