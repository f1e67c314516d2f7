"""Writes the figures of a run into README.md: `python -m benchmarks.readme RUN.jsonl`, of what `make bench` printed."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks.rows import ROWS

README = Path(__file__).with_name("README.md")
START, END = "<!-- figures: start -->", "<!-- figures: end -->"
HEAD = "| row | what | target | measured | met | hand-written reference | best other |\n|---|---|---|---|---|---|---|"


def table(documents: list[dict[str, Any]]) -> str:
    """The table of a whole run; raises ValueError for a run that lacks a row, or measured a part of one."""
    found = {document["name"]: document for document in documents}
    if missing := [row.name for row in ROWS if row.name not in found]:
        raise ValueError(f"the run lacks {', '.join(missing)}; measure all rows")
    if partial := [name for name, document in found.items() if document["share"] != 1]:
        raise ValueError(f"the run measured only a part of {', '.join(partial)}; leave --share out")
    rows = [_line(found[row.name]) for row in ROWS]
    return "\n".join([HEAD, *rows, "", _surroundings(documents)])


def with_figures(text: str, figures: str) -> str:
    """The page with other figures between its markers; raises ValueError where it has none."""
    block = re.compile(f"{START}.*?{END}", re.DOTALL)
    if not block.search(text):
        raise ValueError(f"the page has no markers {START} and {END}")
    return block.sub(lambda _: f"{START}\n{figures}\n{END}", text)


def _line(document: dict[str, Any]) -> str:
    cells = [
        f"`{document['name']}`",
        document["what"],
        document["target"],
        document["summary"],
        "yes" if document["met"] else "**no**",
        document["reference_summary"],
        document["others"],
    ]
    return "| " + " | ".join(cells) + " |"


def _surroundings(documents: list[dict[str, Any]]) -> str:
    minutes = sum(document["row_seconds"] for document in documents) / 60
    loads = [document["load_average_before"][0] for document in documents]
    first = documents[0]
    return (
        f"Measured in {minutes:.0f} minutes on {first['processors']} processors with Python {first['python']}; "
        f"load average before each row {min(loads):.1f} to {max(loads):.1f}."
    )


def main() -> None:
    """Fill the page in; raises ValueError for a run that is not whole."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__)
    parser.add_argument("run", type=Path, help="what `make bench` printed")
    lines = parser.parse_args().run.read_text(encoding="utf-8").splitlines()
    figures = table([json.loads(line) for line in lines if line.startswith("{")])
    README.write_text(with_figures(README.read_text(encoding="utf-8"), figures), encoding="utf-8")


if __name__ == "__main__":
    main()
