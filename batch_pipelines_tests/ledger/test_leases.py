"""Leases in the ledger: taken, renewed, ended, and what they tell an engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import update

from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.spec import Budget, Options
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.leases import Grant
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import batch_jobs
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.ledger.samples import JOB, start_items, start_job
from batch_pipelines_tests.reports import make_attempt, make_report

TTL = 10.0


def renew(ledger: Ledger, holder: str, wanted: int = 10, in_flight: int = 0, reserved: str = "0") -> Grant:
    """A renewal by an engine of run-1."""
    return ledger.renew(JOB, holder, "run-1", wanted, in_flight, Decimal(reserved), TTL)


def test_an_engine_alone_has_the_whole_job(ledger: Ledger) -> None:
    """The first engine gets all slots, and learns what it should know."""
    start_job(ledger)
    ledger.claim_run(JOB, "run-1")

    assert renew(ledger, "a") == Grant(
        slots=4, allotment_usd=None, status=JobStatus.RUNNING, requests=(), concurrency=4, taken_over=False
    )


def test_engines_share(ledger: Ledger) -> None:
    """A second engine gets its half as soon as the first has given it up."""
    start_job(ledger)

    assert renew(ledger, "a").slots == 4
    assert renew(ledger, "b").slots == 0
    assert renew(ledger, "a", in_flight=3).slots == 2
    assert renew(ledger, "b").slots == 1
    assert renew(ledger, "a", in_flight=2).slots == 2
    assert renew(ledger, "b", in_flight=1).slots == 2


def test_a_changed_concurrency_is_in_the_next_grant(ledger: Ledger) -> None:
    """An engine follows within a renewal: up at once, and down as its calls in flight end (D2)."""
    start_job(ledger)
    renew(ledger, "a")

    ledger.set_concurrency(JOB, 9)
    assert (renew(ledger, "a", in_flight=4).slots, renew(ledger, "a", in_flight=4).concurrency) == (9, 9)

    ledger.set_concurrency(JOB, 2)
    assert renew(ledger, "a", in_flight=4).slots == 2
    assert renew(ledger, "b").slots == 0
    assert renew(ledger, "a", in_flight=1).slots == 1
    assert renew(ledger, "b").slots == 1


def test_slots_of_a_released_lease_are_free_at_once(ledger: Ledger) -> None:
    """An engine that ends gives all back, of every job it worked on."""
    start_job(ledger)
    renew(ledger, "a")

    ledger.release("a")

    assert renew(ledger, "b").slots == 4


def test_slots_of_a_dead_engine_become_free(ledger: Ledger, clock: ManualClock) -> None:
    """A lease that nobody renewed ends by itself, and not sooner."""
    start_job(ledger)
    renew(ledger, "a")

    clock.advance(TTL - 0.001)
    assert renew(ledger, "b").slots == 0
    clock.advance(0.001)
    assert renew(ledger, "b").slots == 4


def test_concurrency_can_change_while_a_job_runs(ledger: Ledger) -> None:
    """The next renewal follows a change of concurrency: what is in flight over it ends and is not replaced (A7)."""
    start_job(ledger)
    renew(ledger, "a")

    set_options(ledger, concurrency=6)
    assert (renew(ledger, "a", in_flight=4).slots, renew(ledger, "a", in_flight=4).concurrency) == (6, 6)
    set_options(ledger, concurrency=2)
    assert renew(ledger, "a", in_flight=4).slots == 2


def set_options(ledger: Ledger, concurrency: int) -> None:
    """Change the options of JOB, as an update of a running job does."""
    options = Options(concurrency=concurrency).model_dump(mode="json")
    with writing(ledger._engine) as connection:
        connection.execute(update(batch_jobs).values(options=options))


def test_money_is_what_the_attempts_have_left(ledger: Ledger) -> None:
    """The allotment is the budget less every recorded cost and less what others hold (D6)."""
    rows = start_job(ledger, budget=Budget(max_cost_usd=Decimal(5)))
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(cost_usd=Decimal("1.25")))])

    assert renew(ledger, "a").allotment_usd == Decimal("3.75")
    assert renew(ledger, "b").allotment_usd == 0
    assert renew(ledger, "a", reserved="2").allotment_usd == Decimal(2)
    assert renew(ledger, "b").allotment_usd == Decimal("1.75")


def test_requests_reach_every_engine(ledger: Ledger) -> None:
    """A renewal brings the open requests, each kind once, until they are settled (A4, A5)."""
    start_job(ledger)
    for kind in (RequestKind.PAUSE, RequestKind.CANCEL, RequestKind.PAUSE):
        ledger.request(JOB, kind, "ann")

    assert renew(ledger, "a").requests == renew(ledger, "b").requests == (RequestKind.PAUSE, RequestKind.CANCEL)
    ledger.settle_requests(JOB)
    assert renew(ledger, "a").requests == ()


def test_a_run_that_lost_its_job_may_only_drain(ledger: Ledger) -> None:
    """It starts nothing, and keeps slots and money for what is in flight, which the new run must leave alone."""
    start_job(ledger, budget=Budget(max_cost_usd=Decimal(5)))
    ledger.claim_run(JOB, "run-1")
    renew(ledger, "old")
    ledger.claim_run(JOB, "run-2", takeover=True)

    old = renew(ledger, "old", in_flight=3, reserved="2")
    new = ledger.renew(JOB, "new", "run-2", 10, 0, Decimal(0), TTL)

    assert (old.taken_over, old.slots, old.allotment_usd) == (True, 0, Decimal(2))
    assert (new.taken_over, new.slots, new.allotment_usd) == (False, 1, Decimal(3))


def test_renewals_at_once_never_grant_too_much(ledger: Ledger) -> None:
    """Engines that renew in the same moment are served one after the other (D2)."""
    start_job(ledger)

    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(lambda number: renew(ledger, f"engine {number}"), range(8)))

    assert sum(grant.slots for grant in grants) == 4


def test_a_job_that_is_not_there_has_no_slots(ledger: Ledger) -> None:
    """An engine whose job is gone learns it."""
    with pytest.raises(JobNotFound):
        renew(ledger, "a")


def test_money_of_a_dead_engine_stays_until_the_next_run(ledger: Ledger, clock: ManualClock) -> None:
    """What it had in flight may be paid, which nobody knows before its journal is read; its slots are free (D6)."""
    start_job(ledger, budget=Budget(max_cost_usd=Decimal(5)))
    ledger.claim_run(JOB, "run-1")
    renew(ledger, "dead", reserved="2")
    clock.advance(TTL + 1)

    beside = renew(ledger, "b")
    assert (beside.slots, beside.allotment_usd) == (4, 0)

    clock.advance(TTL + 1)
    ledger.claim_run(JOB, "run-2")
    assert ledger.renew(JOB, "new", "run-2", 4, 0, Decimal(0), TTL).allotment_usd == 5
