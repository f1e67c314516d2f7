"""What the server's own log says was paid, held against what the ledger says."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.journal_lines import LOST
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts, batch_items, phase_results
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines_tests.engine.samples import MODEL, PRICES

PROMPT = re.compile(r"(\w+): tell me about mountain (\d+) of ([\w-]+)")
"""How the prompts of `engine.samples` begin: phase, number of the item, batch job."""
ENDINGS = {EventType.ITEM_COMPLETED, EventType.ITEM_FAILED}
NOTHING = Decimal(0)

Call = tuple[str, str]
"""Item id and phase."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request for a message, as the server logged it."""

    batch_job_id: str
    call: Call
    arrived: datetime
    request_id: str
    usage: Usage | None
    """What was billed; None where nothing was."""
    is_whole: bool
    """Whether what was billed was also sent whole, so that a client that lived had it."""

    @property
    def cost_usd(self) -> Decimal:
        return NOTHING if self.usage is None else PRICES.cost(MODEL, self.usage, self.arrived)


def entry_of(values: dict[str, Any]) -> Entry:
    """An entry as the server gives it in JSON."""
    found = PROMPT.match(values["prompt"])
    assert found is not None, f"no prompt of these tests: {values['prompt']}"
    phase, number, batch_job_id = found.groups()
    return Entry(
        batch_job_id=batch_job_id,
        call=(f"item_{number}", phase),
        arrived=datetime.fromisoformat(values["time"]),
        request_id=values["request_id"],
        usage=Usage(**values["usage"]) if values["billed"] else None,
        is_whole=values["billed"] and values["fault"] in (None, Fault.REFUSAL),
    )


def entries_in(log_file: Path) -> list[Entry]:
    """Every request that servers with this log file got, also those that were killed."""
    return [entry_of(json.loads(line)) for line in log_file.read_text(encoding="utf-8").splitlines()]


def bill_usd(entries: Iterable[Entry]) -> Decimal:
    """What all of it costs."""
    return sum((entry.cost_usd for entry in entries), NOTHING)


def paid_again(entries: Iterable[Entry]) -> int:
    """Answers beyond the first that was sent whole for the same item and phase."""
    whole = Counter(entry.call for entry in entries if entry.is_whole)
    return sum(whole.values()) - len(whole)


def lost_calls(ledger: Ledger, batch_job_id: str) -> int:
    """Attempts that are known to have begun in a run that died, and no more."""
    return sum(row["error_message"] == LOST for row in _rows(ledger, attempts, batch_job_id))


def check_accounts(ledger: Ledger, batch_job_id: str, entries: Sequence[Entry]) -> None:
    """What the ledger knows is what the server billed, call by call; what it does not know, it counts high enough."""
    charges, bill = ledger.charges(batch_job_id), bill_usd(entries)
    assert charges.cost_usd <= bill <= charges.total_usd
    known, unknown = _check_attempts(_rows(ledger, attempts, batch_job_id), entries)
    billed = {entry.request_id for entry in entries if entry.usage is not None}
    assert len(billed - known) <= unknown
    if not unknown:
        assert charges.cost_usd == bill == charges.total_usd
    _check_sums(ledger, batch_job_id)


def check_endings(ledger: Ledger, batch_job_id: str, *, items: int) -> None:
    """Every item ended exactly once."""
    events = ledger.events_after(batch_job_id, 0, limit=1_000_000)
    ended = Counter(event.item_id for event in events if event.type in ENDINGS)
    assert ended == Counter(f"item_{number}" for number in range(items))


def _check_attempts(rows: Sequence[Any], entries: Sequence[Entry]) -> tuple[set[str], int]:
    """Requests that attempts of known cost are about, and how many attempts have none."""
    by_id = {entry.request_id: entry for entry in entries}
    known: set[str] = set()
    for row in rows:
        if row["cost_usd"] is None:
            continue
        entry = by_id[row["request_id"]]
        assert row["request_id"] not in known, "one answer counts twice"
        known.add(row["request_id"])
        assert row["cost_usd"] == entry.cost_usd
    return known, sum(row["cost_usd"] is None for row in rows)


def _check_sums(ledger: Ledger, batch_job_id: str) -> None:
    """Attempts, phases, items and the job add up to the same money."""
    by_phase: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    by_item: dict[int, Decimal] = defaultdict(Decimal)
    for row in _rows(ledger, attempts, batch_job_id):
        by_phase[row["item_row"], row["phase"]] += row["cost_usd"] or NOTHING
        by_item[row["item_row"]] += row["cost_usd"] or NOTHING
    phases = {(row["item_row"], row["phase"]): row["cost_usd"] for row in _rows(ledger, phase_results, batch_job_id)}
    with reading(ledger._engine) as connection:
        of_job = select(batch_items.c.id, batch_items.c.cost_usd).where(batch_items.c.batch_job_id == batch_job_id)
        items = {row: cost for row, cost in connection.execute(of_job) if row in by_item}
    assert phases == by_phase
    assert items == by_item
    assert ledger.progress(batch_job_id).cost_usd == ledger.charges(batch_job_id).cost_usd
    assert sum(by_item.values(), NOTHING) == ledger.charges(batch_job_id).cost_usd
    assert sum((each.cost_usd or NOTHING for each in ledger.spending(batch_job_id)), NOTHING) == sum(by_item.values())


def _rows(ledger: Ledger, table: Any, batch_job_id: str) -> Sequence[Any]:
    """All rows of a table that belong to items of the job."""
    of_job = select(table).join(batch_items, batch_items.c.id == table.c.item_row)
    with reading(ledger._engine) as connection:
        return connection.execute(of_job.where(batch_items.c.batch_job_id == batch_job_id)).mappings().all()
