"""Makes DAGSTER_HOME usable: the folder, and our dagster.yaml in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import batch_pipelines
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.settings import Settings

INSTANCE_FILE = "dagster.yaml"


def prepare_home(settings: Settings) -> Path:
    """The home, made if need be and set for this process and its children; a dagster.yaml that is there stays."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / INSTANCE_FILE).exists():
            shutil.copyfile(_instance_file(), home / INSTANCE_FILE)
    except OSError as error:
        raise InvalidInput("DAGSTER_HOME", str(home), f"cannot be used: {error.strerror}", "choose another") from None
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _instance_file() -> Path:
    """Beside the package in a checkout, inside it in a wheel."""
    package = Path(batch_pipelines.__file__).parent
    checkout = package.parent / INSTANCE_FILE
    return checkout if checkout.exists() else package / INSTANCE_FILE
