"""Limits per minute in the ledger, shared by everybody."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.ledger.accounts import Claim, Loan, Told
from batch_pipelines.ledger.buckets import GONE_SECONDS, Wish
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import rate_limits
from batch_pipelines_tests.clock import START, after

REQUESTS, INPUT, OUTPUT = LimitKind.REQUESTS, LimitKind.INPUT_TOKENS, LimitKind.OUTPUT_TOKENS
LIMITS = {REQUESTS: 600, INPUT: 12_000}


def want(least: float, most: float | None = None, held: float = 0, **fields: float) -> Claim:
    """A claim to so much."""
    return Claim(Wish(least=least, most=least if most is None else most, held=held), **fields)


def rows(ledger: Ledger, scope: str = "key") -> dict[str, float]:
    """The level of each bucket, and what is held."""
    with reading(ledger._engine) as connection:
        found = connection.execute(select(rate_limits.c.kind, rate_limits.c.level).where(rate_limits.c.scope == scope))
        return {row.kind: row.level for row in found}


def held(loan: Loan) -> dict[LimitKind, float]:
    """What was lent."""
    return {kind: standing.holds for kind, standing in loan.standings.items()}


def test_what_is_lent_is_noted_under_the_process(ledger: Ledger) -> None:
    """The buckets hold less, and each process has a row for what it holds (D3)."""
    loan = ledger.borrow("key", "a", {REQUESTS: want(1, 4), INPUT: want(40)}, LIMITS, START)

    assert held(loan) == {REQUESTS: 4, INPUT: 40}
    assert loan.wait_seconds == 0
    assert rows(ledger) == {"requests": 2, "requests@a": 4, "input_tokens": 100, "input_tokens@a": 40}


def test_all_is_lent_or_nothing_of_what_is_short(ledger: Ledger) -> None:
    """Where one kind has too little, the wait is for it, and nobody hoards the others (D3)."""
    ledger.borrow("key", "b", {INPUT: want(1, 100)}, LIMITS, START)

    loan = ledger.borrow("key", "a", {REQUESTS: want(1), INPUT: want(140)}, LIMITS, START)

    assert held(loan) == {REQUESTS: 0, INPUT: 0}
    assert loan.wait_seconds == pytest.approx(0.46, abs=0.02)
    moment = after(loan.wait_seconds)
    assert held(ledger.borrow("key", "a", {REQUESTS: want(1), INPUT: want(140)}, LIMITS, moment))[INPUT] == 140


def test_what_is_not_wanted_goes_back(ledger: Ledger) -> None:
    """A process that asks for less than it has leaves the rest to others, and its row goes with the last of it."""
    ledger.borrow("key", "a", {REQUESTS: want(1, 5)}, LIMITS, START)
    ledger.borrow("key", "a", {REQUESTS: want(0, 2, held=5)}, LIMITS, START)
    assert rows(ledger) == {"requests": 4, "requests@a": 2, "input_tokens": 0}

    ledger.borrow("key", "a", {REQUESTS: want(0, 0, held=2)}, LIMITS, START)

    assert rows(ledger) == {"requests": 6, "input_tokens": 0}


def test_what_a_dead_process_held_counts_as_used(ledger: Ledger) -> None:
    """Its row goes, and what it held does not come back; nor to itself, should it only have slept."""
    ledger.borrow("key", "a", {REQUESTS: want(1)}, {REQUESTS: 6}, START)

    slept = ledger.borrow("key", "a", {REQUESTS: want(1, held=1)}, {REQUESTS: 6}, after(GONE_SECONDS))

    assert held(slept)[REQUESTS] == 0
    assert slept.wait_seconds == pytest.approx(9.4, abs=0.2)
    assert rows(ledger).keys() == {"requests"}


def test_scopes_are_apart(ledger: Ledger) -> None:
    """One key's calls do not slow another's down."""
    ledger.borrow("key", "a", {REQUESTS: want(8)}, LIMITS, START)

    assert ledger.borrow("key", "b", {REQUESTS: want(8)}, LIMITS, START).wait_seconds > 0
    assert ledger.borrow("other", "b", {REQUESTS: want(8)}, LIMITS, START).wait_seconds == 0


def test_use_beyond_what_was_taken_is_charged(ledger: Ledger) -> None:
    """A call that used more makes the next one wait, one that used less lets it go sooner."""
    ledger.borrow("key", "a", {INPUT: want(100)}, LIMITS, START)
    ledger.borrow("key", "a", {INPUT: want(0, charge=1_000)}, LIMITS, START)
    assert ledger.borrow("key", "a", {INPUT: want(1)}, LIMITS, START).wait_seconds > 4

    ledger.borrow("key", "a", {INPUT: want(0, charge=-1_000)}, LIMITS, START)

    assert ledger.borrow("key", "a", {INPUT: want(1)}, LIMITS, START).wait_seconds == 0


def test_giving_back_never_makes_a_burst(ledger: Ledger) -> None:
    """However much is given back, a bucket holds no more than its capacity."""
    ledger.borrow("key", "a", {INPUT: want(0, charge=-10_000)}, LIMITS, START)

    assert held(ledger.borrow("key", "a", {INPUT: want(1, 100_000)}, LIMITS, START))[INPUT] == 101 + 49


def test_a_told_limit_is_kept_for_whoever_comes_next(ledger: Ledger) -> None:
    """The next process knows it from its start, and how full the provider's bucket should be (D3)."""
    assert ledger.known_limits("key", START).per_minute == {}

    ledger.borrow("key", "a", {REQUESTS: Claim(told=Told(600, highest=19, remaining=3))}, {}, START)

    assert ledger.known_limits("key", START).per_minute == {REQUESTS: 600}
    loan = ledger.borrow("key", "b", {REQUESTS: want(1, 100)}, {}, after(1))
    assert loan.standings[REQUESTS].highest == 19
    assert held(loan)[REQUESTS] == 3 + 10 + 2 - 1


def test_later_words_of_the_provider_only_lower_what_is_there(ledger: Ledger) -> None:
    """What another process knows better is not undone, and a new limit counts at once."""
    ledger.borrow("key", "a", {REQUESTS: Claim(told=Told(600, highest=19, remaining=10))}, {}, START)
    ledger.borrow("key", "b", {REQUESTS: Claim(told=Told(600, highest=15, remaining=15))}, {}, START)
    assert rows(ledger) == {"requests": 10}

    loan = ledger.borrow("key", "b", {REQUESTS: Claim(told=Told(300, highest=25, remaining=-4))}, {}, START)

    standing = loan.standings[REQUESTS]
    assert (standing.level, standing.highest, standing.per_second) == (-4, 25, 5)


@pytest.mark.parametrize(("told", "per_minute"), [(300, 300), (6_000, 600)])
def test_of_a_set_and_a_told_limit_the_smaller_counts(ledger: Ledger, told: int, per_minute: int) -> None:
    """It is kept in every window, as it is ours (D3)."""
    loan = ledger.borrow("key", "a", {REQUESTS: Claim(told=Told(told, highest=told))}, LIMITS, START)

    limit = loan.standings[REQUESTS].limit
    assert (limit.per_minute, limit.is_set) == (per_minute, True)


def test_limits_that_are_told_no_more_are_forgotten(ledger: Ledger) -> None:
    """Then nothing holds whoever asks next."""
    ledger.borrow("key", "a", {REQUESTS: Claim(told=Told(600, highest=19))}, {}, START)

    ledger.forget_limits("key")

    assert ledger.known_limits("key", START).per_minute == {}
    assert ledger.borrow("key", "a", {REQUESTS: want(100)}, {}, START).standings == {}


@pytest.mark.parametrize("known", [True, False])
def test_a_block_holds_for_everybody(ledger: Ledger, known: bool) -> None:
    """Until the moment a provider asked for, nobody of the scope is lent anything, limited or not (D3)."""
    if known:
        ledger.borrow("key", "a", {REQUESTS: want(1)}, LIMITS, START)
    ledger.block("key", after(30))

    loan = ledger.borrow("key", "b", {REQUESTS: want(1)}, LIMITS, START)

    assert (held(loan)[REQUESTS], loan.wait_seconds, loan.blocked_seconds) == (0, 30, 30)
    assert ledger.known_limits("key", after(10)).blocked_seconds == 20
    assert ledger.known_limits("other", after(10)).blocked_seconds == 0
    assert held(ledger.borrow("key", "b", {REQUESTS: want(1)}, LIMITS, after(30)))[REQUESTS] == 1


def test_a_block_is_not_shortened(ledger: Ledger) -> None:
    """A second answer that asks for less does not undo the first, and one that asks for more counts."""
    ledger.block("key", after(30))
    ledger.block("key", after(5))
    assert ledger.known_limits("key", START).blocked_seconds == 30

    ledger.block("key", after(60))
    assert ledger.known_limits("key", START).blocked_seconds == 60


def take_for(url: str, name: str, seconds: float) -> list[float]:
    """When one process took a request, under a limit of 3,000 a minute."""
    end = time.time() + seconds
    moments = []
    with Ledger.open(url, lambda: datetime.now(UTC)) as ledger:
        while time.time() < end:
            loan = ledger.borrow("key", name, {REQUESTS: want(1)}, {REQUESTS: 3_000}, datetime.now(UTC))
            if not loan.wait_seconds:
                moments.append(time.time())
            time.sleep(loan.wait_seconds)
    return moments


def test_processes_share_a_limit(ledger: Ledger, ledger_url: str) -> None:
    """Three processes together get what one would: a burst of half a second's worth, then fifty a second (D3)."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(take_for, [(ledger_url, name, 1.5) for name in "abc"])
    moments = sorted(itertools.chain(*taken))

    assert all(taken)
    # A quarter of a second's worth is lent ahead, and one more goes between taking and noting the time.
    assert 50 < len(moments) <= 26 + 13 + 50 * (moments[-1] - moments[0]) + 1
