"""When an output is accepted."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from batch_pipelines.domain.validation import OFF, Check, Validation

RULES: list[dict[str, Any]] = [
    {"matches": "a"},
    {"lacks": "a"},
    {"schema": {"type": "object"}},
    {"python": "package.module:name"},
    {"most_characters": 3},
    {"least_characters": 3},
]


@pytest.mark.parametrize("rule", RULES)
def test_a_check_is_one_rule_and_what_to_say(rule: dict[str, Any]) -> None:
    """A message is no rule; what is written is what is kept (B9)."""
    check = Check.model_validate(rule | {"message": "No."})

    assert check.model_dump(exclude_none=True) == rule | {"message": "No."}


@pytest.mark.parametrize(
    ("rules", "words"),
    [({}, "has none"), ({"message": "No."}, "has none"), ({"matches": "a", "schema": {}}, "has matches, schema")],
)
def test_a_check_of_no_rule_or_of_two_is_refused(rules: dict[str, Any], words: str) -> None:
    """Two rules are two checks (B9)."""
    with pytest.raises(ValidationError, match=words):
        Check.model_validate(rules)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_score": 0.5},
        {"min_score": 10.5},
        {"retries": 6},
        {"escalations": 4},
        {"judges": []},
        {"judges": [{}] * 4},
        {"when_exhausted": "shrug"},
        {"checks": [{"python": "no name"}]},
        {"checks": [{"most_characters": 0}]},
    ],
)
def test_limits_of_a_validation_hold(fields: dict[str, Any]) -> None:
    """Scores go from 1 to 10, tries and judges are few (A13, B1)."""
    with pytest.raises(ValidationError):
        Validation.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "judges"),
    [
        ({}, 0),
        ({"min_score": 8}, 1),
        ({"min_score": 8, "judges": [{}, {}]}, 2),
        ({"judges": [{}, {}]}, 0),
        ({"min_score": 8, "enabled": False}, 0),
    ],
)
def test_judges_are_asked_where_a_score_is_wanted(fields: dict[str, Any], judges: int) -> None:
    """A judge costs money, so that nobody asks one for nothing (B7)."""
    assert Validation.model_validate(fields).judge_count == judges


def test_off_is_off() -> None:
    """What a phase has that says nothing (B7)."""
    assert not OFF.enabled
    assert OFF.judge_count == 0
