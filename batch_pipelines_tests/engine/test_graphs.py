"""Phases that form a graph: side by side where they can, joined where they must, failed once (B3)."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.job import PhaseOutcome
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Request
from batch_pipelines.providers.simulated.process import configure, log, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, PATIENCE_SECONDS, phase, repeated, utc_now
from batch_pipelines_tests.engine.validated import (
    PRICES,
    Watched,
    billed_usd,
    create,
    drive,
    drive_and_pause,
    engine_with,
    judged,
    record,
)
from batch_pipelines_tests.postgres import fresh_database

HOLE = "{% if '1' in item.topic %}{{ item.hole }}{% endif %}"
"""Cannot be rendered for items with a 1 in their topic."""


def diamond(b: str = "", c: str = "") -> tuple[Phase, ...]:
    """a → (b, c) → d; `b` and `c` are put before those phases' prompts."""
    return (
        phase("a"),
        phase("b", after=("a",), prompt=f"{b}b: on {{{{ item.topic }}}}, {{{{ phases.a }}}}"),
        phase("c", after=("a",), prompt=f"{c}c: on {{{{ item.topic }}}}, {{{{ phases.a }}}}"),
        phase("d", after=("b", "c"), prompt="d: on {{ item.topic }} from {{ phases.b }} and {{ phases.c }}"),
    )


def asked(url: str) -> Counter[str]:
    """Calls by phase."""
    return Counter(str(entry["prompt"]).partition(":")[0] for entry in log(url))


def ends(ledger: Ledger) -> Counter[tuple[str | None, EventType]]:
    """How often each item ended, and how."""
    final = (EventType.ITEM_COMPLETED, EventType.ITEM_FAILED)
    events = ledger.events_after(JOB, 0, limit=2000)
    return Counter((event.item_id, event.type) for event in events if event.type in final)


async def test_a_join_sees_both_branches(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """The last phase gets the outputs of both, and its output is the item's (B3)."""
    server = simulate()
    provider = Watched(server.url)
    create(ledger, 6, *diamond(), items_per_partition=3, concurrency=4)

    with engine_with(ledger, journals, provider) as engine:
        outcomes = await drive(ledger, engine)

    assert outcomes == {name: PhaseOutcome(6, 0, 0) for name in "abcd"}
    assert asked(server.url) == dict.fromkeys("abcd", 6)
    joins = {request.prompt for request in provider.requests if request.prompt.startswith("d:")}
    for result in ledger.iter_results(JOB):
        assert result.status is ItemStatus.COMPLETED
        assert set(result.phase_outputs) == set("abcd")
        assert result.output == result.phase_outputs["d"]
        both = f"{result.phase_outputs['b']} and {result.phase_outputs['c']}"
        assert f"d: on {result.input['topic']} from {both}" in joins
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE


@pytest.mark.parametrize("order", [*permutations(range(4))][::5])
async def test_the_order_in_the_list_does_not_matter(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, order: tuple[int, ...]
) -> None:
    """`after` decides, wherever a phase stands (B3)."""
    server = simulate()
    phases = diamond()
    first = phases[0].model_copy(update={"after": ()})
    listed = [first if number == 0 else phases[number] for number in order]
    create(ledger, 2, *listed)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    results = list(ledger.iter_results(JOB))
    assert [result.status for result in results] == [ItemStatus.COMPLETED] * 2
    assert all(result.output == result.phase_outputs["d"] for result in results)
    assert asked(server.url) == dict.fromkeys("abcd", 2)


async def test_branches_run_side_by_side(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """Each waits here until the other was asked too (B3)."""
    server = simulate()
    met = asyncio.Event()
    names: set[str] = set()

    async def meet(request: Request) -> None:
        name = getattr(request, "prompt", "").partition(":")[0]
        if name in ("b", "c"):
            names.add(name)
            if names == {"b", "c"}:
                met.set()
            async with asyncio.timeout(10):
                await met.wait()

    create(ledger, 1, *diamond(), concurrency=2)
    with engine_with(ledger, journals, Watched(server.url, before=meet)) as engine:
        await drive(ledger, engine)

    assert ledger.progress(JOB).completed == 1


async def test_several_roots_start_at_once(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """An item that two phases begin starts once, and completes once (B3, A3)."""
    server = simulate()
    create(ledger, 8, phase("b", after=()), phase("c", after=()), phase("d", after=("b", "c")), items_per_partition=2)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    events = Counter((event.item_id, event.type) for event in ledger.events_after(JOB, 0, limit=2000) if event.item_id)
    assert set(events.values()) == {1}
    assert {kind for _, kind in events} == {EventType.ITEM_STARTED, EventType.ITEM_COMPLETED}
    assert len(events) == 16


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_a_branch_that_fails_ends_its_item_once(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """With that branch's reason; the others complete, and nothing after the join is asked for it (B3, A6)."""
    server = simulate()
    create(ledger, 12, *diamond(b=HOLE), items_per_partition=6, concurrency=3)

    outcomes = await drive(ledger, *(engine_on(server.url, prices=PRICES) for _ in range(engine_count)))

    failed = {f"item_{number}" for number in (1, 10, 11)}
    results = {result.item_id: result for result in ledger.iter_results(JOB)}
    assert {each for each, result in results.items() if result.status is ItemStatus.FAILED} == failed
    assert {result.status for result in results.values()} == {ItemStatus.FAILED, ItemStatus.COMPLETED}
    for item_id in failed:
        error = results[item_id].error
        assert error is not None
        assert (error.category, "phase b" in error.message) == (ErrorCategory.TEMPLATE, True)
    assert ends(ledger) == {
        (item_id, EventType.ITEM_FAILED if item_id in failed else EventType.ITEM_COMPLETED): 1 for item_id in results
    }
    assert asked(server.url)["b"] == asked(server.url)["d"] == 9
    assert outcomes["b"] == outcomes["d"] == PhaseOutcome(9, 3, 0)
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


async def test_no_call_is_wasted_on_an_item_that_failed(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Calls of the other branch that wait for a slot are not made, nor are its judges asked (B3, D6)."""
    server = simulate(judge_mean=8, judge_spread=0, latency_mean_seconds=0.1)
    # With a budget, later phases go first: b, which cannot be rendered, before c.
    phases = (
        judged("c", prompt="c: {{ item.topic }}").model_copy(update={"after": ()}),
        phase("b", after=(), prompt=f"{HOLE}b: {{{{ item.topic }}}}"),
        phase("d", after=("c", "b")),
    )
    create(ledger, 12, *phases, concurrency=1, budget=Budget(max_cost_usd=Decimal(5)))

    outcomes = await drive(ledger, engine_on(server.url, prices=PRICES))

    failed = [result for result in ledger.iter_results(JOB) if result.status is ItemStatus.FAILED]
    assert [result.item_id for result in failed] == ["item_1", "item_10", "item_11"]
    # One at most was in flight before b was tried.
    assert sum(result.attempts for result in failed) <= 1
    assert asked(server.url)["d"] == 9
    assert outcomes["d"] == PhaseOutcome(9, 3, 0)
    assert set(ends(ledger).values()) == {1}


async def test_no_judge_is_paid_for_an_item_that_failed_meanwhile(
    ledger: Ledger, journals: Path, simulate: Simulate
) -> None:
    """An answer of the other branch was on its way when the item failed: it is paid for, its judge is not (B3, B7)."""
    server = simulate(judge_mean=8, judge_spread=0)

    async def hold(request: Request) -> None:
        if getattr(request, "prompt", "").startswith("c:"):
            async with asyncio.timeout(10):
                while not ledger.progress(JOB).failed:
                    await asyncio.sleep(0.02)

    phases = (
        phase("b", after=(), prompt="b: {{ item.hole }}"),
        judged("c", prompt="c: {{ item.topic }}").model_copy(update={"after": ()}),
        phase("d", after=("b", "c")),
    )
    create(ledger, 1, *phases, concurrency=2)
    provider = Watched(server.url, before=hold)
    with engine_with(ledger, journals, provider) as engine:
        async with asyncio.timeout(PATIENCE_SECONDS):
            c = asyncio.wrap_future(engine.run_phase(JOB, "run-1", "c", 0, 1))
            while not provider.requests:
                await asyncio.sleep(0.01)
            await asyncio.wrap_future(engine.run_phase(JOB, "run-1", "b", 0, 1))
            await c

    assert asked(server.url) == {"c": 1}
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url) > 0
    assert (ledger.results(JOB)[0].status, sum(ends(ledger).values())) == (ItemStatus.FAILED, 1)


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_both_branches_may_fail(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """The first failure is the item's, and it is told once (B3, A3)."""
    server = simulate()
    create(ledger, 12, *diamond(b=HOLE, c=HOLE), items_per_partition=4)

    await drive(ledger, *(engine_on(server.url, prices=PRICES) for _ in range(engine_count)))

    assert Counter(kind for _, kind in ends(ledger).elements()) == {
        EventType.ITEM_FAILED: 3,
        EventType.ITEM_COMPLETED: 9,
    }
    assert set(ends(ledger).values()) == {1}
    progress = ledger.progress(JOB)
    assert (progress.failed, progress.completed, progress.running) == (3, 9, 0)
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE


async def test_both_branches_may_fail_in_processes_of_their_own(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Neither engine knows of the other's failure; the ledger keeps one (B3, D9)."""
    server = simulate()
    phases = (phase("b", after=(), prompt="b: {{ item.hole }}"), phase("c", after=(), prompt="c: {{ item.hole }}"))
    create(ledger, 5, *phases, phase("d", after=("b", "c")))
    first, second = engine_on(server.url), engine_on(server.url)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(
            asyncio.wrap_future(first.run_phase(JOB, "run-1", "b", 0, 5)),
            asyncio.wrap_future(second.run_phase(JOB, "run-1", "c", 0, 5)),
        )

    assert ends(ledger) == {(f"item_{number}", EventType.ITEM_FAILED): 1 for number in range(5)}
    assert ledger.progress(JOB).failed == 5


async def test_each_phase_may_run_in_a_process_of_its_own(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """What one engine did ahead of being asked, the next does not do again (B3, D9)."""
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 20, *diamond(b=HOLE), items_per_partition=5, concurrency=4)

    async def run(start: int, name: str) -> None:
        """What a step process does."""
        with engine_with(ledger, journals, Watched(server.url)) as engine:
            await asyncio.wrap_future(engine.run_phase(JOB, "run-1", name, start, start + 5))
            await asyncio.to_thread(engine.close)

    async def take_through(start: int) -> None:
        await run(start, "a")
        await asyncio.gather(run(start, "b"), run(start, "c"))
        await run(start, "d")

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*map(take_through, range(0, 20, 5)))

    assert (ledger.progress(JOB).completed, ledger.progress(JOB).failed) == (9, 11)
    assert set(ends(ledger).values()) == {1}
    assert repeated(server.url) == 0
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


async def test_a_failure_can_stop_the_job(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Though it happened in a branch; what the other branch has in flight is kept (A6, B3)."""
    server = simulate(latency_mean_seconds=0.02)
    create(ledger, 30, *diamond(b=HOLE), error_handling="stop", concurrency=4)

    await drive(ledger, engine_on(server.url, prices=PRICES))
    close_run(ledger, JOB)

    assert ledger.job(JOB).status is JobStatus.FAILED
    assert "failed (template: " in str(ledger.job(JOB).error)
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


async def test_a_pause_leaves_items_whole(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """What one branch did not get to, the join leaves too: nothing fails for want of an output (A4, B3)."""
    server = simulate(latency_mean_seconds=0.15)
    last = record("e", {"whole": "phases.d ~ phases.b"}, after=("d",))
    create(ledger, 30, *diamond(), last, concurrency=5, items_per_partition=10)
    engine = engine_on(server.url, prices=PRICES)
    outcomes = await drive_and_pause(ledger, engine, server.url, "answered", 30)

    assert ledger.job(JOB).status is JobStatus.PAUSED
    assert (ledger.progress(JOB).failed, sum(outcome.left for outcome in outcomes.values()) > 0) == (0, True)
    configure(server.url, latency_mean_seconds=0)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")
    assert ledger.progress(JOB).completed == 30
    assert repeated(server.url) == 0


async def test_a_phase_that_runs_before_its_inputs_are_there_leaves_its_items(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """However it came to that, the items can still complete (B3)."""
    server = simulate()
    create(ledger, 3, *diamond())
    engine = engine_on(server.url, prices=PRICES)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wrap_future(engine.run_phase(JOB, "run-1", "d", 0, 3))
    assert (ledger.progress(JOB).failed, stats(server.url)["message_requests"]) == (0, 0)

    await drive(ledger, engine)
    assert ledger.progress(JOB).completed == 3


async def test_a_graph_on_postgresql(journals: Path, simulate: Simulate) -> None:
    """The same on the other database, where two phases write about one item at once."""
    server = simulate()
    with fresh_database() as url, Ledger.open(url, utc_now) as ledger:
        create(ledger, 20, *diamond(b=HOLE, c=HOLE), items_per_partition=4, concurrency=10)
        with (
            engine_with(ledger, journals, Watched(server.url)) as one,
            engine_with(ledger, journals, Watched(server.url)) as two,
        ):
            await drive(ledger, one, two)

        assert set(ends(ledger).values()) == {1}
        assert ledger.progress(JOB).failed == 11
        assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
