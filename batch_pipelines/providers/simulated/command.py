"""Runs the simulated provider alone, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.providers.simulated.config import SimulatedConfig, load_config
from batch_pipelines.providers.simulated.request_log import RequestLog
from batch_pipelines.providers.simulated.server import SimulatedServer, start

LISTENING = "listening on "
"""What the one line on standard output starts with; the address follows."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m batch_pipelines.providers.simulated", description="Serve the simulated provider on loopback."
    )
    parser.add_argument("--port", type=_port, required=True, help="0 takes any free port")
    parser.add_argument("--config", default="{}", help="JSON, or the name of a JSON file")
    parser.add_argument("--log-file", type=Path, help="append a line of JSON for each request for a message")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(argv)
    try:
        config = load_config(options.config)
    except InvalidInput as error:
        return _refuse(f"--config: {error}")
    return simulate(options.port, config, log_file=options.log_file, exit_with_stdin=options.exit_with_stdin)


def simulate(port: int, config: SimulatedConfig, *, log_file: Path | None = None, exit_with_stdin: bool = False) -> int:
    """Serve until SIGTERM, SIGINT or, if asked for, the end of standard input; returns the exit code."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(log_file.open("a", encoding="utf-8")) if log_file else None
        except OSError as error:
            return _refuse(f"--log-file: {log_file} cannot be written ({error}); name another file")
        try:
            asyncio.run(_serve(port, config, file, exit_with_stdin))
        except OSError as error:
            return _refuse(f"--port: {port} cannot be used on 127.0.0.1 ({error.strerror}); choose another")
    return 0


def _refuse(problem: str) -> int:
    """Say what is wrong, and the exit code for wrong usage."""
    sys.stderr.write(f"{problem}\n")
    return 2


async def _serve(port: int, config: SimulatedConfig, file: TextIO | None, exit_with_stdin: bool) -> None:
    server = SimulatedServer(config, RequestLog(file), secrets.token_hex(4))
    runner, url = await start(server.app(), port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if exit_with_stdin:
        threading.Thread(target=_stop_at_end_of_input, args=(loop, stop), daemon=True).start()
    sys.stdout.write(f"{LISTENING}{url}\n")
    sys.stdout.flush()
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Blocks in a thread of its own: an event loop cannot watch an input that is a file."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is outside 0 to 65535")
    return port
