"""Requests and tokens per minute, shared by every process that uses one API key (requirement D3).

A row of table `rate_limits` is the bucket of one kind under one scope, or what one process holds out of it; the latter
has the process behind its kind, as in `requests@4f1c`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, delete, select, update

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.ledger.accounts import Change, Claim, Entry, Lent, Loan, lend
from batch_pipelines.ledger.buckets import GONE_SECONDS, Bucket
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import rate_limits
from batch_pipelines.ledger.upsert import insert_unless_there, upsert

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a scope."""

    per_minute: Mapping[LimitKind, int]
    """Limits that the provider told somebody."""
    blocked_seconds: float


_KINDS = [kind.value for kind in LimitKind]
_OF_SCOPE = rate_limits.c.scope == bindparam("of")
_BUCKETS = select(rate_limits).where(_OF_SCOPE, rate_limits.c.kind.in_(_KINDS)).order_by(rate_limits.c.kind)
_LOCKED = _BUCKETS.with_for_update()
_LENT = select(rate_limits.c.kind, rate_limits.c.level, rate_limits.c.updated_at).where(
    _OF_SCOPE, rate_limits.c.kind.not_in(_KINDS)
)
_ENSURE = insert_unless_there(rate_limits)
_CHANGED = ("capacity", "level", "updated_at", "per_minute")
_ROW = and_(rate_limits.c.scope == bindparam("in_scope"), rate_limits.c.kind == bindparam("of_kind"))
_STORE = (
    update(rate_limits)
    .where(_ROW)
    .values({name: bindparam(f"new_{name}", type_=rate_limits.c[name].type) for name in _CHANGED})
)
_HOLD = upsert(rate_limits, lambda new: {name: new[name] for name in ("level", "updated_at")})
_FORGET = delete(rate_limits).where(_ROW)
_FORGET_TOLD = update(rate_limits).where(_OF_SCOPE).values(per_minute=None)
_BLOCKED = rate_limits.c.blocked_until
_BLOCK = upsert(
    rate_limits,
    lambda new: {"blocked_until": case((new["blocked_until"] < _BLOCKED, _BLOCKED), else_=new["blocked_until"])},
)


class RateLimits(Section):
    """The section about limits per minute. A `scope` names who shares a limit, as one API key with one model."""

    def known_limits(self, scope: str, now: datetime) -> Known:
        """What processes before this one, and beside it, learned about a scope."""
        with reading(self._engine) as connection:
            rows = list(connection.execute(_BUCKETS, {"of": scope}).mappings())
        entries = {kind: _entry(row) for kind, row in _by_kind(rows).items()}
        told = {kind: entry.per_minute for kind, entry in entries.items() if entry.per_minute is not None}
        return Known(told, _blocked_seconds(rows, now))

    def borrow(
        self,
        scope: str,
        holder: str,
        claims: Mapping[LimitKind, Claim],
        set_limits: Mapping[LimitKind, int],
        now: datetime,
    ) -> Loan:
        """Settle what `holder` has to say, then lend it all that its wishes need, or nothing of what is short.

        `set_limits` are ours; of a limit that is also told the smaller counts. `holder` has at most 18 characters.
        """
        with writing(self._engine) as connection:
            rows = _rows(connection, scope, {*set_limits, *(kind for kind in claims if claims[kind].told)})
            # Only now, when nobody else changes them: they are read as they are after whoever had the lock before.
            held = list(connection.execute(_LENT, {"of": scope}).mappings())
            loan, changes = lend(
                {kind: _entry(row) for kind, row in rows.items()},
                claims,
                set_limits,
                _lent(held, holder, now),
                _blocked_seconds(rows.values(), now),
                now,
            )
            _store(connection, scope, changes)
            _store_held(connection, scope, held, {f"{kind}@{holder}": changes[kind].holds for kind in changes}, now)
            return loan

    def block(self, scope: str, until: datetime) -> None:
        """Let nobody take anything before this moment, as a provider's `retry-after` asks; never shortens a block."""
        row = {**_empty(scope, LimitKind.REQUESTS), "blocked_until": until}
        with writing(self._engine) as connection:
            connection.execute(_BLOCK[connection.dialect.name], row)

    def forget_limits(self, scope: str) -> None:
        """The provider tells no limits any more."""
        with writing(self._engine) as connection:
            connection.execute(_FORGET_TOLD, {"of": scope})


def _empty(scope: str, kind: str) -> dict[str, object]:
    """A row that nobody took from yet: having rested since 1970, its bucket starts with the smallest burst."""
    return {"scope": scope, "kind": str(kind), "capacity": 0.0, "level": 0.0, "updated_at": EPOCH}


def _by_kind(rows: Iterable[RowMapping]) -> dict[LimitKind, RowMapping]:
    return {LimitKind(row["kind"]): row for row in rows}


def _entry(row: RowMapping) -> Entry:
    per_minute = None if row["per_minute"] is None else int(row["per_minute"])
    return Entry(Bucket(row["capacity"], row["level"], row["updated_at"]), per_minute)


def _rows(connection: Connection, scope: str, kinds: Iterable[LimitKind]) -> dict[LimitKind, RowMapping]:
    """All buckets of a scope, locked in one order; those of `kinds` are made where they are missing."""
    found = _by_kind(connection.execute(_LOCKED, {"of": scope}).mappings())
    missing = sorted(set(kinds) - found.keys())
    if not missing:
        return found
    connection.execute(_ENSURE[connection.dialect.name], [_empty(scope, kind) for kind in missing])
    return _by_kind(connection.execute(_LOCKED, {"of": scope}).mappings())


def _blocked_seconds(rows: Iterable[RowMapping], now: datetime) -> float:
    blocked = max((row["blocked_until"] or EPOCH for row in rows), default=EPOCH)
    return max(0.0, (blocked - now).total_seconds())


def _is_gone(row: RowMapping, now: datetime) -> bool:
    """Whether its process did not say for too long that it still holds this."""
    return bool((now - row["updated_at"]).total_seconds() >= GONE_SECONDS)


def _lent(held: Iterable[RowMapping], holder: str, now: datetime) -> dict[LimitKind, Lent]:
    """What is held out of each bucket, by `holder` and by others."""
    lent: dict[LimitKind, Lent] = {}
    for row in held:
        name, _, who = row["kind"].partition("@")
        before, amount = lent.get(LimitKind(name), Lent()), row["level"]
        if _is_gone(row, now):
            lent[LimitKind(name)] = replace(before, gone=before.gone + amount)
        elif who == holder:
            lent[LimitKind(name)] = replace(before, own=amount)
        else:
            lent[LimitKind(name)] = replace(before, others=before.others + amount)
    return lent


def _store(connection: Connection, scope: str, changes: Mapping[LimitKind, Change]) -> None:
    rows = [
        {
            "in_scope": scope,
            "of_kind": kind.value,
            "new_capacity": change.entry.bucket.capacity,
            "new_level": change.entry.bucket.level,
            "new_updated_at": change.entry.bucket.updated_at,
            "new_per_minute": change.entry.per_minute,
        }
        for kind, change in changes.items()
    ]
    if rows:
        connection.execute(_STORE, rows)


def _store_held(
    connection: Connection, scope: str, held: Iterable[RowMapping], holds: Mapping[str, float], now: datetime
) -> None:
    """Write what one process holds now, and forget what is held no more."""
    kept = [{**_empty(scope, name), "level": amount, "updated_at": now} for name, amount in holds.items() if amount]
    if kept:
        connection.execute(_HOLD[connection.dialect.name], kept)
    ended = [row["kind"] for row in held if not holds.get(row["kind"], not _is_gone(row, now))]
    if ended:
        connection.execute(_FORGET, [{"in_scope": scope, "of_kind": name} for name in ended])
