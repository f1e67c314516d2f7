"""What becomes of an item after a call: by table, category by category (D4, A6)."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.spec import ErrorHandling, Options
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.caller import Answer, Prepared
from batch_pipelines.engine.retries import BASE_SECONDS
from batch_pipelines.engine.rulings import OUTAGE_ERRORS, Outcome, Ruling, Rulings
from batch_pipelines.engine.work import Call, PartitionRun
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines_tests.engine.samples import MODEL, phase
from batch_pipelines_tests.reports import failed_attempt, make_attempt

CAP = 400
SLOTS = 2
FATAL = {ErrorCategory.AUTHENTICATION, ErrorCategory.PERMISSION, ErrorCategory.SPEND_LIMIT, ErrorCategory.SCHEMA}
"""Errors that every other call would meet too."""
PASSING = {
    ErrorCategory.RATE_LIMIT,
    ErrorCategory.OVERLOADED,
    ErrorCategory.TIMEOUT,
    ErrorCategory.CONNECTION,
    ErrorCategory.SERVER_ERROR,
    ErrorCategory.INVALID_RESPONSE,
}


TOO_LONG = "the answer was cut off at max_tokens, and twice as many are refused (it went wrong)"


def make_rulings(**options: Any) -> Rulings:
    """The rulings of a batch job with these options; one retry where they say nothing."""
    job = BatchJob.model_construct(options=Options(**{"retry_attempts": 1, **options}))
    return Rulings(job, Random(1))


def make_call(row: int = 1, *, retries: int = 0, cap: int = CAP, **changes: Any) -> Call:
    """A call that was made, for an item that was tried so often again."""
    item = WorkItem(
        row=row,
        item_id=f"item_{row}",
        tier=None,
        status=ItemStatus.RUNNING,
        parameters={},
        phase_outputs={},
        attempts=0,
    )
    request = CompletionRequest(MODEL, None, "Tell me about mountains.", cap, 300.0)
    phase_ = phase("write", max_tokens=CAP)
    run = PartitionRun(phase_, is_last=True)
    return Call(
        item, run, started=True, prepared=Prepared(request, phase_.tokens, Decimal(1)), retries=retries, **changes
    )


def answer_of(category: ErrorCategory | None, retry_after_seconds: float | None = None, seconds: float = 0.0) -> Answer:
    """A call that ended like this after so many seconds; with an output where nothing went wrong."""
    known: dict[str, Any] = {"worst_case_usd": Decimal(1), "duration_ms": seconds * 1000}
    if category is None:
        return Answer(make_attempt(**known), "A text.", None, ())
    error = ProviderError(category, "it went wrong", retry_after_seconds)
    return Answer(failed_attempt(error_category=category, **known), "", error, ())


def ruling_on(
    category: ErrorCategory | None,
    call: Call | None = None,
    rulings: Rulings | None = None,
    *,
    seconds: float = 0.0,
    is_draining: bool = False,
) -> Ruling:
    """What a rulings says about a call that ended like this; a first call, and a new rulings, where none is given."""
    rulings, call = rulings or make_rulings(), call or make_call()
    return rulings.ruling(call, answer_of(category, seconds=seconds), SLOTS, is_draining=is_draining)


def is_refused_raise(category: ErrorCategory, call: Call) -> bool:
    """Whether the provider does not take the raised cap, which was our idea and not the pipeline's."""
    return category is ErrorCategory.INVALID_REQUEST and call.is_cap_raised


def expected(category: ErrorCategory, retries: int, is_cap_raised: bool, is_draining: bool) -> Outcome:
    """What must become of the item where one retry is allowed."""
    if category in FATAL:
        return Outcome.LEFT
    is_possible = not is_cap_raised if category is ErrorCategory.MAX_TOKENS else category in PASSING and retries < 1
    if not is_possible:
        return Outcome.FAILURE
    return Outcome.LEFT if is_draining else Outcome.AGAIN


@pytest.mark.parametrize("error_handling", ErrorHandling)
@pytest.mark.parametrize("is_draining", [False, True])
@pytest.mark.parametrize(("retries", "is_cap_raised"), [(0, False), (1, False), (0, True), (1, True)])
@pytest.mark.parametrize("category", ErrorCategory)
def test_what_an_error_leads_to(
    category: ErrorCategory, retries: int, is_cap_raised: bool, is_draining: bool, error_handling: ErrorHandling
) -> None:
    """What may pass is tried again, not while the job drains; the rest fails, and the job where it must (D4, A6)."""
    call = make_call(retries=retries, is_cap_raised=is_cap_raised)

    ruling = ruling_on(category, call, make_rulings(error_handling=error_handling), is_draining=is_draining)

    assert ruling.outcome is expected(category, retries, is_cap_raised, is_draining)
    assert (ruling.error is not None) is (ruling.outcome is Outcome.FAILURE)
    told = (ErrorCategory.MAX_TOKENS, TOO_LONG) if is_refused_raise(category, call) else (category, "it went wrong")
    assert ruling.error is None or (ruling.error.category, ruling.error.message) == told
    if category in FATAL:
        assert ruling.halt == (RequestKind.STOP, f"{category}: it went wrong")
    elif ruling.outcome is Outcome.FAILURE and error_handling is ErrorHandling.STOP:
        assert ruling.halt == (RequestKind.STOP, f"item item_1 failed ({told[0]}: {told[1]})")
    else:
        assert ruling.halt is None


@pytest.mark.parametrize("is_draining", [False, True])
def test_an_answer_is_an_output(is_draining: bool) -> None:
    """Though the job drains: it is paid for."""
    assert ruling_on(None, is_draining=is_draining) == Ruling(Outcome.OUTPUT)


def test_a_retry_waits() -> None:
    """As long as is decided elsewhere, and with the same cap."""
    ruling = ruling_on(ErrorCategory.OVERLOADED)

    assert 0 < ruling.seconds <= BASE_SECONDS
    assert ruling.max_tokens is None


def test_the_provider_says_how_long_to_wait() -> None:
    """Its `retry-after` reaches the decision (D3)."""
    ruling = make_rulings().ruling(make_call(), answer_of(ErrorCategory.RATE_LIMIT, 7.0), SLOTS, is_draining=False)

    assert 7.0 <= ruling.seconds <= 7.0 + BASE_SECONDS


def test_a_cap_is_raised_once() -> None:
    """A cut answer is asked for again at once with twice the cap, retries or not; cut again, it fails (D4)."""
    rulings = make_rulings(retry_attempts=0)

    assert ruling_on(ErrorCategory.MAX_TOKENS, rulings=rulings) == Ruling(Outcome.AGAIN, max_tokens=2 * CAP)
    again = ruling_on(ErrorCategory.MAX_TOKENS, make_call(cap=2 * CAP, is_cap_raised=True), rulings)
    assert again.outcome is Outcome.FAILURE
    assert again.error is not None
    assert again.error.category is ErrorCategory.MAX_TOKENS


@pytest.mark.parametrize("category", [ErrorCategory.INVALID_RESPONSE, ErrorCategory.MAX_TOKENS])
def test_an_item_whose_tokens_run_away_ends(category: ErrorCategory) -> None:
    """It is not tried again though it may be, and the reason has the figures; the others go on (D4)."""
    call = make_call(used=Usage(output_tokens=4 * CAP + 1))

    ruling = ruling_on(category, call)

    assert (ruling.outcome, ruling.halt) == (Outcome.FAILURE, None)
    assert ruling.error is not None
    assert ruling.error.category is ErrorCategory.RUNAWAY
    assert "1,601 output tokens, over 4 times the 400" in ruling.error.message


def test_an_item_that_used_much_may_still_have_an_answer() -> None:
    """The breaker is about another try; what came in is kept, and an error that ends the item keeps its name."""
    used = Usage(output_tokens=100 * CAP)

    assert ruling_on(None, make_call(used=used)).outcome is Outcome.OUTPUT
    failed = ruling_on(ErrorCategory.REFUSAL, make_call(used=used))
    assert failed.error is not None
    assert failed.error.category is ErrorCategory.REFUSAL


def test_a_runaway_ends_while_the_job_drains() -> None:
    """A later run would not know what was used and buy it all again."""
    ruling = ruling_on(
        ErrorCategory.INVALID_RESPONSE, make_call(used=Usage(output_tokens=4 * CAP + 1)), is_draining=True
    )

    assert ruling.outcome is Outcome.FAILURE


def tired(row: int) -> Call:
    """A call without a retry left."""
    return make_call(row, retries=1)


def test_an_outage_is_the_providers_fault() -> None:
    """When more connections fail in a row than calls in flight explain, the job pauses with its items (A4, D4)."""
    rulings = make_rulings()
    rulings = [ruling_on(ErrorCategory.CONNECTION, tired(row), rulings) for row in range(SLOTS + OUTAGE_ERRORS + 2)]

    outcomes = [ruling.outcome for ruling in rulings]
    assert outcomes == [Outcome.FAILURE] * (SLOTS + OUTAGE_ERRORS) + [Outcome.LEFT] * 2
    assert rulings[-1].halt == (RequestKind.PAUSE, "the provider cannot be reached (it went wrong)")


def test_connections_that_will_be_tried_again_count_too() -> None:
    """The first item without a retry left finds the outage out."""
    rulings = make_rulings()
    for row in range(SLOTS + OUTAGE_ERRORS):
        assert ruling_on(ErrorCategory.CONNECTION, make_call(row), rulings).outcome is Outcome.AGAIN

    assert ruling_on(ErrorCategory.CONNECTION, tired(99), rulings).outcome is Outcome.LEFT


@pytest.mark.parametrize("between", [None, ErrorCategory.SERVER_ERROR, ErrorCategory.TIMEOUT])
def test_any_word_from_the_provider_ends_an_outage(between: ErrorCategory | None) -> None:
    """Connections that fail in between are their items' bad luck."""
    rulings = make_rulings()
    for row in range(SLOTS + OUTAGE_ERRORS):
        ruling_on(ErrorCategory.CONNECTION, tired(row), rulings)
    ruling_on(between, make_call(98), rulings)

    assert ruling_on(ErrorCategory.CONNECTION, tired(99), rulings).outcome is Outcome.FAILURE


def test_an_outage_does_not_stop_a_job() -> None:
    """Though its first failed item would: no item fails."""
    rulings = make_rulings(error_handling="stop")
    for row in range(SLOTS + OUTAGE_ERRORS):
        ruling_on(ErrorCategory.CONNECTION, make_call(row), rulings)

    ruling = ruling_on(ErrorCategory.CONNECTION, tired(99), rulings)

    assert ruling.halt is not None
    assert ruling.halt[0] is RequestKind.PAUSE


def test_an_item_without_a_deadline_has_time() -> None:
    """Not limited is another thing than none left."""
    rulings = make_rulings()
    ruling_on(ErrorCategory.OVERLOADED, rulings=rulings, seconds=1000.0)

    assert rulings.seconds_left(make_call()) is None


def test_an_items_calls_and_the_waits_between_them_take_its_time() -> None:
    """Each item has its own, over all its phases and tries, until it is done with (D4)."""
    rulings = make_rulings(item_timeout_seconds=60.0)
    assert rulings.seconds_left(make_call(1)) == 60.0

    waited = ruling_on(ErrorCategory.OVERLOADED, make_call(1), rulings, seconds=10.0).seconds
    ruling_on(None, make_call(1, retries=1), rulings, seconds=20.0)
    ruling_on(None, make_call(2), rulings, seconds=5.0)

    assert waited > 0
    assert rulings.seconds_left(make_call(1)) == pytest.approx(30.0 - waited)
    assert rulings.seconds_left(make_call(2)) == 55.0
    rulings.forget(make_call(1))
    assert rulings.seconds_left(make_call(1)) == 60.0
    assert rulings.seconds_left(make_call(2)) == 55.0


def test_forgetting_what_was_never_asked_does_no_harm() -> None:
    """Nor does doing so twice: the next call of the item has all its time."""
    rulings = make_rulings(item_timeout_seconds=60.0)

    rulings.forget(make_call())
    rulings.forget(make_call())

    assert rulings.seconds_left(make_call()) == 60.0


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(59.0, Outcome.AGAIN), (60.0, Outcome.FAILURE), (61.0, Outcome.FAILURE)]
)
@pytest.mark.parametrize("category", [ErrorCategory.OVERLOADED, ErrorCategory.MAX_TOKENS])
def test_nothing_is_tried_after_the_deadline(category: ErrorCategory, seconds: float, outcome: Outcome) -> None:
    """An item whose call took all its time fails with its last error, and the reason says that time was short (D4)."""
    ruling = ruling_on(category, rulings=make_rulings(item_timeout_seconds=60.0), seconds=seconds)

    assert ruling.outcome is outcome
    if ruling.error is not None:
        assert ruling.error.category is category
        assert ruling.error.message.startswith("it went wrong; options.item_timeout_seconds leaves no time")


def test_an_item_that_could_not_be_asked_for_fails() -> None:
    """With the error that kept it from being; it stops the job where the options say so (A6)."""
    error = ProviderError(ErrorCategory.TEMPLATE, "no such field")

    assert make_rulings().failure(make_call(), error) == Ruling(Outcome.FAILURE, error=error)
    halt = make_rulings(error_handling="stop").failure(make_call(), error).halt
    assert halt == (RequestKind.STOP, "item item_1 failed (template: no such field)")
