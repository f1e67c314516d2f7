"""How errors and quality scores are spread over the items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean

from batch_pipelines.analytics.values import ErrorShare, QualityShare
from batch_pipelines.ledger.queries import ErrorCount, FinishedCall

RANGES = ((1, 3), (3, 5), (5, 7), (7, 9), (9, 10))
"""Of quality scores, which go from 1 to 10. A bound belongs to the range it begins, 10 to the last one."""


def error_distribution(errors: Sequence[ErrorCount]) -> tuple[ErrorShare, ...]:
    """Failed items by category, the most frequent first; `errors` is by category and message, as frequent ones first.

    By category, because messages name ids and figures and would each stand alone.
    """
    counts: Counter[str] = Counter()
    messages: dict[str, str] = {}
    for error in errors:
        counts[error.category.value] += error.count
        messages.setdefault(error.category.value, error.message)
    return tuple(
        ErrorShare(error=category, message=messages[category], count=count, percentage=share(count, counts.total()))
        for category, count in counts.most_common()
    )


def quality_distribution(calls: Iterable[FinishedCall]) -> tuple[QualityShare, ...]:
    """Items by the score of the last of their phases that has one; `calls` are in the order of their ends."""
    scores = _scores(calls)
    if not scores:
        return ()
    counts = Counter(_range_of(score) for score in scores)
    return tuple(
        QualityShare(range=f"{low}-{high}", count=counts[low], percentage=share(counts[low], len(scores)))
        for low, high in RANGES
    )


def mean_quality_score(calls: Iterable[FinishedCall]) -> float | None:
    """Of the items that have a score, from 1 to 10; None where none has."""
    scores = _scores(calls)
    return round(fmean(scores), 2) if scores else None


def _scores(calls: Iterable[FinishedCall]) -> list[float]:
    """One of each item that has any: that of the last of its phases with one."""
    return list({call.item_id: call.quality_score for call in calls if call.quality_score is not None}.values())


def share(count: int, total: int) -> float:
    """`count` in per cent of `total`, which is at least 1."""
    return round(100 * count / total, 2)


def _range_of(score: float) -> int:
    """The lower bound of the range that holds the score."""
    return max((low for low, _ in RANGES if score >= low), default=RANGES[0][0])
