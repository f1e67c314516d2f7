"""What the headers of an answer say about limits, read into values (requirement D3)."""

from __future__ import annotations

from collections.abc import Mapping

from batch_pipelines.domain.limits import LimitKind, LimitReading

_NAMES = tuple(
    (kind, f"{prefix}-limit", f"{prefix}-remaining")
    for kind, prefix in (
        (LimitKind.REQUESTS, "anthropic-ratelimit-requests"),
        (LimitKind.INPUT_TOKENS, "anthropic-ratelimit-input-tokens"),
        (LimitKind.OUTPUT_TOKENS, "anthropic-ratelimit-output-tokens"),
    )
)


def readings(headers: Mapping[str, str]) -> tuple[LimitReading, ...]:
    """One reading for each limit whose headers are there and make sense; `headers` ignores case."""
    found = (
        _reading(kind, limit, headers.get(remaining_name))
        for kind, limit_name, remaining_name in _NAMES
        if (limit := headers.get(limit_name)) is not None
    )
    return tuple(reading for reading in found if reading is not None)


def _reading(kind: LimitKind, limit: str, remaining: str | None) -> LimitReading | None:
    """None where limit or remaining is not a whole number, or a limit lets nothing pass."""
    try:
        per_minute, left = int(limit), int(remaining or "")
    except ValueError:
        return None
    if per_minute <= 0 or left < 0:
        return None
    return LimitReading(kind, per_minute, left)
