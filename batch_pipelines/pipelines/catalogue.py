"""Finds pipelines: the shipped ones, and those of a deployment's folder."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.pipelines.complaints import complaint
from batch_pipelines.pipelines.defaults import Defaults, read_defaults, shipped_defaults
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.reading import Source, read_file
from batch_pipelines.pipelines.resolving import resolve

LOG = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent
PIPELINE_FILE = "defs.yaml"
COMPONENT = "batch_pipelines.BatchPipeline"
OWN_PHASES = "own_phases"
"""What the pipeline of a spec is called that brings all its phases."""


class DefsFile(BaseModel):
    """A component's file, as Dagster has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["batch_pipelines.BatchPipeline"] = Field(description="Says that it is a pipeline.")
    attributes: dict[str, Any] = Field(description="The pipeline.")
    requirements: Any = Field(default=None, description="Dagster's own.")
    post_processing: Any = Field(default=None, description="Dagster's own.")
    template_vars_module: Any = Field(default=None, description="Dagster's own.")


def read_pipeline(folder: Path, defaults: Defaults | None = None) -> Pipeline:
    """The pipeline that a folder holds, complete; raises InvalidInput naming file, line and field."""
    source = read_file(folder / PIPELINE_FILE)
    try:
        DefsFile.model_validate(source.value)
    except ValidationError as error:
        raise _no_component(error, source) from None
    attributes = source.within("attributes")
    origin = Origin(folder, is_trusted=True)
    return resolve(attributes.value, defaults or shipped_defaults(), origin, Places(attributes))


def _no_component(error: ValidationError, source: Source) -> InvalidInput:
    """What is wrong around the pipeline."""
    places = Places(source)
    if not isinstance(source.value, dict) or not source.value.keys() & {"type", "attributes"}:
        remedy = f"start with `type: {COMPONENT}` and write the pipeline under `attributes:`"
        return InvalidInput(source.path, None, "does not hold a component", remedy)
    if "type" in source.value and source.value["type"] != COMPONENT:
        return places.refuse(("type",), source.value["type"], "is no pipeline", f"write `type: {COMPONENT}`")
    return complaint(error, DefsFile, places)


@cache
def shipped_pipelines() -> tuple[Pipeline, ...]:
    """All pipelines of the package, by name, as they are without a deployment's routes."""
    return tuple(read_pipeline(path.parent) for path in sorted(SHIPPED.glob(f"*/{PIPELINE_FILE}")))


def all_pipelines(folder: Path, routes_file: Path | None = None) -> tuple[Pipeline, ...]:
    """The shipped pipelines and those in the folders of `folder`, by name, which may not exist.

    One that cannot be read is left out, and the log says why. Raises InvalidInput where two have one name.
    """
    return tuple(sorted(pipelines_by_folder(folder, routes_file).values(), key=lambda pipeline: pipeline.name))


def pipelines_by_folder(folder: Path, routes_file: Path | None = None) -> dict[Path, Pipeline]:
    """The same by the folder that each was read from, the shipped ones first."""
    defaults = read_defaults(routes_file)
    found: dict[str, Path] = {}
    pipelines: dict[Path, Pipeline] = {}
    for path in (*sorted(SHIPPED.glob(f"*/{PIPELINE_FILE}")), *sorted(folder.glob(f"*/{PIPELINE_FILE}"))):
        pipeline = _readable(path.parent, defaults)
        if pipeline is None:
            continue
        if pipeline.name == OWN_PHASES:
            raise InvalidInput(f"{path}: name", OWN_PHASES, "is kept for specs with phases of their own", "rename it")
        if pipeline.name in found:
            problem = f"is the name of the pipeline in {found[pipeline.name]} already"
            raise InvalidInput(f"{path}: name", pipeline.name, problem, "give each pipeline a name of its own")
        found[pipeline.name] = path
        pipelines[path.parent] = pipeline
    return pipelines


def _readable(folder: Path, defaults: Defaults) -> Pipeline | None:
    """The pipeline of a folder; None for one of a deployment that cannot be read, which keeps no other from running."""
    try:
        return read_pipeline(folder, defaults)
    except InvalidInput as error:
        if folder.parent == SHIPPED:
            raise
        LOG.error("This pipeline is left out: %s", error)
        return None


def find_pipeline(name: str, pipelines: tuple[Pipeline, ...]) -> Pipeline:
    """The pipeline of this name; raises UnknownName."""
    for pipeline in pipelines:
        if pipeline.name == name:
            return pipeline
    raise UnknownName("pipeline", name, tuple(pipeline.name for pipeline in pipelines))
