"""A rate found out of refusals alone; how well that goes over time is tested in test_unknown_limits.py."""

from __future__ import annotations

import pytest

from batch_pipelines.engine.pacing import Pacer


def refused_after(passed: int, seconds: float, pacer: Pacer, now: float) -> float:
    """Let so many calls pass evenly and the next be refused for a second; returns when that was."""
    for number in range(passed):
        pacer.took(now + seconds * number / passed)
    pacer.took(now + seconds)
    pacer.refused(1.0, now + seconds)
    return now + seconds


def test_without_a_refusal_nothing_is_paced() -> None:
    """Any number of calls may start at once."""
    pacer = Pacer()
    for _ in range(1_000):
        assert pacer.wait(0.0) == 0
        pacer.took(0.0)


@pytest.mark.parametrize(("retry_after", "seconds"), [(3.0, 3.0), (None, 1.0), (0.0, 0.1)])
def test_nothing_starts_while_the_provider_asks_to_wait(retry_after: float | None, seconds: float) -> None:
    """As long as it says; about a second where it does not; never at once, as more refusals are on their way (D3)."""
    pacer = Pacer()
    pacer.took(0.0)
    pacer.refused(retry_after, 5.0)

    assert pacer.wait(5.0) == pytest.approx(seconds)
    assert pacer.wait(5.0 + seconds) == 0


def test_a_later_refusal_does_not_shorten_the_wait() -> None:
    """The longest that was asked for counts."""
    pacer = Pacer()
    pacer.refused(10.0, 0.0)
    pacer.refused(1.0, 1.0)

    assert pacer.wait(2.0) == 8.0


def test_two_refusals_tell_the_rate() -> None:
    """What passed between them came in between them; after the second, what came in meanwhile may start (D3)."""
    pacer = Pacer()
    first = refused_after(30, 1.0, pacer, 0.0)
    assert pacer.wait(first + 1.0) == 0
    second = refused_after(100, 10.0, pacer, first)

    now, started = second + 1.0, 0
    while (wait := pacer.wait(now)) or now < second + 6.0:
        if not wait:
            pacer.took(now)
            started += 1
        now += max(wait, 0.001)
        if now > second + 6.0:
            break

    assert started == pytest.approx(60, abs=2)


def test_one_refusal_bounds_the_rate() -> None:
    """Until the second, no more start than passed in the time before the first."""
    pacer = Pacer()
    first = refused_after(50, 1.0, pacer, 0.0)
    assert pacer.wait(first + 1.0) == 0
    pacer.took(first + 1.0)

    assert pacer.wait(first + 1.0) == pytest.approx(1 / 50)


def test_a_changed_rate_is_learned_anew() -> None:
    """Where the last stretch shows another rate than all before it, only that counts."""
    pacer, now = Pacer(), 0.0
    for _ in range(4):
        now = refused_after(100, 10.0, pacer, now)
        pacer.wait(now + 1.0)
    now = refused_after(20, 10.0, pacer, now)
    pacer.wait(now + 1.0)
    now = refused_after(20, 10.0, pacer, now)
    assert pacer.wait(now + 1.0) == 0

    for _ in range(2):
        pacer.took(now + 1.0)
    assert pacer.wait(now + 1.0) == pytest.approx(0.5, rel=0.3)
