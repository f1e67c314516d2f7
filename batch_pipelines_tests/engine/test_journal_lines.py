"""The lines of a journal: what was written is what is read (D5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.journal_lines import Begun, begun_line, ended_line, key_of, read_line

odd_text = st.text(st.characters(exclude_categories=()), max_size=30)
maybe_text = st.none() | odd_text
moments = st.datetimes(timezones=st.just(UTC))
money = st.decimals("0", "10_000", places=12) | st.just(Decimal("1E+2"))
keys = st.builds(AnswerKey, odd_text, st.lists(st.tuples(odd_text, odd_text), max_size=3).map(tuple))
usages = st.builds(Usage, *[], **{name: st.integers(0, 10**9) for name in Usage.model_fields})
attempts = st.builds(
    Attempt,
    number=st.integers(1, 100),
    started_at=moments,
    duration_ms=st.floats(0, 1e9),
    model=odd_text,
    simulated=st.booleans(),
    usage=st.none() | usages,
    cost_usd=st.none() | money,
    worst_case_usd=money,
    request_id=maybe_text,
    stop_reason=maybe_text,
    error_category=st.none() | st.sampled_from(ErrorCategory),
    error_message=maybe_text,
)
reports_of_calls = st.builds(
    Report,
    row=st.integers(1, 2**53),
    item_id=odd_text,
    phase=odd_text,
    at=moments,
    trigger=st.none() | st.sampled_from(ItemTrigger),
    attempt=attempts,
    output=maybe_text,
    item_error=st.none() | st.builds(ProviderError, st.sampled_from(ErrorCategory), odd_text),
    answer_key=st.none() | keys,
)
begun_calls = st.builds(
    Begun,
    row=st.integers(1, 2**53),
    item_id=odd_text,
    phase=odd_text,
    number=st.integers(1, 100),
    started_at=moments,
    model=odd_text,
    simulated=st.booleans(),
    worst_case_usd=money,
)


@settings(deadline=None, database=None)
@given(report=reports_of_calls)
def test_every_report_of_a_call_comes_back(report: Report) -> None:
    """A line says all of it: attempt, output, error, key, each with its type (D5)."""
    line = ended_line(report)
    again = read_line(line)

    assert (line.count(b"\n"), line.count(b"\0"), line[-1:]) == (1, 0, b"\n")
    assert isinstance(again, Report)
    assert replace(again, item_error=None) == replace(report, item_error=None)
    assert _told(again.item_error) == _told(report.item_error)
    # Equal is not enough: an enumeration's member equals its text.
    assert (type(again.trigger), again.attempt and type(again.attempt.error_category)) == (
        type(report.trigger),
        report.attempt and type(report.attempt.error_category),
    )


def _told(error: ProviderError | None) -> tuple[ErrorCategory, str] | None:
    return None if error is None else (error.category, error.message)


@settings(deadline=None, database=None)
@given(call=begun_calls)
def test_every_call_that_began_comes_back(call: Begun) -> None:
    """And what it would be reported as, were it lost, has the same key."""
    line = begun_line(call)

    assert read_line(line) == call
    assert (line.count(b"\n"), line.count(b"\0"), line[-1:]) == (1, 0, b"\n")
    assert key_of(call.as_lost()) == call.key
