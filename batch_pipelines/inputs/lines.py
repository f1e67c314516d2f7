"""Lines of a text file, one in memory at a time, with their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from batch_pipelines.addresses import AnyPath, opened
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.source import FIELD

LONGEST_LINE_BYTES = 50_000_000
"""A line is held as a whole; what is longer is most likely not meant to be lines."""

_BYTE_ORDER_MARK = "\ufeff"


def numbered_lines(path: AnyPath) -> Iterator[tuple[int, str]]:
    """Each line with its end, and its number from 1; a byte order mark at the beginning is left out.

    A line ends at a line feed only: texts in JSON or in quotes may hold other characters that some take for an end.
    Raises InvalidInput naming file and line for one that is not UTF-8, or too long.
    """
    with opened(path, FIELD) as file:
        number = 0
        while content := file.readline(LONGEST_LINE_BYTES + 1):
            number += 1
            line = _decoded(content, path, number)
            if number == 1:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            yield number, line


def _decoded(content: bytes, path: AnyPath, number: int) -> str:
    where = f"{path}, line {number}"
    if len(content) > LONGEST_LINE_BYTES:
        problem = f"is longer than {LONGEST_LINE_BYTES // 1_000_000} MB"
        raise InvalidInput(FIELD, where, problem, "write one item a line")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(FIELD, where, f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
