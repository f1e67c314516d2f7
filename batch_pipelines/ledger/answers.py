"""Answers kept for equal requests: looked up by their keys, and kept with the calls that bought them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from batch_pipelines.domain.answers import AnswerKey, KeptAnswer
from batch_pipelines.domain.attempt import Attempt, Purchase, Report
from batch_pipelines.domain.trial import Assessment
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import USAGE_COLUMNS, read_job, usage_of
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import answers, batch_items, phase_results
from batch_pipelines.ledger.upsert import insert_unless_there

DIGESTS_PER_QUERY = 500
"""Both databases limit the values of a statement (SQLite to 32,766); longer lists are no faster."""

# Built once: building a statement takes longer than running it.
_KEPT = select(answers).where(
    answers.c.project == bindparam("of_project"),
    answers.c.digest.in_(bindparam("digests", expanding=True)),
    answers.c.simulated == bindparam("by_simulation"),
)
_KEEP = insert_unless_there(answers)


@dataclass(frozen=True, slots=True)
class DonePhase:
    """How a phase of an item was answered."""

    output: str
    reused: bool
    """Whether its output is an answer that was kept."""
    completed_at: datetime


class Answers(Section):
    """The section about kept answers. A project sees its own alone, and simulated ones never stand for others."""

    def kept_answers(self, project: str, digests: Iterable[str], *, simulated: bool) -> dict[str, KeptAnswer]:
        """Those of these answers that are kept, by digest; any number may be asked for."""
        asked = {"of_project": project, "by_simulation": simulated}
        found: dict[str, KeptAnswer] = {}
        with reading(self._engine) as connection:
            for some in _in_groups(dict.fromkeys(digests)):
                for row in connection.execute(_KEPT, {**asked, "digests": some}).mappings():
                    found[row["digest"]] = _kept(row)
        return found

    def nearest_answer(
        self,
        project: str,
        pipeline_name: str,
        phase: str,
        item_id: str,
        *,
        simulated: bool,
        other_than: str,
        before: datetime | None = None,
    ) -> KeptAnswer | None:
        """The newest answer that was bought for this item in this phase, by whichever batch job of the pipeline.

        `other_than` is a digest to pass over; with `before`, later answers are too. None where there is none.
        """
        column = answers.c
        statement = (
            select(answers)
            .where(column.project == project, column.pipeline_name == pipeline_name, column.phase == phase)
            .where(column.item_id == item_id, column.simulated == simulated, column.digest != other_than)
            .order_by(column.created_at.desc(), column.digest)
            .limit(1)
        )
        if before is not None:
            statement = statement.where(column.created_at < before)
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
            return None if row is None else _kept(row)

    def done_phases(self, batch_job_id: str, item_id: str) -> dict[str, DonePhase]:
        """The phases that an item has finished, by name; none for an item that is not there. Raises JobNotFound."""
        phase = phase_results.c
        statement = (
            select(phase.phase, phase.output, phase.reused, phase.completed_at)
            .join(batch_items, batch_items.c.id == phase.item_row)
            .where(batch_items.c.batch_job_id == batch_job_id, batch_items.c.item_id == item_id)
            .where(phase.completed_at.is_not(None))
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return {name: DonePhase(*answered) for name, *answered in connection.execute(statement)}


def keep_answers(connection: Connection, project: str, pipeline_name: str, reports: Iterable[Report]) -> None:
    """Keep the outputs of those reports that have an `answer_key`, with what they took.

    What is kept stays as it is: the first of equal requests wins. An answer whose usage or cost nobody knows is not
    kept, as nobody could say what it saves.
    """
    rows = [row for report in reports if (row := _row(report)) is not None]
    if rows:
        named = [{"project": project, "pipeline_name": pipeline_name, **row} for row in rows]
        # Sorted, so that batch jobs of one project that keep the same answers wait for each other in one order.
        connection.execute(_KEEP[connection.dialect.name], sorted(named, key=lambda row: str(row["digest"])))


def _row(report: Report) -> dict[str, Any] | None:
    key, bought = report.answer_key, report.purchase or _purchase(report.attempt)
    if key is None or bought is None or report.output is None:
        return None
    return {
        "digest": key.digest,
        "phase": report.phase,
        "item_id": report.item_id,
        "model": bought.model,
        "simulated": bought.simulated,
        **{name: getattr(bought.usage, name) for name in USAGE_COLUMNS},
        "cost_usd": bought.cost_usd,
        "created_at": report.at,
        "parts": key.parts,
        "assessment": None if report.assessment is None else report.assessment.model_dump(mode="json"),
        "output": report.output,
    }


def _purchase(attempt: Attempt | None) -> Purchase | None:
    """What one call took; None where nobody knows."""
    if attempt is None or attempt.usage is None or attempt.cost_usd is None:
        return None
    return Purchase(attempt.model, attempt.simulated, attempt.usage, attempt.cost_usd)


def _kept(row: RowMapping) -> KeptAnswer:
    return KeptAnswer(
        key=AnswerKey(row["digest"], tuple((name, digest) for name, digest in row["parts"])),
        output=row["output"],
        model=row["model"],
        simulated=row["simulated"],
        usage=usage_of(row),
        cost_usd=row["cost_usd"],
        kept_at=row["created_at"],
        assessment=None if row["assessment"] is None else Assessment.model_validate(row["assessment"]),
    )


def _in_groups(digests: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(digests)
    while group := list(islice(rest, DIGESTS_PER_QUERY)):
        yield group
