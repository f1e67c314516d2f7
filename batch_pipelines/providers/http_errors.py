"""What an HTTP status and its headers say about a call that failed, whoever sent them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from batch_pipelines.domain.errors import ErrorCategory

MESSAGE_LENGTH = 300
"""Characters of a message at most; enough for the provider's own, too few for an echoed prompt."""

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

ANSWERS_WITHOUT_MODEL_LIST = frozenset({404, 405, 501})
"""Statuses by which a server that has no list of models shows that it is there."""


def category_of_status(status: int) -> ErrorCategory:
    """What kind of error a status of 400 or more is."""
    other = ErrorCategory.SERVER_ERROR if status >= 500 else ErrorCategory.INVALID_REQUEST
    return BY_STATUS.get(status, other)


def one_line(text: str, secret: str) -> str:
    """A message in one line of bounded length, without `secret`."""
    text = " ".join(text.split())
    text = text.replace(secret, "***") if secret else text
    return text if len(text) <= MESSAGE_LENGTH else f"{text[: MESSAGE_LENGTH - 3]}..."


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
