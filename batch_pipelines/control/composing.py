"""The pipeline that a spec asks for: one of the catalogue's, that with phases of its own, or those alone (B2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.task_types import TaskTypeDefinition
from batch_pipelines.pipelines.catalogue import OWN_PHASES, find_pipeline
from batch_pipelines.pipelines.defaults import Defaults
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.resolving import as_said, kinds_of_work, resolve, without_defaults

PARTS = ("validation", "retrieval", "tokens")
"""Fields of a phase that have fields of their own, of which an entry needs to say only those that differ."""


def compose(spec: Spec, pipelines: tuple[Pipeline, ...], defaults: Defaults) -> Pipeline:
    """The complete pipeline of a batch job; raises InvalidInput naming a field of the spec, as `phases.2.prompt`."""
    if spec.pipeline is None:
        return _own_pipeline(spec, defaults)
    pipeline = find_pipeline(spec.pipeline, pipelines)
    return pipeline if spec.phases is None else with_phases(pipeline, spec.phases, defaults)


def _own_pipeline(spec: Spec, defaults: Defaults) -> Pipeline:
    if spec.phases is None:
        raise InvalidInput("pipeline", None, "is missing", "name one, or give the spec `phases` of its own")
    attributes = {
        "name": OWN_PHASES,
        "description": "Phases that a spec brought along.",
        "tiered": spec.tier is not None,
        "phases": spec.phases,
    }
    return resolve(attributes, defaults, _stranger(()), Places())


def with_phases(pipeline: Pipeline, entries: Iterable[Mapping[str, JsonValue]], defaults: Defaults) -> Pipeline:
    """The pipeline with other phases: an entry that has the name of one of its phases starts from that.

    Raises InvalidInput naming the field of an entry, as `phases.2.prompt`.
    """
    kinds = kinds_of_work(pipeline, defaults)
    own = {phase.name: phase for phase in pipeline.phases}
    phases = [_merged(own.get(str(entry.get("name"))), entry, kinds) for entry in entries]
    return resolve(as_said(pipeline) | {"phases": phases}, defaults, _stranger(pipeline.phases), Places())


def _stranger(phases: Iterable[Phase]) -> Origin:
    """A spec may come from anybody who may submit: it names no files, and no code but what the phases have already."""
    checks = (check for phase in phases for check in phase.validation.checks)
    known = frozenset(check.python for check in checks if check.python is not None)
    return Origin(folder=None, is_trusted=False, known_code=known)


def _merged(
    phase: Phase | None, entry: Mapping[str, JsonValue], kinds: Mapping[str, TaskTypeDefinition]
) -> dict[str, Any]:
    """What the phase said itself, under what the entry says; the rest comes from the task type, which may change."""
    if phase is None:
        return dict(entry)
    fields = without_defaults(phase, kinds[phase.task_type])
    for name, value in entry.items():
        said = fields.get(name)
        fields[name] = (
            {**said, **value} if name in PARTS and isinstance(said, dict) and isinstance(value, dict) else value
        )
    if isinstance(wanted := entry.get("validation"), dict) and "enabled" not in wanted:
        # Whoever says what is good enough wants it checked.
        fields["validation"].pop("enabled", None)
    return fields
