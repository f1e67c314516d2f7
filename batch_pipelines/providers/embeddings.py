"""Vectors from a server that speaks `POST /v1/embeddings`, as most vendors of embeddings and local servers do.

Nothing is retried here; retries, waiting and limits belong to the engine.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Final

import aiohttp
from pydantic import BaseModel, Field, FiniteFloat, NonNegativeInt, ValidationError

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.addresses import is_on_loopback
from batch_pipelines.providers.anthropic_limits import readings
from batch_pipelines.providers.base import Completion, EmbeddingRequest, Request
from batch_pipelines.providers.embedding_errors import refused, transport_error
from batch_pipelines.providers.http_errors import ANSWERS_WITHOUT_MODEL_LIST

CONNECT_SECONDS: Final = 10.0
"""How long making a connection may take, within the time of the call."""
CHECK_SECONDS: Final = 15.0
SIGNIFICANT_DIGITS: Final = 7
"""Of a number in a vector: what a float of 32 bits, as vendors compute with, has for certain."""
NO_COMPLETIONS: Final = "this server turns texts into vectors and answers no prompts; set BATCH_PIPELINES_PROVIDER"


class EmbeddingsProvider:
    """Serves embeddings from `url`; implements `providers.base.Provider` for that kind of request.

    `url` may end in `/v1` or `/v1/embeddings`, or name the server alone. `api_key` None sends none, as servers on the
    own machine need none. An instance belongs to the event loop of its first call.
    """

    def __init__(self, url: str, api_key: str | None, max_connections: int, *, now: Callable[[], datetime]) -> None:
        # A key read from a file often ends in a line break, which HTTP forbids in a header.
        self._secret = (api_key or "").strip()
        self._root = api_root(url)
        self._max_connections = max_connections
        self._now = now
        self._made: aiohttp.ClientSession | None = None

    async def check(self) -> None:
        """One free call that proves address and key; raises ProviderError."""
        try:
            async with (
                asyncio.timeout(CHECK_SECONDS),
                self._session.get(f"{self._root}/models", timeout=_timeout(CHECK_SECONDS)) as response,
            ):
                body = await response.read()
        except Exception as error:  # noqa: BLE001 - whatever a call raises becomes a ProviderError
            raise transport_error(error, secret=self._secret) from None
        if response.status >= 400 and response.status not in ANSWERS_WITHOUT_MODEL_LIST:
            raise self._refused(response, body)

    async def complete(self, request: Request) -> Completion:
        """The vector of a text, once; raises ProviderError."""
        if not isinstance(request, EmbeddingRequest):
            raise ProviderError(ErrorCategory.INVALID_REQUEST, NO_COMPLETIONS)
        try:
            async with (
                # The client's own timeout bounds connecting; a server that drips its answer would never meet it.
                asyncio.timeout(request.timeout_seconds),
                self._session.post(
                    f"{self._root}/embeddings",
                    json={"model": request.model, "input": request.text},
                    timeout=_timeout(request.timeout_seconds),
                ) as response,
            ):
                body = await response.read()
        except Exception as error:  # noqa: BLE001 - whatever a call raises becomes a ProviderError
            # Without its cause, whose request may hold the key.
            raise transport_error(error, secret=self._secret) from None
        if response.status != 200:
            raise self._refused(response, body)
        try:
            return _completion(request, body, response.headers)
        except ValidationError as error:
            raise _unreadable(error, response.headers) from None

    async def close(self) -> None:
        """Give connections back."""
        if self._made is not None:
            await self._made.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made at the first call, as it takes the event loop that it is made in."""
        if self._made is None:
            self._made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._max_connections),
                headers={"authorization": f"Bearer {self._secret}"} if self._secret else None,
                # A proxy from the environment serves addresses outside this machine only.
                trust_env=not is_on_loopback(self._root),
            )
        return self._made

    def _refused(self, response: aiohttp.ClientResponse, body: bytes) -> ProviderError:
        return refused(response.status, body, response.headers, secret=self._secret, now=self._now())


def api_root(url: str) -> str:
    """The address under which `/embeddings` and `/models` lie, from how people write it."""
    bare = url.rstrip("/").removesuffix("/embeddings")
    return bare if bare.endswith("/v1") else f"{bare}/v1"


def vector_text(vector: list[float]) -> str:
    """A vector as a JSON list, each number as a float of 32 bits holds it, in as few digits as that takes."""
    single = struct.unpack(f"{len(vector)}f", struct.pack(f"{len(vector)}f", *vector))
    return f"[{','.join(f'{number:.{SIGNIFICANT_DIGITS}g}' for number in single)}]"


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=min(seconds, CONNECT_SECONDS))


class _Embedding(BaseModel):
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)]


class _BilledTokens(BaseModel):
    total_tokens: NonNegativeInt


class _Answer(BaseModel):
    """What is needed of the answer; one text was sent, so there is one vector."""

    data: Annotated[list[_Embedding], Field(min_length=1, max_length=1)]
    model: str | None = None
    usage: _BilledTokens


def _completion(request: EmbeddingRequest, body: bytes, headers: Mapping[str, str]) -> Completion:
    """The answer as a value; raises pydantic's ValidationError for a body that has no vector."""
    answer = _Answer.model_validate_json(body)
    return Completion(
        text=vector_text(answer.data[0].embedding),
        model=answer.model or request.model,
        stop_reason=None,
        usage=Usage(input_tokens=answer.usage.total_tokens),
        request_id=request_id(headers),
        simulated=headers.get("x-simulated") == "true",
        limits=readings(headers),
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """What the server calls the request; vendors use either name."""
    return headers.get("request-id") or headers.get("x-request-id")


def _unreadable(error: ValidationError, headers: Mapping[str, str]) -> ProviderError:
    # Without the value that did not fit: it may be a vector of thousands of numbers.
    first = error.errors(include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    message = f"the answer could not be read: {where}: {first['msg']}"
    return ProviderError(ErrorCategory.INVALID_RESPONSE, message, None, request_id(headers), 200)
