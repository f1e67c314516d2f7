"""Raw requests to the simulated server, below any SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from typing import Any, NamedTuple

import aiohttp
import pytest


class Reply(NamedTuple):
    """A response, read whole."""

    status: int
    body: Any
    headers: dict[str, str]


Call = Callable[..., Awaitable[Reply]]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """Sends one request: method, address, JSON body, headers."""
    async with aiohttp.ClientSession() as session:

        async def send(method: str, url: str, body: Any = None, **headers: str) -> Reply:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            data = {"data": body} if isinstance(body, bytes | BytesIO) else {"json": body}
            async with session.request(method, url, headers=named, **data) as response:
                return Reply(
                    response.status,
                    await response.json(content_type=None),
                    {name.lower(): value for name, value in response.headers.items()},
                )

        yield send


def message_body(prompt: str = "Say something about rain.", **fields: Any) -> dict[str, Any]:
    """The body of a request for a message."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 8000, "messages": [{"role": "user", "content": prompt}]}
    return {**body, **fields}


def brief(tier: str = "template", topic: str = "Technology") -> str:
    """A prompt for a conversation."""
    return f"Tier: {tier}\nPersona: Expert\nEmotion: Enthusiastic\nTopic: {topic}"
