"""What the server did, as a provider's own records would show it."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TextIO

from batch_pipelines.domain.usage import Usage

KEPT_ENTRIES = 100_000
"""Entries held in memory, under 100 MB; the file and the sums have all."""
PROMPT_LENGTH = 80


class RequestKind(StrEnum):
    """What was asked for."""

    MESSAGE = "message"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request for a message or for vectors."""

    time: str
    """When it arrived: ISO 8601, UTC."""
    request_id: str
    kind: RequestKind
    status: int | None
    """None where the connection was dropped before an answer."""
    fault: str | None
    """What was made to go wrong, or the error type of a request that was refused; None for a plain answer."""
    billed: bool
    """Whether the model did the work, even if the answer was never read."""
    body_sha256: str
    """Of the body as it came over the wire, in hexadecimal."""
    model: str | None
    prompt: str
    """The first characters of the last message."""
    usage: dict[str, int] | None
    """Tokens billed; None where nothing was."""


class RequestLog:
    """Entries and sums; with `file`, each entry is also written as a line of JSON, and flushed."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._entries: deque[LogEntry] = deque(maxlen=KEPT_ENTRIES)
        self._by_status: Counter[str] = Counter()
        self._by_kind: Counter[RequestKind] = Counter()
        self._usage = Usage()
        self._answered = 0
        self._in_flight = 0
        self._peak_in_flight = 0

    @contextmanager
    def flight(self) -> Iterator[None]:
        """Counts a request as in flight while the block runs."""
        self._in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1

    def add(self, entry: LogEntry) -> None:
        """Note a request that has ended."""
        self._entries.append(entry)
        self._by_kind[entry.kind] += 1
        self._by_status["dropped" if entry.status is None else str(entry.status)] += 1
        if entry.billed:
            self._answered += 1
            self._usage += Usage(**(entry.usage or {}))
        if self._file is not None:
            self._file.write(json.dumps(asdict(entry)) + "\n")
            # Before the answer goes out, so that no kill can lose what was billed.
            self._file.flush()

    def entries(self) -> list[dict[str, Any]]:
        """Every entry that is still held, oldest first, ready for JSON."""
        return [asdict(entry) for entry in self._entries]

    def stats(self) -> dict[str, Any]:
        """Sums since the start, ready for JSON."""
        return {
            "simulated": True,
            "message_requests": self._by_kind[RequestKind.MESSAGE],
            "embedding_requests": self._by_kind[RequestKind.EMBEDDING],
            "answered": self._answered,
            "by_status": dict(self._by_status),
            "in_flight": self._in_flight,
            "peak_in_flight": self._peak_in_flight,
            **self._usage.model_dump(),
        }
