"""From what a spec says about its items to a source of records (requirement F6)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from batch_pipelines.addresses import locate
from batch_pipelines.domain.spec import ItemSource
from batch_pipelines.inputs.files import read_files
from batch_pipelines.inputs.filtering import Filter
from batch_pipelines.inputs.jobs import read_job
from batch_pipelines.inputs.jsonl import read_jsonl
from batch_pipelines.inputs.passages import read_passages
from batch_pipelines.inputs.source import FIELD, Record, Source
from batch_pipelines.inputs.table import read_csv
from batch_pipelines.ledger.store import Ledger

IN_LEDGER = frozenset({"job", "passages"})
"""Sources that are read from the ledger; all others are files."""


def open_source(source: ItemSource, folder: Path, project: str, ledger: Ledger | None, most: int) -> Source:
    """What the source holds, less what its `where` and `limit` leave out; nothing is read until it is gone through.

    Relative paths start at `folder`. The ledger is needed for a `job` or `passages`, whose `project` must be the
    spec's. `most` items are all that anybody wants: a reader that knows of more may say so at once. Raises InvalidInput
    for a `where` that makes no sense; reading raises it naming file and line, row or column.
    """
    wanted = Filter(source.where)
    records = _records(source, folder, project, ledger, wanted, most)
    if not wanted.is_empty:
        records = (record for record in records if wanted.admits(record.fields))
    return Source(
        records=islice(records, source.limit),
        title=str(locate(source.address, folder, FIELD)) if source.kind not in IN_LEDGER else source.address,
        id_field=source.id_field,
        is_filtered=not wanted.is_empty,
    )


def _records(
    source: ItemSource, folder: Path, project: str, ledger: Ledger | None, wanted: Filter, most: int
) -> Iterator[Record]:
    address = source.address
    if source.kind in IN_LEDGER:
        assert ledger is not None, "the caller opens the ledger for a source that is in it"
        return read_job(ledger, address, project) if source.kind == "job" else read_passages(ledger, address, project)
    if source.kind == "files":
        knows_count = wanted.is_empty and source.limit is None
        return read_files(address, folder, wanted, most if knows_count else None)
    path = locate(address, folder, FIELD)
    if source.kind == "jsonl":
        return read_jsonl(path)
    if source.kind == "csv":
        return read_csv(path, source.id_field, wanted)
    # Its library takes a fifth of a second to import, and only this reader needs it.
    from batch_pipelines.inputs.parquet import read_parquet

    return read_parquet(path, source.id_field, wanted)
