"""The adapter over real HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.anthropic import AnthropicProvider
from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines.providers.simulated.server import start
from batch_pipelines_tests.providers.conftest import Ask, Connect, Serve

C = ErrorCategory
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = Callable[[Handler], Awaitable[str]]

BRIEF = "Tier: template\nPersona: Expert\nEmotion: Enthusiastic\nTopic: Technology"


@pytest.fixture
async def answer() -> AsyncIterator[Answer]:
    """Starts a server whose only route is the given handler."""
    runners = []

    async def start_one(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner, url = await start(app, 0)
        runners.append(runner)
        return url

    yield start_one
    for runner in runners:
        await runner.cleanup()


async def failure(provider: AnthropicProvider, request: CompletionRequest) -> ProviderError:
    """The error that a call ends with."""
    with pytest.raises(ProviderError) as caught:
        await provider.complete(request)
    return caught.value


async def test_a_completion_carries_text_usage_and_where_it_came_from(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Everything that the ledger needs comes with the answer."""
    completion = await connect(await serve()).complete(ask(BRIEF, system="You write conversations."))

    assert completion.text.startswith("Expert: ")
    assert completion.model == "claude-sonnet-5-5"
    assert completion.stop_reason == "end_turn"
    assert completion.usage.output_tokens > 2000
    assert (completion.request_id or "").startswith("req_")
    assert completion.simulated


async def test_a_call_sends_the_prompt_and_the_system_prompt_and_nothing_else(answer: Answer, ask: Ask) -> None:
    """No sampling parameter, no system prompt where there is none, and the key as a bearer token."""
    seen = []

    async def echo(http: web.Request) -> web.StreamResponse:
        seen.append((await http.json(), http.headers["authorization"]))
        return web.json_response(message())

    provider = AnthropicProvider(" sk-1\n", await answer(echo), 1)
    await provider.complete(ask("Hello"))
    await provider.complete(ask("Hello", system="Be brief."))
    await provider.close()

    plain = {"model": "claude-sonnet-5-5", "max_tokens": 8000, "messages": [{"role": "user", "content": "Hello"}]}
    assert seen == [(plain, "Bearer sk-1"), ({**plain, "system": "Be brief."}, "Bearer sk-1")]


def message(**fields: object) -> dict[str, object]:
    """A message of the protocol without cache fields."""
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": None}
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "one "},
        {"type": "text", "text": "two"},
    ]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    return {**head, "content": content, "usage": usage, **fields}


async def test_text_blocks_are_joined_and_absent_cache_fields_are_none_billed(
    answer: Answer, connect: Connect, ask: Ask
) -> None:
    """Blocks of other types are no part of the text; a cache field of null bills nothing; nothing says simulated."""

    async def plain(_: web.Request) -> web.StreamResponse:
        return web.json_response(message(), headers={"request-id": "req_7"})

    completion = await connect(await answer(plain)).complete(ask())

    assert completion.text == "one two"
    assert completion.usage == Usage(input_tokens=5, output_tokens=2)
    assert completion.request_id == "req_7"
    assert not completion.simulated


async def test_cache_tokens_are_apart_from_input_tokens(answer: Answer, connect: Connect, ask: Ask) -> None:
    """Input tokens exclude what the cache read and wrote, as the provider bills them."""
    usage = {
        "input_tokens": 5,
        "output_tokens": 2,
        "cache_read_input_tokens": 70,
        "cache_creation_input_tokens": 30,
    }

    async def cached(_: web.Request) -> web.StreamResponse:
        return web.json_response(message(usage=usage))

    completion = await connect(await answer(cached)).complete(ask())

    assert completion.usage == Usage.model_validate(usage)
    assert completion.usage.total_input_tokens == 105


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"id": "msg_1", "content": [{"ty', "application/json"),
        ("<html>welcome to the gateway</html>", "text/html"),
        ("{}", "application/json"),
        ("[]", "application/json"),
        ("null", "application/json"),
        ("", "application/json"),
        ('{"usage": {"input_tokens": 1, "output_tokens": 1}, "content": null, "model": "m"}', "application/json"),
        ('{"usage": {"input_tokens": null, "output_tokens": 1}, "content": [], "model": "m"}', "application/json"),
    ],
)
async def test_a_200_that_is_no_message_is_an_invalid_response(
    answer: Answer, connect: Connect, ask: Ask, body: str, content_type: str
) -> None:
    """What cannot be read is refused, whatever its content type says, and its request id is kept (D4)."""

    async def strange(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type=content_type, headers={"request-id": "req_8"})

    error = await failure(connect(await answer(strange)), ask())

    assert (error.category, error.request_id) == (C.INVALID_RESPONSE, "req_8")


@pytest.mark.parametrize(
    ("fault", "category", "status", "retry_after"),
    [
        ("rate_limit", C.RATE_LIMIT, 429, 1.0),
        ("overloaded", C.OVERLOADED, 529, None),
        ("server_error", C.SERVER_ERROR, 500, None),
        ("dropped_connection", C.CONNECTION, None, None),
        ("half_sent_body", C.CONNECTION, None, None),
        ("malformed_body", C.INVALID_RESPONSE, 200, None),
    ],
)
async def test_passing_faults_are_errors_of_their_category_and_then_pass(
    serve: Serve, connect: Connect, ask: Ask, fault: str, category: ErrorCategory, status: int, retry_after: float
) -> None:
    """Each fault hits as many attempts as configured, is not retried inside, and the next attempt succeeds (D4)."""
    url = await serve(faults={fault: 1.0}, fault_attempts=2)
    provider = connect(url)

    for _ in range(2):
        error = await failure(provider, ask())
        assert (error.category, error.http_status, error.retry_after_seconds) == (category, status, retry_after)
    assert (await provider.complete(ask())).stop_reason == "end_turn"

    assert (await asyncio.to_thread(stats, url))["message_requests"] == 3


@pytest.mark.parametrize(("fault", "has_text"), [("refusal", False), ("max_tokens", True)])
async def test_refusals_and_cut_answers_are_completions(
    serve: Serve, connect: Connect, ask: Ask, fault: str, has_text: bool
) -> None:
    """They are billed, and whether they are good enough is for the engine to judge."""
    provider = connect(await serve(faults={fault: 1.0}))

    for _ in range(2):
        completion = await provider.complete(ask(BRIEF))
        assert completion.stop_reason == fault
        assert bool(completion.text) is has_text
        assert completion.usage.output_tokens > 0


async def test_a_wrong_key_is_an_authentication_error(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Both the free check and a call say so, without repeating the key (G3)."""
    provider = connect(await serve(required_key="right"), "sk-wrong-key")

    error = await failure(provider, ask())
    with pytest.raises(ProviderError) as caught:
        await provider.check()

    assert [error.category, caught.value.category] == [C.AUTHENTICATION] * 2
    assert "sk-wrong-key" not in f"{error}{caught.value}"


async def test_the_right_key_passes_the_check_without_a_message(serve: Serve, connect: Connect) -> None:
    """The check is a free call (C1)."""
    url = await serve(required_key="right")

    await connect(url, "right").check()

    assert await asyncio.to_thread(log, url) == []


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_a_model_list_counts_as_reachable(answer: Answer, connect: Connect, status: int) -> None:
    """Servers that speak only the Messages API pass the check."""

    async def bare(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    await connect(await answer(bare)).check()


async def test_a_failing_model_list_fails_the_check(answer: Answer, connect: Connect) -> None:
    """Any other status is an error."""

    async def broken(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    with pytest.raises(ProviderError) as caught:
        await connect(await answer(broken)).check()
    assert caught.value.category is C.SERVER_ERROR


async def test_an_address_where_nobody_listens_is_a_connection_error(
    connect: Connect, ask: Ask, unused_tcp_port: int
) -> None:
    """The check and a call both say who was not reached."""
    provider = connect(f"http://127.0.0.1:{unused_tcp_port}")

    error = await failure(provider, ask())
    with pytest.raises(ProviderError) as caught:
        await provider.check()

    assert [error.category, caught.value.category] == [C.CONNECTION] * 2
    assert str(unused_tcp_port) in error.message


async def test_a_call_ends_when_its_time_is_over(serve: Serve, connect: Connect, ask: Ask) -> None:
    """An answer that takes too long is a timeout (D4)."""
    provider = connect(await serve(latency_mean_seconds=5, latency_sigma=0))

    error = await failure(provider, ask(timeout_seconds=0.1))

    assert error.category is C.TIMEOUT


async def test_an_answer_that_only_drips_meets_the_time_limit_too(answer: Answer, connect: Connect, ask: Ask) -> None:
    """The limit is for the whole call, not for each read (D4)."""

    async def drip(http: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(http)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    error = await failure(connect(await answer(drip)), ask(timeout_seconds=0.3))

    assert error.category is C.TIMEOUT


async def test_no_error_leads_back_to_one_that_may_hold_the_key(
    connect: Connect, ask: Ask, unused_tcp_port: int
) -> None:
    """The vendor's error has the request with its headers, so it is not chained (G3)."""
    error = await failure(connect(f"http://127.0.0.1:{unused_tcp_port}"), ask())

    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_calls_run_side_by_side(serve: Serve, connect: Connect, ask: Ask) -> None:
    """As many calls are in flight as there are connections, and no more (D2)."""
    url = await serve(latency_mean_seconds=0.1, latency_sigma=0)
    provider = connect(url)

    await asyncio.gather(*(provider.complete(ask(f"Item {number}")) for number in range(25)))

    assert (await asyncio.to_thread(stats, url))["peak_in_flight"] == 10


async def test_the_environment_is_not_read(
    serve: Serve, connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Address, key and proxy of the environment do not touch a provider on loopback."""
    elsewhere = f"http://127.0.0.1:{unused_tcp_port}"
    for name in ("ANTHROPIC_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-environment")
    monkeypatch.delenv("NO_PROXY", raising=False)
    url = await serve(required_key="sk-argument")

    assert (await connect(url, "sk-argument").complete(ask())).text
    assert AnthropicProvider("k", None, 1)._client.base_url.host == "api.anthropic.com"


def test_nothing_but_the_adapter_loads_the_sdk() -> None:
    """The SDK takes over a second to import, so the package and the simulated server do without it."""
    heavy = "{'anthropic', 'dagster', 'pandas', 'httpx2'}"
    modules = ["base", "simulated.command", "simulated.process"]
    imports = "; ".join(f"import batch_pipelines.providers.{module}" for module in modules)
    script = f"{imports}; import sys; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", script], check=True)
