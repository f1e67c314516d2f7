"""No minute exceeds a limit that is set, over several processes, and little of it is left unused (D3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.ledger.accounts import Claim, Standing
from batch_pipelines.ledger.buckets import HOLDING_SECONDS, Wish
from batch_pipelines_tests.clock import after
from batch_pipelines_tests.engine.limit_world import SMALL, Busy, Clockwork, MemoryBuckets, Process, busiest_minute

REQUESTS, INPUT = LimitKind.REQUESTS, LimitKind.INPUT_TOKENS
ACTIONS = ("call", "call", "call", "ask", "hear", "exchange", "exchange", "die")
PAUSES = st.sampled_from([0.0, 0.0, 0.0, 0.02, 0.1, 0.2, 0.39, 0.41, 0.9, 1.1, 3.0, 20.0, 61.0, 65.0])


@settings(max_examples=300, deadline=None, database=None)
@given(data=st.data(), limit=st.integers(1, 60), process_count=st.integers(1, 4))
def test_no_minute_exceeds_the_limit_whatever_happens(data: st.DataObject, limit: int, process_count: int) -> None:
    """Answers of the ledger that come late, deaths and give-backs in any order keep every window (D3)."""
    buckets, now = MemoryBuckets(), 0.0
    uses: list[tuple[datetime, int]] = []
    processes = [Process(f"p{number}", buckets, {INPUT: limit}, now) for number in range(process_count)]
    steps = data.draw(
        st.lists(
            st.tuples(PAUSES, st.integers(0, process_count - 1), st.sampled_from(ACTIONS), st.integers(1, limit)),
            min_size=20,
            max_size=120,
        )
    )
    for pause, number, action, size in steps:
        now += pause
        process = processes[number]
        if action == "call" and not process.limits.admit(TokenProfile(input_tokens=size, output_tokens=1), now):
            uses.append((after(now), size))
        if action in ("ask", "exchange"):
            process.ask(now)
        if action in ("hear", "exchange"):
            process.hear(now)
        if action == "die":
            processes[number] = Process(f"{process.name}x", buckets, {INPUT: limit}, now)

    assert busiest_minute(uses) <= limit


@settings(max_examples=300, deadline=None, database=None)
@given(data=st.data(), limit=st.integers(1, 60), holder_count=st.integers(2, 5))
def test_no_minute_exceeds_the_limit_however_much_is_hoarded(
    data: st.DataObject, limit: int, holder_count: int
) -> None:
    """Holders that ask for all there is, keep it, give back, die, and in the end use all at once keep it too (D3)."""
    buckets, now = MemoryBuckets(), 0.0
    uses: list[tuple[datetime, int]] = []
    holders = [Hoarder(f"h{number}", buckets, limit) for number in range(holder_count)]
    steps = st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.05, 0.2, 0.39, 0.9]),
            st.sampled_from(["renew all", "renew all", "borrow", "borrow", "give back", "use", "rest", "die"]),
            st.integers(0, holder_count - 1),
            st.integers(1, limit),
        ),
        max_size=60,
    )
    for pause, action, number, amount in data.draw(steps):
        now += 62 if action == "rest" else pause
        holder = holders[number]
        if action == "renew all":
            for each in holders:
                each.ask(now, each.held)
        elif action == "borrow":
            holder.ask(now, amount)
        elif action == "give back":
            holder.ask(now, 0)
        elif action == "use":
            uses += holder.use(now, amount)
        elif action == "die":
            holder.name += "x"
            holder.held = 0
    for holder in holders:
        uses += holder.use(now, limit)
    for _ in range(300):
        now += 0.2
        holders[0].ask(now, limit)
        uses += holders[0].use(now, limit)

    assert busiest_minute(uses) <= limit


class Hoarder:
    """Holds what it is lent, and uses no more of it than came in, within the time it may."""

    def __init__(self, name: str, buckets: MemoryBuckets, limit: int) -> None:
        self.name = name
        self.held = 0.0
        self._buckets = buckets
        self._limits = {REQUESTS: limit}
        self._standing: Standing | None = None
        self._asked_at = 0.0

    def ask(self, now: float, most: float) -> None:
        """Have this much, or as much as there is."""
        held = self.held if now < self._asked_at + HOLDING_SECONDS else 0.0
        claim = Claim(Wish(least=0, most=most, held=held))
        loan = self._buckets.borrow(self.name, {REQUESTS: claim}, self._limits, after(now))
        self._standing, self._asked_at = loan.standings[REQUESTS], now
        self.held = self._standing.holds

    def use(self, now: float, most: float) -> list[tuple[datetime, int]]:
        """What is used of this much."""
        if self._standing is None or now >= self._asked_at + HOLDING_SECONDS:
            return []
        coming = max(0.0, self._standing.coming - self._standing.per_second * (now - self._asked_at))
        amount = int(max(0.0, min(most, self.held - coming)))
        self.held -= amount
        return [(after(now), amount)]


@pytest.mark.parametrize(("limit", "process_count"), [(7, 1), (60, 1), (60, 3), (600, 1), (600, 4), (4_000, 2)])
def test_requests_flow_at_almost_the_limit(limit: int, process_count: int) -> None:
    """With work waiting, ten minutes use 98 % of the limit, and no minute more than it (D3)."""
    uses = ten_minutes({REQUESTS: limit}, process_count, lambda: SMALL)
    counted = [(at, 1) for at, _ in uses]

    assert busiest_minute(counted) <= limit
    assert len(counted) >= 0.98 * limit * 10


@pytest.mark.parametrize(("share", "used"), [(0.001, 0.97), (0.01, 0.96), (0.05, 0.92), (0.5, 0.44), (1.0, 0.85)])
def test_large_calls_use_what_fits(share: float, used: float) -> None:
    """Calls that take a large part of a minute's tokens leave some unused, and are never starved (D3)."""
    limit = 100_000
    size = TokenProfile(input_tokens=int(limit * share), output_tokens=1)
    counted = [(at, each.input_tokens) for at, each in ten_minutes({INPUT: limit}, 1, lambda: size)]

    assert busiest_minute(counted) <= limit
    assert sum(amount for _, amount in counted) >= used * limit * 10


@pytest.mark.parametrize("seed", range(3))
def test_deaths_cost_little_and_exceed_nothing(seed: int) -> None:
    """Processes that die with what they hold, and others that take their place, stay under the limit (D3)."""
    random, limit = Random(seed), 1_200
    sizes = [TokenProfile(input_tokens=size, output_tokens=1) for size in (1, 5, 20, 60)]
    uses = ten_minutes({INPUT: limit}, 3, lambda: random.choice(sizes), deaths=60, seed=seed)
    counted = [(at, each.input_tokens) for at, each in uses]

    assert busiest_minute(counted) <= limit
    assert sum(amount for _, amount in counted) >= 0.7 * limit * 10


def test_a_call_larger_than_a_minute_waits_for_a_full_bucket_and_goes() -> None:
    """What the provider thinks of it is the provider's to say; what it used beyond is paid afterwards (D3)."""
    size = TokenProfile(input_tokens=250, output_tokens=1)
    uses = ten_minutes({INPUT: 100}, 1, lambda: size)

    moments = [at for at, _ in uses]
    assert 3 <= len(moments) <= 5
    assert all((later - earlier).total_seconds() > 120 for earlier, later in pairwise(moments))


def ten_minutes(
    set_limits: dict[LimitKind, int],
    process_count: int,
    size: Callable[[], TokenProfile],
    *,
    deaths: int = 0,
    seed: int = 0,
) -> list[tuple[datetime, TokenProfile]]:
    """When busy processes sent which calls in ten minutes; processes that die are replaced."""
    random, buckets, clockwork = Random(seed), MemoryBuckets(), Clockwork()
    sent: list[tuple[datetime, TokenProfile]] = []
    running: list[Busy] = []

    def start(name: str) -> None:
        process = Process(name, buckets, set_limits, clockwork.now)
        running.append(Busy(process, clockwork, random, size, sent=sent))
        running[-1].start()

    def die(number: int) -> None:
        running.pop(random.randrange(len(running))).is_dead = True
        start(f"later-{number}")

    for number in range(process_count):
        start(f"first-{number}")
    for number in range(deaths):
        clockwork.at(random.uniform(0, 600), partial(die, number))
    clockwork.run(until=600)
    return sent
