"""What follows from the memory and the processor time of a process, and that they are measured."""

from __future__ import annotations

from math import isclose
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.engine.resources import (
    CALM_SHARE,
    LEAST_SLOTS_SHARE,
    PATIENT_SAMPLES,
    SAMPLE_SECONDS,
    Pressure,
    PressureLevel,
    ResourceLimits,
    Sample,
    Sampler,
    Told,
    assess,
    is_news,
)

BOTH = ResourceLimits(max_memory_mb=1000, max_cpu_percent=80)


def after(samples: list[tuple[float, float | None]], limits: ResourceLimits = BOTH) -> Pressure:
    """What follows from samples of (memory, processor), one after the other."""
    pressure = Pressure()
    for rss_mb, cpu_percent in samples:
        pressure = assess(Sample(rss_mb, cpu_percent, 0.0), limits, pressure)
    return pressure


@pytest.mark.parametrize(
    ("samples", "level", "share"),
    [
        ([(100, 10)], PressureLevel.NORMAL, 1.0),
        ([(1000, 80)], PressureLevel.NORMAL, 1.0),
        ([(100, None)], PressureLevel.NORMAL, 1.0),
        ([(1001, 10)], PressureLevel.HIGH, 0.5),
        ([(100, 81)], PressureLevel.HIGH, 0.5),
        ([(1001, 81)], PressureLevel.HIGH, 0.5),
        ([(1001, 10)] * 2, PressureLevel.HIGH, 0.25),
        ([(1001, 10)] * 4, PressureLevel.HIGH, 0.1),
        ([(1001, 10)] * 5, PressureLevel.EXCEEDED, 0.1),
        ([(1001, 10)] * 4 + [(999, 10)] + [(1001, 10)] * 4, PressureLevel.HIGH, 0.1),
        ([(100, 200)] * 100, PressureLevel.HIGH, 0.1),
        ([(1001, 10), (950, 10)], PressureLevel.HIGH, 0.5),
        ([(1001, 10), (899, 10)], PressureLevel.HIGH, 0.55),
        ([(100, 81), (100, 75)], PressureLevel.HIGH, 0.5),
        ([(100, 81), (950, 10)], PressureLevel.HIGH, 0.5),
        ([(1001, 81)] + [(899, 71)] * 7, PressureLevel.HIGH, 0.5 * 1.1**7),
        ([(1001, 81)] + [(899, 71)] * 8, PressureLevel.NORMAL, 1.0),
        ([(1001, 10)] * 6 + [(950, 10)], PressureLevel.HIGH, 0.1),
    ],
)
def test_over_a_limit_it_slows_down_and_memory_that_stays_over_pauses(
    samples: list[tuple[float, float | None]], level: PressureLevel, share: float
) -> None:
    """Memory slows down first and pauses when that does not help; the processor only slows down (D7)."""
    pressure = after(samples)

    assert pressure.level is level
    assert isclose(pressure.slots_share, share)


@given(samples=st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.floats(0, 1e4))))
def test_without_limits_nothing_follows(samples: list[tuple[float, float | None]]) -> None:
    """Whoever sets no limit is never slowed down or paused."""
    assert after(samples, ResourceLimits()) == Pressure()


@given(samples=st.lists(st.tuples(st.floats(0, 2000), st.none() | st.floats(0, 200)), max_size=50))
def test_the_share_of_slots_is_possible(samples: list[tuple[float, float | None]]) -> None:
    """Some slots are left always, and whether all are is what the level says; a reason stands where one is needed."""
    pressure = after(samples)

    assert LEAST_SLOTS_SHARE <= pressure.slots_share <= 1
    assert (pressure.level is PressureLevel.NORMAL) == (pressure.slots_share == 1)
    assert (pressure.level is PressureLevel.EXCEEDED) == (pressure.samples_over >= PATIENT_SAMPLES)
    assert pressure.reason is not None or pressure.level is not PressureLevel.EXCEEDED


@given(full_load=st.floats(90, 900))
def test_it_settles_under_a_limit_of_the_processor(full_load: float) -> None:
    """Where calls make the load, the process comes to rest within the limit and does not swing (D7)."""
    shares: list[float] = []
    pressure = Pressure()
    for _ in range(60):
        pressure = assess(Sample(100, full_load * pressure.slots_share, 0.0), BOTH, pressure)
        shares.append(pressure.slots_share)

    assert len(set(shares[-20:])) == 1
    assert CALM_SHARE * 80 <= full_load * shares[-1] <= 80 or shares[-1] == LEAST_SLOTS_SHARE


def test_the_reason_of_a_pause_has_figures_limit_and_remedy() -> None:
    """Somebody who reads why the job paused knows what to set (D7)."""
    assert after([(1532.4, 10)] * 5).reason == (
        "the run's process uses 1,532 MB of memory, over 1,000 MB in 5 samples in a row though it slowed down; raise "
        "BATCH_PIPELINES_MAX_MEMORY_MB, or lower options.concurrency, and resume"
    )


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (
            (1532, 10),
            "the run's process uses 1,532 MB of memory, over 1,000 MB (BATCH_PIPELINES_MAX_MEMORY_MB); it makes fewer "
            "calls at once",
        ),
        (
            (100, 143.4),
            "the run's process uses 143 % of a core, over 80 % (BATCH_PIPELINES_MAX_CPU_PERCENT); it makes fewer "
            "calls at once",
        ),
        ((100, 10), None),
    ],
)
def test_the_reason_of_slowing_down_names_the_setting(sample: tuple[float, float], reason: str | None) -> None:
    """What was measured, the limit, and what sets it."""
    assert after([sample]).reason == reason


@pytest.mark.parametrize(
    ("at", "level", "told", "is_due"),
    [
        (0.0, PressureLevel.NORMAL, None, True),
        (9.9, PressureLevel.NORMAL, Told(0.0, PressureLevel.NORMAL), False),
        (10.0, PressureLevel.NORMAL, Told(0.0, PressureLevel.NORMAL), True),
        (0.1, PressureLevel.HIGH, Told(0.0, PressureLevel.NORMAL), True),
        (0.1, PressureLevel.NORMAL, Told(0.0, PressureLevel.HIGH), True),
        (9.9, PressureLevel.EXCEEDED, Told(0.0, PressureLevel.EXCEEDED), False),
    ],
)
def test_events_are_few(at: float, level: PressureLevel, told: Told | None, is_due: bool) -> None:
    """The first sample, each change of level, and otherwise one in ten seconds."""
    assert is_news(Sample(100, 10, at), Pressure(level), told) is is_due


class Clock:
    """Stands where it is put."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def work(seconds: float) -> float:
    """Use the processor for so long; returns for how long exactly."""
    started = process_time()
    while process_time() - started < seconds:
        sum(range(1000))
    return process_time() - started


def test_memory_and_processor_are_measured() -> None:
    """Memory is what the process holds; the processor is unknown at first, then the work since over the time (D7)."""
    clock = Clock()
    sampler = Sampler(clock)
    first = sampler.sample()
    held = bytearray(b"x") * (64 * 1024 * 1024)
    worked = work(0.3)
    clock.now += SAMPLE_SECONDS

    second = sampler.sample()

    assert (first.cpu_percent, first.at, second.at) == (None, 100.0, 102.0)
    assert second.rss_mb - first.rss_mb == pytest.approx(64, abs=10)
    assert second.cpu_percent == pytest.approx(worked / SAMPLE_SECONDS * 100, abs=5)
    clock.now += SAMPLE_SECONDS
    assert sampler.sample().cpu_percent == pytest.approx(0, abs=5)
    assert len(held)
