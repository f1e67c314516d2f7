"""What a process can measure of itself."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from benchmarks.workload import Measured


class Stopwatch:
    """Wall and processor time from its making on."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def stop(self) -> Measured:
        """What it took until now; what became of the items is for others to say."""
        return Measured(
            seconds=time.perf_counter() - self._wall,
            cpu_seconds=time.process_time() - self._cpu,
            total_cpu_seconds=time.process_time(),
            peak_mb=peak_mb(),
        )


def peak_mb() -> float:
    """The most memory that this process ever held, in millions of bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss starts with the size of the parent, which is kept through exec.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6
