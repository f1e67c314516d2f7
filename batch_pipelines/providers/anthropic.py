"""The Anthropic Messages API, through the vendor's SDK on its aiohttp transport.

Importing this module takes over a second, nearly all of it the SDK: import it where a provider is made, and nowhere
else. The SDK never retries here; retries, waiting and limits belong to the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import anthropic
import httpx2
from anthropic import RequestOptions
from pydantic import BaseModel, NonNegativeInt, ValidationError

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.addresses import is_on_loopback
from batch_pipelines.providers.anthropic_errors import provider_error, unreadable
from batch_pipelines.providers.anthropic_limits import readings
from batch_pipelines.providers.base import Completion, CompletionRequest, Request
from batch_pipelines.providers.http_errors import ANSWERS_WITHOUT_MODEL_LIST
from batch_pipelines.providers.output_schema import OutputConfigs

DEFAULT_BASE_URL = "https://api.anthropic.com"
CONNECT_SECONDS = 10.0
"""How long making a connection may take, within the time of the call."""
CHECK_SECONDS = 15.0
NO_EMBEDDINGS = (
    "this provider turns no text into vectors; set BATCH_PIPELINES_EMBEDDINGS_PROVIDER to `simulated` or `endpoint`"
)
KEEPALIVE_SECONDS = 5.0
"""How long an idle connection is kept; the SDK's own default, short of any server's."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class AnthropicProvider:
    """Serves completions from `base_url`; implements `providers.base.Provider`.

    `base_url` None is the vendor's own address. `max_connections` bounds the open connections, so it should be the
    number of calls that may be in flight. An instance belongs to the event loop of its first call.
    """

    def __init__(
        self, api_key: str, base_url: str | None, max_connections: int, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        # A key read from a file often ends in a line break, which HTTP forbids in a header.
        self._secret = api_key.strip()
        self._now = now
        self._output_configs = OutputConfigs()
        # Never None: the SDK would read the environment, which is for settings.py alone.
        url = base_url or DEFAULT_BASE_URL
        # Whole, as the SDK would take the base address apart and put it together for every call.
        self._messages_url = f"{url.rstrip('/')}/v1/messages"
        self._client = anthropic.AsyncAnthropic(
            api_key=self._secret,
            base_url=url,
            max_retries=0,
            http_client=_transport(url, max_connections),
            # Given, so that the SDK does not read the environment; off, as a span costs a tenth of a call's CPU.
            open_telemetry=False,
        )

    async def check(self) -> None:
        """One free call that proves address and key; raises ProviderError."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._client.models.with_raw_response.list(limit=1, timeout=_timeout(CHECK_SECONDS))
        except Exception as error:  # noqa: BLE001 - whatever a call raises becomes a ProviderError
            if isinstance(error, anthropic.APIStatusError) and error.status_code in ANSWERS_WITHOUT_MODEL_LIST:
                return
            raise provider_error(error, secret=self._secret, now=self._now()) from None

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError. A refusal or a cut answer is a Completion with that stop reason."""
        if not isinstance(request, CompletionRequest):
            raise ProviderError(ErrorCategory.INVALID_REQUEST, NO_EMBEDDINGS)
        request_body = self._body(request)
        try:
            # The SDK's timeout bounds each read; a server that drips its answer would never meet it.
            async with asyncio.timeout(request.timeout_seconds):
                # Lower than `messages.create`, whose preparation of parameters that need none takes a sixth of a call.
                response = await self._client.post(
                    self._messages_url, cast_to=httpx2.Response, body=request_body, options=_options(request)
                )
                body = response.content
        except Exception as error:  # noqa: BLE001 - whatever a call raises becomes a ProviderError
            # Without its cause, whose text and request may hold the key.
            raise provider_error(error, secret=self._secret, now=self._now()) from None
        try:
            return _completion(body, response.headers)
        except ValidationError as error:
            raise unreadable(error, response.headers, secret=self._secret) from None

    async def close(self) -> None:
        """Give connections back."""
        await self._client.close()

    def _body(self, request: CompletionRequest) -> dict[str, object]:
        """The JSON of a request, as the protocol has it; raises ProviderError(SCHEMA)."""
        body: dict[str, object] = {
            "max_tokens": request.max_tokens,
            "messages": [{"role": "user", "content": request.prompt}],
            "model": request.model,
        }
        if request.system is not None:
            body["system"] = request.system
        if request.output_schema is not None:
            body["output_config"] = self._output_configs.of(request.output_schema)
        return body


def _options(request: CompletionRequest) -> RequestOptions:
    # The key is one that the SDK does not send; without it, it would draw a random one for every call.
    return {"timeout": _timeout(request.timeout_seconds), "idempotency_key": "not sent"}


def _transport(url: str, max_connections: int) -> httpx2.AsyncClient:
    """The SDK's aiohttp client; a proxy from the environment serves addresses outside this machine only."""
    limits = httpx2.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=KEEPALIVE_SECONDS
    )
    return anthropic.DefaultAioHttpClient(limits=limits, trust_env=not is_on_loopback(url))


def _timeout(seconds: float) -> anthropic.Timeout:
    return anthropic.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


class _Block(BaseModel):
    """A content block; other types than text may have anything beside."""

    type: str
    text: str = ""


class _BilledTokens(BaseModel):
    """Tokens as the protocol has them: the cache fields may be absent or null, the others not."""

    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt
    cache_read_input_tokens: NonNegativeInt | None = None
    cache_creation_input_tokens: NonNegativeInt | None = None


class _Message(BaseModel):
    """What is needed of a message. The SDK's own class is built unchecked, and takes a fifth of a call's CPU."""

    model: str
    stop_reason: str | None = None
    content: list[_Block]
    usage: _BilledTokens


def _completion(body: bytes, headers: Mapping[str, str]) -> Completion:
    """The answer as a value; raises pydantic's ValidationError for a body that is not a message."""
    message = _Message.model_validate_json(body)
    return Completion(
        text="".join(block.text for block in message.content if block.type == "text"),
        model=message.model,
        stop_reason=message.stop_reason,
        usage=Usage(
            input_tokens=message.usage.input_tokens,
            output_tokens=message.usage.output_tokens,
            cache_read_input_tokens=message.usage.cache_read_input_tokens or 0,
            cache_creation_input_tokens=message.usage.cache_creation_input_tokens or 0,
        ),
        request_id=headers.get("request-id"),
        simulated=headers.get("x-simulated") == "true",
        limits=readings(headers),
    )
