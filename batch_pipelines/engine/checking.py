"""Runs the checks of one output within a time limit: they may be somebody's code, which may do anything."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread

from pydantic import JsonValue

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.quality.checks import problems_of

CHECK_SECONDS = 30.0
"""How long the checks of one output may take."""
LONGEST_ERROR = 500
"""Characters of what a check raised that are told."""

Problems = tuple[str, ...]


def look_over(phase: Phase, output: str, parameters: Mapping[str, JsonValue]) -> Problems | ProviderError:
    """What the checks of a phase find wrong with an output, or why nobody can tell; returns in CHECK_SECONDS."""
    found: list[Problems | ProviderError] = []
    # Nothing ends a thread that hangs; this one at least does not keep the process from ending.
    thread = Thread(target=lambda: found.append(_found(phase, output, parameters)), name="check", daemon=True)
    thread.start()
    thread.join(CHECK_SECONDS)
    if not found:
        return ProviderError(ErrorCategory.VALIDATION, f"its checks took over {CHECK_SECONDS:g} s")
    return found[0]


def _found(phase: Phase, output: str, parameters: Mapping[str, JsonValue]) -> Problems | ProviderError:
    try:
        return problems_of(phase, output, parameters)
    except BaseException as error:  # noqa: BLE001  # a check may raise anything, SystemExit too, which ends event loops
        return ProviderError(ErrorCategory.VALIDATION, f"a check failed: {error!r}"[:LONGEST_ERROR])
