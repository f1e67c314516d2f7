"""What Dagster loads: the shipped pipelines, and those of the deployment, as jobs of assets."""

from __future__ import annotations

import dagster as dg

from batch_pipelines.orchestration.build import code_location


@dg.definitions
def defs() -> dg.Definitions:
    """The code location's definitions; the environment is read when Dagster loads them, not at import."""
    return code_location()
