"""What the simulated server refuses."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.providers.conftest import Ask, Connect, Serve
from batch_pipelines_tests.providers.simulated.conftest import Call, message_body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages.0.role"),
        ({"messages": [{"role": "system", "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "user role"),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "prefill"),
        ({"system": 5}, "system"),
        ({"tools": ["t"]}, "tools"),
        ({"temperature": 0}, "temperature"),
        ({"top_p": 0.5}, "top_p"),
        ({"top_k": 5}, "top_k"),
    ],
)
async def test_invalid_requests_are_refused_as_by_the_real_server(
    serve: Serve, call: Call, change: dict[str, Any], message: str
) -> None:
    """Status 400, the protocol's error body, the field's name, and nothing billed."""
    url = await serve()

    reply = await call("POST", f"{url}/v1/messages", message_body(**change))

    assert reply.status == 400
    assert reply.body["error"]["type"] == "invalid_request_error"
    assert message in reply.body["error"]["message"]
    assert reply.body["request_id"] == reply.headers["request-id"]
    assert (await asyncio.to_thread(stats, url))["answered"] == 0


@pytest.mark.parametrize("field", ["model", "max_tokens", "messages"])
async def test_required_fields_are_required(serve: Serve, call: Call, field: str) -> None:
    """A missing field is named."""
    body = {name: value for name, value in message_body().items() if name != field}

    reply = await call("POST", f"{await serve()}/v1/messages", body)

    assert (reply.status, reply.body["error"]["message"]) == (400, f"{field}: Field required")


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b""])
async def test_a_body_that_is_no_json_object_is_refused(serve: Serve, call: Call, raw: bytes) -> None:
    """Status 400, whatever the bytes."""
    assert (await call("POST", f"{await serve()}/v1/messages", raw)).status == 400


async def test_a_body_over_32_megabytes_is_too_large(serve: Serve, call: Call) -> None:
    """Status 413, as the real server."""
    reply = await call("POST", f"{await serve()}/v1/messages", io.BytesIO(b" " * (33 * 1024 * 1024)))

    assert (reply.status, reply.body["error"]["type"]) == (413, "request_too_large")


async def test_input_over_the_context_is_refused(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The provider says how many tokens there were and how many fit."""
    provider = connect(await serve(context_tokens=100))

    with pytest.raises(ProviderError) as caught:
        await provider.complete(ask("x" * 404))

    assert caught.value.category is ErrorCategory.CONTEXT_WINDOW
    assert caught.value.message == "prompt is too long: 101 tokens > 100 maximum"
    await provider.complete(ask("x" * 400))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer right"}, 200),
        ({"x_api_key": "right"}, 200),
        ({"authorization": "Bearer wrong"}, 401),
        ({}, 401),
    ],
)
@pytest.mark.parametrize("path", ["messages", "messages/count_tokens"])
async def test_a_required_key_keeps_others_out(
    serve: Serve, call: Call, path: str, headers: dict[str, str], status: int
) -> None:
    """Both ways of sending a key are understood."""
    url = await serve(required_key="right")

    reply = await call("POST", f"{url}/v1/{path}", message_body(), **headers)

    assert reply.status == status
    if status == 401:
        assert reply.body["error"]["type"] == "authentication_error"
