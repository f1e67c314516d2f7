"""Limits that nobody set are found out and used almost whole (D3), in simulated time against a server's own bucket."""

from __future__ import annotations

from random import Random

import pytest

from batch_pipelines_tests.engine.limit_world import Busy, Clockwork, MemoryBuckets, Process, Server

SEEDS = range(6)


def drive(
    server: Server, seconds: float, *, seed: int, slots: int = 100, seconds_per_call: float = 0.3, spread: float = 0.0
) -> None:
    """Let one busy process call a server for some time."""
    clockwork = Clockwork()
    busy = Busy(Process("p", MemoryBuckets(), {}, 0.0), clockwork, Random(seed), server=server, slots=slots)
    busy.seconds_per_call, busy.spread = seconds_per_call, spread
    busy.start()
    clockwork.run(until=seconds)


def share_used(server: Server, per_minute: int, burst: float, seconds: float) -> float:
    """What passed, of all that could have."""
    return server.passed / (burst + per_minute / 60 * seconds)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_headers_are_fed_forward(seed: int, spread: float) -> None:
    """600 a minute with a burst of 20 are used to 98 % within half a minute, without a single 429 (D3)."""
    server = Server(600, 20, tells=True)

    drive(server, 28, seed=seed, spread=spread)

    assert server.refused == 0
    assert share_used(server, 600, 20, 28) >= 0.98


@pytest.mark.parametrize("seed", SEEDS)
def test_refusals_alone_teach_the_rate(seed: int) -> None:
    """Without headers the same is reached with fewer than ten 429s (D3)."""
    server = Server(600, 20, tells=False)

    drive(server, 28, seed=seed, spread=0.3)

    assert server.refused < 10
    assert share_used(server, 600, 20, 28) >= 0.98


@pytest.mark.parametrize(
    ("per_minute", "burst", "slots", "seconds_per_call", "most_refused"),
    [(60, 1, 10, 0.3, 25), (600, 600, 50, 2.0, 0), (1_000, 1_000, 200, 20.0, 0), (10_000, 500, 200, 1.0, 0)],
    ids=["no burst", "a whole minute", "long calls", "many calls"],
)
def test_headers_of_other_providers_are_obeyed(
    per_minute: int, burst: float, slots: int, seconds_per_call: float, most_refused: int
) -> None:
    """Whatever the burst, the rate and the length of calls, a limit is not passed and little is left unused (D3)."""
    server = Server(per_minute, burst, tells=True)

    drive(server, 300, seed=1, slots=slots, seconds_per_call=seconds_per_call, spread=0.3)

    could_be_asked = slots / seconds_per_call * 300
    assert server.refused <= most_refused
    assert server.passed >= 0.93 * min(could_be_asked, burst + per_minute * 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_processes_share_what_they_were_told(seed: int) -> None:
    """Three processes that begin at once may be refused at first; together they then use what there is (D3)."""
    server = Server(600, 60, tells=True)
    buckets, clockwork, random = MemoryBuckets(), Clockwork(), Random(seed)
    for number in range(3):
        Busy(Process(f"p{number}", buckets, {}, 0.0), clockwork, random, server=server, slots=15, spread=0.3).start()

    clockwork.run(until=20)
    passed, refused = server.passed, server.refused
    clockwork.run(until=80)

    assert refused <= 45
    assert server.refused - refused <= 1
    assert server.passed - passed >= 0.98 * 600


@pytest.mark.parametrize(("per_minute", "burst"), [(60, 5), (600, 20), (6_000, 100)])
def test_a_lasting_run_is_seldom_refused(per_minute: int, burst: float) -> None:
    """The longer it takes, the more exact the rate, and the fewer the refusals in a minute (D3)."""
    server = Server(per_minute, burst, tells=False)
    buckets, clockwork = MemoryBuckets(), Clockwork()
    process = Process("p", buckets, {}, 0.0)
    Busy(process, clockwork, Random(3), server=server, slots=100, spread=0.3).start()

    clockwork.run(until=300)
    passed, refused = server.passed, server.refused
    clockwork.run(until=900)

    assert refused < 40
    assert server.refused - refused <= 20
    assert server.passed - passed >= 0.97 * per_minute * 10
