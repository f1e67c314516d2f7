"""Results: every item with everything known about it (requirement E2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import cost_of, error_of, read_job, usage_of
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import batch_items, phase_results

PAGE = 200


class Results(Section):
    """The section of results. Every method raises JobNotFound."""

    def results(self, batch_job_id: str, after_position: int = -1, limit: int = PAGE) -> list[ItemResult]:
        """A page of items in the order of their positions, from the one after `after_position`."""
        here = (batch_items.c.batch_job_id == batch_job_id) & (batch_items.c.position > after_position)
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return _results(connection, here, limit)

    def iter_results(self, batch_job_id: str) -> Iterator[ItemResult]:
        """All items in order, page by page: memory stays flat, and no transaction stays open between pages."""
        page = self.results(batch_job_id)
        while page:
            yield from page
            page = self.results(batch_job_id, page[-1].position)

    def item(self, batch_job_id: str, item_id: str) -> ItemResult:
        """One item; raises InvalidInput where the job has none of this id."""
        here = (batch_items.c.batch_job_id == batch_job_id) & (batch_items.c.item_id == item_id)
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            found = _results(connection, here, 1)
        if not found:
            problem, remedy = (
                f"is no item of batch job {batch_job_id!r}",
                f"see `batch-pipelines results {batch_job_id}`",
            )
            raise InvalidInput("item", item_id, problem, remedy)
        return found[0]


def _results(connection: Connection, here: ColumnElement[bool], limit: int) -> list[ItemResult]:
    statement = select(batch_items).where(here).order_by(batch_items.c.position).limit(limit)
    rows = connection.execute(statement).mappings().all()
    outputs: dict[int, dict[str, str]] = defaultdict(dict)
    phases_tried: Counter[int] = Counter()
    phase = phase_results.c
    done = select(phase.item_row, phase.phase, phase.output, phase.attempts, phase.completed_at).where(
        phase.item_row.in_([row["id"] for row in rows])
    )
    for row, name, output, attempts, completed_at in connection.execute(done):
        phases_tried[row] += attempts > 0
        if completed_at is not None:
            outputs[row][name] = output
    return [_result(row, outputs[row["id"]], phases_tried[row["id"]]) for row in rows]


def _result(row: RowMapping, outputs: dict[str, str], phases_tried: int) -> ItemResult:
    return ItemResult(
        item_id=row["item_id"],
        position=row["position"],
        tier=row["tier"],
        status=row["status"],
        input=row["parameters"],
        output=row["output"],
        phase_outputs=outputs,
        error=error_of(row),
        attempts=row["attempts"],
        # The first call of each phase is no retry.
        retries=row["attempts"] - phases_tried,
        duration_ms=row["duration_ms"] if row["attempts"] else None,
        quality_score=row["quality_score"],
        usage=usage_of(row),
        cost_usd=cost_of(row),
        model=row["model"],
    )
