"""Whom the settings connect to, and what they say when nobody answers there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from batch_pipelines.control.connection import check_provider, connector
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.providers.base import Completion, CompletionRequest, EmbeddingRequest, Request
from batch_pipelines.providers.by_kind import ProviderByKind
from batch_pipelines.providers.simulated.process import log
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines.settings import EmbeddingsProviderName, ProviderName, Settings
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.control.plain_server import PlainServer

UNUSED = "http://127.0.0.1:9"


def _settings(provider: ProviderName = ProviderName.SIMULATED, **fields: Any) -> Settings:
    return Settings(provider=provider, **fields)


@pytest.mark.parametrize("key", [None, ""])
def test_the_real_provider_needs_a_key(key: str | None) -> None:
    """Said before anything is made."""
    with pytest.raises(InvalidInput, match=r"^ANTHROPIC_API_KEY is missing; set it, or set BATCH_PIPELINES_PROVIDER"):
        check_provider(_settings(ProviderName.ANTHROPIC, anthropic_api_key=key))


@pytest.mark.parametrize(
    ("provider", "kind"), [(ProviderName.SIMULATED, SimulatedProvider), (ProviderName.ANTHROPIC, ProviderByKind)]
)
def test_the_provider_is_the_one_that_is_set(simulate: Simulate, provider: ProviderName, kind: type) -> None:
    """Whatever key lies in the environment."""
    settings = _settings(provider, anthropic_api_key="sk-1", anthropic_base_url=simulate().url)

    async def connected() -> type:
        made = connector(settings)()
        await made.close()
        return type(made)

    assert asyncio.run(connected()) is kind


@pytest.mark.parametrize("provider", ProviderName)
def test_a_provider_that_answers_passes(simulate: Simulate, provider: ProviderName) -> None:
    """With one free call."""
    check_provider(_settings(provider, anthropic_api_key="sk-1", anthropic_base_url=simulate(required_key=None).url))


def test_a_simulation_of_its_own_needs_no_check() -> None:
    """Nothing runs yet that could be asked, and an address elsewhere is not for it."""
    check_provider(_settings())
    check_provider(_settings(anthropic_base_url="http://192.0.2.1"))


def test_a_refused_key_is_named(simulate: Simulate) -> None:
    """And its value is not shown (G3)."""
    url = simulate(required_key="the right one").url

    with pytest.raises(InvalidInput) as refused:
        check_provider(_settings(ProviderName.ANTHROPIC, anthropic_api_key="sk-wrong", anthropic_base_url=url))

    assert str(refused.value).startswith("ANTHROPIC_API_KEY: '(set)' is not accepted: ")
    assert "sk-wrong" not in str(refused.value)


@pytest.mark.parametrize("provider", ProviderName)
def test_an_address_where_nobody_answers_is_named(provider: ProviderName) -> None:
    """With what can be done about it."""
    with pytest.raises(InvalidInput) as refused:
        check_provider(_settings(provider, anthropic_api_key="sk-1", anthropic_base_url=UNUSED))

    assert (refused.value.field, refused.value.value) == ("ANTHROPIC_BASE_URL", UNUSED)
    assert "correct or unset it" in str(refused.value)


def test_another_server_is_no_simulation() -> None:
    """A server on loopback that does not say it is simulated might spend money: it is not shown the key."""
    complaint = "is not a simulated provider; set BATCH_PIPELINES_PROVIDER=anthropic"
    with PlainServer() as server, pytest.raises(InvalidInput, match=complaint):
        check_provider(_settings(anthropic_api_key="sk-1", anthropic_base_url=server.url))

    assert server.requests
    assert not any("sk-1" in request for request in server.requests)


PROMPT = CompletionRequest("claude-haiku-5-5", None, "Say something about rain.", 100, 10.0)
TEXT = EmbeddingRequest("voyage-4", "rain", 10.0)


def answers(settings: Settings, *requests: Request) -> list[Completion]:
    """What the provider of these settings answers."""

    async def asked() -> list[Completion]:
        provider = connector(settings)()
        try:
            return [await provider.complete(request) for request in requests]
        finally:
            await provider.close()

    return asyncio.run(asked())


def test_both_kinds_of_calls_go_to_the_simulation(simulate: Simulate) -> None:
    """Whatever is set for embeddings: a rehearsal never leaves the machine."""
    server = simulate()
    settings = _settings(
        anthropic_base_url=server.url, embeddings_provider="endpoint", embeddings_url=UNUSED, embeddings_api_key="sk-2"
    )

    made = answers(settings, PROMPT, TEXT)

    assert [each.simulated for each in made] == [True, True]
    assert [entry["kind"] for entry in log(server.url)] == ["message", "embedding"]


def test_embeddings_beside_real_answers_are_simulated_unless_asked_for(simulate: Simulate) -> None:
    """They come from a server of their own, say so, and the real address is not asked for them."""
    real = simulate()

    [vector] = answers(_settings(ProviderName.ANTHROPIC, anthropic_api_key="sk-1", anthropic_base_url=real.url), TEXT)

    assert vector.simulated
    assert log(real.url) == []


def test_an_endpoint_serves_embeddings_alone(simulate: Simulate) -> None:
    """With its own address and key, and the answers come from where they came from before."""
    real, endpoint = simulate(required_key="sk-1"), simulate(required_key="sk-2")
    settings = _settings(
        ProviderName.ANTHROPIC,
        anthropic_api_key="sk-1",
        anthropic_base_url=real.url,
        embeddings_provider=EmbeddingsProviderName.ENDPOINT,
        embeddings_url=f"{endpoint.url}/v1",
        embeddings_api_key="sk-2",
    )

    check_provider(settings)
    answers(settings, PROMPT, TEXT)

    assert [entry["kind"] for entry in log(real.url)] == ["message"]
    assert [entry["kind"] for entry in log(endpoint.url)] == ["embedding"]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "BATCH_PIPELINES_EMBEDDINGS_URL is missing"),
        ({"embeddings_url": UNUSED}, "BATCH_PIPELINES_EMBEDDINGS_URL: 'http://127.0.0.1:9' cannot be used"),
        ({"embeddings_api_key": "sk-wrong"}, "BATCH_PIPELINES_EMBEDDINGS_API_KEY: '(set)' is not accepted"),
        ({"embeddings_api_key": None}, "BATCH_PIPELINES_EMBEDDINGS_API_KEY is missing"),
    ],
)
def test_a_setting_of_the_endpoint_that_is_wrong_is_named(
    simulate: Simulate, fields: dict[str, Any], complaint: str
) -> None:
    """Before anything is made, and without the key (G3)."""
    endpoint = simulate(required_key="sk-2").url
    known = {"embeddings_url": endpoint} if "embeddings_api_key" in fields else {}
    settings = _settings(
        ProviderName.ANTHROPIC,
        anthropic_api_key="sk-1",
        anthropic_base_url=simulate().url,
        embeddings_provider="endpoint",
        **known,
        **fields,
    )

    with pytest.raises(InvalidInput) as refused:
        check_provider(settings)

    assert str(refused.value).startswith(complaint)
    assert "sk-wrong" not in str(refused.value)
