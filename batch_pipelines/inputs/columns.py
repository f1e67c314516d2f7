"""What files of columns have in common: names that must make sense. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.source import FIELD

SHOWN_NAMES = 20


def check_columns(names: Sequence[str], where: str, id_field: str, filtered: Iterable[str]) -> None:
    """Raises InvalidInput, about `where`, for names that are missing or there twice.

    `id_field` is the column that holds ids, `filtered` those that a `where` looks at.
    """
    if "" in names:
        problem = f"has no name for column {names.index('') + 1}"
        raise InvalidInput(FIELD, where, problem, "name every column")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InvalidInput(FIELD, where, f"has several columns {twice[0]!r}", "give every column a name of its own")
    shown = ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
    if id_field not in names:
        remedy = f"add it, or name the column that holds ids as id_field: {shown}"
        raise InvalidInput(FIELD, where, f"has no column {id_field!r} for ids", remedy)
    if unknown := [name for name in filtered if name not in names]:
        raise InvalidInput(f"{FIELD}.where", unknown[0], f"is no column of {where}", f"use one of: {shown}")
