"""`pipelines` and `new`: what can be run, and a pipeline to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from batch_pipelines.pipelines.catalogue import PIPELINE_FILE
from batch_pipelines_tests.cli.conftest import Call
from batch_pipelines_tests.pipelines.folders import TALK, write_pipeline

BRANCHES = """\
name: branches
description: Two ways [at once].
phases:
  - {name: clean, task_type: text_cleanup, after: []}
  - name: sum_up
    task_type: summarization
    after: [clean]
    validation: {min_score: 7, checks: [{least_characters: 9}]}
  - {name: sort, task_type: categorization, after: [clean]}
"""


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    """The pipelines folder of the deployment, which is the one in the working directory."""
    folder = tmp_path / "pipelines"
    write_pipeline(folder / "branches", BRANCHES)
    return folder


def test_every_pipeline_is_listed_with_its_phases_and_models(call: Call, pipelines: Path) -> None:
    """Shipped and own; what comes after what is said where it is no chain (B1, B3, B7, F4)."""
    outcome = call("pipelines")
    text = " ".join(outcome.out.split())

    assert outcome.code == 0
    assert "conversation_generation Training conversations" in text
    assert "generate_conversation (conversation, claude-sonnet-5-5) Tiers: template, scenario, edge_case" in text
    assert "branches Two ways [at once]." in text
    assert "clean (text_cleanup, claude-haiku-5-5 or claude-sonnet-5-5, at once)" in text
    assert "outputs (record, after sum_up and sort) Concurrency: 5, up to 50" in text
    assert max(len(line) for line in outcome.out.splitlines()) <= 100


def test_one_pipeline_is_shown_with_its_routes_and_prompts(call: Call, pipelines: Path) -> None:
    """What its author did not write is there too (B4, B7, F4)."""
    outcome = call("pipelines", "branches")
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]

    assert "generate_conversation" not in outcome.out
    assert "sum_up summarization clean claude-haiku-5-5 or" in " ".join(lines)
    assert any("1 check, score 7" in line for line in lines)
    assert "sort: system prompt" in lines
    assert any(line.endswith("Task type: categorization") for line in lines)


def test_the_same_is_there_for_programs(call: Call, pipelines: Path) -> None:
    """One document: a list of all, or one with its whole definition (F4)."""
    everything, one = call("pipelines", "--json").json, call("pipelines", "branches", "--json").json

    assert {"branches", "conversation_generation"} <= {pipeline["name"] for pipeline in everything}
    assert one["phases"][1] == {
        "name": "sum_up",
        "task_type": "summarization",
        "after": ["clean"],
        "model": "claude-sonnet-5-5",
        "models": ["claude-haiku-5-5", "claude-sonnet-5-5"],
    }
    assert one["definition"]["phases"][2]["output_schema"]["required"] == ["reason", "category", "confidence"]


def test_an_unknown_pipeline_names_those_there_are(call: Call, pipelines: Path) -> None:
    """With exit code 2."""
    outcome = call("pipelines", "branch")

    assert outcome.code == 2
    assert "'branch' is not known; use one of: " in outcome.err
    assert "branches" in outcome.err


def test_a_mistake_in_a_pipeline_is_named_by_its_line(
    call: Call, pipelines: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a traceback, the file as the user would open it, and no other pipeline is kept from running (B1)."""
    write_pipeline(pipelines / "talk", TALK.replace("prompt: |", "promt: |"))

    outcome = call("pipelines")

    assert (outcome.code, "conversation_generation" in outcome.out, "talk" in outcome.out) == (0, True, False)
    (told,) = caplog.messages
    assert f"{Path('pipelines', 'talk', PIPELINE_FILE)}, line 12: phases.1.promt is not" in told


def test_a_new_pipeline_can_be_planned_as_it_stands(call: Call, tmp_path: Path) -> None:
    """Its files are written, and the next steps that are named work (B1)."""
    made = call("new", "my_notes")
    assert made.code == 0
    folder = tmp_path / "pipelines" / "my_notes"
    assert yaml.safe_load(folder.joinpath(PIPELINE_FILE).read_text())["attributes"]["name"] == "my_notes"
    assert "echo 'pipeline: my_notes' > my_notes.yaml" in made.out

    tmp_path.joinpath("my_notes.yaml").write_text("pipeline: my_notes\n")

    assert call("pipelines", "my_notes").code == 0
    assert call("estimate", "my_notes.yaml").code == 0


def test_new_says_what_it_wrote_for_programs(call: Call) -> None:
    """The folder and its files (F4)."""
    made = call("new", "my_notes", "--json").json

    assert made["folder"] == str(Path("pipelines", "my_notes"))
    assert PIPELINE_FILE in made["files"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("branches", "is the name of a pipeline already"),
        ("conversation_generation", "is the name of a pipeline already"),
        ("Bad Name", "cannot name a pipeline"),
        ("../outside", "cannot name a pipeline"),
        ("taken", "exists already"),
    ],
)
def test_new_overwrites_nothing(call: Call, pipelines: Path, name: str, words: str) -> None:
    """A name that is taken, or is none, is refused before anything is written."""
    pipelines.joinpath("taken").mkdir()
    before = sorted(pipelines.rglob("*"))

    outcome = call("new", name)

    assert outcome.code == 2
    assert words in outcome.err
    assert sorted(pipelines.rglob("*")) == before


def test_new_writes_where_the_settings_say(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names that setting where it cannot."""
    monkeypatch.setenv("BATCH_PIPELINES_PIPELINES_FOLDER", str(tmp_path / "ours"))
    assert call("new", "my_notes").code == 0
    assert (tmp_path / "ours" / "my_notes" / PIPELINE_FILE).exists()

    tmp_path.joinpath("file").write_text("no folder")
    monkeypatch.setenv("BATCH_PIPELINES_PIPELINES_FOLDER", str(tmp_path / "file"))
    refused = call("new", "my_notes")

    assert refused.code == 2
    assert "cannot be written" in refused.err
    assert "BATCH_PIPELINES_PIPELINES_FOLDER" in refused.err


def test_a_file_of_routes_decides_what_is_shown(call: Call, pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The routing table is the deployment's to change (B7)."""
    pipelines.joinpath("routes.yaml").write_text("routes: [{task_type: categorization, model: own-model}]")
    monkeypatch.setenv("BATCH_PIPELINES_ROUTES_FILE", str(pipelines / "routes.yaml"))

    assert "sort (categorization, own-model" in " ".join(call("pipelines").out.split())
