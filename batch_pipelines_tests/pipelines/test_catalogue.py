"""Pipelines on disk: the shipped ones, and what is said about broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_pipelines.control.submission import plan_spec
from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.pipeline import Pipeline, Tier
from batch_pipelines.domain.spec import Spec
from batch_pipelines.pipelines.catalogue import (
    OWN_PHASES,
    PIPELINE_FILE,
    all_pipelines,
    find_pipeline,
    read_pipeline,
    shipped_pipelines,
)
from batch_pipelines.settings import Settings
from batch_pipelines_tests.pipelines.folders import TALK, write_pipeline


def test_a_folder_becomes_a_pipeline(tmp_path: Path) -> None:
    """Files are read in, and the sample's path starts at the folder (B1)."""
    pipeline = read_pipeline(write_pipeline(tmp_path))

    assert pipeline.phase("answer").system_prompt == "Be kind.\n"
    assert pipeline.sample_items == tmp_path / "sample.jsonl"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """And so is a file that is no text."""
    with pytest.raises(InvalidInput, match=r"nowhere.*does not exist"):
        read_pipeline(tmp_path / "nowhere")
    tmp_path.joinpath(PIPELINE_FILE).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        read_pipeline(tmp_path)


def test_a_deployment_has_its_own_pipelines_besides_the_shipped_ones(tmp_path: Path) -> None:
    """Each folder with a defs.yaml is one; a folder that is not there has none (B1)."""
    shipped = [pipeline.name for pipeline in all_pipelines(tmp_path / "lost")]
    write_pipeline(tmp_path / "one")
    write_pipeline(tmp_path / "two", TALK.replace("name: talk", "name: another"))
    tmp_path.joinpath("no_pipeline").mkdir()

    assert [pipeline.name for pipeline in all_pipelines(tmp_path)] == sorted([*shipped, "another", "talk"])


def test_two_pipelines_of_one_name_are_both_named(tmp_path: Path) -> None:
    """By the files that hold them, shipped or not (B1)."""
    write_pipeline(tmp_path / "one")
    write_pipeline(tmp_path / "two")
    with pytest.raises(InvalidInput) as refused:
        all_pipelines(tmp_path)
    assert f"{tmp_path / 'two' / PIPELINE_FILE}" in str(refused.value)
    assert f"{tmp_path / 'one' / PIPELINE_FILE}" in str(refused.value)

    write_pipeline(tmp_path / "two", TALK.replace("name: talk", "name: conversation_generation"))
    with pytest.raises(InvalidInput, match="is the name of the pipeline in"):
        all_pipelines(tmp_path)


def test_the_name_for_phases_of_a_spec_is_kept_free(tmp_path: Path) -> None:
    """What is called so comes from a spec (B2)."""
    write_pipeline(tmp_path / "one", TALK.replace("name: talk", f"name: {OWN_PHASES}"))

    with pytest.raises(InvalidInput, match="is kept for specs"):
        all_pipelines(tmp_path)


def test_routes_of_a_deployment_reach_its_pipelines(tmp_path: Path) -> None:
    """But not those that name a model themselves (B7)."""
    write_pipeline(tmp_path / "one")
    file = tmp_path / "routes.yaml"
    file.write_text("routes: [{task_type: chat, model: own}, {task_type: conversation, model: own}]")
    talk, conversations = (
        find_pipeline(name, all_pipelines(tmp_path, file)) for name in ("talk", "conversation_generation")
    )

    assert talk.model_of(talk.phase("answer")) == "own"
    assert conversations.models() == {"claude-sonnet-5-5"}


def test_an_unknown_pipeline_names_the_known_ones() -> None:
    """So that a typing error is mended at a glance."""
    with pytest.raises(UnknownName, match=r"'conversations' is not known; use one of: .*conversation_generation"):
        find_pipeline("conversations", shipped_pipelines())


@pytest.mark.parametrize("pipeline", shipped_pipelines(), ids=lambda pipeline: pipeline.name)
def test_the_sample_of_a_shipped_pipeline_can_be_run(pipeline: Pipeline) -> None:
    """A launch without items is a plan in which every prompt fits (B5)."""
    plan = plan_spec(Spec(pipeline=pipeline.name), shipped_pipelines(), Settings(), Path())

    assert plan.items


def test_the_conversations_are_thirty_of_each_tier_and_all_different() -> None:
    """What `make run` runs: 90 real situations (B5, B6)."""
    pipeline = find_pipeline("conversation_generation", shipped_pipelines())
    assert pipeline.sample_items is not None
    items = [json.loads(line) for line in pipeline.sample_items.read_text().splitlines()]

    assert {tier: sum(item["tier"] == tier for item in items) for tier in Tier} == dict.fromkeys(Tier, 30)
    assert len({(item["persona"], item["emotion"], item["topic"]) for item in items}) == len(items)
    assert (pipeline.default_concurrency, pipeline.max_concurrency) == (3, 10)
