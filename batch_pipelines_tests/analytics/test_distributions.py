"""Tests of batch_pipelines.analytics.distributions."""

from __future__ import annotations

import pytest

from batch_pipelines.analytics.distributions import error_distribution, mean_quality_score, quality_distribution
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.ledger.queries import ErrorCount
from batch_pipelines_tests.analytics.samples import call


def test_errors_by_category() -> None:
    """Messages of one category count together under the most frequent one, the largest category first (E3)."""
    errors = [
        ErrorCount(ErrorCategory.REFUSAL, "declined", 4),
        ErrorCount(ErrorCategory.TIMEOUT, "no answer in 300 s", 3),
        ErrorCount(ErrorCategory.TIMEOUT, "no answer in 60 s", 2),
    ]

    assert [share.model_dump() for share in error_distribution(errors)] == [
        {"error": "timeout", "message": "no answer in 300 s", "count": 5, "percentage": 55.56},
        {"error": "refusal", "message": "declined", "count": 4, "percentage": 44.44},
    ]


@pytest.mark.parametrize(
    ("score", "range_"),
    [(1, "1-3"), (2.99, "1-3"), (3, "3-5"), (6.5, "5-7"), (7, "7-9"), (9, "9-10"), (10, "9-10"), (0.5, "1-3")],
)
def test_range_of_a_score(score: float, range_: str) -> None:
    """A score on a bound belongs to the range that begins there, and 10 to the last one (E3)."""
    shares = quality_distribution([call("a", quality_score=score)])

    assert [share.range for share in shares if share.count] == [range_]
    assert len(shares) == 5


def test_the_last_phase_with_a_score_counts() -> None:
    """An item counts once, with its last score; items without a score are left out of the percentages."""
    calls = [
        call("a", phase="write", quality_score=2.0),
        call("a", phase="check", quality_score=8.0),
        call("a", phase="polish"),
        call("b"),
        call("c", quality_score=5.0),
    ]

    shares = {share.range: (share.count, share.percentage) for share in quality_distribution(calls)}

    assert shares["7-9"] == (1, 50.0)
    assert shares["1-3"] == (0, 0.0)
    assert mean_quality_score(calls) == 6.5


def test_no_scores() -> None:
    """Where no item has a score there is no distribution, and no mean."""
    assert quality_distribution([call("a")]) == ()
    assert mean_quality_score([call("a")]) is None
