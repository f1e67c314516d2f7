"""Specs and items from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.reading import parse_spec, read_items, read_spec
from batch_pipelines.domain.errors import InvalidInput
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
        ("pipeline: talk\nitems: [\n  {id: a}\n", "spec.yaml, line 4' is not YAML: expected ',' or ']'"),
        ("pipeline: talk\n\tname: x\n", "spec.yaml, line 2' is not YAML: found character '\\t'"),
        ("pipeline: talk\nname: 2026-13-45\n", "spec.yaml' is not YAML: month must be in 1..12"),
        ("pipeline: \x01", "spec.yaml' is not YAML: unacceptable character"),
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

    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


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
        ({}, "pipeline is missing; add it to the spec"),
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
            "items: 'a.jsonl' is not usable (input should be a valid list); correct it in the spec",
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


def _items(tmp_path: Path, kind: str, data: bytes) -> list[dict[str, Any]]:
    tmp_path.joinpath("in put").write_bytes(data)
    return list(read_items(Spec(pipeline="talk", items={kind: "in put"}), PLAIN, tmp_path))


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": "a"}\n{"id": 2, "topic": "Tea"}\n',
        b'\xef\xbb\xbf{"id": "a"}\r\n\r\n   \r\n{"id": 2, "topic": "Tea"}',
    ],
    ids=["plain", "bom-blank-lines-crlf"],
)
def test_jsonl_is_one_item_a_line(tmp_path: Path, data: bytes) -> None:
    """A byte order mark, blank lines and line ends of Windows do no harm."""
    assert _items(tmp_path, "jsonl", data) == [{"id": "a"}, {"id": 2, "topic": "Tea"}]


def test_a_line_of_jsonl_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """JSON strings may hold other characters that separate lines."""
    data = '{"id": "a", "topic": "one\u2028two\u0085three"}\n{"id": "b"}'.encode()

    assert _items(tmp_path, "jsonl", data) == [{"id": "a", "topic": "one\u2028two\u0085three"}, {"id": "b"}]


def test_csv_is_a_header_and_one_item_a_line(tmp_path: Path) -> None:
    """An empty cell is an absent parameter; a quoted cell may hold commas and line ends."""
    data = b'\xef\xbb\xbfid,topic,emotion\r\n1,Tea,\r\n\r\n2,"a, ""b""\nc",Calm\r\n3\r\n'

    assert _items(tmp_path, "csv", data) == [
        {"id": "1", "topic": "Tea"},
        {"id": "2", "topic": 'a, "b"\nc', "emotion": "Calm"},
        {"id": "3"},
    ]


@pytest.mark.parametrize(
    ("kind", "data", "complaint"),
    [
        ("jsonl", b'{"id": 1}\n\n{"id": 2\n', "line 3' is not JSON: Expecting ',' delimiter; mend or remove that line"),
        ("jsonl", b'{"id": 1}\n[1]\n', "line 2' is not a JSON object; write {...} on that line"),
        ("jsonl", b'{"id": 1, "score": NaN}\n', "line 1' is not JSON: it has no number NaN"),
        ("jsonl", b'{"id": "\xff"}', "in put' is not UTF-8 (byte 8)"),
        ("csv", b"id,topic\n1,Tea,Milk\n", "line 2' has more cells than the header; quote cells that hold commas"),
        ("csv", b'id,topic\n1,"Tea\n', "line 2' is not CSV: unexpected end of data"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, kind: str, data: bytes, complaint: str) -> None:
    """By file and line, whatever the kind of file."""
    with pytest.raises(InvalidInput, match="in put") as refused:
        _items(tmp_path, kind, data)

    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"jsonl": "lost.jsonl"}, "lost.jsonl' does not exist; check the path"),
        ({"parquet": "a"}, "is not a source of items; give a list, or one of {jsonl: path}, {csv: path}"),
        ({"jsonl": "a", "csv": "b"}, "is not a source of items"),
        ({}, "is not a source of items"),
        ({"csv": "~nobody-of-that-name/a.csv"}, "names a user that does not exist"),
        ({"csv": "a\0b"}, "is no path"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(tmp_path: Path, source: dict[str, str], complaint: str) -> None:
    """Whatever is wrong with where items should come from."""
    with pytest.raises(InvalidInput) as refused:
        list(read_items(Spec(pipeline="talk", items=source), PLAIN, tmp_path))

    assert complaint in str(refused.value)


def test_without_items_the_pipelines_sample_is_read(tmp_path: Path) -> None:
    """And a pipeline without one says that items are missing."""
    sample = tmp_path / "sample.jsonl"
    sample.write_text('{"id": "s"}\n')

    assert list(read_items(Spec(pipeline="talk"), pipeline(sample_items=sample), Path("elsewhere"))) == [{"id": "s"}]
    with pytest.raises(InvalidInput, match="items is missing; pipeline talk has no sample; add items"):
        read_items(Spec(pipeline="talk"), PLAIN, tmp_path)
