"""Items that go on to their next phase before anybody asks for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.retrieval import Retrieval
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine.ahead import Ahead
from batch_pipelines.engine.work import Call
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.moments import busy, until
from batch_pipelines_tests.engine.samples import JOB, RUN, billed, create, drive, phase, repeated

SPAN = (0, 5)
CHAIN = (phase("draft"), phase("review"))
DIAMOND = (
    phase("draft"),
    phase("facts", after=("draft",)),
    phase("tone", after=("draft",)),
    phase("end", after=("facts", "tone")),
)


def work_item(outputs: dict[str, str] | None = None) -> WorkItem:
    """An item that was tried twice in the phase that it is loaded for."""
    return WorkItem(
        row=1, item_id="a", tier=None, status=ItemStatus.RUNNING, parameters={}, phase_outputs=outputs or {}, attempts=2
    )


def asked_call(ahead: Ahead, of: Phase, outputs: dict[str, str] | None = None) -> Call:
    """The call of an item in a phase that is asked for."""
    return Call(work_item(outputs), ahead.take(SPAN, of), started=True)


def job_of(ledger: Ledger, *phases: Phase, **options: Any) -> BatchJob:
    """A batch job of these phases."""
    return create(ledger, 5, *phases, **options)


def test_an_item_goes_on_with_its_new_output(sqlite_ledger: Ledger) -> None:
    """As one that was never tried there, and whoever asks for the phase finds it under way."""
    ahead = Ahead(job_of(sqlite_ledger, *CHAIN), is_alone=True)

    (following,) = ahead.follow(asked_call(ahead, CHAIN[0]), "Once")

    assert following.item.phase_outputs == {"draft": "Once"}
    assert (following.item.attempts, following.item.trial) == (0, None)
    assert following.run.open == {following}
    assert ahead.take(SPAN, CHAIN[1]) is following.run
    assert ahead.take(SPAN, CHAIN[1]) is not following.run


def test_the_last_phase_is_followed_by_nothing(sqlite_ledger: Ledger) -> None:
    """Its output is the item's."""
    ahead = Ahead(job_of(sqlite_ledger, *CHAIN), is_alone=True)

    assert list(ahead.follow(asked_call(ahead, CHAIN[1], {"draft": "Once"}), "Good")) == []


def test_a_join_waits_for_both(sqlite_ledger: Ledger) -> None:
    """Two phases follow one, and the phase after both follows whichever ends last, once, with all outputs (B3)."""
    draft, facts, tone, _ = DIAMOND
    ahead = Ahead(job_of(sqlite_ledger, *DIAMOND), is_alone=True)

    both = {call.run.phase.name: call for call in ahead.follow(asked_call(ahead, draft), "d")}
    assert both.keys() == {facts.name, tone.name}
    assert list(ahead.follow(both["tone"], "t")) == []
    (end,) = ahead.follow(both["facts"], "f")

    assert end.run.phase.name == "end"
    assert end.item.phase_outputs == {"draft": "d", "tone": "t", "facts": "f"}


def test_an_output_may_be_waited_for_by_two_joins(sqlite_ledger: Ledger) -> None:
    """The first that starts does not take it from the other (B3)."""
    a, b, c = phase("a"), phase("b", after=("a",)), phase("c", after=("a",))
    d, e = phase("d", after=("a", "b")), phase("e", after=("b", "c"))
    ahead = Ahead(job_of(sqlite_ledger, a, b, c, d, e, phase("end", after=("d", "e"))), is_alone=True)

    first = {call.run.phase.name: call for call in ahead.follow(asked_call(ahead, a), "1")}
    assert [call.run.phase.name for call in ahead.follow(first["b"], "2")] == ["d"]
    assert [call.run.phase.name for call in ahead.follow(first["c"], "3")] == ["e"]


@pytest.mark.parametrize(
    "following",
    [
        Phase(name="review", task_type="record", kind=PhaseKind.RECORD),
        phase("review", use_rag=True, retrieval=Retrieval(passages=1)),
    ],
    ids=["record", "retrieval"],
)
def test_what_is_looked_up_for_many_waits_to_be_asked_for(sqlite_ledger: Ledger, following: Phase) -> None:
    """The ledger is asked for a partition at once."""
    ahead = Ahead(job_of(sqlite_ledger, CHAIN[0], following), is_alone=True)

    assert list(ahead.follow(asked_call(ahead, CHAIN[0]), "Once")) == []


def test_kept_answers_are_looked_up_first(sqlite_ledger: Ledger) -> None:
    """A batch job that uses them goes nowhere ahead."""
    ahead = Ahead(job_of(sqlite_ledger, *CHAIN, answer_cache="read"), is_alone=True)

    assert list(ahead.follow(asked_call(ahead, CHAIN[0]), "Once")) == []


def test_another_process_may_be_asked_for_the_next_phase(sqlite_ledger: Ledger) -> None:
    """Then its items are its own: a call that both make would be paid twice (D5)."""
    ahead = Ahead(job_of(sqlite_ledger, *CHAIN), is_alone=False)

    assert list(ahead.follow(asked_call(ahead, CHAIN[0]), "Once")) == []


async def test_no_item_waits_for_its_partition(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Reviews begin while drafts of the same partition are still being written (D1)."""
    server = simulate(latency_mean_seconds=0.1, latency_sigma=1.0)
    create(ledger, 12, *CHAIN, items_per_partition=12, concurrency=12)

    await drive(ledger, engine_on(server.url))

    with reading(ledger._engine) as connection:
        rows = connection.execute(select(attempts.c.phase, attempts.c.started_at, attempts.c.duration_ms)).all()
    drafted = max(start + timedelta(milliseconds=took) for name, start, took in rows if name == "draft")
    assert min(start for name, start, _ in rows if name == "review") < drafted
    assert repeated(server.url) == 0


async def test_steps_one_after_the_other_find_what_is_done(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """As an executor without concurrency asks for them: every call is made once, whichever step it belongs to."""
    server = simulate(latency_mean_seconds=0.02)
    create(ledger, 20, *DIAMOND, items_per_partition=10, concurrency=4)
    engine = engine_on(server.url)

    for each in DIAMOND:
        for start in (0, 10):
            outcome = await asyncio.wrap_future(engine.run_phase(JOB, RUN, each.name, start, start + 10))
            assert (outcome.done, outcome.left) == (10, 0)

    assert sorted(billed(server.url).values()) == [1] * 80
    assert ledger.progress(JOB).completed == 20


async def test_what_is_ahead_is_left_by_a_pause(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Calls in flight are kept, in whatever phase, and the next run makes only those that are missing (A4)."""
    server = simulate(latency_mean_seconds=0.1, latency_sigma=1.0)
    create(ledger, 12, *CHAIN, items_per_partition=12, concurrency=6)
    engine = engine_on(server.url)
    driving = asyncio.ensure_future(drive(ledger, engine))

    await until(busy(server.url))
    await until(lambda: ledger.phase_outcome(JOB, "review", 0, 12).done > 0)
    ledger.request(JOB, RequestKind.PAUSE, by="test")
    await driving
    ledger.settle_requests(JOB)
    await drive(ledger, engine)

    assert ledger.progress(JOB).completed == 12
    assert Counter(billed(server.url).values()) == {1: 24}


async def test_closing_between_steps_pauses_nothing(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """The process of one step ends while items are ahead of it: their calls are kept, and nobody is told of a pause."""
    server = simulate(latency_mean_seconds=0.1, latency_sigma=1.0)
    create(ledger, 12, *CHAIN, items_per_partition=12, concurrency=12)
    first = engine_on(server.url)

    await asyncio.wrap_future(first.run_phase(JOB, RUN, "draft", 0, 12))
    await asyncio.to_thread(first.close)

    assert (first.interrupted, ledger.open_requests(JOB)) == (set(), [])
    await asyncio.wrap_future(engine_on(server.url).run_phase(JOB, RUN, "review", 0, 12))
    assert ledger.progress(JOB).completed == 12
    assert Counter(billed(server.url).values()) == {1: 24}
