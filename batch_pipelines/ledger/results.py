"""Results: every item with everything known about it (requirement E2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, func, select

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.trial import Purpose
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import cost_of, error_of, read_job, usage_of
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import attempts, batch_items, phase_results

PAGE = 200

_PHASES = select(
    *(phase_results.c[name] for name in ("item_row", "phase", "attempts", "completed_at")),
    *(phase_results.c[name] for name in ("assessment", "sources", "output")),
).where(phase_results.c.item_row.in_(bindparam("of_rows", expanding=True)))
_JUDGEMENTS = (
    select(attempts.c.item_row, func.count())
    .where(attempts.c.item_row.in_(bindparam("of_rows", expanding=True)))
    .where(attempts.c.purpose == Purpose.JUDGEMENT.value)
    .group_by(attempts.c.item_row)
)


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
    keys = [row["id"] for row in rows]
    done: dict[int, list[RowMapping]] = defaultdict(list)
    for phase in connection.execute(_PHASES, {"of_rows": keys}).mappings():
        done[phase["item_row"]].append(phase)
    judgements = Counter[int]()
    for row, count in connection.execute(_JUDGEMENTS, {"of_rows": keys}):
        judgements[row] = count
    return [_result(row, done[row["id"]], judgements[row["id"]]) for row in rows]


def _result(row: RowMapping, phases: list[RowMapping], judgements: int) -> ItemResult:
    finished = [phase for phase in phases if phase["completed_at"] is not None]
    return ItemResult(
        item_id=row["item_id"],
        position=row["position"],
        tier=row["tier"],
        complexity=row["complexity"],
        status=row["status"],
        input=row["parameters"],
        output=row["output"],
        phase_outputs={phase["phase"]: phase["output"] for phase in finished},
        assessments={phase["phase"]: phase["assessment"] for phase in finished if phase["assessment"]},
        sources={phase["phase"]: phase["sources"] for phase in finished if phase["sources"]},
        error=error_of(row),
        attempts=row["attempts"],
        # The first call of each phase is no retry, and neither is asking a judge.
        retries=row["attempts"] - judgements - sum(phase["attempts"] > 0 for phase in phases),
        duration_ms=row["duration_ms"] if row["attempts"] else None,
        quality_score=row["quality_score"],
        usage=usage_of(row),
        cost_usd=cost_of(row),
        model=row["model"],
    )
