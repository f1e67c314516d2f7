"""Which records a `where` lets through."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.filtering import Filter


@pytest.mark.parametrize(
    ("where", "fields", "expected"),
    [
        ({}, {}, True),
        ({"status": "Final"}, {"status": "Final"}, True),
        ({"status": "Final"}, {"status": "final"}, False),
        ({"status": "Final"}, {}, False),
        ({"status": "Final", "type": "Process"}, {"status": "Final", "type": "Informational"}, False),
        ({"status": ["Final", "Active"]}, {"status": "Active"}, True),
        ({"status": ["Final", "Active"]}, {"status": "Draft"}, False),
        ({"year": 2020}, {"year": 2020}, True),
        ({"year": 2020}, {"year": "2020"}, True),
        ({"year": 2020}, {"year": 2020.0}, True),
        ({"year": 2020}, {"year": "in 2020"}, False),
        ({"year": "2020"}, {"year": 2020}, False),
        ({"year": [2019, 2020]}, {"year": "2020"}, True),
        ({"year": 1}, {"year": True}, False),
        ({"open": True}, {"open": True}, True),
        ({"open": True}, {"open": 1}, False),
        ({"open": True}, {"open": "TRUE"}, True),
        ({"open": False}, {"open": "no"}, False),
        ({"open": False}, {}, False),
        ({"note": None}, {}, True),
        ({"note": None}, {"note": None}, True),
        ({"note": None}, {"note": ""}, False),
        ({"note": [None, "x"]}, {}, True),
        ({"year": {"from": 2000, "to": 2010}}, {"year": 2000}, True),
        ({"year": {"from": 2000, "to": 2010}}, {"year": "2010"}, True),
        ({"year": {"from": 2000, "to": 2010}}, {"year": 2010.5}, False),
        ({"year": {"from": 2000}}, {"year": 2026}, True),
        ({"year": {"to": 2000}}, {"year": 2026}, False),
        ({"year": {"from": 2000}}, {}, False),
        ({"year": {"from": 2000}}, {"year": "nan"}, False),
        ({"year": {"from": 0}}, {"year": True}, False),
        ({"date": {"from": "2020-01-01", "to": "2020-12-31"}}, {"date": "2020-06-07"}, True),
        ({"date": {"from": "2020-01-01", "to": "2020-12-31"}}, {"date": "2021-01-01"}, False),
        ({"date": {"from": "2020-01-01"}}, {"date": 2021}, False),
        ({"tags": [["a", "b"]]}, {"tags": ["a", "b"]}, True),
    ],
)
def test_a_condition_is_a_value_some_values_or_a_range(
    where: dict[str, Any], fields: dict[str, Any], expected: bool
) -> None:
    """Both ends of a range count as inside, and texts that spell numbers are numbers to one (F6)."""
    assert Filter(where).admits(fields) is expected


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ([], r"items.where.year: [] lists no value; name at least one, or leave the condition out"),
        ({}, "items.where.year: {} is neither a value nor a range; write a value, a list of values, or {from: a, to"),
        ({"since": 3}, "is neither a value nor a range"),
        ({"from": 3, "until": 4}, "is neither a value nor a range"),
        ({"from": 3, "to": "x"}, "is a range without comparable ends"),
        ({"from": None}, "is a range without comparable ends"),
        ({"from": True}, "is a range without comparable ends"),
        ({"from": [1]}, "is a range without comparable ends"),
    ],
)
def test_a_condition_that_makes_no_sense_is_named(condition: Any, complaint: str) -> None:
    """Before anything is read (F6)."""
    with pytest.raises(InvalidInput) as refused:
        Filter({"year": condition})

    assert complaint in str(refused.value)


def test_what_is_known_early_decides_early() -> None:
    """A file whose name is not wanted need not be opened; one whose content decides must be (F6)."""
    wanted = Filter({"source": ["a.pdf", "b.pdf"], "pages": {"from": 2}})

    assert wanted.may_admit({"source": "a.pdf"})
    assert not wanted.may_admit({"source": "c.pdf"})
    assert not wanted.admits({"source": "a.pdf"})
