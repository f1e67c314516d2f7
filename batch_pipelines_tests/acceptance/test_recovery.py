"""A run dies at any moment: what was paid is kept, and no run is a success while items are missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter

import dagster as dg
from dagster._core.definitions.reconstruct import build_reconstructable_job

from batch_pipelines.orchestration.tags import JOB_TAG
from batch_pipelines.orchestration.worker import job_definition
from batch_pipelines.providers.simulated.process import configure, log, stats
from batch_pipelines_tests.acceptance.conftest import Deploy, Deployment, items

SLOTS = 4


def end_midway(deployment: Deployment, batch_items: int, answered: int, number: signal.Signals) -> str:
    """Start a run and send all of it a signal when so many calls are answered; returns the batch job's id."""
    options = {"concurrency": SLOTS, "items_per_partition": 10}
    command = deployment.start("run", str(deployment.spec(items=items(batch_items), options=options)))
    deadline = time.monotonic() + 90
    while stats(deployment.server.url)["answered"] < answered:
        assert time.monotonic() < deadline, "the run made no calls"
        time.sleep(0.02)
    worker = _child(command.pid)
    os.killpg(worker, number)
    command.communicate(timeout=60)
    with deployment.instance() as instance:
        (run,) = instance.get_runs()
        return run.tags[JOB_TAG]


def _child(pid: int) -> int:
    """The worker that a `run` command started; it leads a process group of its own."""
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return int(listed.stdout.split()[0])


def repeated_calls(deployment: Deployment) -> int:
    """Paid calls beyond the first of each item, by the server's own log."""
    paid = Counter(entry["body_sha256"] for entry in log(deployment.server.url) if entry["billed"])
    return sum(count - 1 for count in paid.values())


def test_a_killed_run_resumes_and_repeats_only_what_was_in_flight(deploy: Deploy) -> None:
    """kill -9, then resume: every item finished once; only calls known to be in flight are made again (D5)."""
    deployment = deploy(server={"latency_mean_seconds": 0.15})
    batch_job_id = end_midway(deployment, 40, 15, signal.SIGKILL)

    resumed = deployment.command("resume", batch_job_id)

    assert resumed.returncode == 0, resumed.stderr
    results = deployment.results(batch_job_id)
    assert [item["status"] for item in results] == ["completed"] * 40
    lost = sum(item["attempts"] - 1 for item in results)
    assert repeated_calls(deployment) <= lost <= SLOTS


def test_reexecution_from_failure_leaves_no_item_out(deploy: Deploy) -> None:
    """Dagster skips mapped steps that never started; what they left is done before the run is called a success."""
    deployment = deploy(server={"latency_mean_seconds": 0.15})
    batch_job_id = end_midway(deployment, 40, 12, signal.SIGKILL)
    configure(deployment.server.url, latency_mean_seconds=0)
    os.environ.update(deployment.environment)
    time.sleep(11)  # the dead engine's lease has to run out before another run may take the batch job over

    with deployment.instance() as instance:
        (killed,) = instance.get_runs()
        instance.report_run_failed(killed, "killed")
        job = build_reconstructable_job(
            job_definition.__module__, job_definition.__name__, reconstructable_args=(batch_job_id,)
        )
        options = dg.ReexecutionOptions.from_failure(killed.run_id, instance)
        result = dg.execute_job(job, instance=instance, reexecution_options=options)

    assert result.success
    assert [item["status"] for item in deployment.results(batch_job_id)] == ["completed"] * 40
    assert repeated_calls(deployment) <= SLOTS


def test_a_terminated_run_pauses(deploy: Deploy) -> None:
    """SIGTERM, as a machine that shuts down sends it: calls in flight are kept, and nothing is repeated (A4)."""
    deployment = deploy(server={"latency_mean_seconds": 0.15})
    batch_job_id = end_midway(deployment, 40, 12, signal.SIGTERM)

    status = json.loads(deployment.command("status", batch_job_id, "--json").stdout)
    resumed = deployment.command("resume", batch_job_id)

    assert status["status"] == "paused"
    assert status["error"] == "the run was interrupted"
    assert status["progress"]["completed"] >= 12
    assert resumed.returncode == 0, resumed.stderr
    assert repeated_calls(deployment) == 0
