"""Items from a file with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NoReturn

from batch_pipelines.addresses import AnyPath
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.lines import numbered_lines
from batch_pipelines.inputs.source import FIELD, Record


def read_jsonl(path: AnyPath) -> Iterator[Record]:
    """One item a line; blank lines are passed over. Raises InvalidInput naming file and line."""
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            fields = _decoder.decode(line)
        except ValueError as error:
            problem = getattr(error, "msg", str(error))
            raise InvalidInput(FIELD, where, f"is not JSON: {problem}", "mend or remove that line") from None
        except RecursionError:
            raise InvalidInput(FIELD, where, "is nested too deep", "flatten it") from None
        if not isinstance(fields, dict):
            raise InvalidInput(FIELD, where, "is not a JSON object", "write {...} on that line")
        yield Record(f"line {number}", fields)


def _refuse_constant(name: str) -> NoReturn:
    """Python reads these, JSON has no such numbers, and a database would not take them."""
    raise ValueError(f"it has no number {name}")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
