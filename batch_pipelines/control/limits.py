"""The rate limits that the settings ask for (requirement D3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from batch_pipelines.engine.limiter import Limiter, NoLimits, SharedLimits
from batch_pipelines.ledger.limits import LimitKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings


def limiter(settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> Limiter:
    """Holds the limits over all processes that use the same provider and key."""
    wanted = {
        LimitKind.REQUESTS: settings.requests_per_minute,
        LimitKind.INPUT_TOKENS: settings.input_tokens_per_minute,
        LimitKind.OUTPUT_TOKENS: settings.output_tokens_per_minute,
    }
    per_minute = {kind: limit for kind, limit in wanted.items() if limit is not None}
    if not per_minute:
        return NoLimits()
    return SharedLimits(ledger.take, _scope(settings), per_minute, clock)


def _scope(settings: Settings) -> str:
    """Names provider and key without giving the key away."""
    key = settings.anthropic_api_key.get_secret_value() if settings.anthropic_api_key else ""
    return f"{settings.provider}:{hashlib.sha256(key.encode()).hexdigest()[:12]}"
