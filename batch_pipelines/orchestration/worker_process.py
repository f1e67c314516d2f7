"""A process that carries out one batch job as a Dagster run, seen from the process that started it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.settings import Settings

WORKER_MODULE = "batch_pipelines.orchestration.worker"
ERROR_LINE = re.compile(r"^(?:\w+\.)*[A-Z]\w*: (.+)$", re.MULTILINE)
"""How Python begins the line that names an error, with its message."""


class WorkerProcess:
    """A run in a session of its own, so that an interrupt of who started it lets its calls in flight finish."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self._process = process
        self._log = log
        self._log_start = log_start

    @classmethod
    def start(cls, settings: Settings, batch_job_id: str, parent_run_id: str | None = None) -> Self:
        """Start the run of a batch job; what Dagster prints goes to a file under the home.

        `parent_run_id` is the run that starts it, if one does.
        """
        home = prepare_home(settings)
        log = home / "logs" / f"{batch_job_id}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            log_start = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", WORKER_MODULE, batch_job_id, *([parent_run_id] if parent_run_id else [])],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"DAGSTER_HOME": str(home)},
            )
        return cls(process, log, log_start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether the run still goes on."""
        return self._process.poll() is None

    @property
    def has_succeeded(self) -> bool:
        """Whether the run ended, and as a success."""
        return self._process.poll() == 0

    def kill(self) -> None:
        """End the run at once, with the processes it started; what was finished is in the ledger."""
        if self.is_alive:
            os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The last error in its log, where there is one, and where that log is."""
        with self._log.open("rb") as log:
            # Earlier runs of the same batch job wrote there, too.
            log.seek(self._log_start)
            errors = ERROR_LINE.findall(log.read().decode("utf-8", errors="replace"))
        return "".join(f"{error}\n" for error in errors[-1:]) + f"Its log is {self._log}"
