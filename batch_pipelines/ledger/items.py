"""Items: which of them a phase still has to do, and the moves of all of them at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, select, update

from batch_pipelines.domain.job import PhaseOutcome, PlannedItem, WorkItem
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.transitions import ITEM_SOURCES, ITEM_TARGETS, ItemStatus, ItemTrigger
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.events import write_item_events
from batch_pipelines.ledger.rows import check_job, lock_job, read_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import batch_items, phase_results

UNFINISHED = [status.value for status in ItemStatus if not status.is_final]


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


# Built once: every phase of every item partition asks this.
_SPAN = and_(
    batch_items.c.batch_job_id == bindparam("of_job"),
    batch_items.c.position >= bindparam("from_position"),
    batch_items.c.position < bindparam("to_position"),
)
_HERE = and_(_SPAN, batch_items.c.status.in_(UNFINISHED))
_THIS_PHASE = and_(phase_results.c.item_row == batch_items.c.id, phase_results.c.phase == bindparam("this_phase"))
_WORK = (
    select(
        batch_items.c.id.label("row"),
        *(batch_items.c[name] for name in ("item_id", "tier", "complexity", "status", "parameters")),
        phase_results.c.trial,
        func.coalesce(phase_results.c.attempts, 0).label("attempts"),
    )
    .outerjoin(phase_results, _THIS_PHASE)
    .where(_HERE, phase_results.c.completed_at.is_(None))
    .order_by(batch_items.c.position)
)
_LACKING = phase_results.c.completed_at.is_(None)
_OUTCOME = (
    select(
        func.count(phase_results.c.completed_at),
        _count_where(and_(_LACKING, batch_items.c.status == ItemStatus.FAILED.value)),
        _count_where(and_(_LACKING, batch_items.c.status.in_(UNFINISHED))),
    )
    .select_from(batch_items)
    .outerjoin(phase_results, _THIS_PHASE)
    .where(_SPAN)
)
_OUTPUTS = (
    select(phase_results.c.item_row, phase_results.c.phase, phase_results.c.output)
    .join(batch_items, batch_items.c.id == phase_results.c.item_row)
    .where(_HERE, phase_results.c.completed_at.is_not(None))
)


class Items(Section):
    """The section about the items of a job."""

    def partition_work(self, batch_job_id: str, phase: str, start: int, stop: int) -> list[WorkItem]:
        """Items at positions from `start` up to, not including, `stop` that have not ended and lack this phase.

        In the order of their positions, with the outputs of the phases they finished. Raises JobNotFound.
        """
        here = {"of_job": batch_job_id, "from_position": start, "to_position": stop}
        with reading(self._engine) as connection:
            check_job(connection, batch_job_id)
            outputs = _outputs(connection, here)
            rows = connection.execute(_WORK, {**here, "this_phase": phase}).mappings()
            return [WorkItem(phase_outputs=outputs[row["row"]], **row) for row in rows]

    def phase_outcome(self, batch_job_id: str, phase: str, start: int, stop: int) -> PhaseOutcome:
        """How far the items at positions [start, stop) are in a phase. Raises JobNotFound."""
        here = {"of_job": batch_job_id, "from_position": start, "to_position": stop, "this_phase": phase}
        with reading(self._engine) as connection:
            check_job(connection, batch_job_id)
            return PhaseOutcome(*connection.execute(_OUTCOME, here).one())

    def unfinished_count(self, batch_job_id: str) -> int:
        """How many items have not ended; 0 is what a run must see before it may call itself a success."""
        statement = (
            select(func.count())
            .select_from(batch_items)
            .where(batch_items.c.batch_job_id == batch_job_id, batch_items.c.status.in_(UNFINISHED))
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return connection.execute(statement).scalar_one()

    def items_by_tier(self, batch_job_id: str, statuses: Iterable[ItemStatus] = ItemStatus) -> dict[Tier | None, int]:
        """How many items of these statuses each tier has; None for items without a tier. Raises JobNotFound."""
        column = batch_items.c
        statement = (
            select(column.tier, func.count())
            .where(column.batch_job_id == batch_job_id, column.status.in_([status.value for status in statuses]))
            .group_by(column.tier)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return {Tier(tier) if tier else None: count for tier, count in connection.execute(statement)}

    def item_groups(self, batch_job_id: str) -> Counter[ItemGroup]:
        """How many items of each tier and complexity there are. Raises JobNotFound."""
        column = batch_items.c
        statement = (
            select(column.tier, column.complexity, func.count())
            .where(column.batch_job_id == batch_job_id)
            .group_by(column.tier, column.complexity)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            rows = connection.execute(statement).all()
        return Counter({ItemGroup(tier and Tier(tier), Complexity(found)): count for tier, found, count in rows})

    def sample_items(self, batch_job_id: str, most: int) -> list[PlannedItem]:
        """Up to `most` items, evenly spread, as they were planned. Raises JobNotFound."""
        column = batch_items.c
        with reading(self._engine) as connection:
            stride = -(-read_job(connection, batch_job_id).total_items // most) or 1
            statement = (
                select(column.item_id, column.tier, column.complexity, column.parameters)
                .where(column.batch_job_id == batch_job_id, column.position % stride == 0)
                .order_by(column.position)
            )
            return [PlannedItem(**row) for row in connection.execute(statement).mappings()]

    def release_items(self, batch_job_id: str) -> int:
        """Items that are running become pending, keeping what they finished; returns how many.

        For after a drain or a crash, when no engine works on the job. Raises JobNotFound.
        """
        return self._move_all(batch_job_id, ItemTrigger.RELEASE)

    def cancel_items(self, batch_job_id: str) -> int:
        """Items that have not ended become cancelled; returns how many. For after a drain. Raises JobNotFound."""
        return self._move_all(batch_job_id, ItemTrigger.CANCEL)

    def _move_all(self, batch_job_id: str, trigger: ItemTrigger) -> int:
        """Move every item that `trigger` can move, each with its event."""
        now = self._clock()
        target = ITEM_TARGETS[trigger]
        movable = batch_items.c.status.in_([status.value for status in ITEM_SOURCES[trigger]])
        changes: dict[str, Any] = {"status": target.value, "completed_at": now if target.is_final else None}
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            write_item_events(connection, batch_job_id, trigger, now)
            return connection.execute(
                update(batch_items).where(batch_items.c.batch_job_id == batch_job_id, movable).values(changes)
            ).rowcount


def _outputs(connection: Connection, here: dict[str, Any]) -> dict[int, dict[str, str]]:
    """Outputs of finished phases by item row and phase; an item without any is an empty dictionary."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for row, phase, output in connection.execute(_OUTPUTS, here):
        found[row][phase] = output
    return found
