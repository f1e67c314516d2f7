"""The rate limits that the settings ask for, and those that providers tell (requirement D3)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.engine.limiter import Limiter, SharedLimits
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import ProviderName, Settings


def limiter(settings: Settings, ledger: Ledger, clock: Callable[[], datetime]) -> Limiter:
    """Holds the limits over all processes that use the same provider and key; belongs to one engine."""
    wanted = {
        LimitKind.REQUESTS: settings.requests_per_minute,
        LimitKind.INPUT_TOKENS: settings.input_tokens_per_minute,
        LimitKind.OUTPUT_TOKENS: settings.output_tokens_per_minute,
    }
    set_limits = {kind: limit for kind, limit in wanted.items() if limit is not None}
    holder = secrets.token_hex(6)
    return SharedLimits(ledger, _account(settings, holder), holder, set_limits, clock)


def _account(settings: Settings, holder: str) -> str:
    """Names provider and key without giving the key away.

    A simulated server stands for its own key, and one that is started for this process for the process.
    """
    if settings.provider is ProviderName.SIMULATED:
        key = settings.simulated_url or holder
    else:
        key = settings.anthropic_api_key.get_secret_value().strip() if settings.anthropic_api_key else ""
    return f"{settings.provider}:{hashlib.sha256(key.encode()).hexdigest()[:12]}"
