"""`simulate`: the simulated provider as a server of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from batch_pipelines.providers.simulated.command import main


def serve(port: int, config: str | None, log_file: Path | None) -> None:
    """Serve until interrupted; the process ends with the server's own exit code."""
    arguments = ["--port", str(port)]
    if config is not None:
        arguments += ["--config", config]
    if log_file is not None:
        arguments += ["--log-file", str(log_file)]
    sys.exit(main(arguments))
