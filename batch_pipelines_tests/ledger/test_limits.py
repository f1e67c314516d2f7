"""Limits per minute in the ledger, shared by everybody."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.limits import LimitKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import rate_limits
from batch_pipelines_tests.clock import START

REQUESTS, INPUT, OUTPUT = LimitKind.REQUESTS, LimitKind.INPUT_TOKENS, LimitKind.OUTPUT_TOKENS
LIMITS = {REQUESTS: 600, INPUT: 12_000}


def levels(ledger: Ledger, scope: str = "key") -> dict[str, float]:
    """What is left in each bucket."""
    with reading(ledger._engine) as connection:
        found = connection.execute(select(rate_limits.c.kind, rate_limits.c.level).where(rate_limits.c.scope == scope))
        return {row.kind: row.level for row in found}


def test_all_is_taken_or_nothing(ledger: Ledger) -> None:
    """Where one kind has too little, the others keep theirs, and the wait is for the slowest (D3)."""
    assert ledger.take("key", {REQUESTS: 1, INPUT: 100}, LIMITS, START) == 0.0
    before = levels(ledger)
    assert before == {"requests": 4.0, "input_tokens": 0.0}

    wait = ledger.take("key", {REQUESTS: 1, INPUT: 99}, LIMITS, START)

    assert wait == pytest.approx(0.5, abs=0.01)
    assert levels(ledger) == before
    assert ledger.take("key", {REQUESTS: 1, INPUT: 99}, LIMITS, START + timedelta(seconds=wait)) == 0.0


def test_a_kind_without_a_limit_is_not_limited(ledger: Ledger) -> None:
    """Any amount of it can be taken, also of nothing at all."""
    assert ledger.take("key", {OUTPUT: 10**9}, LIMITS, START) == 0.0
    assert ledger.take("key", {}, {}, START) == 0.0


def test_scopes_are_apart(ledger: Ledger) -> None:
    """One key's calls do not slow another's down."""
    ledger.take("key", {REQUESTS: 5}, LIMITS, START)

    assert ledger.take("key", {REQUESTS: 5}, LIMITS, START) > 0
    assert ledger.take("other", {REQUESTS: 5}, LIMITS, START) == 0.0


def test_an_impossible_amount_is_refused(ledger: Ledger) -> None:
    """A call larger than a minute's limit is told so, and takes nothing."""
    with pytest.raises(InvalidInput, match="12001"):
        ledger.take("key", {REQUESTS: 1, INPUT: 12_001}, LIMITS, START)
    assert levels(ledger) == {}


def test_what_was_not_used_is_given_back(ledger: Ledger) -> None:
    """A call that used less than it took lets the next one go sooner."""
    ledger.take("key", {INPUT: 5_000}, LIMITS, START)
    assert ledger.take("key", {INPUT: 4_000}, LIMITS, START) > 10

    ledger.settle("key", {INPUT: -4_500, OUTPUT: 0})

    assert ledger.take("key", {INPUT: 4_000}, LIMITS, START) == 0.0


def test_what_was_used_beyond_is_charged(ledger: Ledger) -> None:
    """A call that used more than it took makes the next one wait until that is paid."""
    ledger.take("key", {INPUT: 100}, LIMITS, START)
    ledger.settle("key", {INPUT: 1_000})

    assert levels(ledger) == {"input_tokens": -1_000.0}
    assert ledger.take("key", {INPUT: 1}, LIMITS, START) == pytest.approx(5, abs=0.1)


def test_giving_back_never_makes_a_burst(ledger: Ledger) -> None:
    """However much is given back, a bucket holds no more than its capacity."""
    ledger.take("key", {INPUT: 100}, LIMITS, START)
    ledger.settle("key", {INPUT: -10_000})

    assert ledger.take("key", {INPUT: 100}, LIMITS, START) == 0.0
    assert ledger.take("key", {INPUT: 100}, LIMITS, START) > 0


@pytest.mark.parametrize("known", [True, False])
def test_a_block_holds_for_everybody(ledger: Ledger, known: bool) -> None:
    """Until the moment a provider asked for, nobody of the scope takes anything, limited or not (D3)."""
    if known:
        ledger.take("key", {REQUESTS: 1}, LIMITS, START)
    ledger.block("key", START + timedelta(seconds=30))

    assert ledger.take("key", {REQUESTS: 1}, LIMITS, START) == 30.0
    assert ledger.take("key", {}, {}, START + timedelta(seconds=10)) == 20.0
    assert ledger.take("other", {REQUESTS: 1}, LIMITS, START) == 0.0
    assert ledger.take("key", {REQUESTS: 1}, LIMITS, START + timedelta(seconds=30)) == 0.0


def test_a_block_is_not_shortened(ledger: Ledger) -> None:
    """A second answer that asks for less does not undo the first, and one that asks for more counts."""
    ledger.block("key", START + timedelta(seconds=30))
    ledger.block("key", START + timedelta(seconds=5))
    assert ledger.take("key", {}, {}, START) == 30.0

    ledger.block("key", START + timedelta(seconds=60))
    assert ledger.take("key", {}, {}, START) == 60.0


def take_for(url: str, seconds: float) -> list[float]:
    """When one process took a request, under a limit of 3,000 a minute."""
    end = time.time() + seconds
    moments = []
    with Ledger.open(url, lambda: datetime.now(UTC)) as ledger:
        while time.time() < end:
            wait = ledger.take("key", {REQUESTS: 1}, {REQUESTS: 3_000}, datetime.now(UTC))
            if wait == 0:
                moments.append(time.time())
            time.sleep(wait)
    return moments


def test_processes_share_a_limit(ledger: Ledger, ledger_url: str) -> None:
    """Three processes together get what one would: a burst of half a second's worth, then fifty a second (D3)."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(take_for, [(ledger_url, 1.5)] * 3)
    moments = sorted(itertools.chain(*taken))

    assert all(taken)
    # One more for the moment between taking and noting the time.
    assert 50 < len(moments) <= 25 + 50 * (moments[-1] - moments[0]) + 1
