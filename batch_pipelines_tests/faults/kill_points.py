"""One batch job whose runs are killed again and again, and what its files say after each death."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.checkpoints import SHORTEST_PAUSE_SECONDS
from batch_pipelines.engine.journal import SEGMENT_BYTES
from batch_pipelines.engine.share import LEASE_SECONDS
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.engine.samples import create, phase, utc_now
from batch_pipelines_tests.faults.dying import Ending, Order
from batch_pipelines_tests.faults.evidence import Call

LIFE_SECONDS = 60.0
"""No life takes longer; what hangs must fail."""
END_SECONDS = 5.0
SMALL_SEGMENT_BYTES = 2_000
"""So that a journal begins a new file every few calls."""
MAX_TOKENS = 50
"""Just more than the answers here have, so that what a call may cost is not far from what it does."""
MOST_DEATHS = 4
TYPICAL = Ending(exit_code=0, points=300, seconds=0.4)
"""A whole life of two dozen calls."""
DONE_CALLS = """
    SELECT item_id, phase FROM phase_results JOIN batch_items ON batch_items.id = item_row
    WHERE phase_results.completed_at IS NOT NULL
"""


class Lives:
    """The process that forks lives; it ends when the block does, or with this one."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "batch_pipelines_tests.faults.dying"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            # With the child that hangs.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def live(self, order: Order) -> Ending:
        """Carry out an order; returns when that life is over."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], LIFE_SECONDS)
        assert ready, f"a life did not end: {order}"
        return Ending(**json.loads(self._process.stdout.readline()))


@dataclass(frozen=True, slots=True)
class Case:
    """A batch job, and how often its runs are killed."""

    batch_job_id: str
    items: int
    options: dict[str, Any]
    max_cost_usd: Decimal | None
    segment_bytes: int
    pause_seconds: float
    deaths: int

    @classmethod
    def draw(cls, batch_job_id: str, chance: Random) -> Self:
        """Any."""
        items = chance.randint(6, 12)
        return cls(
            batch_job_id=batch_job_id,
            items=items,
            options={
                "concurrency": chance.randint(1, 5),
                "checkpoint_frequency": chance.randint(1, 5),
                "items_per_partition": chance.choice([3, items]),
            },
            # From a few calls to all.
            max_cost_usd=chance.choice([None, None, Decimal(chance.randint(2, 16)).scaleb(-3)]),
            segment_bytes=chance.choice([SEGMENT_BYTES, SMALL_SEGMENT_BYTES]),
            # Without one, files of a journal go while calls are in flight that began in them.
            pause_seconds=chance.choice([SHORTEST_PAUSE_SECONDS, 0.0]),
            deaths=chance.randint(1, MOST_DEATHS),
        )

    @property
    def concurrency(self) -> int:
        return int(self.options["concurrency"])

    @property
    def phases(self) -> tuple[Phase, ...]:
        return phase("draft", max_tokens=MAX_TOKENS), phase("review", max_tokens=MAX_TOKENS)


@dataclass
class Story:
    """What became of a case."""

    case: Case
    folder: Path
    deaths: int = 0
    noted: dict[Call, datetime] = field(default_factory=dict)
    """Answers that files had after a death, by the moment at which that was known first."""

    @property
    def ledger_url(self) -> str:
        return f"sqlite:///{self._ledger_file}"

    @property
    def journals(self) -> Path:
        return self.folder / "journals"

    @property
    def _ledger_file(self) -> Path:
        return self.folder / "ledger.db"

    def begin(self, empty_ledger: Path) -> None:
        """Create the batch job."""
        self.folder.mkdir()
        shutil.copy(empty_ledger, self._ledger_file)
        case, budget = self.case, Budget(max_cost_usd=self.case.max_cost_usd)
        with Ledger.open(self.ledger_url, utc_now) as ledger:
            create(ledger, case.items, *case.phases, budget=budget, job_id=case.batch_job_id, **case.options)

    def live(self, lives: Lives, server_url: str, chance: Random) -> bool:
        """Let one run of it live and, until it was killed often enough, die; whether the batch job needs another."""
        order = Order(
            ledger_url=self.ledger_url,
            journals=str(self.journals),
            server_url=server_url,
            batch_job_id=self.case.batch_job_id,
            run_id=f"life-{self.deaths}",
            ahead_seconds=self.deaths * (LEASE_SECONDS + 1),
            segment_bytes=self.case.segment_bytes,
            pause_seconds=self.case.pause_seconds,
            **(self._way_to_die(chance) if self.deaths < self.case.deaths else {}),
        )
        ending = lives.live(order)
        if not ending.exit_code:
            return False
        assert ending.exit_code == -signal.SIGKILL, f"a run broke: {order}"
        self.deaths += 1
        return self._look_back()

    def _way_to_die(self, chance: Random) -> dict[str, Any]:
        """At any point of what is left to do, or at any time."""
        left = 1 - len(self.noted) / (2 * self.case.items)
        if chance.random() < 1 / 3:
            return {"kill_after_seconds": chance.uniform(0, TYPICAL.seconds * max(left, 0.1))}
        last = int(TYPICAL.points * max(left, 0.2))
        return {"die_at": chance.randint(1, last), "is_torn": chance.random() < 1 / 2}

    def _look_back(self) -> bool:
        """Note what the files have, from a copy, so that the next life finds them as they were left."""
        died_at, copy = utc_now(), self.folder / "copy"
        copy.mkdir(exist_ok=True)
        for name in ("ledger.db", "ledger.db-wal"):
            (copy / name).unlink(missing_ok=True)
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        connection = sqlite3.connect(copy / "ledger.db")
        (status,) = connection.execute("SELECT status FROM batch_jobs").fetchone()
        found = {*connection.execute(DONE_CALLS).fetchall(), *answers_in(self.journals)}
        connection.close()
        for call in found:
            self.noted.setdefault(call, died_at)
        return not JobStatus(status).is_over


def answers_in(journals: Path) -> Iterator[Call]:
    """Item and phase of each whole line that tells of an output."""
    for path in journals.rglob("*.jsonl"):
        for line in path.read_bytes().split(b"\0", 1)[0].splitlines(keepends=True):
            if line.endswith(b"\n") and (values := json.loads(line)).get("output") is not None:
                yield values["item_id"], values["phase"]
