"""Standard output is for results, standard error for people; how both look."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from batch_pipelines.domain.errors import BatchPipelinesError, InvalidInput
from batch_pipelines.domain.transitions import ItemStatus, JobStatus

STATUS_STYLES: dict[str, str] = {
    JobStatus.PENDING: "cyan",
    JobStatus.RUNNING: "blue",
    JobStatus.RETRYING: "blue",
    JobStatus.PAUSED: "yellow",
    JobStatus.COMPLETED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "magenta",
    ItemStatus.SKIPPED: "yellow",
}
"""By the word: what jobs and items share looks alike."""


NARROW = 80
"""What a console takes where nothing says how wide it is."""
WIDE = 120


def stdout() -> Console:
    """For results."""
    return _wide_enough(Console(highlight=False, emoji=False))


def stderr() -> Console:
    """For messages and progress."""
    return _wide_enough(Console(stderr=True, highlight=False, emoji=False))


def _wide_enough(console: Console) -> Console:
    """A pipe has no edge at which lines would have to break."""
    if not console.is_terminal and console.width == NARROW:
        console.width = WIDE
    return console


def print_json(value: BaseModel | list[Any] | dict[str, Any]) -> None:
    """One JSON document on one line of standard output, in ASCII, which every terminal and pipe takes."""
    content = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    sys.stdout.write(f"{json.dumps(content)}\n")
    sys.stdout.flush()


def explain(error: BatchPipelinesError, *, as_json: bool) -> None:
    """An error as a sentence for people, and as a document for programs that asked for JSON."""
    details: dict[str, Any] = {}
    if isinstance(error, InvalidInput):
        value = None if error.value is None else str(error.value)
        details = {"field": error.field, "value": value, "remedy": error.remedy}
    complain(str(error), error.exit_code, as_json=as_json, **details)


def complain(message: str, exit_code: int, *, as_json: bool, **details: str | None) -> None:
    """Say what went wrong."""
    sys.stderr.write(f"Error: {message}\n")
    if as_json:
        print_json({"error": message, "exit_code": exit_code, **details})


def table(*columns: str, figures_from: int | None = 1) -> Table:
    """A table without lines; columns from `figures_from` on are set to the right. No cell is cut short."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        is_figure = figures_from is not None and number >= figures_from
        made.add_column(column, justify="right" if is_figure else "left", overflow="fold", no_wrap=is_figure)
    return made


def plain(text: str) -> str:
    """Text of somebody else's, which must not be taken for markup."""
    return escape(text)


def status_text(status: JobStatus | ItemStatus) -> str:
    """The status in its colour."""
    return f"[{STATUS_STYLES[status]}]{status}[/]"


def headline(name: str, *facts: str, simulated: bool) -> str:
    """A batch job's name, what else there is to say, and whether a simulation answers."""
    mark = " [yellow](simulated)[/]" if simulated else ""
    return "  ".join([f"[bold]{plain(name)}[/]", *facts]) + mark
