"""Waits for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.05


def wait_until(is_so: Callable[[], bool], patience_seconds: float) -> None:
    """Returns when it is so; raises TimeoutError where it is not in that time."""
    deadline = time.monotonic() + patience_seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"what was waited for did not happen within {patience_seconds:g} seconds")
        time.sleep(POLL_SECONDS)
