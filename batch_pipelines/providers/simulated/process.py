"""A simulated provider as a child process that cannot outlive its parent, and small questions to one that runs."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.simulated.config import SimulatedConfig

START_SECONDS = 30.0
"""How long the child may take until it listens; a busy machine needs seconds."""
STOP_SECONDS = 5.0
ASK_SECONDS = 10.0


class SimulatedProcess:
    """Starts the server on entering and stops it on leaving; `url` is where it listens.

    The child ends when its standard input does, so it goes with its parent even on kill -9. It has a session of its
    own: Ctrl-C in the terminal is for the parent, which may still wait for calls in flight.
    """

    def __init__(self, config: SimulatedConfig | None = None, *, port: int = 0, log_file: Path | None = None) -> None:
        self._config = config or SimulatedConfig()
        self._port = port
        self._log_file = log_file
        self._child: subprocess.Popen[str] | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The server's address; only while it runs."""
        if self._url is None:
            raise RuntimeError("the simulated provider is not running; enter its context first")
        return self._url

    @property
    def pid(self) -> int | None:
        """The child's process id; None while it does not run."""
        return self._child.pid if self._child else None

    def __enter__(self) -> SimulatedProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the child and wait until it listens; raises ProviderError CONNECTION with what the child said."""
        with tempfile.TemporaryFile("w+") as errors:
            self._child = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            line = self._first_line()
            if not line:
                self.stop()
                errors.seek(0)
                said = errors.read().strip() or f"no line within {START_SECONDS:g} seconds"
                raise ProviderError(ErrorCategory.CONNECTION, f"the simulated provider did not start: {said}")
        self._url = line.split()[-1]

    def stop(self) -> None:
        """End the child and wait for it; nothing happens when it does not run."""
        child, self._child, self._url = self._child, None, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "batch_pipelines.providers.simulated", "--exit-with-stdin"]
        command += ["--port", str(self._port), "--config", self._config.model_dump_json()]
        return [*command, "--log-file", str(self._log_file)] if self._log_file else command

    def _first_line(self) -> str:
        """What the child says once it listens; empty when it ended, or did not get there in time."""
        stdout = self._child.stdout if self._child else None
        if stdout is None:
            return ""
        ready, _, _ = select.select([stdout], [], [], START_SECONDS)
        return stdout.readline() if ready else ""


def is_simulated(url: str) -> bool:
    """Whether a simulated provider answers at `url`; False for any other server.

    Raises ProviderError CONNECTION when nobody answers.
    """
    try:
        answer = _ask("GET", url, "health")
    except ProviderError as error:
        if error.category is ErrorCategory.CONNECTION:
            raise
        return False
    return isinstance(answer, dict) and answer.get("simulated") is True


def stats(url: str) -> dict[str, Any]:
    """What the server counted since it started; raises ProviderError."""
    answer: dict[str, Any] = _ask("GET", url, "stats")
    return answer


def log(url: str) -> list[dict[str, Any]]:
    """Every request for a message, oldest first; raises ProviderError."""
    answer: list[dict[str, Any]] = _ask("GET", url, "log")
    return answer


def configure(url: str, **changes: Any) -> dict[str, Any]:
    """Replace fields of the server's SimulatedConfig; returns the whole of it. Raises ProviderError."""
    answer: dict[str, Any] = _ask("PUT", url, "config", json.dumps(changes).encode())
    return answer


def _ask(method: str, url: str, what: str, body: bytes | None = None) -> Any:
    address = f"{url.rstrip('/')}/simulated/{what}"
    request = Request(address, body, method=method)  # noqa: S310 - the address is the deployment's own setting
    # A proxy cannot reach this machine's loopback.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(request, timeout=ASK_SECONDS) as response:
            return json.load(response)
    except HTTPError as error:
        with error:
            raise ProviderError(ErrorCategory.INVALID_REQUEST, _message_of(error), http_status=error.code) from None
    except OSError as error:
        raise ProviderError(ErrorCategory.CONNECTION, f"no server answers at {url} ({error})") from None
    except ValueError:
        raise ProviderError(ErrorCategory.INVALID_RESPONSE, f"{url} did not answer in JSON") from None


def _message_of(error: HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {error.code}"
