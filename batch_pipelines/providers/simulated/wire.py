"""Bodies of the Anthropic protocol: messages, streams of events, errors, lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from batch_pipelines.domain.usage import Usage

DELTA_LENGTH = 48
"""Characters of text in one event of a stream."""

MODELS = (
    ("claude-fable-5-2", "Claude Fable 5.2"),
    ("claude-opus-5-5", "Claude Opus 5.5"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
    ("claude-haiku-5-5", "Claude Haiku 5.5"),
)
"""Models that are listed; requests may name any other."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A message as the model gives it."""

    id: str
    model: str
    text: str
    """Empty for a refusal."""
    stop_reason: str
    usage: Usage


def message_body(answer: Answer) -> dict[str, Any]:
    """The JSON of a whole message."""
    return {
        **_head(answer),
        "content": [{"type": "text", "text": answer.text}] if answer.text else [],
        **_stop(answer),
        "usage": _usage(answer.usage, answer.usage.output_tokens),
    }


def stream_events(answer: Answer) -> Iterator[bytes]:
    """The same message as server-sent events, in the order of the real server."""
    opening = {**_head(answer), "content": [], "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", {"message": {**opening, "usage": _usage(answer.usage, 1)}})
    if answer.text:
        yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        yield _event("ping", {})
        for start in range(0, len(answer.text), DELTA_LENGTH):
            delta = {"type": "text_delta", "text": answer.text[start : start + DELTA_LENGTH]}
            yield _event("content_block_delta", {"index": 0, "delta": delta})
        yield _event("content_block_stop", {"index": 0})
    usage = _usage(answer.usage, answer.usage.output_tokens)
    yield _event("message_delta", {"delta": _stop(answer), "usage": usage})
    yield _event("message_stop", {})


def error_body(error_type: str, message: str, request_id: str) -> dict[str, Any]:
    """The JSON of an error."""
    return {"type": "error", "error": {"type": error_type, "message": message}, "request_id": request_id}


def model_list(limit: int) -> dict[str, Any]:
    """The JSON of the first `limit` models."""
    models = [
        {
            "type": "model",
            "id": model_id,
            "display_name": name,
            "created_at": "2026-10-21T00:00:00Z",
            "lifecycle": "active",
        }
        for model_id, name in MODELS[:limit]
    ]
    return {
        "data": models,
        "has_more": limit < len(MODELS),
        "first_id": models[0]["id"],
        "last_id": models[-1]["id"],
    }


def _head(answer: Answer) -> dict[str, Any]:
    return {"id": answer.id, "type": "message", "role": "assistant", "model": answer.model}


def _stop(answer: Answer) -> dict[str, Any]:
    stop: dict[str, Any] = {"stop_reason": answer.stop_reason, "stop_sequence": None}
    if answer.stop_reason == "refusal":
        stop["stop_details"] = {"type": "refusal", "category": None, "explanation": "The model declined to answer."}
    return stop


def _usage(usage: Usage, output_tokens: int) -> dict[str, Any]:
    return {**usage.model_dump(), "output_tokens": output_tokens, "service_tier": "standard"}


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()
