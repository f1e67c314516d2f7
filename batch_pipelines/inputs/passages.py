"""Items from the passages of a project's ingested documents."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from batch_pipelines.inputs.source import Record
from batch_pipelines.ledger.store import Ledger


def read_passages(ledger: Ledger, pattern: str, project: str) -> Iterator[Record]:
    """One item for each passage of the documents whose source fits the pattern, by source and position.

    Its fields are `id` (`<source>#<position>`), `source`, `position` (from 0) and `text`.
    """
    for passage in ledger.iter_passages(project, pattern):
        item_id = f"{passage.source}#{passage.position}"
        fields: dict[str, JsonValue] = {"id": item_id, "source": passage.source}
        yield Record(item_id, {**fields, "position": passage.position, "text": passage.text})
