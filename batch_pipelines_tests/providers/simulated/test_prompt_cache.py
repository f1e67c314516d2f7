"""The prompt cache as it is billed."""

from __future__ import annotations

from typing import Any

from batch_pipelines_tests.providers.conftest import Serve
from batch_pipelines_tests.providers.simulated.conftest import Call, message_body


def cached(text: str) -> list[dict[str, Any]]:
    """A system prompt that ends in a cache breakpoint."""
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


async def test_a_cached_prefix_is_written_once_and_then_read(serve: Serve, call: Call) -> None:
    """The first request with a prefix pays for writing it, later ones for reading it; the sum is the count."""
    url = await serve()

    async def usage(prompt: str, system: str) -> dict[str, int]:
        body = message_body(prompt, system=cached(system))
        reply = await call("POST", f"{url}/v1/messages", body)
        counted = await call("POST", f"{url}/v1/messages/count_tokens", body)
        used: dict[str, int] = reply.body["usage"]
        parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        assert sum(used[part] for part in parts) == counted.body["input_tokens"]
        return used

    first, second, other = await usage("a" * 400, "s" * 4000), await usage("b" * 400, "s" * 4000), await usage("b", "t")

    assert first["cache_read_input_tokens"] == 0
    assert 900 < first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] < 1100
    assert second["cache_creation_input_tokens"] == 0
    assert other["cache_read_input_tokens"] == 0


async def test_cache_control_at_the_top_marks_the_last_block(serve: Serve, call: Call) -> None:
    """Then the whole input is the prefix; a longer conversation reads what the shorter one wrote."""
    url = await serve()
    turns = [{"role": role, "content": role * 50} for role in ("user", "assistant", "user")]
    mark: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}

    first = await call("POST", f"{url}/v1/messages", message_body(messages=turns[:1], **mark))
    marked = [{"role": "user", "content": [{"type": "text", "text": "user" * 50, **mark}]}, *turns[1:]]
    second = await call("POST", f"{url}/v1/messages", message_body(messages=marked, **mark))

    assert first.body["usage"]["input_tokens"] == second.body["usage"]["input_tokens"] == 0
    assert first.body["usage"]["cache_creation_input_tokens"] > 0
    assert second.body["usage"]["cache_read_input_tokens"] > 0
    assert second.body["usage"]["cache_creation_input_tokens"] > 0


async def test_nothing_is_cached_unasked(serve: Serve, call: Call) -> None:
    """Without cache_control every input token is an ordinary one."""
    url = await serve()
    for _ in range(2):
        usage = (await call("POST", f"{url}/v1/messages", message_body())).body["usage"]
        assert usage["cache_read_input_tokens"] == usage["cache_creation_input_tokens"] == 0
