"""Pipelines in folders, for tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

from batch_pipelines.pipelines.catalogue import COMPONENT, PIPELINE_FILE

TALK = """\
name: talk
description: A talk.
sample_items: sample.jsonl
phases:
  - name: clean
    task_type: text_cleanup
  - name: answer
    task_type: chat
    system_prompt: {file: prompts/system.jinja}
    prompt: |
      Say {{ item.word }}.
      {{ phases.clean }}
"""
"""Fields of a pipeline; in its file each stands two lines further down."""


def write_pipeline(folder: Path, attributes: str = TALK) -> Path:
    """A folder with a pipeline of these fields, a prompt and a sample."""
    folder.joinpath("prompts").mkdir(parents=True, exist_ok=True)
    folder.joinpath("prompts", "system.jinja").write_text("Be kind.\n")
    folder.joinpath("sample.jsonl").write_text('{"id": "one", "word": "yes", "text": "a text"}\n')
    folder.joinpath(PIPELINE_FILE).write_text(f"type: {COMPONENT}\nattributes:\n{indent(attributes, '  ')}")
    return folder
