"""The one place where errors of a server of embeddings, and of the connection to it, become ProviderError. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.anthropic_limits import readings
from batch_pipelines.providers.http_errors import category_of_status, one_line, retry_after_seconds

BY_CODE: dict[str, ErrorCategory] = {
    # Vendors send it as a 429, though waiting does not help.
    "insufficient_quota": ErrorCategory.SPEND_LIMIT,
    "billing_hard_limit_reached": ErrorCategory.SPEND_LIMIT,
    "context_length_exceeded": ErrorCategory.CONTEXT_WINDOW,
}
"""Codes that say more than the HTTP status they come with."""

TOO_LONG = re.compile(
    r"maximum context length|is too long|too many tokens|max(imum)? (allowed )?(input )?tokens|exceeds? .*token",
    re.IGNORECASE,
)
"""How vendors say in a 400 that a text is longer than the model takes."""

BY_CLASS: tuple[tuple[type[BaseException], ErrorCategory], ...] = (
    # The call never reached anybody, so nothing can have been spent on it.
    (aiohttp.ConnectionTimeoutError, ErrorCategory.CONNECTION),
    (TimeoutError, ErrorCategory.TIMEOUT),
    (aiohttp.ClientPayloadError, ErrorCategory.CONNECTION),
    (aiohttp.ClientError, ErrorCategory.CONNECTION),
    (OSError, ErrorCategory.CONNECTION),
)
"""Errors without an HTTP status; the first class that fits decides."""


def transport_error(error: Exception, *, secret: str) -> ProviderError:
    """An exception of a call that no answer came of; INTERNAL for what no table knows."""
    matches = (category for known, category in BY_CLASS if isinstance(error, known))
    category = next(matches, ErrorCategory.INTERNAL)
    words = "no answer within the time of the call" if category is ErrorCategory.TIMEOUT else str(error)
    return ProviderError(category, one_line(words or type(error).__name__, secret))


def refused(status: int, body: bytes, headers: Mapping[str, str], *, secret: str, now: datetime) -> ProviderError:
    """An answer of another status than 200; `now` dates an HTTP-date."""
    code, message = _said(body)
    return ProviderError(
        _category(status, code, message),
        one_line(message or f"HTTP status {status} without a message", secret),
        retry_after_seconds(headers, now),
        headers.get("request-id") or headers.get("x-request-id"),
        status,
        readings(headers),
    )


def _category(status: int, code: str, message: str) -> ErrorCategory:
    if code in BY_CODE:
        return BY_CODE[code]
    if status < 400:
        # A redirect or an empty success: whatever serves there, it serves no embeddings.
        return ErrorCategory.INVALID_RESPONSE
    category = category_of_status(status)
    is_too_long = category is ErrorCategory.INVALID_REQUEST and TOO_LONG.search(message)
    return ErrorCategory.CONTEXT_WINDOW if is_too_long else category


def _said(body: bytes) -> tuple[str, str]:
    """Code and message of an error body; empty where it has none, as a gateway's page."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return "", ""
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else {}
    if isinstance(error, str):
        return "", error
    if not isinstance(error, dict):
        return "", ""
    return _text(error.get("code")), _text(error.get("message")) or _text(error.get("detail"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
