"""Commands about pipelines themselves: `pipelines` and `new`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from batch_pipelines.cli.output import plain, print_json, stdout, table
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.pipelines.catalogue import all_pipelines, find_pipeline
from batch_pipelines.pipelines.scaffolding import scaffold_files
from batch_pipelines.settings import load_settings


def show_pipelines(name: str | None, as_json: bool) -> None:
    """What can be run: all of it in short, or one pipeline with its prompts."""
    settings = load_settings()
    pipelines = all_pipelines(settings.pipelines_folder, settings.routes_file)
    most = settings.max_concurrency
    if name is not None:
        pipeline = find_pipeline(name, pipelines)
        if as_json:
            print_json(_as_json(pipeline, most) | {"definition": pipeline.model_dump(mode="json", by_alias=True)})
        else:
            _print_one(stdout(), pipeline, most)
    elif as_json:
        print_json([_as_json(pipeline, most) for pipeline in pipelines])
    else:
        for pipeline in pipelines:
            _print_short(stdout(), pipeline, most)


def _as_json(pipeline: Pipeline, most: int) -> dict[str, object]:
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "tiered": pipeline.tiered,
        "default_concurrency": pipeline.default_concurrency,
        "max_concurrency": pipeline.concurrency_limit(most),
        "phases": [
            {
                "name": phase.name,
                "task_type": phase.task_type,
                "after": pipeline.needs[phase.name],
                "model": pipeline.model_of(phase),
                "models": first_models(pipeline, phase),
            }
            for phase in pipeline.phases
        ],
    }


def first_models(pipeline: Pipeline, phase: Phase) -> list[str]:
    """The models that a phase may ask first, by what the routes say of any item: the simplest item's first."""
    asked = (
        pipeline.model_of(phase, complexity=complexity, tier=tier)
        for complexity in Complexity
        for tier in (None, *(Tier if pipeline.tiered else ()))
    )
    return list(dict.fromkeys(model for model in asked if model is not None))


def _print_short(console: Console, pipeline: Pipeline, most: int) -> None:
    phases = ", ".join(_in_short(pipeline, phase) for phase in pipeline.phases)
    console.print(f"[bold]{pipeline.name}[/]")
    for line in (plain(pipeline.description), f"Phases: {plain(phases)}", *_facts(pipeline, most)):
        console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _in_short(pipeline: Pipeline, phase: Phase) -> str:
    """`translate (translation, claude-sonnet-5-5, after clean and tag)`; what it comes after where that is no chain."""
    facts = [phase.task_type, *([" or ".join(models)] if (models := first_models(pipeline, phase)) else [])]
    if not _is_chain(pipeline):
        needed = pipeline.needs[phase.name]
        facts.append(f"after {' and '.join(needed)}" if needed else "at once")
    return f"{phase.name} ({', '.join(facts)})"


def _is_chain(pipeline: Pipeline) -> bool:
    """Whether each phase comes after the one before it in the list."""
    names = [phase.name for phase in pipeline.phases]
    return [pipeline.needs[name] for name in names] == [(), *((name,) for name in names[:-1])]


def _facts(pipeline: Pipeline, most: int) -> Iterator[str]:
    if pipeline.tiered:
        yield f"Tiers: {', '.join(Tier)}"
    yield f"Concurrency: {pipeline.default_concurrency}, up to {pipeline.concurrency_limit(most)}"


def _print_one(console: Console, pipeline: Pipeline, most: int) -> None:
    console.print(f"[bold]{pipeline.name}[/]")
    for line in (plain(pipeline.description), *_facts(pipeline, most)):
        console.print(line)
    console.print()
    console.print(_phases(pipeline))
    for phase in pipeline.phases:
        for what, text in (("system prompt", phase.system_prompt), ("prompt", phase.prompt)):
            if text is not None:
                console.print(f"\n[bold]{phase.name}: {what}[/]")
                console.print(Padding(plain(text.strip()), (0, 0, 0, 2), expand=False))


def _phases(pipeline: Pipeline) -> Table:
    phases = table("phase", "task type", "after", "model", "then", "accepted", figures_from=None)
    for phase in pipeline.phases:
        models = first_models(pipeline, phase)
        phases.add_row(
            phase.name,
            phase.task_type,
            ", ".join(pipeline.needs[phase.name]),
            plain(" or ".join(models)),
            plain(", ".join(_stronger(pipeline, phase))),
            _acceptance(phase),
        )
    return phases


def _stronger(pipeline: Pipeline, phase: Phase) -> list[str]:
    """Models that answers may be escalated to, whichever was asked first."""
    escalated = (model for complexity in Complexity for model in pipeline.cascade(phase, complexity=complexity)[1:])
    return list(dict.fromkeys(escalated))


def _acceptance(phase: Phase) -> str:
    """What an output must pass, in words."""
    validation = phase.validation
    if not validation.enabled:
        return "schema" if phase.output_schema else ""
    rules = ["schema"] if phase.output_schema else []
    if validation.checks:
        rules.append(f"{len(validation.checks)} check{'s' if len(validation.checks) > 1 else ''}")
    if validation.judge_count:
        rules.append(f"score {validation.min_score:g}")
    return ", ".join(rules)


def make_pipeline(name: str, as_json: bool) -> None:
    """Write a pipeline to start from into the pipelines folder, and say what to do next."""
    settings = load_settings()
    files = scaffold_files(name)
    folder = settings.pipelines_folder / name
    if any(name == pipeline.name for pipeline in all_pipelines(settings.pipelines_folder, settings.routes_file)):
        raise InvalidInput("NAME", name, "is the name of a pipeline already", "choose another")
    if folder.exists():
        raise InvalidInput("NAME", str(folder), "exists already", "choose another name, or remove it")
    _write(folder, files)
    if as_json:
        print_json({"name": name, "folder": str(folder), "files": sorted(files)})
        return
    for line in _next_steps(name, folder, files):
        stdout().print(plain(line))


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        remedy = "check the folder, or name another in BATCH_PIPELINES_PIPELINES_FOLDER"
        raise InvalidInput("NAME", str(folder), f"cannot be written ({error.strerror})", remedy) from None


def _next_steps(name: str, folder: Path, files: dict[str, str]) -> Iterator[str]:
    yield f"Wrote {folder}: {', '.join(files)}."
    yield ""
    yield f"See what it does   batch-pipelines pipelines {name}"
    yield f"Make a spec        echo 'pipeline: {name}' > {name}.yaml"
    yield f"What it would cost batch-pipelines estimate {name}.yaml"
    yield f"Run its sample     batch-pipelines run {name}.yaml"
    yield ""
    yield f"Then edit {folder / 'defs.yaml'}: a mistake in it is named with its line by any of these."
    yield "A Dagster that is running shows the pipeline after `Reload` under Deployment."
