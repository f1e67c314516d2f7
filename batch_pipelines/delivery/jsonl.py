"""Rows as JSONL: an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import BinaryIO

from batch_pipelines.delivery.rows import Row


def write_jsonl(file: BinaryIO, rows: Iterable[Row]) -> int:
    """Write each row as it is; returns how many there were."""
    count = 0
    for row in rows:
        count += 1
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return count
