"""Whether a batch job may start spending (requirement C6). A decision: it touches nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from batch_pipelines.domain.estimate import Gate, GateSeverity
from batch_pipelines.domain.spec import Budget, EstimateOver
from batch_pipelines.estimation.duration import formatted
from batch_pipelines.estimation.money import plain

CHEAPER = "raise budget.max_cost_usd, run fewer items or choose a cheaper model"
FASTER = "raise budget.max_duration_seconds, raise options.concurrency or the rate limits, or run fewer items"


class _Finding(NamedTuple):
    """What one limit has to say."""

    over: bool
    """Whether the expected value is over the limit, not only near it."""
    reason: str


def review(expected_usd: Decimal, high_usd: Decimal, seconds: float, budget: Budget) -> Gate:
    """Judge an estimate: `high_usd` is the upper bound of its cost, `seconds` its time.

    Exactly at a limit passes, with a warning. Over a limit fails where `budget.estimate_over` is refuse.
    """
    findings = [
        finding for finding in (_review_cost(expected_usd, high_usd, budget), _review_time(seconds, budget)) if finding
    ]
    reasons = tuple(finding.reason for finding in findings)
    if any(finding.over for finding in findings) and budget.estimate_over is EstimateOver.REFUSE:
        return Gate(passed=False, severity=GateSeverity.ERROR, reasons=reasons)
    return Gate(passed=True, severity=GateSeverity.WARN if findings else GateSeverity.OK, reasons=reasons)


def refused_for(reason: str) -> Gate:
    """The gate of a batch job that cannot be estimated: a model without a price, a plan that is not valid."""
    return Gate(passed=False, severity=GateSeverity.ERROR, reasons=(reason,))


def _review_cost(expected_usd: Decimal, high_usd: Decimal, budget: Budget) -> _Finding | None:
    limit = budget.max_cost_usd
    if limit is None:
        return None
    cost, cap = f"The expected cost of {plain(expected_usd):f} USD", f"budget.max_cost_usd of {plain(limit):f} USD"
    if expected_usd > limit:
        # The engine holds the cap whatever the gate says, so a job that only warns here will still stop at it.
        held = "" if budget.estimate_over is EstimateOver.REFUSE else " and the batch job will pause there"
        return _Finding(True, f"{cost} is over {cap}{held}; {CHEAPER}.")
    if expected_usd >= limit * _share(budget):
        return _Finding(False, f"{cost} is {_percent(expected_usd / limit)} of {cap}; {CHEAPER} to be safe.")
    if high_usd > limit:
        return _Finding(False, f"{cost} may grow to {plain(high_usd):f} USD, over {cap}; {CHEAPER} to be safe.")
    return None


def _review_time(seconds: float, budget: Budget) -> _Finding | None:
    if budget.max_duration_seconds is None:
        return None
    # Through their text, so that 0.1 of 3 seconds is 0.3 and not a little more.
    time, limit = Decimal(str(seconds)), Decimal(str(budget.max_duration_seconds))
    taken = f"The expected time of {plain(time):f} seconds ({formatted(seconds)})"
    cap = f"budget.max_duration_seconds of {plain(limit):f}"
    if time > limit:
        return _Finding(True, f"{taken} is over {cap}; {FASTER}.")
    if time >= limit * _share(budget):
        return _Finding(False, f"{taken} is {_percent(time / limit)} of {cap}; {FASTER} to be safe.")
    return None


def _share(budget: Budget) -> Decimal:
    return Decimal(str(budget.warn_at))


def _percent(share: Decimal) -> str:
    return f"{plain(Decimal(f'{share * 100:.1f}')):f} %"
