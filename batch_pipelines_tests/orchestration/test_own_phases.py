"""Which batch jobs need a Dagster job of their own (B2)."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.control.submission import submit
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.assets import SERVICES, pipeline_assets
from batch_pipelines.orchestration.own_phases import has_own_phases, own_phases_config
from batch_pipelines.orchestration.services import services
from batch_pipelines.orchestration.worker import run_config
from batch_pipelines.settings import load_settings
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.control.samples import MODEL, plan


def pipeline(name: str = "talk", prompt: str = "Hi", **after: tuple[str, ...] | None) -> Pipeline:
    """A pipeline with these phases, each after those that are named."""
    phases = tuple(Phase(name=one, task_type=TaskType.CHAT, prompt=prompt, after=two) for one, two in after.items())
    return Pipeline(name=name, model=MODEL, phases=phases)


CHAIN = pipeline(a=None, b=None)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (CHAIN, False),
        (pipeline(a=None, b=("a",)), False),
        (pipeline(prompt="Hello", a=None, b=None), False),
        (pipeline("walk", a=None, b=None), True),
        (pipeline(a=None), True),
        (pipeline(a=None, c=None), True),
        (pipeline(b=None, a=None), True),
        (pipeline(a=None, b=None, c=None), True),
        (pipeline(a=None, b=(), c=("a", "b")), True),
    ],
    ids=["same", "spelt-out", "prompt", "name", "fewer", "other", "turned", "more", "branches"],
)
def test_other_phases_need_a_job_of_their_own(other: Pipeline, expected: bool) -> None:
    """Other prompts do not: a step reads them from the batch job."""
    assert has_own_phases(other, (pipeline("march", x=None), CHAIN)) is expected
    assert has_own_phases(other, ())


def test_a_job_without_the_ops_refuses_a_batch_job(home: Path, clock: ManualClock) -> None:
    """It names the job that has them, before anything is spent, and the batch job waits for that (B2)."""
    with Ledger.open(load_settings().ledger_url, clock) as ledger:
        job = submit(plan(of=CHAIN), ledger)
        with (
            dg.DagsterInstance.ephemeral() as instance,
            pytest.raises(dg.Failure, match=f"launch the job `own_phases` with that batch_job_id.* resume {job.id}"),
        ):
            dg.materialize(
                pipeline_assets(pipeline(a=None, c=None))[:1],
                instance=instance,
                resources={SERVICES: services},
                run_config=run_config(job),
            )
        assert ledger.job(job.id) == job
    assert own_phases_config(job) == {"ops": {"run_own_phases": {"config": {"batch_job_id": job.id}}}}
