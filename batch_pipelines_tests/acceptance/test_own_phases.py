"""Phases that a spec brings along, and phases that branch and join: an op for each, in a run of their own (B2, B3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterRunStatus

from batch_pipelines.control.submission import plan_spec, submit
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.orchestration.worker_process import WorkerProcess
from batch_pipelines.pipelines.catalogue import all_pipelines
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines.settings import load_settings
from batch_pipelines_tests.acceptance.conftest import Deploy, Deployment

DIAMOND = [
    {"name": "a", "task_type": "analysis", "prompt": "First {{ item.text }}"},
    {"name": "b", "task_type": "analysis", "prompt": "Left {{ phases.a }}"},
    {"name": "c", "task_type": "analysis", "prompt": "Right {{ phases.a }}", "after": ["a"]},
    {"name": "d", "task_type": "analysis", "prompt": "Both {{ phases.b }} {{ phases.c }}", "after": ["b", "c"]},
]
ITEMS = [{"id": f"item_{number}", "text": f"Text {number}"} for number in range(4)]


def steps_of(deployment: Deployment, run_id: str) -> dict[str, tuple[float, float]]:
    """When the mapped steps of a run began and ended, by name and partition."""
    with deployment.instance() as instance:
        found = instance.get_run_step_stats(run_id)
    times = {}
    for step in found:
        assert step.start_time
        assert step.end_time
        times[step.step_key.rpartition(".")[2]] = (step.start_time, step.end_time)
    return {key: time for key, time in times.items() if "[" in key}


def test_every_executor_runs_a_diamond_alike(deploy: Deploy) -> None:
    """Each phase is an op for each partition, and gets what those before it gave; each call is made once (B2, B3)."""
    outputs = []
    for executor, size in (("async", 3), ("in_process", 3), ("multiprocess", 4)):
        deployment = deploy(executor=executor)
        status = deployment.run(pipeline=None, phases=DIAMOND, items=ITEMS, options={"items_per_partition": size})

        partitions = [f"items_{start}_to_{min(start + size, len(ITEMS)) - 1}" for start in range(0, len(ITEMS), size)]
        assert set(steps_of(deployment, status["run_id"])) == {
            f"{phase}[{partition}]" for phase in "abcd" for partition in partitions
        }
        results = deployment.results(status["id"])
        assert [set(item["phase_outputs"]) for item in results] == [set("abcd")] * len(ITEMS)
        assert all(item["output"] == item["phase_outputs"]["d"] for item in results)
        assert stats(deployment.server.url)["answered"] == 4 * len(ITEMS)
        outputs.append([item["phase_outputs"] for item in results])
    assert outputs[0] == outputs[1] == outputs[2]


def test_branches_run_side_by_side(deploy: Deploy) -> None:
    """A phase waits for those that it needs, and for no other (B3)."""
    deployment = deploy(server={"latency_mean_seconds": 0.5, "latency_sigma": 0})
    status = deployment.run(pipeline=None, phases=DIAMOND, items=ITEMS)

    times = {key[0]: time for key, time in steps_of(deployment, status["run_id"]).items()}

    assert max(times["b"][0], times["c"][0]) < min(times["b"][1], times["c"][1])
    assert times["a"][1] <= min(times["b"][0], times["c"][0])
    assert max(times["b"][1], times["c"][1]) <= times["d"][0]


def test_a_spec_changes_phases_of_a_pipeline(deploy: Deploy) -> None:
    """With other phases the run stands for itself; with the same ones it belongs to the pipeline's job (B2)."""
    deployment = deploy()
    more = [
        {"name": "generate_conversation"},
        {"name": "shorten", "task_type": "summarization", "prompt": "{{ phases.generate_conversation }}"},
    ]
    longer = deployment.run(phases=more)
    other = deployment.run(phases=[{"name": "generate_conversation", "system_prompt": "Be brief."}])

    assert {key.partition("[")[0] for key in steps_of(deployment, longer["run_id"])} == {
        "generate_conversation",
        "shorten",
    }
    with deployment.instance() as instance:
        runs = [instance.get_run_by_id(status["run_id"]) for status in (longer, other)]
    assert [run and run.remote_job_origin and run.remote_job_origin.job_name for run in runs] == [
        None,
        "conversation_generation",
    ]


def write_pipeline(folder: Path, *names: str) -> None:
    """A pipeline of the deployment's own, with these phases one after the other."""
    phases = [{"name": name, "task_type": "analysis", "prompt": f"{name}: {{{{ item.text }}}}"} for name in names]
    content: dict[str, Any] = {"name": "type", "phases": phases}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "defs.yaml").write_text(
        yaml.safe_dump({"type": "batch_pipelines.BatchPipeline", "attributes": content}, sort_keys=False)
    )


@pytest.mark.parametrize("broken", [False, True], ids=["edited", "broken"])
def test_an_edit_changes_nothing_under_way(deploy: Deploy, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """A batch job runs the phases that its pipeline had when it was submitted, under a name of Dagster's (B2)."""
    deployment = deploy()
    folder = deployment.home / "pipelines" / "type"
    deployment.environment["BATCH_PIPELINES_PIPELINES_FOLDER"] = str(folder.parent)
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    write_pipeline(folder, "read", "check")
    spec = Spec.model_validate({"pipeline": "type", "items": ITEMS})
    plan = plan_spec(spec, all_pipelines(settings.pipelines_folder), settings, deployment.home)
    with deployment.ledger() as ledger:
        job = submit(plan, ledger)
        if broken:
            (folder / "defs.yaml").write_text("type: [")
        else:
            write_pipeline(folder, "count")

        with WorkerProcess.start(settings, job.id):
            pass
        job = ledger.job(job.id)

    assert job.status is JobStatus.COMPLETED, job.error
    assert job.run_id is not None
    assert {key.partition("[")[0] for key in steps_of(deployment, job.run_id)} == {"read", "check"}
    with deployment.instance() as instance:
        run = instance.get_run_by_id(job.run_id)
    assert run is not None
    assert (run.job_name, run.status, run.remote_job_origin) == ("type_", DagsterRunStatus.SUCCESS, None)
