"""Pipelines on disk: the shipped ones, and what is said about broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_pipelines.control.submission import plan_spec
from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.pipeline import Pipeline, Tier
from batch_pipelines.domain.spec import Spec
from batch_pipelines.pipelines.catalogue import PIPELINE_FILE, find_pipeline, read_pipeline, shipped_pipelines
from batch_pipelines.settings import Settings

GOOD = """\
name: talk
description: A talk.
model: some-model
sample_items: sample.jsonl
phases:
  - name: write
    task_type: chat
    prompt: {file: prompt.jinja}
"""


def _pipeline_of(folder: Path, text: str) -> Path:
    folder.joinpath(PIPELINE_FILE).write_text(text)
    folder.joinpath("prompt.jinja").write_text("Say {{ item.word }}.")
    return folder


def test_a_folder_becomes_a_pipeline(tmp_path: Path) -> None:
    """Files are read in, and the sample's path starts at the folder (B1)."""
    pipeline = read_pipeline(_pipeline_of(tmp_path, GOOD))

    assert pipeline.phases[0].prompt == "Say {{ item.word }}."
    assert pipeline.sample_items == tmp_path / "sample.jsonl"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("name: talk", "name: [talk"), ["pipeline.yaml, line 2", "is not YAML"]),
        (GOOD.replace("name: talk", "name: 2026-13-45"), ["pipeline.yaml", "is not YAML", "month"]),
        (GOOD.replace("name: talk", "name: Talk Show"), ["pipeline.yaml: name", "'Talk Show'", "pattern"]),
        (GOOD.replace("task_type: chat", "task_type: juggle"), ["pipeline.yaml: phases.0.task_type", "'juggle'"]),
        (GOOD.replace("model:", "modle:"), ["pipeline.yaml: model", "Field required"]),
        (GOOD.replace("prompt.jinja", "lost.jinja"), ["lost.jinja", "cannot be read (No such file or directory)"]),
        ("- a list", ["pipeline.yaml: pipeline", "valid dictionary"]),
        ("", ["pipeline.yaml: pipeline", "valid dictionary"]),
    ],
)
def test_a_broken_pipeline_is_named_with_its_line_or_field(tmp_path: Path, text: str, words: list[str]) -> None:
    """Whoever writes a pipeline learns which file and which line or field to mend (B1)."""
    with pytest.raises(InvalidInput) as refused:
        read_pipeline(_pipeline_of(tmp_path, text))

    for word in words:
        assert word in str(refused.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """And so is a file that is no text."""
    with pytest.raises(InvalidInput, match=r"nowhere.*cannot be read"):
        read_pipeline(tmp_path / "nowhere")
    tmp_path.joinpath(PIPELINE_FILE).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        read_pipeline(tmp_path)


def test_an_unknown_pipeline_names_the_known_ones() -> None:
    """So that a typing error is mended at a glance."""
    with pytest.raises(UnknownName, match="'conversations' is not known; use one of: conversation_generation"):
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
