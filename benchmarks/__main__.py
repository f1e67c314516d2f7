"""Measures rows of the table and prints a JSON document for each: `python -m benchmarks [ROW ...]`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict
from typing import Any

from benchmarks.findings import Finding, Row, Scale, say
from benchmarks.rows import ROWS


def main() -> int:
    """0 when every row was measured, whether its target is met or not; 1 when one could not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"rows to measure (default: all): {', '.join(_names())}")
    parser.add_argument("--share", type=float, default=1.0, help="part of the items, to see that a row works")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(_names()):
        parser.error(f"no row is named {', '.join(sorted(unknown))}; there are {', '.join(_names())}")
    if not 0 < arguments.share <= 1:
        parser.error("--share is more than 0 and at most 1")
    chosen = [row for row in ROWS if row.name in (arguments.rows or _names())]
    missing = [row for row in chosen if not _measure(row, Scale(arguments.share))]
    return int(bool(missing))


def _names() -> list[str]:
    return [row.name for row in ROWS]


def _measure(row: Row, scale: Scale) -> bool:
    """Print the row's document; whether there is one."""
    say(f"{row.name}: {row.what}")
    load, started = os.getloadavg(), time.monotonic()
    try:
        finding = row.measure(scale)
    except Exception as error:  # noqa: BLE001  # the other rows are worth their minutes
        say(f"{row.name} could not be measured: {type(error).__name__}: {error}")
        return False
    surroundings = {
        "share": scale.share,
        "row_seconds": round(time.monotonic() - started, 1),
        "load_average_before": [round(value, 2) for value in load],
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(_document(row, finding, surroundings), ensure_ascii=False), flush=True)
    return True


def _document(row: Row, finding: Finding, surroundings: dict[str, Any]) -> dict[str, Any]:
    texts = {"name": row.name, "what": row.what, "target": row.target, "others": row.others}
    return {**texts, **asdict(finding), **surroundings}


if __name__ == "__main__":
    raise SystemExit(main())
