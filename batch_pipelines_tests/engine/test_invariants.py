"""What always holds when engines share a batch job: its concurrency and its budget, whatever happens in which order.

Engines and ledger are told apart as they are in a run: an engine asks, the ledger decides later on what it was told,
and the answer arrives later still, or never.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from batch_pipelines.engine.purse import Purse
from batch_pipelines.engine.slots import Slots
from batch_pipelines.engine.throttle import Throttle
from batch_pipelines.ledger.grants import Share, decide_grant

LEASE_SECONDS = 10.0
NOTHING = Decimal(0)
PICO = Decimal("1e-12")
NAMES = "abc"
PAIR = "ab"
"""Fewer engines, so that more happens to each."""
names = st.sampled_from(NAMES)
pair = st.sampled_from(PAIR)
counts = st.integers(0, 12)
amounts = st.decimals("0.01", "1", places=2)


@dataclass
class Renewal:
    """What an engine told the ledger about its slots."""

    wanted: int
    in_flight: int
    until: float
    slots: int | None = None
    """What the ledger decided; None as long as it has not."""


@dataclass
class Worker:
    """An engine, as far as its slots are concerned."""

    slots: Slots
    in_flight: int = 0
    renewal: Renewal | None = None


@dataclass(frozen=True)
class Lease:
    """A row in the ledger."""

    share: Share
    expires_at: float


class SharedSlots(RuleBasedStateMachine):
    """Engines that ask, get answers late or never, work, give their slots back, stand still and die (D2)."""

    @initialize(concurrency=st.integers(1, 10))
    def begin(self, concurrency: int) -> None:
        self.now = 0.0
        self.concurrency = concurrency
        self.workers = {name: self.new_worker() for name in NAMES}
        self.leases: dict[str, Lease] = {}
        self.died = 0

    def new_worker(self) -> Worker:
        return Worker(Slots(Throttle(lambda: self.now)))

    @rule(name=names, waiting=counts)
    def ask(self, name: str, waiting: int) -> None:
        worker = self.workers[name]
        if worker.renewal is None:
            wanted = worker.in_flight + waiting
            worker.slots.ask(wanted, worker.in_flight)
            worker.renewal = Renewal(wanted, worker.in_flight, self.now + LEASE_SECONDS)

    @rule(name=names)
    def decide(self, name: str) -> None:
        """The ledger never lets more be held than there is.

        More may be held already, because the concurrency was lowered, or because an engine came back with calls in
        flight after its lease had lapsed and others could take its slots; calls in flight cannot be called back.
        """
        renewal, was_alive = self.workers[name].renewal, name in self.living_leases()
        if renewal is None or renewal.slots is not None:
            return
        self.lapse()
        before = held(self.leases)
        granted = decide_grant(
            concurrency=self.concurrency,
            wanted_slots=renewal.wanted,
            in_flight=renewal.in_flight,
            reserved_usd=NOTHING,
            unspent_usd=None,
            others=[lease.share for key, lease in self.leases.items() if key != name],
        )
        renewal.slots = granted.slots
        self.leases[name] = Lease(Share(granted.held, renewal.wanted, None), self.now + LEASE_SECONDS)
        come_back = 0 if was_alive else renewal.in_flight
        assert held(self.leases) <= max(self.concurrency, before + come_back)

    @rule(name=names, is_lost=st.booleans())
    def answer(self, name: str, is_lost: bool) -> None:
        """The answer arrives, if there is one; or none ever does, whether the ledger decided or not."""
        worker = self.workers[name]
        if worker.renewal is not None and (is_lost or worker.renewal.slots is not None):
            if not is_lost and worker.renewal.slots is not None:
                worker.slots.grant(worker.renewal.slots, worker.renewal.until)
            worker.renewal = None

    @rule(name=names, waiting=counts, calls=counts, is_lost=st.booleans())
    def renew(self, name: str, waiting: int, calls: int, is_lost: bool) -> None:
        """All of it at once, with calls that start before and after the answer."""
        self.ask(name, waiting)
        self.decide(name)
        self.start(name, calls)
        self.answer(name, is_lost)
        self.start(name, calls)

    @rule(name=names, calls=counts)
    def start(self, name: str, calls: int) -> None:
        """Nothing starts without a lease that holds."""
        worker = self.workers[name]
        while calls and worker.in_flight < worker.slots.allowed(self.now):
            assert name in self.living_leases()
            worker.in_flight += 1
            calls -= 1

    @rule(name=names, calls=counts)
    def finish(self, name: str, calls: int) -> None:
        worker = self.workers[name]
        worker.in_flight = max(0, worker.in_flight - calls)

    @rule(name=names)
    def die(self, name: str) -> None:
        """Another comes instead, and the lease of the dead one stays until it lapses."""
        self.workers[name] = self.new_worker()
        if name in self.leases:
            self.died += 1
            self.leases[f"dead {self.died}"] = self.leases.pop(name)

    @rule(name=names)
    def release(self, name: str) -> None:
        """An engine with nothing in flight gives its share back, and does not use it any more."""
        worker = self.workers[name]
        if worker.renewal is None and not worker.in_flight:
            worker.slots.ask(1, 0)
            self.leases.pop(name, None)

    @rule(seconds=st.floats(0.1, 1.2 * LEASE_SECONDS))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(concurrency=st.integers(1, 10))
    def set_concurrency(self, concurrency: int) -> None:
        self.concurrency = concurrency

    def lapse(self) -> None:
        """What the ledger does with leases that nobody renewed: their slots are free, and they want none."""
        for name in self.leases.keys() - self.living_leases().keys():
            self.leases[name] = Lease(Share(0, 0, None), self.leases[name].expires_at)

    def living_leases(self) -> dict[str, Lease]:
        return {name: lease for name, lease in self.leases.items() if lease.expires_at > self.now}

    @invariant()
    def no_engine_exceeds_its_lease(self) -> None:
        """So together they never exceed what is held, which `decide` keeps within the concurrency."""
        for name, lease in self.living_leases().items() if hasattr(self, "leases") else ():
            assert name not in self.workers or self.workers[name].in_flight <= lease.share.slots

    def teardown(self) -> None:
        """A later run can use every slot after two renewals of all its engines, from wherever they are."""
        if not hasattr(self, "workers"):
            return
        self.now += LEASE_SECONDS
        for name, worker in self.workers.items():
            worker.in_flight = 0
            self.answer(name, is_lost=True)
        for name in NAMES * 2:
            self.renew(name, 50, calls=0, is_lost=False)
        assert sum(worker.slots.allowed(self.now) for worker in self.workers.values()) == self.concurrency


def held(leases: dict[str, Lease]) -> int:
    """Slots of all leases together."""
    return sum(lease.share.slots for lease in leases.values())


TestSharedSlots = SharedSlots.TestCase
TestSharedSlots.settings = settings(max_examples=120, stateful_step_count=50, deadline=None, database=None)


@dataclass
class Claim:
    """What an engine told the ledger about its money."""

    wanted: int
    reserved: Decimal
    settled: Decimal
    """Of all calls that it knew to be in the ledger."""
    allotment: Decimal | None = None
    """What the ledger decided; None as long as it has not."""


@dataclass
class Spender:
    """An engine, as far as its money is concerned."""

    purse: Purse = field(default_factory=Purse)
    in_flight: list[Decimal] = field(default_factory=list)
    """Worst cases."""
    unwritten: list[Decimal] = field(default_factory=list)
    """What calls that ended are charged with, as long as the ledger has them not."""
    written: Decimal = NOTHING
    settled: Decimal = NOTHING
    """What of it the engine knows to be written."""
    granted_for: Decimal = NOTHING
    """What it knew when it asked for its last grant."""
    claim: Claim | None = None

    @property
    def journal(self) -> Decimal:
        """What a later run finds, should it die now."""
        return sum(self.in_flight + self.unwritten, NOTHING)


class SharedMoney(RuleBasedStateMachine):
    """Engines that claim, get answers late or never, call, checkpoint, give their money back and die (D6).

    An engine that dies keeps its share until a later run has read its journal.
    """

    @initialize(budget=st.decimals("0", "12", places=2))
    def begin(self, budget: Decimal) -> None:
        self.budget = budget
        self.spent = NOTHING
        self.spenders = {name: Spender() for name in PAIR}
        self.shares: dict[str, Share] = {}
        self.dead: dict[str, Decimal] = {}
        """What their journals have."""
        self.died = 0

    @rule(name=pair, waiting=st.integers(0, 3))
    def ask(self, name: str, waiting: int) -> None:
        spender = self.spenders[name]
        if spender.claim is None:
            reserved = spender.purse.claim() - (spender.settled - spender.granted_for)
            spender.claim = Claim(len(spender.in_flight) + waiting, reserved, spender.settled)

    @rule(name=pair)
    def decide(self, name: str) -> None:
        claim = self.spenders[name].claim
        if claim is None or claim.allotment is not None:
            return
        granted = decide_grant(
            concurrency=1000,
            wanted_slots=claim.wanted,
            in_flight=0,
            reserved_usd=claim.reserved,
            unspent_usd=self.budget - self.spent,
            others=[share for key, share in self.shares.items() if key != name],
        )
        claim.allotment = granted.allotment_usd
        self.shares[name] = Share(0, claim.wanted, granted.allotment_usd)

    @rule(name=pair, is_lost=st.booleans())
    def answer(self, name: str, is_lost: bool) -> None:
        """The answer arrives, if there is one; or none ever does, whether the ledger decided or not."""
        spender, claim = self.spenders[name], self.spenders[name].claim
        if claim is not None and (is_lost or claim.allotment is not None):
            if not is_lost:
                spender.purse.grant(claim.allotment, claim.settled - spender.granted_for)
                spender.granted_for = claim.settled
            spender.claim = None

    @rule(name=pair, worst=amounts, calls=counts)
    def renew(self, name: str, worst: Decimal, calls: int) -> None:
        """All of it at once, and calls start."""
        self.ask(name, waiting=1)
        self.decide(name)
        self.answer(name, is_lost=False)
        self.start(name, worst, calls)

    @rule(name=pair, worst=amounts, calls=counts)
    def renew_in_vain(self, name: str, worst: Decimal, calls: int) -> None:
        """All of it at once, but that the answer is lost; calls start meanwhile."""
        self.ask(name, waiting=1)
        self.decide(name)
        self.start(name, worst, calls)
        self.answer(name, is_lost=True)

    @rule(name=pair, worst=amounts, calls=counts)
    def start(self, name: str, worst: Decimal, calls: int) -> None:
        spender = self.spenders[name]
        while calls and spender.purse.reserve(worst):
            spender.in_flight.append(worst)
            calls -= 1

    @rule(name=pair, calls=counts, percent=st.integers(0, 100))
    def end(self, name: str, calls: int, percent: int) -> None:
        """Calls end; those whose cost is unknown are charged with all of their worst case."""
        spender = self.spenders[name]
        for worst in spender.in_flight[:calls]:
            spender.purse.settle(worst, worst * percent / 100)
            spender.unwritten.append(worst * percent / 100)
        del spender.in_flight[:calls]

    @rule(name=pair, calls=counts, is_known=st.booleans())
    def write(self, name: str, calls: int, is_known: bool) -> None:
        """A checkpoint is in the ledger, which the engine may not know yet."""
        spender = self.spenders[name]
        charged = sum(spender.unwritten[:calls], NOTHING)
        del spender.unwritten[:calls]
        self.spent += charged
        spender.written += charged
        if is_known:
            spender.settled = spender.written

    @rule(name=pair)
    def die(self, name: str) -> None:
        """Another comes instead."""
        self.died += 1
        self.dead[f"dead {self.died}"] = self.spenders[name].journal
        self.spenders[name] = Spender()
        if name in self.shares:
            self.shares[f"dead {self.died}"] = self.shares.pop(name)

    @rule()
    def recover(self) -> None:
        """A later run charges what was in flight at its worst, and then the shares of the dead are free."""
        for name, journal in self.dead.items():
            self.spent += journal
            self.shares.pop(name, None)
        self.dead = {}

    @rule()
    def lapse(self) -> None:
        """Nobody renewed in time: whose leases run out want no slots, and their money stays theirs."""
        self.shares = {name: Share(0, 0, share.allotment_usd) for name, share in self.shares.items()}

    @rule(name=pair)
    def release(self, name: str) -> None:
        """An engine with nothing outstanding lets others go first, and starts nothing until it has a grant again."""
        spender = self.spenders[name]
        if spender.claim is None and not spender.purse.outstanding_usd:
            spender.purse.claim()
            self.shares.pop(name, None)

    @invariant()
    def the_budget_holds(self) -> None:
        """Spent + worst case of everything in flight never exceeds it."""
        if hasattr(self, "spenders"):
            journals = [*self.dead.values(), *(spender.journal for spender in self.spenders.values())]
            assert self.spent + sum(journals, NOTHING) <= self.budget

    @invariant()
    def the_purse_knows_what_is_outstanding(self) -> None:
        """What the ledger has not recorded, and what it has since the last grant."""
        for spender in self.spenders.values() if hasattr(self, "spenders") else ():
            assert spender.purse.outstanding_usd == spender.journal + spender.written - spender.granted_for

    def teardown(self) -> None:
        """From wherever they are, after three renewals everybody has an even part of all that is not spent."""
        if not hasattr(self, "spenders"):
            return
        self.recover()
        for name, spender in self.spenders.items():
            self.end(name, len(spender.in_flight), 50)
            self.write(name, len(spender.unwritten), is_known=True)
            self.answer(name, is_lost=True)
        for name in PAIR * 3:
            self.renew(name, NOTHING, calls=0)
        part = ((self.budget - self.spent) / len(PAIR)).quantize(PICO, rounding=ROUND_DOWN)
        for name, spender in self.spenders.items():
            assert self.shares[name].allotment_usd == part
            assert spender.purse.outstanding_usd == NOTHING
            assert not spender.purse.reserve(part + PICO)
            assert spender.purse.reserve(part)


TestSharedMoney = SharedMoney.TestCase
TestSharedMoney.settings = settings(max_examples=120, stateful_step_count=50, deadline=None, database=None)
