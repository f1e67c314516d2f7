"""The adapter of embeddings over real HTTP."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.base import CompletionRequest, EmbeddingRequest
from batch_pipelines.providers.embeddings import EmbeddingsProvider, api_root, vector_text
from batch_pipelines.providers.simulated.process import log
from batch_pipelines.providers.simulated.server import start
from batch_pipelines_tests.providers.conftest import Serve

C = ErrorCategory
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REQUEST = EmbeddingRequest("voyage-4", "rain on the roof", 10.0)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Embed = Callable[..., EmbeddingsProvider]
Answer = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def embed() -> AsyncIterator[Embed]:
    """Makes adapters for an address, and closes them."""
    providers = []

    def connect(url: str, key: str | None = "sk-secret") -> EmbeddingsProvider:
        providers.append(EmbeddingsProvider(url, key, 10, now=lambda: NOW))
        return providers[-1]

    yield connect
    for provider in providers:
        await provider.close()


@pytest.fixture
async def answer() -> AsyncIterator[Answer]:
    """Starts a server whose only route is the given handler."""
    runners = []

    async def start_one(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner, url = await start(app, 0, shutdown_seconds=0.1)
        runners.append(runner)
        return url

    yield start_one
    for runner in runners:
        await runner.cleanup()


def replying(status: int = 200, body: Any = None, **headers: str) -> Handler:
    """A handler that always answers this."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def reply(_: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=named)

    return reply


def vectors(*numbers: float, **fields: Any) -> dict[str, Any]:
    """The body of an answer with one vector."""
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    return {"data": [{"index": 0, "embedding": list(numbers)}], "model": "voyage-4", "usage": usage, **fields}


async def failure(provider: EmbeddingsProvider, request: Any = REQUEST) -> ProviderError:
    """The error that a call ends with."""
    with pytest.raises(ProviderError) as caught:
        await provider.complete(request)
    return caught.value


async def test_a_vector_comes_with_its_usage_and_says_that_it_is_simulated(serve: Serve, embed: Embed) -> None:
    """Everything that the ledger needs comes with it (B4)."""
    completion = await embed(await serve(embedding_dimensions=32)).complete(REQUEST)

    vector = json.loads(completion.text)
    assert len(vector) == 32
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)
    assert completion.usage == Usage(input_tokens=4)
    assert (completion.model, completion.stop_reason, completion.simulated) == ("voyage-4", None, True)
    assert (completion.request_id or "").startswith("req_")


async def test_a_call_sends_model_and_text_and_nothing_else(answer: Answer, embed: Embed) -> None:
    """The key goes as a bearer token, and nowhere where there is none."""
    seen = []

    async def echo(http: web.Request) -> web.StreamResponse:
        seen.append((http.path, await http.json(), http.headers.get("authorization")))
        return web.json_response(vectors(0.5))

    url = await answer(echo)
    completion = await embed(url, " sk-1\n").complete(REQUEST)
    await embed(f"{url}/v1", None).complete(REQUEST)

    body = {"model": "voyage-4", "input": "rain on the roof"}
    assert seen == [("/v1/embeddings", body, "Bearer sk-1"), ("/v1/embeddings", body, None)]
    assert not completion.simulated


@pytest.mark.parametrize(
    ("written", "root"),
    [
        ("http://h", "http://h/v1"),
        ("http://h/", "http://h/v1"),
        ("http://h/v1", "http://h/v1"),
        ("http://h/v1/embeddings/", "http://h/v1"),
        ("http://h/api", "http://h/api/v1"),
    ],
)
def test_an_address_is_taken_however_it_is_written(written: str, root: str) -> None:
    """Vendors' documentation gives any of these."""
    assert api_root(written) == root


def test_a_vector_is_written_as_short_as_it_is_exact() -> None:
    """Seven digits are what a float of 32 bits has; the text is JSON and compact."""
    assert vector_text([0.1, -0.0123456789, 1.0, 1e-9, 0.0]) == "[0.1,-0.01234568,1,1e-09,0]"


@pytest.mark.parametrize(
    ("status", "body", "category"),
    [
        (400, {"error": {"message": "no such field", "code": None}}, C.INVALID_REQUEST),
        (400, {"error": {"message": "This model's maximum context length is 8192 tokens"}}, C.CONTEXT_WINDOW),
        (400, {"detail": "The example at index 0 has too many tokens"}, C.CONTEXT_WINDOW),
        (401, {"error": {"message": "Incorrect API key provided: sk-secret"}}, C.AUTHENTICATION),
        (402, {"error": "pay first"}, C.SPEND_LIMIT),
        (403, {"detail": "forbidden"}, C.PERMISSION),
        (404, "<html>nothing here</html>", C.INVALID_REQUEST),
        (429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, C.RATE_LIMIT),
        (429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, C.SPEND_LIMIT),
        (500, "", C.SERVER_ERROR),
        (502, "[]", C.SERVER_ERROR),
        (503, "null", C.SERVER_ERROR),
        (504, {"error": {"message": None}}, C.TIMEOUT),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, C.OVERLOADED),
        (204, "", C.INVALID_RESPONSE),
    ],
)
async def test_refusals_have_the_category_that_says_what_to_do(
    answer: Answer, embed: Embed, status: int, body: Any, category: ErrorCategory
) -> None:
    """Whatever shape the error has, and never with the key in it (D4, G3)."""
    error = await failure(embed(await answer(replying(status, body, x_request_id="r7"))))

    assert (error.category, error.http_status, error.request_id) == (category, status, "r7")
    assert error.message
    assert "sk-secret" not in str(error)


async def test_how_long_to_wait_is_read_off_the_refusal(answer: Answer, embed: Embed) -> None:
    """In seconds, or as a date."""
    told = [{"retry_after": "7"}, {"retry_after": "Sun, 22 Nov 2026 12:00:30 GMT"}, {}]

    waits = [(await failure(embed(await answer(replying(429, {}, **headers))))).retry_after_seconds for headers in told]

    assert waits == [7, 30, None]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "<html>",
        "null",
        "[]",
        {},
        vectors(),
        vectors(0.5, usage=None),
        vectors(0.5, data=[]),
        vectors(0.5, data=[{"embedding": "AAAA"}]),
        vectors(0.5, data=[{"embedding": [1]}, {"embedding": [2]}]),
        '{"data": [{"embedding": [NaN]}], "usage": {"total_tokens": 1}}',
        vectors(0.5, usage={"total_tokens": -1}),
    ],
)
async def test_a_200_without_a_vector_is_an_invalid_response(answer: Answer, embed: Embed, body: Any) -> None:
    """It may have been paid for, and nothing of it goes into the message."""
    error = await failure(embed(await answer(replying(200, body))))

    assert (error.category, error.http_status) == (C.INVALID_RESPONSE, 200)
    assert error.message.startswith("the answer could not be read: ")


async def test_an_answer_that_takes_too_long_is_a_timeout(serve: Serve, embed: Embed) -> None:
    """Within the time of the call, however slowly it comes."""
    provider = embed(await serve(latency_mean_seconds=5, latency_sigma=0))

    error = await failure(provider, EmbeddingRequest("voyage-4", "rain", 0.1))

    assert error.category is C.TIMEOUT


async def test_a_body_that_drips_is_a_timeout_too(answer: Answer, embed: Embed) -> None:
    """Each read is quick, the whole is not."""

    async def drip(http: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(http)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    error = await failure(embed(await answer(drip)), EmbeddingRequest("voyage-4", "rain", 0.2))

    assert error.category is C.TIMEOUT


@pytest.mark.parametrize(
    ("fault", "category"),
    [
        ("rate_limit", C.RATE_LIMIT),
        ("overloaded", C.OVERLOADED),
        ("server_error", C.SERVER_ERROR),
        ("dropped_connection", C.CONNECTION),
        ("malformed_body", C.INVALID_RESPONSE),
        ("half_sent_body", C.CONNECTION),
    ],
)
async def test_every_fault_of_the_simulation_ends_in_its_category(
    serve: Serve, embed: Embed, fault: str, category: ErrorCategory
) -> None:
    """And the next attempt succeeds, as nothing is retried inside (D4)."""
    provider = embed(await serve(faults={fault: 1.0}))

    error = await failure(provider)

    assert error.category is category
    assert (await provider.complete(REQUEST)).text.startswith("[")


@pytest.mark.parametrize("fault", ["refusal", "max_tokens"])
async def test_a_vector_is_neither_refused_nor_cut(serve: Serve, embed: Embed, fault: str) -> None:
    """Faults that only a text can have pass it by, and its log."""
    url = await serve(faults={fault: 1.0})

    assert (await embed(url).complete(REQUEST)).text.startswith("[")
    assert [entry["fault"] for entry in await asyncio.to_thread(log, url)] == [None]


async def test_nobody_there_is_a_connection_error(embed: Embed, unused_tcp_port: int) -> None:
    """For a call and for the check."""
    provider = embed(f"http://127.0.0.1:{unused_tcp_port}")

    assert (await failure(provider)).category is C.CONNECTION
    with pytest.raises(ProviderError) as caught:
        await provider.check()
    assert caught.value.category is C.CONNECTION


async def test_the_check_proves_the_key_for_nothing(serve: Serve, answer: Answer, embed: Embed) -> None:
    """A server without a list of models passes as well, one that refuses the key does not."""
    url = await serve(required_key="right")

    await embed(url, "right").check()
    await embed(await answer(replying(404, {}))).check()
    with pytest.raises(ProviderError) as caught:
        await embed(url, "wrong").check()
    assert caught.value.category is C.AUTHENTICATION


async def test_a_prompt_is_not_for_it(embed: Embed) -> None:
    """It says who answers prompts."""
    error = await failure(embed("http://127.0.0.1:9"), CompletionRequest("m", None, "Hello", 10, 1.0))

    assert error.category is C.INVALID_REQUEST
    assert "BATCH_PIPELINES_PROVIDER" in error.message


async def test_a_text_longer_than_the_context_is_the_items_fault(serve: Serve, embed: Embed) -> None:
    """The simulation says it as a real server does."""
    error = await failure(embed(await serve(context_tokens=3)))

    assert error.category is C.CONTEXT_WINDOW
