"""Tests of batch_pipelines.engine.cleaning, and of records that take it up."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.routing import Complexity
from batch_pipelines.domain.task_types import PhaseKind, TaskType
from batch_pipelines.engine.cleaning import as_fields, clean, clean_text, plain_names
from batch_pipelines.engine.prompts import Subject, record_of


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Two\u00a0\u2003 words\t", "Two words"),
        ("fu\u0308r", "f\u00fcr"),
        ("fu\u00ad\u0308r", "f\u00fcr"),
        ("\ufeffMeta\u00admor\u200bphosis\u0000", "Metamorphosis"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("one \n two", "one\ntwo"),
        ("one\n \n\t\n\n\ntwo", "one\n\ntwo"),
        ("man\u200dwoman \u0646\u200c\u0645", "man\u200dwoman \u0646\u200c\u0645"),
        ("ﬁ ½", "ﬁ ½"),
        (" \n\t ", ""),
    ],
)
def test_a_text_is_put_in_order(text: str, cleaned: str) -> None:
    """Nothing that can be read is lost: joiners of letters stay, and so do ligatures and fractions."""
    assert clean_text(text) == cleaned


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """And gives composed Unicode without blanks at the ends."""
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)


def test_empty_fields_are_left_out_however_deep() -> None:
    """False and nought are no emptiness."""
    value: Any = {"a": " ", "b": None, "c": [], "d": {"e": [" ", {}]}, "f": [" x ", ""], "g": 0, "h": False, "i": 1.5}

    assert clean(value) == {"f": ["x"], "g": 0, "h": False, "i": 1.5}


def test_names_of_fields_become_plain() -> None:
    """No field is lost where two names become the same."""
    record: Any = {"First Name": 1, "first_name": 2, "Author\u2019s-URL ": 3, "ÜBER": 4, "%": 5, " First  name": 6}

    assert plain_names(record) == {
        "first_name": 1,
        "first_name_2": 2,
        "authors_url": 3,
        "über": 4,
        "field": 5,
        "first_name_3": 6,
    }


@pytest.mark.parametrize(
    ("output", "fields"),
    [('{"a": 1}', {"a": 1}), ("[1]", {"output": "[1]"}), ("text", {"output": "text"}), ("42", {"output": "42"})],
)
def test_an_output_has_fields(output: str, fields: dict[str, Any]) -> None:
    """Those of a JSON object, else the one in which it stands."""
    assert as_fields(output) == fields


def record(parameters: dict[str, Any], **fields: str) -> Any:
    """The record that a phase with these fields makes of an item."""
    phase = Phase(name="make", task_type=TaskType.RECORD, kind=PhaseKind.RECORD, fields=fields)
    return json.loads(record_of(phase, Subject(parameters, None, Complexity.SIMPLE)))


def test_a_record_takes_all_fields_of_an_object() -> None:
    """In their order, under those that come after it."""
    item = {"Title": " A ", "Year": 1, "output": '{"x": 2}'}

    assert record(item, **{"**": "item | clean | plain_names", "year": "item.Year + 1"}) == {
        "title": "A",
        "year": 2,
        "output": '{"x": 2}',
    }
    assert record(item, **{"year": "1", "**": "item.output | as_fields"}) == {"year": 1, "x": 2}


@pytest.mark.parametrize("expression", ["item.title", "[1]", "none"])
def test_what_has_no_fields_is_refused(expression: str) -> None:
    """With the name of the phase."""
    with pytest.raises(
        ProviderError, match=r"field \*\* of phase make cannot be rendered: it gives no object of fields"
    ):
        record({"title": "A"}, **{"**": expression})
