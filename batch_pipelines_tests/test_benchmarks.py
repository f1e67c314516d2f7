"""The benchmarks run and judge rightly; how fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines_tests.conftest import Simulate
from benchmarks import limits, readme
from benchmarks.ideal import ideal_seconds, ideal_with_barriers
from benchmarks.rows import ROWS
from benchmarks.server_log import by_arrival, latencies, repeated, request_body
from benchmarks.workload import MODEL, Workload

ROOT = Path(__file__).parent.parent
FIELDS = {"name", "what", "target", "met", "summary", "measured", "reference", "ratio", "repetitions", "share"}
FAST = ("short_calls", "uneven_calls", "memory", "limit", "budget", "resume", "planning")
"""Rows that a few items bring to their end in seconds; `kill` waits for a lease to run out."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as `make bench` runs it."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def document(name: str, **changes: Any) -> dict[str, Any]:
    """What a row may print."""
    texts = {"name": name, "what": "calls", "target": "fast", "others": "", "summary": f"{name} 1.01"}
    values = {
        "met": True,
        "reference_summary": "",
        "share": 1.0,
        "row_seconds": 6.0,
        "load_average_before": [0.5, 1, 1],
    }
    return {**texts, **values, "processors": 2, "python": "3.11", **changes}


def test_every_row_of_the_table_is_a_command() -> None:
    """Twelve rows, each with a name of its own that the command's help tells."""
    names = [row.name for row in ROWS]
    told = run("--help").stdout

    assert len(set(names)) == 12
    assert [name for name in names if name not in told] == []


@pytest.mark.parametrize("name", FAST)
def test_a_row_prints_one_document(name: str) -> None:
    """On standard output is one line of JSON with the row's fields, and nothing else."""
    done = run(name, "--share", "0.002")

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found.keys() >= FIELDS
    assert (found["name"], found["share"]) == (name, 0.002)
    assert isinstance(found["met"], bool)


def test_an_unknown_row_is_refused() -> None:
    """The message names the rows there are."""
    done = run("speed")

    assert done.returncode == 2
    assert "short_calls" in done.stderr


@pytest.mark.parametrize(
    ("chains", "slots", "seconds"),
    [
        ([[1.0]] * 4, 2, 2.0),
        ([[3.0], [1.0], [1.0], [1.0]], 2, 3.0),
        # In the order of the calls, not in the best of all orders.
        ([[1.0], [1.0], [1.0], [3.0]], 2, 4.0),
        ([[1.0, 1.0]], 5, 2.0),
        # Shorter where those that have come furthest go first, and where those that came first do.
        ([[1.0, 3.0], [1.0], [1.0], [1.0]], 2, 4.0),
        ([[1.0, 1.0], [1.0, 1.0], [3.0]], 2, 4.0),
        ([], 3, 0.0),
    ],
)
def test_the_ideal_leaves_no_slot_idle(chains: list[list[float]], slots: int, seconds: float) -> None:
    """A call starts as soon as there is a slot for it and the item's call before it has ended."""
    assert ideal_seconds(chains, slots) == pytest.approx(seconds)


def test_barriers_add_up_the_phases() -> None:
    """With barriers every phase takes as long as its own ideal."""
    assert ideal_with_barriers([[1.0, 2.0], [3.0, 1.0]], 2) == pytest.approx(5.0)


async def test_the_ideal_is_of_the_requests_that_the_server_got(simulate: Simulate) -> None:
    """The request that is made again from the log is, byte for byte, the one that came."""
    server = simulate()
    workload = Workload(items=2, slots=1, brief="Tier: template")
    provider = SimulatedProvider(server.url, 1)
    for prompt in workload.prompts():
        await provider.complete(CompletionRequest(MODEL, None, prompt, workload.max_tokens, 30))
    await provider.close()

    entries = by_arrival(server.url)
    assert [entry["body_sha256"] for entry in entries] == [
        sha256(request_body(entry, workload)).hexdigest() for entry in entries
    ]
    (first,), (second,) = latencies(entries, workload, SimulatedConfig())
    assert first != second


def test_only_billed_calls_are_repeated() -> None:
    """Of three billed requests with one body two are repetitions; one that was refused is none."""
    entries = [
        {"body_sha256": body, "billed": billed} for body, billed in [("a", True)] * 3 + [("b", True), ("b", False)]
    ]

    assert repeated(entries) == 2


def test_the_share_of_a_limit_counts_the_burst() -> None:
    """Twenty calls at once and ten a second after them are the whole of it; what was refused is counted apart."""
    calls = [(200, 0.0)] * 20 + [(429, 0.05)] + [(200, number / 10) for number in range(1, 51)]
    entries = [{"status": status, "time": f"2026-11-22T12:00:0{seconds:.3f}+00:00"} for status, seconds in calls]

    found = limits.judge(entries)

    assert (found.share, found.refused, found.seconds) == (pytest.approx(1.0), 1, pytest.approx(5.0))


def test_the_page_is_filled_from_a_run() -> None:
    """What stands between the markers is replaced by a line for each row; the rest stays."""
    page = f"before\n{readme.START}\nold\n{readme.END}\nafter"

    filled = readme.with_figures(page, readme.table([document(row.name) for row in ROWS]))

    assert filled.startswith("before\n")
    assert filled.endswith("\nafter")
    assert "old" not in filled
    assert [row.name for row in ROWS if f"| `{row.name}` | calls | fast | {row.name} 1.01 | yes |" not in filled] == []


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        ([document(row.name) for row in ROWS[1:]], "lacks short_calls"),
        ([document(row.name, share=0.5) for row in ROWS], "only a part of"),
    ],
)
def test_the_page_shows_whole_runs_only(documents: list[dict[str, Any]], problem: str) -> None:
    """A run without a row, or of a part of the items, fills nothing in."""
    with pytest.raises(ValueError, match=problem):
        readme.table(documents)


def test_the_page_names_every_row() -> None:
    """The README can be filled, and whoever reads it finds the rows."""
    page = readme.README.read_text()

    assert readme.START in page
    assert [row.name for row in ROWS if f"`{row.name}`" not in page] == []
