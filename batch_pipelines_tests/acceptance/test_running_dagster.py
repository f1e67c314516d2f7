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

from dagster_graphql import DagsterGraphQLClient

from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, TIER_TAG
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
    workspace = ["--workspace", str(ROOT / "workspace.yaml")]
    programs = [
        ["dagster_webserver", "--host", "127.0.0.1", "--port", str(port), *workspace],
        ["dagster._daemon", "run", *workspace],
    ]
    log = (deployment.home / "services.log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *program], env=deployment.environment, cwd=deployment.home, stdout=log, stderr=log
        )
        for program in programs
    ]
    try:
        wait_for(port, deployment.home / "services.log")
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
        log.close()


def wait_for(port: int, log: Path) -> None:
    """Returns when somebody listens on the port."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"the webserver did not start: {log.read_text()[-2000:]}")


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
        deadline = time.monotonic() + START_SECONDS
        while client.get_run_status(run_id).value not in ENDED:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert client.get_run_status(run_id).value == "SUCCESS"

    with deployment.ledger() as ledger:
        job = ledger.find_job_by_run(run_id)
        assert job is not None
        assert (job.tier, job.total_items, job.concurrency) == ("edge_case", 30, 6)
    assert stats(deployment.server.url)["answered"] == 39
