"""What Dagster loads: a job of three assets and a blocking check for each pipeline."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.orchestration.build import build_definitions, code_location
from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.orchestration.names import OWN_PHASES_JOB, job_name
from batch_pipelines.pipelines.catalogue import shipped_pipelines
from batch_pipelines.settings import ExecutorName, load_settings

PHASES = tuple(
    Phase(name=name, task_type=TaskType.ANALYSIS, prompt=f"{name}: {{{{ item.text }}}}")
    for name in ("extract", "summarise", "categorise")
)
THREE_PHASES = Pipeline(name="documents", description="Three.", model="claude-sonnet-5-5", phases=PHASES)


def test_the_code_location_loads_every_shipped_pipeline(home: object) -> None:
    """Each is a job whose assets are gated by the estimator (F1, C6)."""
    definitions = code_location()

    for pipeline in shipped_pipelines():
        job = definitions.resolve_job_def(job_name(pipeline.name))
        assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {
            f"{pipeline.name}/{name}" for name in ("plan", "results", "report")
        }
        (check,) = job.asset_layer.asset_graph.asset_check_keys
        assert check.name == "estimate_within_limits"
        assert job.asset_layer.asset_graph.get(check).blocking


def test_the_code_location_has_the_deployments_pipelines(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the folder that the settings name, each with its schedule and its tags (B1, F2)."""
    folder = tmp_path / "ours" / "notes"
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text(
        "type: batch_pipelines.BatchPipeline\nattributes:\n  name: notes\n  schedule: {cron: '@daily'}\n"
        "  tags: {team: library, two words: x, batch_pipelines/tier: all}\n"
        "  phases:\n    - {name: read, task_type: analysis, prompt: Hi}\n"
    )
    monkeypatch.setenv("BATCH_PIPELINES_PIPELINES_FOLDER", str(folder.parent))

    definitions = code_location()

    assert definitions.resolve_schedule_def("notes_schedule").job_name == "notes"
    # Dagster takes no spaces in a key, and a tag of ours would change how every run goes.
    assert definitions.resolve_job_def("notes").tags == {"team": "library"}


def ops_of(pipeline: Pipeline) -> dg.GraphDefinition:
    """The ops inside `results` of a pipeline."""
    job = build_definitions([pipeline], ExecutorName.IN_PROCESS).resolve_job_def(pipeline.name)
    graph = job.graph.node_named(f"{pipeline.name}__results").definition
    assert isinstance(graph, dg.GraphDefinition)
    return graph


def upstream_of(graph: dg.GraphDefinition) -> dict[str, set[str]]:
    """By op, the ops whose outputs it takes."""
    structure = graph.dependency_structure
    return {
        node.name: {
            output.node_name
            for outputs in structure.input_to_upstream_outputs_for_node(node.name).values()
            for output in outputs
        }
        for node in graph.nodes
    }


def test_phases_are_ops_in_their_order() -> None:
    """Each phase is one op, named after it and mapped over the item partitions; `collect` comes last (D1)."""
    assert upstream_of(ops_of(THREE_PHASES)) == {
        "open_item_partitions": set(),
        "extract": {"open_item_partitions"},
        "summarise": {"extract"},
        "categorise": {"summarise"},
        "collect": {"categorise"},
    }


def test_branches_and_joins_show_as_such() -> None:
    """An op takes what the phases that it comes after hand on; those that need nothing start at once (B3)."""
    after: dict[str, tuple[str, ...] | None] = {
        "people": None,
        "places": (),
        "index": ("people", "places"),
        "summary": ("people",),
        "page": ("index", "summary"),
    }
    phases = tuple(
        Phase(name=name, task_type=TaskType.ANALYSIS, prompt="Hi", after=names) for name, names in after.items()
    )

    assert upstream_of(ops_of(Pipeline(name="book", model="claude-sonnet-5-5", phases=phases))) == {
        "open_item_partitions": set(),
        "people": {"open_item_partitions"},
        "places": {"open_item_partitions"},
        "index": {"people", "places"},
        "summary": {"people"},
        "page": {"index", "summary"},
        "collect": {"page"},
    }


def test_an_op_says_what_kind_of_work_it_is() -> None:
    """A phase that calls no model is an op like the others (B4)."""
    record = Phase(name="page", task_type=TaskType.RECORD, kind=PhaseKind.RECORD)
    graph = ops_of(THREE_PHASES.model_copy(update={"phases": (*PHASES, record)}))

    tags = {node.name: dict(node.definition.tags) for node in graph.nodes}

    assert tags["extract"] == {"batch_pipelines/task_type": "analysis", "batch_pipelines/kind": "completion"}
    assert tags["page"] == {"batch_pipelines/task_type": "record", "batch_pipelines/kind": "record"}


def test_pipelines_of_several_components_go_together(home: object) -> None:
    """A project with two of them, with phases of one name, has each of their jobs and the one for own phases once."""
    others = Pipeline(name="letters", model="claude-sonnet-5-5", phases=PHASES[1:])
    parts = [build_definitions([one], ExecutorName.ASYNC) for one in (THREE_PHASES, others)]

    jobs = {job.name for job in dg.Definitions.merge(*parts).resolve_all_job_defs()}

    assert jobs >= {"documents", "letters", OWN_PHASES_JOB}


@pytest.mark.parametrize(
    ("executor", "name"),
    [
        (ExecutorName.ASYNC, "async_executor"),
        (ExecutorName.IN_PROCESS, "in_process"),
        (ExecutorName.MULTIPROCESS, "multiprocess"),
    ],
)
def test_the_executor_is_the_one_that_the_settings_name(executor: ExecutorName, name: str) -> None:
    """Each name of the setting is one of Dagster's executors."""
    job = build_definitions([THREE_PHASES], executor).resolve_job_def("documents")

    assert job.executor_def.name == name


def test_a_home_is_made_with_our_instance_settings(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telemetry is off in a home that we make; a dagster.yaml that is there is left alone."""
    settings = load_settings()

    made = prepare_home(settings)
    with dg.DagsterInstance.from_config(str(made)) as instance:
        assert instance.telemetry_enabled is False

    (made / "dagster.yaml").write_text("# mine\n")
    prepare_home(settings)
    assert (made / "dagster.yaml").read_text() == "# mine\n"
