"""The one place where errors of the Anthropic SDK and its transport become ProviderError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime

import aiohttp
import anthropic
import httpx2
from pydantic import ValidationError

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic_limits import readings
from batch_pipelines.providers.http_errors import category_of_status, one_line, retry_after_seconds

BY_ERROR_CODE: dict[str, ErrorCategory] = {
    "enforced_spend_limit_reached": ErrorCategory.SPEND_LIMIT,
    "contract_spend_limit_reached": ErrorCategory.SPEND_LIMIT,
    # The account as a whole is shut out, though the status says that the request is at fault.
    "organization_on_hold": ErrorCategory.PERMISSION,
    "cmek_key_disabled": ErrorCategory.PERMISSION,
    "cmek_key_network_blocked": ErrorCategory.PERMISSION,
}
"""Stable codes that say more than the HTTP status they come with."""

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

BY_WORDING: tuple[tuple[re.Pattern[str], ErrorCategory], ...] = (
    # A cap that the account's owner set.
    (re.compile(r"reached your specified .*usage limits|credit balance is too low", re.I), ErrorCategory.SPEND_LIMIT),
    (re.compile(r"prompt is too long", re.I), ErrorCategory.CONTEXT_WINDOW),
    # It goes with every call of the phase, so every one fails alike.
    (re.compile(r"output_config|schema", re.I), ErrorCategory.SCHEMA),
)
"""What arrives as an ordinary 400 without a code, so that only its wording tells; the first that fits decides."""


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
    if error.status_code == 400:
        matches = (category for words, category in BY_WORDING if words.search(error.api_message or ""))
        return next(matches, ErrorCategory.INVALID_REQUEST)
    return category_of_status(error.status_code)


def short_message(error: Exception, secret: str) -> str:
    """The provider's own words, or the transport's, in one line without `secret`."""
    return one_line(_words_of(error), secret)


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
