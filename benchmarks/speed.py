"""Rows about speed and processor time: the engine beside the reference, or beside the work-conserving ideal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from benchmarks.children import Side, run_to_end
from benchmarks.findings import Finding, Scale, say
from benchmarks.ideal import ideal_seconds, ideal_with_barriers
from benchmarks.server_log import by_arrival, latencies
from benchmarks.workload import Measured, Workload

LOGNORMAL_SIGMA = 0.6
"""One call in a hundred takes more than three times the mean: stragglers as real models have them."""
LEAST_RATIO = 0.97
LEAST_OF_IDEAL = {"uneven_calls": 0.99, "many_slots": 0.90, "phases": 0.95}
MOST_CPU_RATIO = 1.5
MOST_CPU_MS = 2.5
REPETITIONS = 3
"""Of what takes a few seconds; longer measurements even noise out by themselves."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The engine and the reference on the same calls, by their medians."""

    workload: Workload
    ideal_seconds: float
    ours: Measured
    reference: Measured
    repetitions: int


def short_calls(scale: Scale) -> Finding:
    """Many short calls: nothing of what the engine does beside calling may show."""
    pair = _short_calls(scale)
    return _beside_reference(pair, _speed(pair) >= LEAST_RATIO)


def many_slots(scale: Scale) -> Finding:
    """So many calls a second that the client's own work is what limits."""
    pair = _many_slots(scale)
    return _beside_reference(pair, pair.ideal_seconds / pair.ours.seconds >= LEAST_OF_IDEAL["many_slots"])


def uneven_calls(scale: Scale) -> Finding:
    """No slot may be idle behind a straggler."""
    workload = Workload(items=scale.items(1000), slots=50)
    config = SimulatedConfig(latency_mean_seconds=2.0, latency_sigma=LOGNORMAL_SIGMA)
    values = _beside_ideal(workload, config)
    share = values["of_ideal"]
    return Finding(share >= LEAST_OF_IDEAL["uneven_calls"], f"{share:.1%} of the ideal", values)


def phases(scale: Scale) -> Finding:
    """Neither phases nor partitions may be barriers."""
    workload = Workload(items=scale.items(300), slots=50, phases=3, partitions=16)
    config = SimulatedConfig(latency_mean_seconds=1.0, latency_sigma=LOGNORMAL_SIGMA)
    values = _beside_ideal(workload, config)
    barriers = _beside_ideal(workload, config, has_barriers=True)
    values["with_barriers_seconds"] = barriers["seconds"]
    values["with_barriers_of_ideal"] = barriers["of_ideal"]
    share = values["of_ideal"]
    summary = f"{share:.1%} of the ideal; with barriers between phases {barriers['of_ideal']:.0%}"
    return Finding(share >= LEAST_OF_IDEAL["phases"], summary, values)


def cpu(scale: Scale) -> Finding:
    """Processor time of the client for one call, over the two workloads that have a reference."""
    pairs = {"short_calls": _short_calls(scale), "many_slots": _many_slots(scale)}
    ours = {name: _cpu_ms(pair.ours, pair) for name, pair in pairs.items()}
    reference = {name: _cpu_ms(pair.reference, pair) for name, pair in pairs.items()}
    ratio = max(ours[name] / reference[name] for name in pairs)
    return Finding(
        met=ratio <= MOST_CPU_RATIO and max(ours.values()) <= MOST_CPU_MS,
        summary=" and ".join(f"{value:.2f} ms" for value in ours.values()) + f", {ratio:.2f} x the reference's at most",
        measured={f"{name}_ms": round(value, 2) for name, value in ours.items()},
        reference={f"{name}_ms": round(value, 2) for name, value in reference.items()},
        reference_summary=" and ".join(f"{value:.2f} ms" for value in reference.values()),
        ratio=round(ratio, 2),
        repetitions=min(pair.repetitions for pair in pairs.values()),
        taken="medians of short_calls, the only one of many_slots",
    )


def _short_calls(scale: Scale) -> Pair:
    return _pair(Workload(items=scale.items(1000), slots=50), 0.2, scale.repetitions(REPETITIONS))


def _many_slots(scale: Scale) -> Pair:
    return _pair(Workload(items=scale.items(10_000), slots=200), 0.5, 1)


@cache
def _pair(workload: Workload, latency_seconds: float, repetitions: int) -> Pair:
    """Measured once in a run, however many rows show it."""
    config = SimulatedConfig(latency_mean_seconds=latency_seconds, latency_sigma=0)
    runs: dict[Side, list[Measured]] = {"reference": [], "worker": []}
    with SimulatedProcess(config) as server:
        for number in range(repetitions):
            for side, done in runs.items():
                done.append(run_to_end(side, workload, server.url))
                say(f"  {side} {number + 1} of {repetitions}: {done[-1].seconds:.2f} s")
    ideal = ideal_seconds([[latency_seconds]] * workload.items, workload.slots)
    return Pair(workload, ideal, _middle(runs["worker"]), _middle(runs["reference"]), repetitions)


def _beside_ideal(workload: Workload, config: SimulatedConfig, *, has_barriers: bool = False) -> dict[str, Any]:
    with SimulatedProcess(config) as server:
        measured = run_to_end("worker", workload, server.url, has_barriers=has_barriers)
        chains = latencies(by_arrival(server.url), workload, config)
    say(f"  worker: {measured.seconds:.2f} s")
    ideal = ideal_seconds(chains, workload.slots)
    return {
        "seconds": round(measured.seconds, 2),
        "ideal_seconds": round(ideal, 2),
        "of_ideal": round(ideal / measured.seconds, 4),
        "latency_sum_by_slots_seconds": round(sum(map(sum, chains)) / workload.slots, 2),
        "ideal_with_barriers_seconds": round(ideal_with_barriers(chains, workload.slots), 2),
        "cpu_ms_per_call": round(measured.cpu_seconds * 1000 / workload.calls, 2),
    }


def _middle(runs: list[Measured]) -> Measured:
    """The median of every value that varies."""
    names = ("seconds", "cpu_seconds", "total_cpu_seconds", "peak_mb")
    return runs[0].model_copy(update={name: median(getattr(run, name) for run in runs) for name in names})


def _beside_reference(pair: Pair, met: bool) -> Finding:
    ours, reference = _values(pair.ours, pair), _values(pair.reference, pair)
    return Finding(
        met=met,
        summary=f"{_speed(pair):.2f} of the reference's speed, {ours['of_ideal']:.1%} of the ideal",
        measured=ours,
        reference=reference,
        reference_summary=f"{reference['of_ideal']:.1%} of the ideal",
        ratio=round(_speed(pair), 3),
        repetitions=pair.repetitions,
        taken="the medians" if pair.repetitions > 1 else "the only one",
    )


def _speed(pair: Pair) -> float:
    return pair.reference.seconds / pair.ours.seconds


def _values(measured: Measured, pair: Pair) -> dict[str, Any]:
    return {
        "seconds": round(measured.seconds, 2),
        "ideal_seconds": round(pair.ideal_seconds, 2),
        "of_ideal": round(pair.ideal_seconds / measured.seconds, 4),
        "cpu_ms_per_call": round(_cpu_ms(measured, pair), 2),
        "cpu_ms_per_call_with_start": round(measured.total_cpu_seconds * 1000 / pair.workload.calls, 2),
        "peak_mb": round(measured.peak_mb),
    }


def _cpu_ms(measured: Measured, pair: Pair) -> float:
    return measured.cpu_seconds * 1000 / pair.workload.calls
