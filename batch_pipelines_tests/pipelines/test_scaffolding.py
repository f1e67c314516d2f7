"""A new pipeline loads as it stands, whatever it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.catalogue import read_pipeline
from batch_pipelines.pipelines.scaffolding import scaffold_files


def test_what_is_written_is_a_pipeline(tmp_path: Path) -> None:
    """Of about twenty lines, with its prompt in a file and items to try it on (B1)."""
    for path, text in scaffold_files("my_pipeline").items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    pipeline = read_pipeline(tmp_path)

    assert (pipeline.name, list(pipeline.needs)) == ("my_pipeline", ["summarise", "categorise"])
    assert pipeline.phase("summarise").prompt == scaffold_files("my_pipeline")["prompts/summarise.jinja"]
    assert pipeline.phase("categorise").validation.min_score == 6
    assert pipeline.sample_items == tmp_path / "sample_items.jsonl"
    assert 15 < len((tmp_path / "defs.yaml").read_text().splitlines()) < 30


def test_a_schedule_is_one_comment_away(tmp_path: Path) -> None:
    """The last line of the file is a schedule that loads once its comment sign is gone (F2)."""
    files = scaffold_files("my_pipeline")
    files["defs.yaml"] = files["defs.yaml"].replace("  # schedule:", "  schedule:")
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    schedule = read_pipeline(tmp_path).schedule

    assert schedule is not None
    assert (schedule.cron, schedule.timezone) == ("0 2 * * *", "Europe/Berlin")


@pytest.mark.parametrize("name", ["My_Pipeline", "my-pipeline", "1st", "", "../x", "a" * 64])
def test_a_name_that_no_pipeline_can_have_is_refused(name: str) -> None:
    """Before anything is written."""
    with pytest.raises(InvalidInput, match="cannot name a pipeline; use lower-case letters"):
        scaffold_files(name)
