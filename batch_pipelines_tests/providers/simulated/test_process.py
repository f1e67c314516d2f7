"""The simulated provider as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.simulated.command import main
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, is_simulated, stats
from batch_pipelines_tests.providers.simulated.conftest import message_body

QUICK = SimulatedConfig(latency_mean_seconds=0)


def post(url: str, prompt: str) -> None:
    """Ask for a message and read it."""
    body = json.dumps(message_body(prompt)).encode()
    with urlopen(Request(f"{url}/v1/messages", body), timeout=10) as response:
        response.read()


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether a condition comes true within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_gone(pid: int) -> bool:
    """Whether no process has this id, or only its remains wait to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_process_serves_while_its_context_lasts(tmp_path: Path) -> None:
    """It answers, keeps its log in a file, and is gone afterwards."""
    file = tmp_path / "log.jsonl"
    with SimulatedProcess(QUICK, log_file=file) as process:
        url = process.url
        assert is_simulated(url)
        post(url, "One")
        post(url, "Two")
        assert stats(url)["answered"] == 2

    assert [json.loads(line)["prompt"] for line in file.read_text().splitlines()] == ["One", "Two"]
    with pytest.raises(ProviderError) as caught:
        is_simulated(url)
    assert caught.value.category is ErrorCategory.CONNECTION


def test_it_starts_in_well_under_a_second_of_its_own_time() -> None:
    """The server is light, so a run with the simulated provider does not wait for it."""
    script = "import resource as r; from batch_pipelines.providers.simulated import command; "
    script += "u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"

    seconds = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout

    assert float(seconds) < 1


def test_the_log_survives_a_kill(tmp_path: Path) -> None:
    """What was billed before kill -9 is in the file (D5)."""
    file = tmp_path / "log.jsonl"
    with SimulatedProcess(QUICK, log_file=file) as process:
        post(process.url, "Before")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)

    [entry] = [json.loads(line) for line in file.read_text().splitlines()]
    assert (entry["prompt"], entry["billed"]) == ("Before", True)


def test_it_goes_with_its_parent_even_on_a_kill() -> None:
    """When the parent is gone, its end of the pipe closes, and the server stops."""
    script = (
        "import time; from batch_pipelines.providers.simulated.process import SimulatedProcess; "
        "process = SimulatedProcess(); process.start(); print(process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert not is_gone(server)
        parent.kill()

    assert eventually(lambda: is_gone(server))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    """Exit code 0, nothing on standard error."""
    command = [sys.executable, "-m", "batch_pipelines.providers.simulated", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("listening on http://127.0.0.1:")
        server.send_signal(number)
        _, errors = server.communicate(timeout=10)

    assert (server.returncode, errors) == (0, "")


def test_faults_leave_nothing_on_standard_error() -> None:
    """Connections that are broken on purpose are no news."""
    config = '{"latency_mean_seconds": 0, "faults": {"dropped_connection": 0.5, "half_sent_body": 0.5}}'
    command = [sys.executable, "-W", "error", "-m", "batch_pipelines.providers.simulated"]
    command += ["--port", "0", "--exit-with-stdin", "--config", config]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        for number in range(10):
            with pytest.raises(Exception, match=r"IncompleteRead|closed connection|reset"):
                post(url, f"Item {number}")
        assert stats(url)["message_requests"] == 10
        _, errors = server.communicate(timeout=10)

    assert (server.returncode, errors) == (0, "")


def test_a_taken_port_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the remedy; nobody else's server is mistaken for ours."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert main(["--port", str(port)]) == 2
        assert f"{port} cannot be used on 127.0.0.1" in capsys.readouterr().err
        with pytest.raises(ProviderError, match=f"did not start: --port: {port}"):
            SimulatedProcess(QUICK, port=port).start()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", '{"faults": {"refusal": 2}}'], "faults.refusal"),
        (["--config", "nowhere.json"], "nowhere.json"),
        (["--log-file", "/nowhere/log.jsonl"], "/nowhere/log.jsonl"),
    ],
)
def test_unusable_arguments_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 before anything is served."""
    assert main(["--port", "0", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the option's name."""
    with pytest.raises(SystemExit) as caught:
        main(["--port", port])
    assert caught.value.code == 2
    assert "--port" in capsys.readouterr().err


def test_the_url_is_known_only_while_it_runs() -> None:
    """Asking too early is a defect of the caller."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = SimulatedProcess().url


def test_stopping_twice_is_harmless() -> None:
    """Cleaning up may happen on more than one path."""
    process = SimulatedProcess(QUICK)
    process.start()
    process.stop()
    process.stop()

    assert process.pid is None
