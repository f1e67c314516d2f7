"""What Dagster loads: a job of three assets and a blocking check for each pipeline."""

from __future__ import annotations

import dagster as dg
import pytest

from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.orchestration.build import build_definitions, code_location
from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.settings import ExecutorName, load_settings

PHASES = tuple(
    Phase(name=name, task_type=TaskType.ANALYSIS, prompt=f"{name}: {{{{ item.text }}}}")
    for name in ("extract", "summarise", "categorise")
)
THREE_PHASES = Pipeline(name="documents", description="Three.", model="claude-sonnet-5-5", phases=PHASES)


def test_the_code_location_loads_every_shipped_pipeline(home: object) -> None:
    """The shipped pipeline is a job whose assets are gated by the estimator (F1, C6)."""
    job = code_location().resolve_job_def("conversation_generation")

    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {
        f"conversation_generation/{name}" for name in ("plan", "results", "report")
    }
    (check,) = job.asset_layer.asset_graph.asset_check_keys
    assert check.name == "estimate_within_limits"
    assert job.asset_layer.asset_graph.get(check).blocking


def test_phases_are_ops_in_their_order() -> None:
    """Each phase is one op, named after it and mapped over the item partitions; `collect` comes last (D1)."""
    job = build_definitions([THREE_PHASES], ExecutorName.IN_PROCESS).resolve_job_def("documents")
    graph = job.graph.node_named("documents__results").definition
    assert isinstance(graph, dg.GraphDefinition)

    upstream = {
        node.name: {
            output.node_name
            for outputs in graph.dependency_structure.input_to_upstream_outputs_for_node(node.name).values()
            for output in outputs
        }
        for node in graph.nodes
    }

    assert upstream == {
        "open_item_partitions": set(),
        "extract": {"open_item_partitions"},
        "summarise": {"extract"},
        "categorise": {"summarise"},
        "collect": {"categorise"},
    }


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
