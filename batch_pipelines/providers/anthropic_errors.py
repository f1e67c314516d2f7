"""The one place where errors of the Anthropic SDK and its transport become ProviderError."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import anthropic
import httpx2
from pydantic import ValidationError

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic_limits import readings

MESSAGE_LENGTH = 300
"""Characters of a message at most; enough for the provider's own, too few for an echoed prompt."""

BY_ERROR_CODE: dict[str, ErrorCategory] = {
    "enforced_spend_limit_reached": ErrorCategory.SPEND_LIMIT,
    "contract_spend_limit_reached": ErrorCategory.SPEND_LIMIT,
    # The account as a whole is shut out, though the status says that the request is at fault.
    "organization_on_hold": ErrorCategory.PERMISSION,
    "cmek_key_disabled": ErrorCategory.PERMISSION,
    "cmek_key_network_blocked": ErrorCategory.PERMISSION,
}
"""Stable codes that say more than the HTTP status they come with."""

BY_STATUS: dict[int, ErrorCategory] = {
    400: ErrorCategory.INVALID_REQUEST,
    401: ErrorCategory.AUTHENTICATION,
    402: ErrorCategory.SPEND_LIMIT,
    403: ErrorCategory.PERMISSION,
    404: ErrorCategory.INVALID_REQUEST,
    408: ErrorCategory.TIMEOUT,
    409: ErrorCategory.SERVER_ERROR,
    412: ErrorCategory.INVALID_REQUEST,
    413: ErrorCategory.INVALID_REQUEST,
    422: ErrorCategory.INVALID_REQUEST,
    429: ErrorCategory.RATE_LIMIT,
    431: ErrorCategory.INVALID_REQUEST,
    499: ErrorCategory.CONNECTION,
    501: ErrorCategory.INVALID_REQUEST,
    503: ErrorCategory.SERVER_ERROR,
    504: ErrorCategory.TIMEOUT,
    529: ErrorCategory.OVERLOADED,
}
"""HTTP statuses; others count as the provider's failure from 500 on, and as an invalid request below."""

BY_CLASS: tuple[tuple[type[BaseException], ErrorCategory], ...] = (
    (anthropic.APITimeoutError, ErrorCategory.TIMEOUT),
    (anthropic.APIConnectionError, ErrorCategory.CONNECTION),
    (anthropic.APIResponseValidationError, ErrorCategory.INVALID_RESPONSE),
    (anthropic.APIWebhookValidationError, ErrorCategory.INVALID_RESPONSE),
    (anthropic.APIError, ErrorCategory.SERVER_ERROR),
    (anthropic.CredentialsError, ErrorCategory.AUTHENTICATION),
    (anthropic.WorkloadIdentityError, ErrorCategory.AUTHENTICATION),
    (anthropic.RetryableError, ErrorCategory.SERVER_ERROR),
    # The SDK raises its bare base class when it was called wrongly, which is ours to mend.
    (anthropic.AnthropicError, ErrorCategory.INTERNAL),
    # Before OSError, of which Python's own TimeoutError is a kind.
    (TimeoutError, ErrorCategory.TIMEOUT),
    (httpx2.TimeoutException, ErrorCategory.TIMEOUT),
    (httpx2.DecodingError, ErrorCategory.INVALID_RESPONSE),
    (json.JSONDecodeError, ErrorCategory.INVALID_RESPONSE),
    (UnicodeDecodeError, ErrorCategory.INVALID_RESPONSE),
    (httpx2.HTTPError, ErrorCategory.CONNECTION),
    (aiohttp.ClientError, ErrorCategory.CONNECTION),
    (OSError, ErrorCategory.CONNECTION),
)
"""Errors without an HTTP status; the first class that fits decides."""

# A cap that the account's owner set arrives as an ordinary 400 without a code: only its wording tells.
OWN_SPEND_LIMIT = re.compile(r"reached your specified .*usage limits|credit balance is too low", re.IGNORECASE)


def provider_error(error: Exception, *, secret: str, now: datetime) -> ProviderError:
    """Any exception of a call as a ProviderError; `secret` is cut out of its message, `now` dates an HTTP-date."""
    if isinstance(error, ProviderError):
        return error
    message = short_message(error, secret)
    if isinstance(error, anthropic.APIStatusError):
        return ProviderError(
            category_of(error),
            message,
            retry_after_seconds(error.response.headers, now),
            error.request_id,
            error.status_code,
            readings(error.response.headers),
        )
    return ProviderError(category_of(error), message)


def unreadable(error: ValidationError, headers: Mapping[str, str], *, secret: str) -> ProviderError:
    """A response of status 200 whose body is not an answer; `error` says where."""
    message = f"the answer could not be read: {short_message(error, secret)}"
    return ProviderError(ErrorCategory.INVALID_RESPONSE, message, None, headers.get("request-id"), 200)


def category_of(error: Exception) -> ErrorCategory:
    """What kind of error this is; INTERNAL for what no table knows."""
    if isinstance(error, anthropic.APIStatusError):
        return _category_of_status(error)
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        # The call never reached anybody, so nothing can have been spent on it.
        return ErrorCategory.CONNECTION
    matches = (category for known, category in BY_CLASS if isinstance(error, known))
    return next(matches, ErrorCategory.INTERNAL)


def _category_of_status(error: anthropic.APIStatusError) -> ErrorCategory:
    if error.error_code in BY_ERROR_CODE:
        return BY_ERROR_CODE[error.error_code]
    if error.status_code == 400 and OWN_SPEND_LIMIT.search(error.api_message or ""):
        return ErrorCategory.SPEND_LIMIT
    other = ErrorCategory.SERVER_ERROR if error.status_code >= 500 else ErrorCategory.INVALID_REQUEST
    return BY_STATUS.get(error.status_code, other)


def short_message(error: Exception, secret: str) -> str:
    """The provider's own words, or the transport's, in one line without `secret`."""
    text = " ".join(_words_of(error).split())
    text = text.replace(secret, "***") if secret else text
    return text if len(text) <= MESSAGE_LENGTH else f"{text[: MESSAGE_LENGTH - 3]}..."


def _words_of(error: Exception) -> str:
    if isinstance(error, anthropic.APIStatusError):
        # Without a message of the provider, the body is some gateway's page: its status says more.
        return error.api_message or f"HTTP status {error.status_code} without a message"
    if isinstance(error, (anthropic.APITimeoutError, TimeoutError)):
        return "no answer within the time of the call"
    if isinstance(error, anthropic.APIConnectionError):
        # The SDK says "Connection error." and keeps the reason in the cause.
        return str(error.__cause__ or "") or error.message
    if isinstance(error, ValidationError):
        # Without the value that did not fit, which may be a part of the answer.
        first = error.errors(include_input=False)[0]
        return ": ".join([".".join(map(str, first["loc"])) or "body", first["msg"]])
    return str(error) or type(error).__name__


def retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the provider asks to wait, never negative: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    return _seconds_until(value, now) if seconds is None else seconds


def _number(value: str | None) -> float | None:
    """A finite number of at least 0, or None."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(number, 0.0) if math.isfinite(number) else None


def _seconds_until(value: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((aware - now).total_seconds(), 0.0)
