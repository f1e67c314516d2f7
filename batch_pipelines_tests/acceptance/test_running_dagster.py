"""Against a running Dagster, webserver and daemon: `submit`, and a launch as the Launchpad does it (F1, F3)."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster_graphql import DagsterGraphQLClient

from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, PARENT_TAG, TIER_TAG
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.acceptance.conftest import Deploy, Deployment

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 90
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_dagster(deployment: Deployment, port: int) -> Iterator[None]:
    """A webserver and a daemon on the deployment's home, as `make ui` starts them."""
    (deployment.home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(ROOT / "workspace.yaml")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = deployment.home / "services.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=deployment.environment, cwd=deployment.home, stdout=output, stderr=output
        )
        try:
            wait_for(deployment, port, process)
            yield
        except BaseException as error:
            error.add_note(log.read_text()[-5000:])
            raise
        finally:
            process.terminate()
            process.wait(60)


def wait_for(deployment: Deployment, port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns when the webserver listens and the daemon takes runs from the queue."""
    deadline = time.monotonic() + START_SECONDS
    while not listens(port):
        assert process.poll() is None, "Dagster ended"
        assert time.monotonic() < deadline, "the webserver did not start"
        time.sleep(0.2)
    with deployment.instance() as instance:
        while QueuedRunCoordinatorDaemon.daemon_type() not in instance.get_daemon_heartbeats():
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_of(client: DagsterGraphQLClient, run_id: str) -> str:
    """How a run ends, once it does."""
    deadline = time.monotonic() + START_SECONDS
    while (status := client.get_run_status(run_id).value) not in ENDED:
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    return str(status)


def test_submit_and_the_launchpad_run_batch_jobs(deploy: Deploy) -> None:
    """`submit` prints an id that runs to its end there; a launch without config runs the sample as its tags say."""
    deployment = deploy()
    port = free_port()
    deployment.environment["BATCH_PIPELINES_DAGSTER_URL"] = f"http://127.0.0.1:{port}"
    with running_dagster(deployment, port):
        submitted = deployment.command("submit", str(deployment.spec()))
        assert submitted.returncode == 0, submitted.stderr
        batch_job_id = submitted.stdout.strip()
        watched = deployment.command("watch", batch_job_id, "--json")
        assert watched.returncode == 0, watched.stderr
        assert json.loads(watched.stdout)["progress"]["completed"] == 9
        assert stats(deployment.server.url)["answered"] == 9

        client = DagsterGraphQLClient("127.0.0.1", port_number=port)
        tags = {TIER_TAG: "edge_case", CONCURRENCY_TAG: "6"}
        run_id = client.submit_job_execution("conversation_generation", run_config={}, tags=tags)
        assert end_of(client, run_id) == "SUCCESS"

    with deployment.ledger() as ledger:
        job = ledger.find_job_by_run(run_id)
        assert job is not None
        assert (job.tier, job.total_items, job.concurrency) == ("edge_case", 30, 6)
    assert stats(deployment.server.url)["answered"] == 39


TWO_PHASES = [
    {"name": "read", "task_type": "analysis", "prompt": "Read {{ item.text }}"},
    {"name": "judge", "task_type": "analysis", "prompt": "Judge {{ phases.read }}"},
]


def test_own_phases_run_and_are_terminated(deploy: Deploy) -> None:
    """The run that was launched ends as the one that carries the phases out; to terminate it cancels both (B2, A5)."""
    deployment = deploy(server={"latency_mean_seconds": 0.3})
    port = free_port()
    deployment.environment["BATCH_PIPELINES_DAGSTER_URL"] = f"http://127.0.0.1:{port}"
    with running_dagster(deployment, port), deployment.ledger() as ledger:
        client = DagsterGraphQLClient("127.0.0.1", port_number=port)
        few = [{"id": "one", "text": "A"}, {"id": "two", "text": "B"}]
        spec = deployment.spec(pipeline=None, phases=TWO_PHASES, items=few)
        submitted = json.loads(deployment.command("submit", str(spec), "--json").stdout)
        assert end_of(client, submitted["run_id"]) == "SUCCESS"
        assert ledger.job(submitted["id"]).status is JobStatus.COMPLETED
        assert runs_of(deployment, ledger, submitted["id"], submitted["run_id"]) == ("SUCCESS", "SUCCESS")

        many = [{"id": f"item_{number}", "text": str(number)} for number in range(200)]
        config = {"phases": TWO_PHASES, "items": many, "options": {"concurrency": 1}}
        ops = {"run_own_phases": {"config": config}}
        run_id = client.submit_job_execution("own_phases", run_config={"ops": ops})
        batch_job_id = one_at_work(ledger, run_id)
        client.terminate_run(run_id)
        assert end_of(client, run_id) == "CANCELED"
        assert ledger.job(batch_job_id).status is JobStatus.CANCELLED
        assert runs_of(deployment, ledger, batch_job_id, run_id) == ("CANCELED", "CANCELED")

    progress = ledger.progress(batch_job_id)
    assert 0 < stats(deployment.server.url)["answered"] - 4 < 50
    assert progress.completed + progress.cancelled == 200


def one_at_work(ledger: Ledger, run_id: str) -> str:
    """The batch job that a run made, once its first call was answered."""
    deadline = time.monotonic() + START_SECONDS
    while not ((job := ledger.find_job_by_run(run_id)) and ledger.progress(job.id).cost_usd):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return job.id


def runs_of(deployment: Deployment, ledger: Ledger, batch_job_id: str, run_id: str) -> tuple[str, str]:
    """How the run that was launched for a batch job ended, and the one that it waited for."""
    with deployment.instance() as instance:
        launched = instance.get_run_by_id(run_id)
        (carrying,) = instance.get_runs(dg.RunsFilter(tags={PARENT_TAG: run_id}))
    assert launched is not None
    assert carrying.run_id == ledger.job(batch_job_id).run_id
    return launched.status.value, carrying.status.value
