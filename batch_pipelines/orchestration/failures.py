"""Errors as Dagster shows them: one sentence that says what to do, and no retry of what cannot help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from batch_pipelines.domain.errors import BatchPipelinesError


@contextmanager
def explained() -> Iterator[None]:
    """Our own errors fail the step with their text; others keep their traceback."""
    try:
        yield
    except BatchPipelinesError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def end_without_result(context: dg.OpExecutionContext, reason: str) -> dg.Failure:
    """For a run that was paused or cancelled: it ends as canceled, neither success nor failure.

    Dagster turns a failed step into a canceled run when the run was asked to cancel, under every executor.
    """
    context.instance.report_run_canceling(context.run, message=reason)
    return dg.Failure(description=reason, allow_retries=False)
