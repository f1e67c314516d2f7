"""Memory and processor time of a run's process: what is measured, and what follows from it (requirement D7).

A process over a limit makes fewer calls at once. One that stays over its limit of memory although it slowed down stops
starting calls, so that the batch job pauses with a reason before the operating system ends the process without one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import psutil

BYTES_PER_MB = 1024 * 1024
CALM_SHARE = 0.9
"""Share of a limit under which a process gets faster again; between this and the limit it stays as it is."""
SLOWER = 0.5
"""What each sample over a limit leaves of the slots that were left."""
FASTER = 1.1
"""How many times as many slots a calm sample gives: so few more that one step does not lead from calm to too much."""
LEAST_SLOTS_SHARE = 0.1
SAMPLE_SECONDS = 2.0
"""How often to look."""
PATIENT_SAMPLES = 5
"""Samples in a row over the limit of memory, each slower than the one before, after which slowing down did not help."""
NEWS_SECONDS = 10.0
"""How often a sample is worth an event while nothing changes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process uses."""

    rss_mb: float
    """Memory it holds, in MB of 1024 x 1024 bytes."""
    cpu_percent: float | None
    """Of one core since the sample before, so it can be over 100; None for the first sample."""
    at: float
    """Seconds of the monotonic clock."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """What one process may use; None does not limit."""

    max_memory_mb: float | None = None
    max_cpu_percent: float | None = None


class PressureLevel(StrEnum):
    """How a process stands to its limits."""

    NORMAL = "normal"
    HIGH = "high"
    """It was over a limit and is slowed down."""
    EXCEEDED = "exceeded"
    """It stays over its limit of memory: the batch job must pause."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What follows from the samples up to now."""

    level: PressureLevel = PressureLevel.NORMAL
    slots_share: float = 1.0
    """Part of the slots that may be used."""
    samples_over: int = 0
    """Samples in a row over the limit of memory."""
    reason: str | None = None
    """What is over which limit and what to do; None where nothing is over one now."""


def assess(sample: Sample, limits: ResourceLimits, previous: Pressure) -> Pressure:
    """What follows from one more sample.

    Between `CALM_SHARE` of a limit and the limit the slots stay as they are, so the process settles there and does not
    swing. The processor alone never pauses a batch job.
    """
    memory, cpu = _load(sample.rss_mb, limits.max_memory_mb), _load(sample.cpu_percent, limits.max_cpu_percent)
    over = previous.samples_over + 1 if memory > 1 else 0
    share = _slots_share(max(memory, cpu), previous.slots_share)
    if over >= PATIENT_SAMPLES:
        return Pressure(PressureLevel.EXCEEDED, share, over, _exceeded(sample, limits, over))
    level = PressureLevel.HIGH if share < 1 else PressureLevel.NORMAL
    return Pressure(level, share, over, _slowed(sample, limits, memory, cpu))


@dataclass(frozen=True, slots=True)
class Told:
    """The last sample that became an event."""

    at: float
    level: PressureLevel


def is_news(sample: Sample, pressure: Pressure, told: Told | None) -> bool:
    """Whether a sample should become an event: the first, one that changes the level, and one in ten seconds."""
    return told is None or pressure.level is not told.level or sample.at - told.at >= NEWS_SECONDS


class Sampler:
    """Measures this process; `clock` is monotonic, in seconds.

    Its children are left out: finding them means looking at every process of the machine, and the ones that make
    calls, where Dagster runs a process for each step, have an engine and a sampler of their own.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._last: tuple[float, float] | None = None
        """(moment, seconds of processor time until then) of the sample before."""

    def sample(self) -> Sample:
        """What the process uses now; takes some 20 microseconds."""
        times = self._process.cpu_times()
        at, worked = self._clock(), times.user + times.system
        percent = None
        if self._last is not None and at > self._last[0]:
            percent = (worked - self._last[1]) / (at - self._last[0]) * 100
        self._last = (at, worked)
        return Sample(self._process.memory_info().rss / BYTES_PER_MB, percent, at)


def _load(value: float | None, limit: float | None) -> float:
    """A value as a share of its limit; nothing is over a limit that is not set, or by a value that is not known."""
    return 0.0 if value is None or limit is None else value / limit


def _slots_share(load: float, previous: float) -> float:
    if load > 1:
        return max(LEAST_SLOTS_SHARE, previous * SLOWER)
    return min(1.0, previous * FASTER) if load < CALM_SHARE else previous


def _memory_over(sample: Sample, limits: ResourceLimits) -> str:
    return f"the run's process uses {sample.rss_mb:,.0f} MB of memory, over {limits.max_memory_mb:,.0f} MB"


def _exceeded(sample: Sample, limits: ResourceLimits, samples: int) -> str:
    return (
        f"{_memory_over(sample, limits)} in {samples} samples in a row though it slowed down; raise "
        "BATCH_PIPELINES_MAX_MEMORY_MB, or lower options.concurrency, and resume"
    )


def _slowed(sample: Sample, limits: ResourceLimits, memory: float, cpu: float) -> str | None:
    if memory > 1:
        return f"{_memory_over(sample, limits)} (BATCH_PIPELINES_MAX_MEMORY_MB); it makes fewer calls at once"
    if cpu > 1:
        return (
            f"the run's process uses {sample.cpu_percent:,.0f} % of a core, over {limits.max_cpu_percent:,.0f} % "
            "(BATCH_PIPELINES_MAX_CPU_PERCENT); it makes fewer calls at once"
        )
    return None
