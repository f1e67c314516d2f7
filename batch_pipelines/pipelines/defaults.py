"""What pipelines need not say: the built-in kinds of work, and which model does what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batch_pipelines.domain.routing import Route
from batch_pipelines.domain.task_types import TaskTypeDefinition
from batch_pipelines.pipelines.authoring import TaskTypeFile
from batch_pipelines.pipelines.complaints import complaint
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.reading import read_file

ROUTES_FILE = Path(__file__).parent / "routes.yaml"
TASK_TYPES_FOLDER = Path(__file__).parent / "task_types"


class RoutingTable(BaseModel):
    """A file of routes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    routes: tuple[Route, ...] = Field(default=(), description="The first row that fits tells the model.")
    ladder: tuple[str, ...] = Field(default=(), description="Models from the weakest to the strongest.")


class Defaults(BaseModel):
    """What phases and pipelines are completed with."""

    model_config = ConfigDict(frozen=True)

    task_types: Mapping[str, TaskTypeDefinition]
    """By name."""
    routes: tuple[Route, ...]
    ladder: tuple[str, ...]


def read_defaults(routes_file: Path | None = None) -> Defaults:
    """The shipped defaults, behind the rows of a deployment's own file; raises InvalidInput naming file and line.

    A ladder in that file goes in place of the shipped one.
    """
    shipped = shipped_defaults()
    if routes_file is None:
        return shipped
    own = _read_routes(routes_file, "BATCH_PIPELINES_ROUTES_FILE")
    return Defaults(
        task_types=shipped.task_types, routes=own.routes + shipped.routes, ladder=own.ladder or shipped.ladder
    )


@cache
def shipped_defaults() -> Defaults:
    """Those of the package."""
    table = _read_routes(ROUTES_FILE, "routes")
    kinds = {path.stem: _read_task_type(path) for path in sorted(TASK_TYPES_FOLDER.glob("*.yaml"))}
    return Defaults(task_types=kinds, routes=table.routes, ladder=table.ladder)


def _read_routes(path: Path, field: str) -> RoutingTable:
    source = read_file(path, field)
    try:
        return RoutingTable.model_validate(source.value)
    except ValidationError as error:
        raise complaint(error, RoutingTable, Places(source, whole="routes")) from None


def _read_task_type(path: Path) -> TaskTypeDefinition:
    source = read_file(path)
    try:
        return TaskTypeFile.model_validate(source.value, context=Origin(path.parent, is_trusted=True))
    except ValidationError as error:
        raise complaint(error, TaskTypeFile, Places(source, whole="task type")) from None
