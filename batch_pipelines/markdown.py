"""Foreign words and tables in Markdown that we write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

LONGEST_QUOTE = 160
MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def quoted(text: str) -> str:
    """Foreign text on one line, cut where it is long, without power over the page: its markup is shown, not obeyed."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"
    return MARKUP.sub(r"\\\1", line)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose others are figures, set to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
