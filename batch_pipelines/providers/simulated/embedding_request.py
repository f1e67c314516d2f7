"""A request for vectors, read off its JSON body, and the body of its answer."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.simulated.refusals import invalid
from batch_pipelines.providers.simulated.request import digest, json_object

MOST_TEXTS = 2048
MOST_DIMENSIONS = 4096
ENCODINGS = ("float", "base64")


@dataclass(frozen=True, slots=True)
class VectorRequest:
    """What was asked."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None
    """None for as many as the config says."""
    encoding: str
    body_key: bytes
    """Digest of the whole body, whatever the order of its fields."""

    @property
    def text(self) -> str:
        """All text that counts as input."""
        return "\n".join(self.texts)

    @property
    def prompt(self) -> str:
        """What the log shows of it."""
        return self.texts[0]


@dataclass(frozen=True, slots=True)
class VectorAnswer:
    """The vectors as the model gives them, in the order of the texts."""

    request: VectorRequest
    vectors: tuple[list[float], ...]
    usage: Usage


def read_vector_request(raw: bytes) -> VectorRequest:
    """The request in a body; raises ApiError 400."""
    body = json_object(raw)
    model, dimensions, encoding = body.get("model"), body.get("dimensions"), body.get("encoding_format") or "float"
    if not isinstance(model, str) or not model:
        raise invalid("model: Input should be a non-empty string")
    if dimensions is not None and (type(dimensions) is not int or not 1 <= dimensions <= MOST_DIMENSIONS):
        raise invalid(f"dimensions: Input should be an integer from 1 to {MOST_DIMENSIONS}")
    if encoding not in ENCODINGS:
        raise invalid(f"encoding_format: Input should be one of {', '.join(ENCODINGS)}")
    return VectorRequest(model, _texts(body.get("input")), dimensions, encoding, digest(body))


def vector_body(answer: VectorAnswer) -> dict[str, Any]:
    """The JSON of the answer."""
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, answer.request.encoding)}
        for index, vector in enumerate(answer.vectors)
    ]
    tokens = answer.usage.input_tokens
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": answer.request.model, "usage": usage}


def _texts(given: Any) -> tuple[str, ...]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= MOST_TEXTS:
        raise invalid(f"input: Input should be a text, or a list of 1 to {MOST_TEXTS} texts")
    if not all(isinstance(text, str) and text for text in texts):
        raise invalid("input: every text should be a non-empty string")
    return tuple(texts)


def _encoded(vector: list[float], encoding: str) -> list[float] | str:
    packed = struct.pack(f"<{len(vector)}f", *vector)
    if encoding == "base64":
        return base64.b64encode(packed).decode()
    return list(struct.unpack(f"<{len(vector)}f", packed))
