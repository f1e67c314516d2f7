"""Which prefixes of requests were seen before, as the prompt cache bills them. Nothing expires here."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

from batch_pipelines.domain.usage import Usage


class Prefix(NamedTuple):
    """Everything up to a cache breakpoint."""

    key: bytes
    share: float
    """Its part of the input, 0 to 1, by length."""


class PromptCache:
    """Remembers prefixes; the first request with one writes it, later ones read it."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def bill(self, body: dict[str, Any], input_tokens: int, output_tokens: int) -> Usage:
        """Usage of an answered request with so many tokens in all; remembers its prefixes."""
        prefixes = prefixes_of(body)
        read = max((prefix.share for prefix in prefixes if prefix.key in self._seen), default=0.0)
        marked = max((prefix.share for prefix in prefixes), default=0.0)
        self._seen.update(prefix.key for prefix in prefixes)
        read_tokens, marked_tokens = int(input_tokens * read), int(input_tokens * marked)
        return Usage(
            input_tokens=input_tokens - marked_tokens,
            output_tokens=output_tokens,
            cache_read_input_tokens=read_tokens,
            cache_creation_input_tokens=marked_tokens - read_tokens,
        )


def prefixes_of(body: dict[str, Any]) -> tuple[Prefix, ...]:
    """One prefix for each breakpoint, shortest first; none without `cache_control`."""
    blocks = _blocks(body)
    marks = [index for index, block in enumerate(blocks) if block.get("cache_control")]
    if body.get("cache_control"):
        marks.append(len(blocks) - 1)
    if not marks:
        return ()
    texts = [json.dumps({k: v for k, v in block.items() if k != "cache_control"}, sort_keys=True) for block in blocks]
    total = sum(map(len, texts))
    return tuple(_prefix(body["model"], texts[: mark + 1], total) for mark in sorted(set(marks)))


def _prefix(model: str, texts: list[str], total: int) -> Prefix:
    # A cache belongs to one model.
    digest = hashlib.sha256("\n".join([model, *texts]).encode()).digest()
    return Prefix(digest, sum(map(len, texts)) / total)


def _blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything the model reads in its order: tools, system prompt, messages."""
    blocks: list[dict[str, Any]] = list(body.get("tools") or [])
    blocks += _as_blocks(body.get("system") or "")
    for message in body["messages"]:
        blocks += [{**block, "role": message["role"]} for block in _as_blocks(message["content"])]
    return blocks


def _as_blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content
