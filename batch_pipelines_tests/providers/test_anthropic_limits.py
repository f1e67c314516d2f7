"""Rate-limit headers as values."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.providers.anthropic_limits import readings

PREFIX = "anthropic-ratelimit"


def test_every_limit_is_read() -> None:
    """Requests, input and output tokens, each with what remains (D3)."""
    headers = {}
    for name, limit, remaining in (("requests", 50, 49), ("input-tokens", 30_000, 29_000), ("output-tokens", 8_000, 0)):
        headers[f"{PREFIX}-{name}-limit"] = str(limit)
        headers[f"{PREFIX}-{name}-remaining"] = str(remaining)
        headers[f"{PREFIX}-{name}-reset"] = "2025-08-21T12:40:59Z"

    assert readings(headers) == (
        LimitReading(LimitKind.REQUESTS, 50, 49),
        LimitReading(LimitKind.INPUT_TOKENS, 30_000, 29_000),
        LimitReading(LimitKind.OUTPUT_TOKENS, 8_000, 0),
    )


def test_without_headers_there_is_nothing_to_read() -> None:
    """The tightest of all token limits, which is told too, says nothing about one of them."""
    assert readings({}) == ()
    assert readings({f"{PREFIX}-tokens-limit": "5", f"{PREFIX}-tokens-remaining": "5"}) == ()


@pytest.mark.parametrize(
    ("limit", "remaining"), [("many", "5"), ("5", None), ("5", "few"), ("0", "0"), ("-5", "0"), ("5", "-1"), ("", "1")]
)
def test_what_makes_no_sense_is_ignored(limit: str, remaining: str | None) -> None:
    """A proxy's odd header must not stop a run."""
    headers = {f"{PREFIX}-requests-limit": limit}
    if remaining is not None:
        headers[f"{PREFIX}-requests-remaining"] = remaining

    assert readings(headers) == ()
