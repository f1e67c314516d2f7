"""A request for a message, read off its JSON body and checked as the real server does."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from batch_pipelines.providers.simulated.brief import Brief, brief_of
from batch_pipelines.providers.simulated.marks import Marked, taken_apart
from batch_pipelines.providers.simulated.output_format import schema_in
from batch_pipelines.providers.simulated.refusals import invalid

REMOVED_PARAMETERS = ("temperature", "top_p", "top_k")
"""Sampling parameters that the API refuses from version 2026-10-21 on."""

NOT_INPUT = frozenset({"max_tokens", "stream", "metadata", "service_tier"})
"""Parameters that change neither the input's tokens nor what is answered."""


TASK_TYPE = re.compile(r"^[ \t>*#-]*task type[ \t]*:[ \t*`]*([a-z][a-z0-9_]*)", re.IGNORECASE | re.MULTILINE)
"""The line by which a prompt says what kind of work it asks for."""


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """What was asked."""

    body: dict[str, Any]
    model: str
    max_tokens: int
    """0 where tokens are only counted."""
    stream: bool
    prompt: str
    """Text of the last message."""
    text: str
    """All text that counts as input, the system prompt first."""
    marked: Marked
    """The last message as instructions and data."""
    task_type: str | None
    """What its instructions call the work, in lower case; None where they do not."""
    output_schema: dict[str, Any] | None
    """What the answer is held to; None where it is free."""
    brief: Brief
    input_key: bytes
    """Digest of what the model reads; equal for a streamed and a plain request of the same input."""
    body_key: bytes
    """Digest of the whole body, whatever the order of its fields."""


def read_request(raw: bytes, *, counting: bool = False) -> MessageRequest:
    """The request in a body; raises ApiError 400. `counting` is for token counting, which has no max_tokens."""
    body = json_object(raw)
    _check(body, counting)
    text_parts = [_text(body.get("system") or "")] + [_text(message["content"]) for message in body["messages"]]
    prompt = text_parts[-1]
    text = "\n".join(part for part in text_parts if part)
    marked = taken_apart(prompt)
    instructions = "\n".join([marked.outside, *text_parts[:-1]])
    input_key = digest({name: value for name, value in body.items() if name not in NOT_INPUT})
    rest = {name: value for name, value in body.items() if name in NOT_INPUT}
    return MessageRequest(
        body=body,
        model=body["model"],
        max_tokens=0 if counting else body["max_tokens"],
        stream=body.get("stream") is True,
        prompt=prompt,
        text=text,
        marked=marked,
        task_type=_task_type(instructions),
        output_schema=schema_in(body),
        # The prompt goes first: a system prompt may name the fields only to explain them. Data states nothing.
        brief=brief_of(instructions),
        input_key=input_key,
        body_key=hashlib.sha256(input_key + digest(rest)).digest(),
    )


def _task_type(instructions: str) -> str | None:
    named = TASK_TYPE.search(instructions)
    return named[1].lower() if named else None


def json_object(raw: bytes) -> dict[str, Any]:
    """The body of a request; raises ApiError 400 for anything else."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object")
    return body


def digest(value: object) -> bytes:
    """Of a value in JSON, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).digest()


def _check(body: dict[str, Any], counting: bool) -> None:
    for name in ("model", "messages") if counting else ("model", "max_tokens", "messages"):
        if name not in body:
            raise invalid(f"{name}: Field required")
    for name in REMOVED_PARAMETERS:
        if name in body:
            raise invalid(f"{name}: This parameter is not supported at API version 2026-10-21")
    if not isinstance(body["model"], str) or not body["model"]:
        raise invalid("model: Input should be a non-empty string")
    if not counting and (type(body["max_tokens"]) is not int or body["max_tokens"] < 1):
        raise invalid("max_tokens: Input should be an integer of at least 1")
    if not all(isinstance(tool, dict) for tool in body.get("tools") or []):
        raise invalid("tools: Input should be a list of objects")
    _check_content(body.get("system") or "", "system")
    _check_messages(body["messages"])


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise invalid(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        if not message.get("content"):
            raise invalid(f"messages.{index}: content must not be empty")
        _check_content(message["content"], f"messages.{index}.content")
    if messages[0]["role"] != "user":
        raise invalid("messages: first message must use the user role")
    if messages[-1]["role"] == "assistant":
        raise invalid("messages: the conversation must end with a user message; prefill is not supported")


def _check_content(content: object, where: str) -> None:
    """Text, or a list of blocks of which those of type text have text."""
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise invalid(f"{where}: Input should be a string or a list of content blocks")
    for index, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise invalid(f"{where}.{index}.type: Field required")
        if block["type"] == "text" and not isinstance(block.get("text"), str):
            raise invalid(f"{where}.{index}.text: Field required")


def _text(content: str | list[dict[str, Any]]) -> str:
    """The text of a content; blocks of other types have none here."""
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")
