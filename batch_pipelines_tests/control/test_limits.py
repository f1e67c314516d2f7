"""Limits as the settings ask for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from batch_pipelines.control.limits import limiter
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import rate_limits
from batch_pipelines.settings import ProviderName, Settings
from batch_pipelines_tests.clock import ManualClock

SIZE = TokenProfile(input_tokens=1, output_tokens=1)
SECRET = "sk-ant-secret"


async def scopes_after_a_call(ledger: Ledger, clock: ManualClock, **fields: Any) -> set[str]:
    """Whose limits the ledger knows once a call started."""
    limits = limiter(Settings(requests_per_minute=60, **fields), ledger, clock)
    async with asyncio.timeout(5):
        while limits.admit("model", SIZE):
            await asyncio.sleep(0.01)
    await limits.close()
    with reading(ledger._engine) as connection:
        return set(connection.execute(rate_limits.select().with_only_columns(rate_limits.c.scope)).scalars())


async def test_limits_are_shared_by_key_and_model(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """The same key is the same scope, another key is another, and no key can be read in the ledger (D3)."""
    real: dict[str, Any] = {"provider": ProviderName.ANTHROPIC}
    for key in (SECRET, f"{SECRET}\n", "sk-ant-other"):
        clock.advance(120)
        scopes = await scopes_after_a_call(sqlite_ledger, clock, anthropic_api_key=SecretStr(key), **real)

    assert len(scopes) == 2
    assert all(scope.startswith("anthropic:") and scope.endswith(":model") for scope in scopes)
    assert not any(SECRET in scope for scope in scopes)


async def test_a_simulated_provider_has_limits_of_its_own(
    sqlite_ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """A rehearsal takes nothing from the real key, and each server stands for itself."""
    for fields in ({}, {"anthropic_base_url": "http://127.0.0.1:1"}, {"anthropic_base_url": "http://127.0.0.1:2"}):
        clock.advance(120)
        settings: dict[str, Any] = {"anthropic_api_key": SecretStr(SECRET), **fields}
        scopes = await scopes_after_a_call(sqlite_ledger, clock, **settings)

    assert len(scopes) == 3
    assert all(scope.startswith("simulated:") for scope in scopes)
