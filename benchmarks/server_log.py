"""What the simulated server's own log says: it is the judge of what was asked, paid and refused."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import log
from batch_pipelines.providers.simulated.request import read_request
from batch_pipelines.providers.simulated.simulation import Simulation
from benchmarks.ideal import Chains
from benchmarks.workload import MODEL, Workload

Entry = dict[str, Any]


def by_arrival(url: str) -> list[Entry]:
    """All requests for a message in the order in which they came."""
    return sorted(log(url), key=arrival)


def arrival(entry: Entry) -> datetime:
    """When the request came."""
    return datetime.fromisoformat(entry["time"])


def repeated(entries: Iterable[Entry]) -> int:
    """Billed calls beyond the first of each request."""
    billed = Counter(entry["body_sha256"] for entry in entries if entry["billed"])
    return billed.total() - len(billed)


def billed_usd(entries: Iterable[Entry]) -> Decimal:
    """What the billed calls cost."""
    prices = PriceBook()
    return sum(
        (prices.cost(MODEL, Usage(**entry["usage"]), arrival(entry)) for entry in entries if entry["billed"]),
        Decimal(0),
    )


def request_body(entry: Entry, workload: Workload) -> bytes:
    """The request of an entry that holds its prompt whole, as it came over the wire."""
    messages = [{"role": "user", "content": entry["prompt"]}]
    body = {"max_tokens": workload.max_tokens, "messages": messages, "model": MODEL}
    return json.dumps(body, separators=(",", ":")).encode()


def latencies(entries: Iterable[Entry], workload: Workload, config: SimulatedConfig) -> Chains:
    """How long the server took for each call of each item: its own decision about the same request, made again.

    For workloads whose prompts are short enough to stand in the log whole.
    """
    simulation = Simulation(config, time.monotonic())
    chains: dict[str, list[float]] = {}
    for entry in entries:
        item = entry["prompt"].split("number ")[1]
        course = simulation.begin(read_request(request_body(entry, workload)))
        chains.setdefault(item, []).append(course.latency_seconds)
    return list(chains.values())
