"""What an author may write, and what editors are told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for
from pydantic import BaseModel

from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.task_types import TaskTypeDefinition
from batch_pipelines.domain.validation import OFF, Check, Judge, Validation
from batch_pipelines.pipelines.authoring import (
    CheckFile,
    JudgeFile,
    PhaseFile,
    PipelineFile,
    RetrievalFile,
    TaskTypeFile,
    ValidationFile,
)
from batch_pipelines.pipelines.catalogue import read_pipeline
from batch_pipelines.pipelines.defaults import RoutingTable
from batch_pipelines_tests.pipelines.folders import TALK, write_pipeline


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in {"": schema, **schema.get("$defs", {})}.items():
        for field, said in part.get("properties", {}).items():
            yield f"{name or schema['title']}.{field}", said


@pytest.mark.parametrize("model", [PipelineFile, RoutingTable])
def test_every_field_is_documented(model: type[BaseModel]) -> None:
    """Editors and `dg` show a sentence for each, down to the last one (B1)."""
    schema = model.model_json_schema()

    bare = [name for name, said in _fields(schema) if not said.get("description", "").endswith((".", "`"))]
    assert bare == []


def test_the_schema_takes_what_the_models_take() -> None:
    """Texts and schemas in files too, and nothing that is misspelt (B1)."""
    schema = PipelineFile.model_json_schema(by_alias=True)
    validator = validator_for(schema)(schema)
    phase: dict[str, Any] = {"name": "a", "task_type": "chat", "prompt": {"file": "a.jinja"}}

    def accepts(**changes: Any) -> bool:
        return bool(validator.is_valid({"name": "talk", "phases": [phase | changes]}))

    assert accepts(output_schema={"python": "a.b:C"}, validation={"checks": [{"schema": {"file": "a.json"}}]})
    assert accepts(validation={"judges": [{"criteria": {"file": "c.md"}}]}, retrieval={"query": {"file": "q.jinja"}})
    for wrong in ({"promt": "x"}, {"prompt": {"path": "x"}}, {"prompt": 3}, {"validation": {"min_score": 11}}):
        assert not accepts(**wrong)


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        (PhaseFile, Phase),
        (CheckFile, Check),
        (JudgeFile, Judge),
        (ValidationFile, Validation),
        (RetrievalFile, None),
        (TaskTypeFile, TaskTypeDefinition),
        (PipelineFile, Pipeline),
    ],
)
def test_an_author_may_write_every_field_of_the_domain(
    written: type[BaseModel], domain: type[BaseModel] | None
) -> None:
    """With the same default, so that nothing means something else in a file."""
    for name, field in (domain or written.__bases__[0]).model_fields.items():
        own = written.model_fields[name]
        assert own.description == field.description or name in ("validation",)
        assert _plain(own.get_default(call_default_factory=True)) == _plain(
            field.get_default(call_default_factory=True)
        )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.model_dump() if isinstance(value, BaseModel) else value


def test_writing_a_validation_turns_it_on() -> None:
    """`validation: {min_score: 8}` is enough, and without it nothing is checked (B7)."""
    bare = PhaseFile.model_validate({"name": "a", "task_type": "chat"})
    judged = PhaseFile.model_validate({"name": "a", "task_type": "chat", "validation": {"min_score": 8}})

    assert not bare.validation.enabled
    assert bare.validation.model_dump() == OFF.model_dump()
    assert judged.validation.judge_count == 1


TEXTS = """\
task_types:
  juggling: {prompt: {file: texts/prompt.jinja}, system_prompt: {file: texts/system.jinja}}
"""
FILES = TALK.replace(
    "    system_prompt", "    retrieval: {query: {file: texts/query.jinja}}\n    system_prompt"
).replace(
    "text_cleanup\n",
    "juggling\n    output_schema: {file: texts/schema.yaml}\n"
    "    validation: {min_score: 7, checks: [{schema: {file: texts/schema.json}}],\n"
    "      judges: [{criteria: {file: texts/c.md}}]}\n",
)


def test_texts_and_schemas_may_stand_in_files(tmp_path: Path) -> None:
    """Wherever a text can be long; paths start at the pipeline's folder (B1)."""
    folder = write_pipeline(tmp_path, TEXTS + FILES)
    texts = folder / "texts"
    texts.mkdir()
    for name, text in {
        "prompt.jinja": "Juggle {{ subject }}",
        "system.jinja": "\ufeffWith grace.",
        "query.jinja": "{{ item.word }}",
        "schema.yaml": "type: object",
        "schema.json": '{"type": "object"}',
        "c.md": "Elegant. {{ not a template }}",
    }.items():
        texts.joinpath(name).write_text(text, encoding="utf-8")

    clean, answer = read_pipeline(folder).phases

    assert clean.prompt is not None
    assert clean.prompt.endswith("Juggle {{ subject }}")
    assert clean.system_prompt == "With grace."
    assert clean.output_schema == clean.validation.checks[0].schema_ == {"type": "object"}
    assert clean.validation.judges[0].criteria == "Elegant. {{ not a template }}"
    assert answer.retrieval.query == "{{ item.word }}"
    assert answer.system_prompt == "Be kind.\n"


class Invoice(BaseModel):
    """What a test extracts."""

    number: str
    total: float


def test_a_pydantic_model_gives_the_schema(tmp_path: Path) -> None:
    """Of an output, and of a check; a callable can be a check as it is (B9, B10)."""
    name = f"{__name__}:Invoice"
    phase = (
        f"text_cleanup\n    output_schema: {{python: '{name}'}}\n"
        f"    validation: {{checks: [{{python: '{name}'}}, {{python: 'json:loads'}}]}}\n"
    )
    clean = read_pipeline(write_pipeline(tmp_path, TALK.replace("text_cleanup\n", phase))).phase("clean")

    assert clean.output_schema == Invoice.model_json_schema()
    assert [check.python for check in clean.validation.checks] == [name, "json:loads"]


def test_without_an_origin_nothing_is_read_and_nothing_imported() -> None:
    """Dagster looks at the fields before it knows their folder; the component reads them again."""
    phase = {
        "name": "a",
        "task_type": "chat",
        "prompt": {"file": "../lost.jinja"},
        "output_schema": {"python": "lost.module:Model"},
        "validation": {"checks": [{"python": "lost.module:check"}, {"schema": {"file": "lost.json"}}]},
    }

    PipelineFile.model_validate({"name": "talk", "sample_items": "lost.jsonl", "phases": [phase]})
