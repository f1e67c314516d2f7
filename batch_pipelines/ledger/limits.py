"""Requests and tokens per minute, shared by every process that uses one API key (requirement D3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, bindparam, case, select, update

from batch_pipelines.ledger.buckets import Bucket, seconds_until, taken
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import rate_limits
from batch_pipelines.ledger.upsert import insert_unless_there, upsert

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LimitKind(StrEnum):
    """What is counted per minute."""

    REQUESTS = "requests"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"


_ROWS = select(rate_limits).where(rate_limits.c.scope == bindparam("of")).order_by(rate_limits.c.kind).with_for_update()
_ENSURE = insert_unless_there(rate_limits)
_STORE = (
    update(rate_limits)
    .where(rate_limits.c.scope == bindparam("in_scope"), rate_limits.c.kind == bindparam("of_kind"))
    .values(
        {name: bindparam(f"new_{name}", type_=rate_limits.c[name].type) for name in ("capacity", "level", "updated_at")}
    )
)
_CORRECT = (
    update(rate_limits)
    .where(rate_limits.c.scope == bindparam("in_scope"), rate_limits.c.kind == bindparam("of_kind"))
    .values(level=rate_limits.c.level - bindparam("correction"))
)
_BLOCKED = rate_limits.c.blocked_until
_BLOCK = upsert(
    rate_limits,
    lambda new: {"blocked_until": case((new["blocked_until"] < _BLOCKED, _BLOCKED), else_=new["blocked_until"])},
)


class RateLimits(Section):
    """The section about limits per minute. A `scope` names who shares a limit, as one API key with one model."""

    def take(
        self, scope: str, amounts: Mapping[LimitKind, int], capacities: Mapping[LimitKind, int], now: datetime
    ) -> float:
        """Take all amounts and return 0, or take none and return the seconds after which to ask again.

        `capacities` are the limits per minute; a kind without one is not limited. What is taken, less what is given
        back, never exceeds a limit in any 60 seconds. Raises InvalidInput for an amount that no minute can hold.
        """
        limited = {kind: amount for kind, amount in amounts.items() if kind in capacities}
        with writing(self._engine) as connection:
            rows = _rows(connection, scope, limited)
            blocked = max((row["blocked_until"] or EPOCH for row in rows.values()), default=EPOCH)
            if blocked > now:
                return (blocked - now).total_seconds()
            buckets = {kind: _bucket(rows[kind]) for kind in limited}
            waits = [seconds_until(buckets[kind], capacities[kind], limited[kind], now) for kind in limited]
            if any(waits):
                return max(waits)
            _store(
                connection,
                scope,
                {kind: taken(buckets[kind], capacities[kind], limited[kind], now) for kind in limited},
            )
            return 0.0

    def settle(self, scope: str, corrections: Mapping[LimitKind, int]) -> None:
        """Correct what was taken to what was used: above zero charges more, below zero gives back.

        A charge may bring a bucket below zero, as the use has already happened; it is paid before the next take.
        """
        rows = [
            {"in_scope": scope, "of_kind": kind.value, "correction": amount}
            for kind, amount in corrections.items()
            if amount
        ]
        if rows:
            with writing(self._engine) as connection:
                connection.execute(_CORRECT, rows)

    def block(self, scope: str, until: datetime) -> None:
        """Let nobody take anything before this moment, as a provider's `retry-after` asks; never shortens a block."""
        row = {**_empty(scope, LimitKind.REQUESTS), "blocked_until": until}
        with writing(self._engine) as connection:
            connection.execute(_BLOCK[connection.dialect.name], row)


def _empty(scope: str, kind: LimitKind) -> dict[str, object]:
    """A row that nobody took from yet: having rested since 1970, its bucket starts with the smallest burst."""
    return {"scope": scope, "kind": kind.value, "capacity": 0.0, "level": 0.0, "updated_at": EPOCH}


def _rows(connection: Connection, scope: str, kinds: Mapping[LimitKind, int]) -> dict[LimitKind, RowMapping]:
    """All rows of a scope, locked in one order; those of `kinds` are made where they are missing."""
    found = {LimitKind(row["kind"]): row for row in connection.execute(_ROWS, {"of": scope}).mappings()}
    missing = [kind for kind in sorted(kinds) if kind not in found]
    if not missing:
        return found
    connection.execute(_ENSURE[connection.dialect.name], [_empty(scope, kind) for kind in missing])
    return {LimitKind(row["kind"]): row for row in connection.execute(_ROWS, {"of": scope}).mappings()}


def _bucket(row: RowMapping) -> Bucket:
    return Bucket(row["capacity"], row["level"], row["updated_at"])


def _store(connection: Connection, scope: str, buckets: Mapping[LimitKind, Bucket]) -> None:
    rows = [
        {
            "in_scope": scope,
            "of_kind": kind.value,
            "new_capacity": bucket.capacity,
            "new_level": bucket.level,
            "new_updated_at": bucket.updated_at,
        }
        for kind, bucket in buckets.items()
    ]
    if rows:
        connection.execute(_STORE, rows)
