"""Puts an answer on the wire, whole or broken as a fault says."""

from __future__ import annotations

import json

from aiohttp import web

from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.embedding_request import VectorAnswer, vector_body
from batch_pipelines.providers.simulated.simulation import AnyAnswer
from batch_pipelines.providers.simulated.wire import message_body, stream_events


def drop(http: web.Request) -> web.StreamResponse:
    """End the connection at once; what is returned goes nowhere."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


async def send(http: web.Request, answer: AnyAnswer, stream: bool, fault: Fault | None) -> web.StreamResponse:
    """The answer over the wire, whole or broken as the fault says."""
    parts = _parts(answer, stream)
    content_type = "text/event-stream" if stream else "application/json"
    if fault in (Fault.MALFORMED_BODY, Fault.HALF_SENT_BODY):
        whole = b"".join(parts)
        half = whole[: len(whole) // 2]
        if fault is Fault.HALF_SENT_BODY:
            return await _half_sent(http, half, len(whole), content_type)
        parts = [half]
    if not stream:
        return web.Response(body=parts[0], content_type=content_type)
    return await _streamed(http, parts, content_type)


def _parts(answer: AnyAnswer, stream: bool) -> list[bytes]:
    if isinstance(answer, VectorAnswer):
        return [json.dumps(vector_body(answer)).encode()]
    return list(stream_events(answer)) if stream else [json.dumps(message_body(answer)).encode()]


async def _streamed(http: web.Request, parts: list[bytes], content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": content_type, "cache-control": "no-cache"})
    await response.prepare(http)
    for part in parts:
        await response.write(part)
    await response.write_eof()
    return response


async def _half_sent(http: web.Request, half: bytes, promised: int, content_type: str) -> web.StreamResponse:
    """Promise `promised` bytes, send fewer, and hang up."""
    response = web.StreamResponse(headers={"content-type": content_type, "content-length": str(promised)})
    await response.prepare(http)
    await response.write(half)
    if http.transport is not None:
        # Unlike an abort, this lets what was written reach the client first.
        http.transport.close()
    return response
