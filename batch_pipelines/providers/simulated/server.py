"""The HTTP face of the simulation: the vendor's routes, and our own under /simulated/."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiohttp import web

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.providers.simulated.config import Fault, SimulatedConfig
from batch_pipelines.providers.simulated.embedding_request import read_vector_request
from batch_pipelines.providers.simulated.refusals import ApiError
from batch_pipelines.providers.simulated.request import MessageRequest, read_request
from batch_pipelines.providers.simulated.request_log import PROMPT_LENGTH, LogEntry, RequestKind, RequestLog
from batch_pipelines.providers.simulated.sending import drop, send
from batch_pipelines.providers.simulated.simulation import AnyAnswer, AnyRequest, Simulation
from batch_pipelines.providers.simulated.wire import error_body, model_list

MAX_BODY_BYTES = 32 * 1024 * 1024
"""The real server's limit for a request."""
MAX_LISTED_MODELS = 1000
REQUEST_ID = web.RequestKey("request_id", str)
LIMIT_HEADERS = web.RequestKey("limit_headers", dict[str, str])

ERROR_TYPES = {404: "not_found_error", 405: "invalid_request_error", 413: "request_too_large"}
"""Error types of statuses that the web framework itself answers with."""


class SimulatedServer:
    """Handlers over one simulation and one log. `server_id` makes request ids of different servers differ."""

    def __init__(self, config: SimulatedConfig, log: RequestLog, server_id: str) -> None:
        self._simulation = Simulation(config, time.monotonic())
        self._log = log
        self._server_id = server_id
        self._request_count = 0

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._errors_as_json], client_max_size=MAX_BODY_BYTES)
        app.on_response_prepare.append(self._mark)
        app.add_routes(
            [
                web.post("/v1/messages", self._messages),
                web.post("/v1/embeddings", self._embeddings),
                web.post("/v1/messages/count_tokens", self._count_tokens),
                web.get("/v1/models", self._models),
                web.get("/simulated/health", self._health),
                web.get("/simulated/stats", self._stats),
                web.get("/simulated/log", self._entries),
                web.put("/simulated/config", self._configure),
            ]
        )
        return app

    @web.middleware
    async def _errors_as_json(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._request_count += 1
        request[REQUEST_ID] = f"req_{self._server_id}{self._request_count:012d}"
        try:
            return await handler(request)
        except ApiError as error:
            return _error(request, error)
        except web.HTTPException as error:
            error_type = ERROR_TYPES.get(error.status, "api_error")
            return _error(request, ApiError(error.status, error_type, error.reason))

    async def _mark(self, http: web.BaseRequest, response: web.StreamResponse) -> None:
        """No answer leaves without saying that it is simulated."""
        response.headers["x-simulated"] = "true"
        response.headers["request-id"] = http[REQUEST_ID]
        response.headers.update(http.get(LIMIT_HEADERS, {}))

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        return await self._visited(http, RequestKind.MESSAGE, read_request)

    async def _embeddings(self, http: web.Request) -> web.StreamResponse:
        return await self._visited(http, RequestKind.EMBEDDING, read_vector_request)

    async def _visited(
        self, http: web.Request, kind: RequestKind, read: Callable[[bytes], AnyRequest]
    ) -> web.StreamResponse:
        arrived = datetime.now(UTC)
        raw = await http.read()
        with self._log.flight():
            visit = _Visit(self._log, http, kind, raw, arrived)
            try:
                return await self._serve(visit, read)
            except ApiError as error:
                visit.note(error.status, error_type=error.error_type)
                raise

    async def _serve(self, visit: _Visit, read: Callable[[bytes], AnyRequest]) -> web.StreamResponse:
        self._authenticate(visit.http)
        request = visit.request = read(visit.raw)
        self._admit(visit.http, request)
        answer: AnyAnswer | None = None
        try:
            self._simulation.input_tokens(request)
            course = self._simulation.begin(request)
            visit.fault = course.fault
            self._fail_at_once(course.fault)
            if course.latency_seconds > 0:
                await asyncio.sleep(course.latency_seconds)
            if course.fault is Fault.SERVER_ERROR:
                raise ApiError(500, "api_error", "Internal server error")
            if course.fault is Fault.DROPPED_CONNECTION:
                visit.note(None)
                return drop(visit.http)
            answer = self._simulation.answer(request, course.fault)
        finally:
            self._simulation.settle(request, answer.usage if answer else None, time.monotonic())
        visit.note(200, answer=answer)
        return await send(visit.http, answer, isinstance(request, MessageRequest) and request.stream, course.fault)

    def _authenticate(self, http: web.Request) -> None:
        key = http.headers.get("x-api-key") or http.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._simulation.lets_in(key):
            raise ApiError(401, "authentication_error", "invalid API key")

    def _admit(self, http: web.Request, request: AnyRequest) -> None:
        """Take the request out of the limits; raises ApiError 429 when one of them has too little left."""
        admissions = self._simulation.admit(request, time.monotonic())
        if self._simulation.config.limit_headers:
            http[LIMIT_HEADERS] = self._simulation.limits.headers(admissions, datetime.now(UTC))
        refusals = [each.retry_after_seconds for each in admissions.values() if not each.admitted]
        if refusals:
            raise _rate_limited("This request would exceed the limit per minute", max(refusals))

    def _fail_at_once(self, fault: Fault | None) -> None:
        if fault is Fault.RATE_LIMIT:
            message = "This request would exceed your account's rate limit"
            raise _rate_limited(message, self._simulation.config.retry_after_seconds)
        if fault is Fault.OVERLOADED:
            raise ApiError(529, "overloaded_error", "Overloaded")

    async def _count_tokens(self, http: web.Request) -> web.StreamResponse:
        self._authenticate(http)
        request = read_request(await http.read(), counting=True)
        return web.json_response({"input_tokens": self._simulation.input_tokens(request)})

    async def _models(self, http: web.Request) -> web.StreamResponse:
        self._authenticate(http)
        limit = http.query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= MAX_LISTED_MODELS:
            raise ApiError(400, "invalid_request_error", f"limit: Input should be from 1 to {MAX_LISTED_MODELS}")
        return web.json_response(model_list(int(limit)))

    async def _health(self, _http: web.Request) -> web.StreamResponse:
        return web.json_response({"simulated": True})

    async def _stats(self, _http: web.Request) -> web.StreamResponse:
        return web.json_response(self._log.stats())

    async def _entries(self, _http: web.Request) -> web.StreamResponse:
        return web.json_response(self._log.entries())

    async def _configure(self, http: web.Request) -> web.StreamResponse:
        """Replace the fields that the body names; answers with the whole config."""
        try:
            config = self._simulation.config.changed(await http.json())
        except (InvalidInput, ValueError, TypeError) as error:
            raise ApiError(400, "invalid_request_error", str(error)) from None
        self._simulation.reconfigure(config, time.monotonic())
        return web.json_response(config.model_dump(mode="json"))


class _Visit:
    """One request on its way through the server, and how it is noted in the log."""

    def __init__(self, log: RequestLog, http: web.Request, kind: RequestKind, raw: bytes, arrived: datetime) -> None:
        self.http = http
        self.kind = kind
        self.raw = raw
        self.request: AnyRequest | None = None
        self.fault: Fault | None = None
        self._log = log
        self._arrived = arrived

    def note(self, status: int | None, *, answer: AnyAnswer | None = None, error_type: str | None = None) -> None:
        """Write the log's entry. With `answer` the model did the work, so it is billed."""
        self._log.add(
            LogEntry(
                time=self._arrived.isoformat(),
                request_id=self.http[REQUEST_ID],
                kind=self.kind,
                status=status,
                fault=self.fault or error_type,
                billed=answer is not None,
                body_sha256=hashlib.sha256(self.raw).hexdigest(),
                model=self.request.model if self.request else None,
                prompt=self.request.prompt[:PROMPT_LENGTH] if self.request else "",
                usage=answer.usage.model_dump() if answer else None,
            )
        )


def _rate_limited(message: str, retry_after_seconds: int) -> ApiError:
    return ApiError(429, "rate_limit_error", message, {"retry-after": str(retry_after_seconds)})


def _error(http: web.Request, error: ApiError) -> web.Response:
    body = error_body(error.error_type, error.message, http[REQUEST_ID])
    return web.json_response(body, status=error.status, headers=error.headers)


async def start(app: web.Application, port: int, *, shutdown_seconds: float = 1.0) -> tuple[web.AppRunner, str]:
    """Serve on loopback; port 0 takes any free one. Returns the runner to clean up and the address; raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        # Hundreds of clients may connect at the same moment.
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"
