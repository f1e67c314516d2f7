"""Specs from files, and where their items come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.reading import needs_ledger, parse_spec, read_items, read_spec
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import ErrorHandling, Spec
from batch_pipelines_tests.control.samples import PLAIN, pipeline

SPEC: dict[str, Any] = {"pipeline": "talk", "items": [{"id": 1}], "options": {"error_handling": "stop"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spec.yaml", "pipeline: talk\nitems: [{id: 1}]\noptions: {error_handling: stop}\n"),
        ("spec.json", json.dumps(SPEC, indent=2)),
        ("bom.yaml", "\ufeffpipeline: talk\nitems:\n  - id: 1\noptions:\n  error_handling: stop\n"),
    ],
)
def test_a_spec_is_yaml_or_json(tmp_path: Path, name: str, text: str) -> None:
    """Either says the same."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    spec = read_spec(path)

    assert spec == Spec.model_validate(SPEC)
    assert spec.options.error_handling is ErrorHandling.STOP


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pipeline: talk\nitems: [\n  {id: a}\n", "SPEC: '{path}, line 4' is not YAML (expected ',' or ']'"),
        ("pipeline: talk\n\tname: x\n", "SPEC: '{path}, line 2' is not YAML (found character '\\t'"),
        ("pipeline: \x01", "SPEC: '{path}' is not YAML (unacceptable character"),
        ("name: a\npipeline: talk\nname: b\n", "{path}, line 3: name stands there already, in line 1; keep one"),
        ("items:\n- {id: a, x: 1,\n   x: 2}\n", "{path}, line 3: x stands there already, in line 2"),
        ("a: &a [*a]\n", "SPEC: '{path}, line 1' holds itself; write out what it refers to"),
        ("- a\n- b\n", "spec.yaml' does not hold a mapping; start with `pipeline: <name>`"),
        ("", "spec.yaml' does not hold a mapping"),
    ],
)
def test_a_file_that_is_no_spec_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    """One line of text, whatever the parser says."""
    path = tmp_path / "spec.yaml"
    path.write_text(text)

    with pytest.raises(InvalidInput) as refused:
        read_spec(path)

    assert complaint.replace("{path}", str(path)) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"pipeline": "talk",\n "items": [}', "SPEC: '{path}, line 2' is not JSON: Expecting value; mend that line"),
        ("[" * 100_000, "SPEC: '{path}' is nested too deep; flatten it"),
        ("[1]", "SPEC: '{path}' does not hold a mapping"),
        ('{"pipeline": "talk",\n "nmae": "x"}', "{path}, line 2: nmae: 'x' is not a field of a spec"),
        ('{"pipeline": "talk",\n\t"nmae": "x"}', "{path}, line 2: nmae: 'x' is not a field of a spec"),
    ],
)
def test_a_json_file_that_is_no_spec_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    """As one of YAML is."""
    path = tmp_path / "spec.json"
    path.write_text(text)

    with pytest.raises(InvalidInput) as refused:
        read_spec(path)

    assert complaint.replace("{path}", str(path)) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("pipeline: talk\n\noptions:\n  concurency: 3\n", 4, "options.concurency: 3 is not a field of a spec"),
        ("pipeline: talk\nbudget:\n  max_cost_usd: 0\n", 3, "budget.max_cost_usd: 0 is not usable"),
        ("pipeline: talk\nitems:\n- id: 1\n- b\n", 4, "items.1: 'b' is not usable"),
        ("pipeline: talk\nitems:\n  jsonl: a\n  limit: 0\n", 4, "items.limit: 0 is not usable"),
        ("pipeline: talk\nitems:\n  jsnol: a\n", 3, "items.jsnol: 'a' is not a field of a spec"),
        ("pipeline: talk\nitems: {jsonl: a, csv: b}\n", 2, "items: {'jsonl': 'a', 'csv': 'b'} is not usable (exactly"),
    ],
)
def test_a_wrong_field_of_a_file_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    """Before the field, as the user wrote it."""
    path = tmp_path / "spec.yaml"
    path.write_text(text)

    with pytest.raises(InvalidInput) as refused:
        read_spec(path)

    assert str(refused.value).startswith(f"{path}, line {line}: {message}")


def test_a_spec_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or not text."""
    with pytest.raises(InvalidInput, match=r"SPEC: '.*lost\.yaml' does not exist; check the path"):
        read_spec(tmp_path / "lost.yaml")
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        read_spec(tmp_path)
    tmp_path.joinpath("latin.yaml").write_bytes("pipeline: é".encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"is not UTF-8 \(byte 10\); save it as UTF-8"):
        read_spec(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"pipeline": "talk", "items": {"csv": "a", "id_field": 3}},
            "items.id_field: 3 is not usable (input should be a valid string); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "concurrency": 3},
            "concurrency: 3 is not a field of a spec; correct its name or remove it",
        ),
        (
            {"pipeline": "talk", "options": {"concurency": 3}},
            "options.concurency: 3 is not a field of a spec; correct its name or remove it",
        ),
        (
            {"pipeline": "talk", "options": {"concurrency": "many"}},
            "options.concurrency: 'many' is not usable (input should be a valid integer, unable to parse string as "
            "an integer); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "tier": "hard"},
            "tier: 'hard' is not usable (input should be 'template', 'scenario', 'edge_case' or 'all'); "
            "correct it in the spec",
        ),
        (
            {"pipeline": "talk", "budget": {"max_cost_usd": 0}},
            "budget.max_cost_usd: 0 is not usable (input should be greater than 0); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "budget": {"max_duration_seconds": float("inf")}},
            "budget.max_duration_seconds: inf is not usable (input should be a finite number); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "items": "a.jsonl"},
            "items: 'a.jsonl' is not usable (input should be a valid list); give a list of objects, or say what it is, "
            "as {jsonl: path}",
        ),
        (
            {"pipeline": "talk", "items": [{"id": 1}, "b"]},
            "items.1: 'b' is not usable (input should be a valid dictionary); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "items": {"jsonl": 5}},
            "items.jsonl: 5 is not usable (input should be a valid string); correct it in the spec",
        ),
        (
            {"pipeline": "talk", "project": "a b"},
            "project: 'a b' is not usable (string should match pattern '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'); "
            "correct it in the spec",
        ),
    ],
)
def test_a_wrong_field_is_named_as_the_user_wrote_it(content: dict[str, Any], message: str) -> None:
    """Field, value and remedy, without the words of the library that found it."""
    with pytest.raises(InvalidInput) as refused:
        parse_spec(content)

    assert str(refused.value) == message


def records(spec: Spec, of: Pipeline, folder: Path) -> list[Any]:
    """The items of a spec, without their places."""
    return [record.fields for record in read_items(spec, of, folder, None, 100).records]


def test_items_are_listed_or_in_a_file(tmp_path: Path) -> None:
    """Paths start at the folder that is named (F6)."""
    tmp_path.joinpath("a.jsonl").write_text('{"id": 1}\n')

    assert records(Spec(pipeline="talk", items=[{"id": 2}]), PLAIN, tmp_path) == [{"id": 2}]
    assert records(Spec(pipeline="talk", items={"jsonl": "a.jsonl"}), PLAIN, tmp_path) == [{"id": 1}]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (None, False),
        ([{"id": 1}], False),
        ({"jsonl": "a"}, False),
        ({"job": "bj_1"}, True),
        ({"passages": "*"}, True),
    ],
)
def test_only_results_and_passages_need_the_ledger(items: Any, expected: bool) -> None:
    """An estimate of anything else leaves nothing behind, not even an empty ledger (F6)."""
    assert needs_ledger(Spec(pipeline="talk", items=items)) is expected


def test_without_items_the_pipelines_sample_is_read(tmp_path: Path) -> None:
    """And a pipeline without one says that items are missing."""
    sample = tmp_path / "sample.jsonl"
    sample.write_text('{"id": "s"}\n')

    assert records(Spec(pipeline="talk"), pipeline(sample_items=sample), Path("elsewhere")) == [{"id": "s"}]
    with pytest.raises(InvalidInput, match="items is missing; pipeline talk has no sample; add items"):
        records(Spec(pipeline="talk"), PLAIN, tmp_path)
