"""Every error of the SDK and its transport has one category."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from pydantic import TypeAdapter, ValidationError

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic_errors import category_of, provider_error, unreadable
from batch_pipelines.providers.http_errors import MESSAGE_LENGTH, retry_after_seconds

C = ErrorCategory
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/messages")

STATUS_CLASSES: dict[str, tuple[int, ErrorCategory]] = {
    "AuthenticationError": (401, C.AUTHENTICATION),
    "BadRequestError": (400, C.INVALID_REQUEST),
    "CMEKContextUnavailableError": (503, C.SERVER_ERROR),
    "CMEKKeyDisabledError": (400, C.PERMISSION),
    "CMEKKeyNetworkBlockedError": (400, C.PERMISSION),
    "CMEKKeyUnreachableError": (503, C.SERVER_ERROR),
    "ClaudeCodeKeyCreatorNotMemberError": (400, C.INVALID_REQUEST),
    "ClaudeCodeVersionTooOldError": (400, C.INVALID_REQUEST),
    "ClientClosedRequestError": (499, C.CONNECTION),
    "ConflictError": (409, C.SERVER_ERROR),
    "ContentTooLargeError": (413, C.INVALID_REQUEST),
    "ContractSpendLimitReachedError": (429, C.SPEND_LIMIT),
    "DeadlineExceededError": (504, C.TIMEOUT),
    "EnforcedSpendLimitReachedError": (429, C.SPEND_LIMIT),
    "GatewayTimeoutError": (504, C.TIMEOUT),
    "HTTPNotImplementedError": (501, C.INVALID_REQUEST),
    "InternalServerError": (500, C.SERVER_ERROR),
    "LinkedOrganizationBillingUnavailableError": (402, C.SPEND_LIMIT),
    "LinkedOrganizationSpendLimitReachedError": (402, C.SPEND_LIMIT),
    "NotFoundError": (404, C.INVALID_REQUEST),
    "OrganizationOnHoldError": (400, C.PERMISSION),
    "OrganizationTypeNotSupportedError": (400, C.INVALID_REQUEST),
    "OverloadedError": (529, C.OVERLOADED),
    "ParentOrganizationRequiredError": (400, C.INVALID_REQUEST),
    "PaymentRequiredError": (402, C.SPEND_LIMIT),
    "PermissionDeniedError": (403, C.PERMISSION),
    "PreconditionFailedError": (412, C.INVALID_REQUEST),
    "RampLimitExceededError": (429, C.RATE_LIMIT),
    "RateLimitError": (429, C.RATE_LIMIT),
    "RequestBodyEncodingInvalidError": (400, C.INVALID_REQUEST),
    "RequestBodyEncodingUnsupportedError": (400, C.INVALID_REQUEST),
    "RequestBodyTooLargeAfterDecodingError": (413, C.INVALID_REQUEST),
    "RequestHeaderFieldsTooLargeError": (431, C.INVALID_REQUEST),
    "RequestTimeoutError": (408, C.TIMEOUT),
    "RequestTooLargeError": (413, C.INVALID_REQUEST),
    "SandboxEgressRestrictedError": (403, C.PERMISSION),
    "ServiceUnavailableError": (503, C.SERVER_ERROR),
    "UnprocessableEntityError": (422, C.INVALID_REQUEST),
}
"""Exported classes that come with a status, and what they mean."""

CODES = {
    "CMEKKeyDisabledError": "cmek_key_disabled",
    "CMEKKeyNetworkBlockedError": "cmek_key_network_blocked",
    "ContractSpendLimitReachedError": "contract_spend_limit_reached",
    "EnforcedSpendLimitReachedError": "enforced_spend_limit_reached",
    "OrganizationOnHoldError": "organization_on_hold",
    "RampLimitExceededError": "ramp_limit_exceeded",
}

OTHER_CLASSES: dict[str, ErrorCategory] = {
    "APIConnectionError": C.CONNECTION,
    "APIError": C.SERVER_ERROR,
    "APIResponseValidationError": C.INVALID_RESPONSE,
    "APITimeoutError": C.TIMEOUT,
    "APIWebhookValidationError": C.INVALID_RESPONSE,
    "AnthropicError": C.INTERNAL,
    "CredentialsError": C.AUTHENTICATION,
    "IdentityTokenFileError": C.AUTHENTICATION,
    "RetryableError": C.SERVER_ERROR,
    "WorkloadIdentityError": C.AUTHENTICATION,
}


def status_error(status: int, *, code: str | None = None, message: str = "no", **headers: str) -> Any:
    """What the SDK raises for such a response, built by the SDK's own client."""
    details = {"details": {"error_code": code}} if code else {}
    body = {"type": "error", "error": {"type": "t", "message": message, **details}, "request_id": "req_1"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, json=body, headers={"request-id": "req_1", **named}, request=REQUEST)
    client = anthropic.Anthropic(api_key="k", base_url="http://127.0.0.1")
    try:
        return client._make_status_error_from_response(response)
    finally:
        client.close()


def bare_error(name: str) -> Exception:
    """An instance of an exported class that has no status of its own."""
    response = httpx2.Response(200, request=REQUEST)
    made: dict[str, Exception] = {
        "APIConnectionError": anthropic.APIConnectionError(request=REQUEST),
        "APITimeoutError": anthropic.APITimeoutError(REQUEST),
        "APIError": anthropic.APIError("no", REQUEST, body=None),
        "APIWebhookValidationError": anthropic.APIWebhookValidationError("no", REQUEST, body=None),
        "APIResponseValidationError": anthropic.APIResponseValidationError(response, None),
    }
    return made.get(name) or getattr(anthropic, name)("no")


def exported_error_classes() -> set[str]:
    """Names of every exception class that the SDK exports."""
    members = {name: getattr(anthropic, name) for name in dir(anthropic)}
    return {name for name, it in members.items() if isinstance(it, type) and issubclass(it, BaseException)}


def test_no_error_of_the_sdk_is_unmapped() -> None:
    """Each exception class that the SDK exports stands in a table of this file, and none stands there in vain (D4)."""
    # APIStatusError itself stands for statuses without a class, which have a test of their own.
    assert exported_error_classes() == {*STATUS_CLASSES, *OTHER_CLASSES, "APIStatusError"}


@pytest.mark.parametrize("name", STATUS_CLASSES)
def test_errors_with_a_status_have_the_category_that_says_what_to_do(name: str) -> None:
    """The status decides, and a stable code decides before it (D4)."""
    status, expected = STATUS_CLASSES[name]
    error = status_error(status, code=CODES.get(name))
    assert isinstance(error, getattr(anthropic, name)) or name not in CODES

    mapped = provider_error(error, secret="k", now=NOW)

    assert (mapped.category, mapped.http_status, mapped.request_id) == (expected, status, "req_1")


@pytest.mark.parametrize("name", OTHER_CLASSES)
def test_errors_without_a_status_have_a_category(name: str) -> None:
    """The class decides where there is no status (D4)."""
    assert category_of(bare_error(name)) is OTHER_CLASSES[name]


@pytest.mark.parametrize(
    ("status", "expected"), [(402, C.SPEND_LIMIT), (418, C.INVALID_REQUEST), (599, C.SERVER_ERROR)]
)
def test_statuses_without_a_class_are_sorted_by_their_hundred(status: int, expected: ErrorCategory) -> None:
    """An unknown status is the provider's failure from 500 on, and an invalid request below."""
    assert category_of(status_error(status)) is expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("You have reached your specified API usage limits. You will regain access on 2026-12-01.", C.SPEND_LIMIT),
        ("You have reached your specified workspace API usage limits. Access returns later.", C.SPEND_LIMIT),
        ("Your credit balance is too low to access the Anthropic API.", C.SPEND_LIMIT),
        ("messages: at least one message is required", C.INVALID_REQUEST),
    ],
)
def test_an_own_spend_limit_is_told_from_an_invalid_request_by_its_wording(
    message: str, expected: ErrorCategory
) -> None:
    """The owner's own cap comes as a plain 400, and must stop the batch job instead of failing its items."""
    assert category_of(status_error(400, message=message)) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), C.TIMEOUT),
        (httpx2.ReadTimeout("slow"), C.TIMEOUT),
        (aiohttp.ServerTimeoutError("slow"), C.TIMEOUT),
        (httpx2.ConnectError("refused"), C.CONNECTION),
        (httpx2.ReadError("cut"), C.CONNECTION),
        (aiohttp.ClientPayloadError("cut"), C.CONNECTION),
        (aiohttp.ServerDisconnectedError(), C.CONNECTION),
        (ConnectionResetError("reset"), C.CONNECTION),
        (httpx2.DecodingError("not gzip"), C.INVALID_RESPONSE),
        (json.JSONDecodeError("no", "{", 0), C.INVALID_RESPONSE),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), C.INVALID_RESPONSE),
        (TypeError("ours"), C.INTERNAL),
    ],
)
def test_errors_below_the_sdk_have_a_category(error: Exception, expected: ErrorCategory) -> None:
    """What the transport raises is sorted as well, and what nobody knows is our defect (D4)."""
    assert provider_error(error, secret="k", now=NOW).category is expected


def test_a_connection_that_could_not_be_made_in_time_is_no_timeout_of_an_answer() -> None:
    """The SDK calls both a timeout; here nobody was reached."""
    error = anthropic.APITimeoutError(REQUEST)
    error.__cause__ = httpx2.ConnectTimeout("no route")

    assert category_of(error) is C.CONNECTION


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    """Milliseconds go before seconds, a date counts from now, and nonsense is no answer (D3)."""
    assert retry_after_seconds(headers, NOW) == expected


def test_a_rate_limit_carries_how_long_to_wait() -> None:
    """What the provider asks for reaches the engine (D3)."""
    assert provider_error(status_error(429, retry_after="12"), secret="k", now=NOW).retry_after_seconds == 12


def test_a_message_is_the_providers_own_in_one_short_line_without_the_key() -> None:
    """Messages reach logs and events, so the key is cut out even if the provider repeats it (G3)."""
    error = status_error(401, message="the key\nsk-secret-1 is wrong " + "x" * 999)

    message = provider_error(error, secret="sk-secret-1", now=NOW).message

    assert message.startswith("the key *** is wrong xxx")
    assert len(message) == MESSAGE_LENGTH


def test_a_page_of_a_gateway_is_not_repeated() -> None:
    """A body that is not of the protocol tells less than its status."""
    response = httpx2.Response(502, text="<html>" + "x" * 5000, request=REQUEST)
    error = anthropic.InternalServerError("<html>", response=response, body=None)

    assert provider_error(error, secret="k", now=NOW).message == "HTTP status 502 without a message"


def test_a_broken_connection_says_why() -> None:
    """The SDK keeps the reason in the cause; it is what a user needs."""
    error = anthropic.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("Cannot connect to host 127.0.0.1:1")

    assert provider_error(error, secret="k", now=NOW).message == "Cannot connect to host 127.0.0.1:1"


def test_an_unreadable_answer_keeps_its_request_id() -> None:
    """It was billed, so support will be asked about it."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(dict[str, int]).validate_python({"usage": "a part of the answer"})

    mapped = unreadable(caught.value, {"request-id": "req_9"}, secret="k")

    assert (mapped.category, mapped.request_id, mapped.http_status) == (C.INVALID_RESPONSE, "req_9", 200)
    assert mapped.message.startswith("the answer could not be read: usage: Input should be a valid integer")
    assert "a part of the answer" not in mapped.message


def test_mapped_errors_survive_pickling() -> None:
    """Dagster carries errors between processes."""
    error = provider_error(status_error(429, retry_after="12"), secret="k", now=NOW)

    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(copy, ProviderError)
    assert vars(copy) == vars(error)


def test_a_provider_error_is_left_as_it_is() -> None:
    """Mapping twice changes nothing."""
    error = ProviderError(C.REFUSAL, "no")
    assert provider_error(error, secret="k", now=NOW) is error


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", C.CONTEXT_WINDOW),
        ("output_config.format.schema: For 'integer' type, property 'minimum' is not supported", C.SCHEMA),
        ("Schemas contain too many optional parameters (25)", C.SCHEMA),
        ("The compiled grammar is too large. Simplify your tool schemas.", C.SCHEMA),
        ("messages: at least one message is required", C.INVALID_REQUEST),
        ("Your credit balance is too low to access the API", C.SPEND_LIMIT),
    ],
)
def test_the_wording_of_a_400_says_what_to_do(message: str, category: ErrorCategory) -> None:
    """A text that is too long is the item's fault, a schema that is refused every call's (B10, D4)."""
    assert category_of(status_error(400, message=message)) is category
    assert category_of(status_error(422, message=message)) is C.INVALID_REQUEST
