"""Completes what an author wrote: each phase by its task type, the pipeline by routes, a ladder and a last phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from batch_pipelines.domain.pipeline import Phase, Pipeline, PipelineFields, needs_of
from batch_pipelines.domain.routing import Route
from batch_pipelines.domain.task_types import PhaseKind, TaskType, TaskTypeDefinition
from batch_pipelines.pipelines.authoring import PhaseFile, PipelineFile
from batch_pipelines.pipelines.checking import check_graph, check_phases, check_room, unknown_task_type
from batch_pipelines.pipelines.complaints import complaint
from batch_pipelines.pipelines.defaults import Defaults
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.templates import with_subject, without_subject

JOIN = "outputs"
"""The phase that is added where several come last."""
FILLED = ("kind", "prompt", "system_prompt", "max_tokens", "output_tokens", "output_per_input", "output_schema")
"""What a phase has from its task type where it does not say it."""


def resolve(attributes: object, defaults: Defaults, origin: Origin, places: Places) -> Pipeline:
    """The complete pipeline that fields as an author writes them stand for; raises InvalidInput naming the place."""
    try:
        written = PipelineFile.model_validate(attributes, context=origin)
    except ValidationError as error:
        raise complaint(error, PipelineFile, places) from None
    check_graph(written.phases, places)
    kinds = kinds_of_work(written, defaults)
    fields = as_said(written)
    fields["phases"] = _phases(written, kinds, places)
    fields["routes"] = _routes(written, defaults)
    fields["ladder"] = written.ladder or defaults.ladder
    try:
        pipeline = Pipeline.model_validate(fields)
    except ValidationError as error:
        raise complaint(error, PipelineFile, places) from None
    check_phases(pipeline, places)
    return pipeline


def as_said(fields: PipelineFields | Phase) -> dict[str, Any]:
    """What was said of a pipeline or a phase, as values to make another of; defaults are left out."""
    return fields.model_dump(by_alias=True, exclude_unset=True)


def without_defaults(phase: Phase, definition: TaskTypeDefinition) -> dict[str, Any]:
    """What was said of a resolved phase itself, without what its task type gave it."""
    fields = as_said(phase)
    for name in ("prompt", "system_prompt"):
        if fields.get(name):
            fields[name] = without_subject(fields[name])
    return {
        name: value
        for name, value in fields.items()
        if name not in (*FILLED, "model") or value is None or value != getattr(definition, name)
    }


def kinds_of_work(pipeline: PipelineFields, defaults: Defaults) -> dict[str, TaskTypeDefinition]:
    """Built-in task types and the pipeline's own, by name; one of its own changes a built-in one where it says so."""
    kinds = dict(defaults.task_types)
    for name, own in pipeline.task_types.items():
        said = {field: getattr(own, field) for field in own.model_fields_set}
        kinds[name] = kinds.get(name, TaskTypeDefinition()).model_copy(update=said)
    return kinds


def _phases(written: PipelineFile, kinds: Mapping[str, TaskTypeDefinition], places: Places) -> list[Phase]:
    needs = needs_of(written.phases)
    phases = []
    for number, phase in enumerate(written.phases):
        definition = kinds.get(phase.task_type)
        if definition is None:
            raise unknown_task_type(phase.task_type, kinds, ("phases", number, "task_type"), places)
        phases.append(_filled(phase, definition, needs[phase.name], written.routes))
    needed = {name for names in needs.values() for name in names}
    last = [phase for phase in phases if phase.name not in needed]
    if len(last) > 1:
        check_room(len(phases), [phase.name for phase in last], places)
        phases.append(_joining(last))
    return phases


def _filled(
    phase: PhaseFile, definition: TaskTypeDefinition, needs: tuple[str, ...], own_routes: tuple[Route, ...]
) -> Phase:
    """The phase with what its task type gives."""
    fields = as_said(phase)
    for name in FILLED:
        if (value := getattr(definition, name)) is not None:
            fields.setdefault(name, value)
    is_embedding = fields["kind"] is PhaseKind.EMBEDDING
    for name in ("prompt", "system_prompt"):
        if template := fields.get(name):
            fields[name] = with_subject(template, needs, is_marked=not is_embedding)
    is_routed = any(row.task_type == phase.task_type for row in own_routes)
    if is_embedding and definition.model and not is_routed:
        # A row or a `model` for everything means answers; who writes them makes no vectors.
        fields.setdefault("model", definition.model)
    return Phase.model_validate(fields)


def _joining(last: list[Phase]) -> Phase:
    """A record of the outputs of several phases, by their names."""
    fields = {
        phase.name: f"phases.{phase.name} | from_json" if _is_json(phase) else f"phases.{phase.name}" for phase in last
    }
    after = tuple(phase.name for phase in last)
    return Phase(name=JOIN, task_type=TaskType.RECORD, kind=PhaseKind.RECORD, after=after, fields=fields)


def _is_json(phase: Phase) -> bool:
    return phase.kind is not PhaseKind.COMPLETION or phase.output_schema is not None


def _routes(written: PipelineFile, defaults: Defaults) -> tuple[Route, ...]:
    """Its own rows, those of its own task types, and where it has no model for everything the default ones."""
    of_types = (
        Route(task_type=name, model=own.model) for name, own in written.task_types.items() if own.model is not None
    )
    rows = (*written.routes, *of_types, *(defaults.routes if written.model is None else ()))
    # A pipeline that is resolved a second time, with other phases, has the default rows already.
    return tuple(dict.fromkeys(rows))
