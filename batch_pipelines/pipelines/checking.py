"""Whether phases fit together; each finding names the field to mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import MOST_PHASES, Phase, Pipeline, needs_of
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.reading import Location
from batch_pipelines.pipelines.templates import phases_used

METHODS = frozenset(dir(dict))
"""What a template may mean by `phases.items()`, unless there is such a phase."""


def check_graph(phases: Sequence[Phase], places: Places) -> None:
    """Raise InvalidInput where names repeat, or `after` names nobody or leads in a circle."""
    numbers: dict[str, int] = {}
    for number, phase in enumerate(phases):
        if phase.name in numbers:
            problem = f"is the name of phases.{numbers[phase.name]} already"
            raise places.refuse(("phases", number, "name"), phase.name, problem, "give each phase a name of its own")
        numbers[phase.name] = number
    needs = needs_of(phases)
    for number, phase in enumerate(phases):
        for name in needs[phase.name]:
            if name not in numbers:
                remedy = _use_one_of(name, numbers)
                raise places.refuse(("phases", number, "after"), name, "is no phase of the pipeline", remedy)
    _refuse_circle(needs, numbers, places)


def _refuse_circle(needs: dict[str, tuple[str, ...]], numbers: dict[str, int], places: Places) -> None:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        # In the order of the work: each name comes before the next.
        circle = error.args[1]
        problem = f"goes round in a circle: {' -> '.join(circle)}"
        where = ("phases", min(numbers[name] for name in circle), "after")
        raise places.refuse(where, None, problem, "let one of them come after something else") from None


def check_room(count: int, last: Sequence[str], places: Places) -> None:
    """Raise InvalidInput where a phase that joins the last ones would be one too many."""
    if count >= MOST_PHASES:
        problem = f"has {count} entries, of which {' and '.join(last)} come last, and no room for one that joins them"
        raise places.refuse(("phases",), None, problem, f"let {last[-1]} come after the others, or take a phase out")


def check_phases(pipeline: Pipeline, places: Places) -> None:
    """Raise InvalidInput for the first field of a resolved phase that cannot work."""
    for number, phase in enumerate(pipeline.phases):
        for step, value, problem, remedy in _findings(pipeline, phase):
            raise places.refuse(("phases", number, *step), value, problem, remedy)


Finding = tuple[Location, object, str, str]
"""The field within the phase, its value, what is wrong, and what to do."""


def _findings(pipeline: Pipeline, phase: Phase) -> Iterator[Finding]:
    yield from _of_its_kind(pipeline, phase)
    earlier = _earlier(pipeline, phase)
    yield from _of_names(pipeline, phase, earlier)
    yield from _of_vectors(pipeline, phase, earlier)


def _of_its_kind(pipeline: Pipeline, phase: Phase) -> Iterator[Finding]:
    """What each kind of phase must have, and what it could not use."""
    if phase.kind is PhaseKind.RECORD:
        for name in ("prompt", "system_prompt", "model"):
            if getattr(phase, name) is not None:
                yield (name,), None, "is of no use: a record calls no model", "take it out, or use `fields`"
    else:
        if phase.fields is not None:
            yield ("fields",), None, "is of no use: only a record has fields", "take it out, or use task type record"
        if phase.prompt is None:
            problem = f"is missing, and task type {phase.task_type} has no default prompt"
            yield ("prompt",), None, problem, "write one"
        if not _has_model(pipeline, phase):
            yield ("model",), None, "is missing, and no route gives one", "name a model"
    if phase.kind is not PhaseKind.COMPLETION and phase.validation.judge_count:
        problem = f"asks judges about {'a record' if phase.kind is PhaseKind.RECORD else 'a vector'}"
        yield ("validation", "min_score"), None, problem, "take it out; checks can stay"


def _has_model(pipeline: Pipeline, phase: Phase) -> bool:
    """Whether somebody answers; who names a model for everything means answers, and gives nobody who makes vectors."""
    if phase.kind is PhaseKind.EMBEDDING:
        return phase.model is not None or any(row.task_type == phase.task_type for row in pipeline.routes)
    return pipeline.model_of(phase) is not None


def _of_names(pipeline: Pipeline, phase: Phase, earlier: frozenset[str]) -> Iterator[Finding]:
    """Outputs can be used of phases that are done by then."""
    templates: dict[Location, str | None] = {
        ("prompt",): phase.prompt,
        ("system_prompt",): phase.system_prompt,
        ("retrieval", "query"): phase.retrieval.query,
    }
    for name, expression in (phase.fields or {}).items():
        templates["fields", name] = f"{{{{ {expression} }}}}"
    names = {each.name for each in pipeline.phases}
    for location, template in templates.items():
        used = phases_used(template) if template else frozenset()
        for name in sorted(used - earlier):
            if name in names:
                problem = f"uses phases.{name}, which is not done by then"
                yield location, None, problem, f"let the phase come after {name}, with `after`"
            elif name not in METHODS:
                yield location, None, f"uses phases.{name}, which is no phase", _use_one_of(name, sorted(earlier))


def _of_vectors(pipeline: Pipeline, phase: Phase, earlier: frozenset[str]) -> Iterator[Finding]:
    """A search by meaning needs a vector that is there by then."""
    name = phase.retrieval.vectors_from
    if name is None:
        return
    vectors = sorted(each for each in earlier if pipeline.phase(each).kind is PhaseKind.EMBEDDING)
    if name not in vectors:
        yield ("retrieval", "vectors_from"), name, "is no earlier phase that makes vectors", _use_one_of(name, vectors)


def _earlier(pipeline: Pipeline, phase: Phase) -> frozenset[str]:
    """Every phase that is done when this one starts."""
    found: set[str] = set()
    waiting = list(pipeline.needs[phase.name])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(pipeline.needs[name])
    return frozenset(found)


def _use_one_of(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"use one of: {', '.join(known) or '(none)'}"


def unknown_task_type(name: str, known: Iterable[str], location: Location, places: Places) -> InvalidInput:
    """The error about a kind of work that nobody defined."""
    known = sorted(known)
    close = get_close_matches(name, known, 1)
    meant = f"did you mean {close[0]}? " if close else ""
    remedy = f"{meant}there are {', '.join(known)}, and those that `task_types` defines"
    return places.refuse(location, name, "is no task type", remedy)
