"""Batch Pipelines: language models over many items, as Dagster assets.

`batch_pipelines.BatchPipeline` is the Dagster component; Dagster is imported when it is asked for, and only then.
"""

from __future__ import annotations

from importlib import import_module

COMPONENTS = {"BatchPipeline": "batch_pipelines.orchestration.component"}
"""What `dg` finds here, by the module that it comes from."""


def __getattr__(name: str) -> object:
    if name not in COMPONENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(COMPONENTS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *COMPONENTS})
