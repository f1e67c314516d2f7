"""Waits for what another process does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from benchmarks.children import PATIENCE_SECONDS

POLL_SECONDS = 0.05


def wait_until(is_so: Callable[[], bool], child: subprocess.Popen[str] | None = None) -> None:
    """Returns when it is so; raises TimeoutError where it never is, and RuntimeError where the child ends before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if child is not None and child.poll() is not None:
            raise RuntimeError(f"the process that was waited for ended before, with exit code {child.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"what was waited for did not happen within {PATIENCE_SECONDS:g} seconds")
        time.sleep(POLL_SECONDS)
