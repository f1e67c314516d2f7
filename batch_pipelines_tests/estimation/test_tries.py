"""How many answers an item is expected to take: a decision, told by tables."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.validation import OFF, Validation
from batch_pipelines.estimation.tries import FEEDBACK_TOKENS, Try, accepted_share, expected_tries


@pytest.mark.parametrize(
    ("min_score", "share"), [(None, 1), (1, 1), (6, 0.97), (7, 0.85), (7.5, 0.75), (9, 0.38), (9.5, 0.24), (10, 0.1)]
)
def test_the_higher_the_score_the_fewer_reach_it(min_score: float | None, share: float) -> None:
    """Without a score every answer is accepted; between two scores the share lies between theirs (C1)."""
    assert accepted_share(min_score) == pytest.approx(share)


@pytest.mark.parametrize(
    ("fields", "models", "expected"),
    [
        ({}, 2, [(1, 0)]),
        ({"min_score": 1}, 2, [(1, 0)]),
        ({"min_score": 7, "retries": 0, "escalations": 0}, 1, [(1, 0)]),
        ({"min_score": 7}, 1, [(1, 0), (0.15, 0)]),
        ({"min_score": 7}, 2, [(1, 0), (0.15, 0), (0.0225, 1), (0.003375, 1)]),
        ({"min_score": 8, "retries": 0}, 2, [(1, 0), (0.35, 1)]),
    ],
    ids=["no judge", "any score", "one try", "a retry", "a stronger model too", "a stronger model at once"],
)
def test_what_is_rejected_is_asked_for_again(
    fields: dict[str, object], models: int, expected: list[tuple[float, int]]
) -> None:
    """First of the same model, then of the next, for as long as the validation goes on (B7, C1)."""
    tries = expected_tries(Validation.model_validate(fields), models)

    assert [(each.share, each.rung) for each in tries] == [(pytest.approx(share), rung) for share, rung in expected]
    assert [each.has_feedback for each in tries] == [number > 0 for number in range(len(tries))]


def test_without_validation_there_is_one_try() -> None:
    """Whatever models there are (C1)."""
    assert expected_tries(OFF, 3) == (Try(1, 0, False),)


def test_another_try_reads_what_was_wrong_with_the_last() -> None:
    """The previous answer stands in its prompt (B7, C1)."""
    tokens = TokenProfile(input_tokens=1000, output_tokens=200)

    assert Try(1, 0, False).reads(tokens) == 1000
    assert Try(0.1, 0, True).reads(tokens) == 1200 + FEEDBACK_TOKENS
