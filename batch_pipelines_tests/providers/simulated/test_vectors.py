"""Simulated embeddings."""

from __future__ import annotations

import asyncio
import base64
import math
import struct
from typing import Any

import pytest

from batch_pipelines.providers.simulated.vectors import vector_of
from batch_pipelines_tests.providers.conftest import Serve
from batch_pipelines_tests.providers.simulated.conftest import Call, message_body

LIGHTHOUSE = "The lighthouse keeper lit the lamp every evening and watched for ships in the storm."
LIGHTHOUSES = "Keepers of lighthouses light their lamps in the evening, and watch ships through storms."
CAKE = "Beat the eggs with sugar, fold in flour and butter, and bake the cake for forty minutes."


def near(one: str, other: str, model: str = "voyage-4") -> float:
    """The cosine of two texts' vectors."""
    first, second = vector_of(one, model, 256), vector_of(other, model, 256)
    return sum(a * b for a, b in zip(first, second, strict=True))


def test_similar_texts_have_similar_vectors() -> None:
    """Words count in whichever form; order does not (B4)."""
    assert near(LIGHTHOUSE, LIGHTHOUSE) == pytest.approx(1)
    assert near(LIGHTHOUSE, LIGHTHOUSES) > 0.3
    assert abs(near(LIGHTHOUSE, CAKE)) < 0.2
    assert near("lighthouse", LIGHTHOUSE) > near("lighthouse", CAKE) + 0.15


@pytest.mark.parametrize("text", ["", "!?", "a", CAKE, "héllo 🎈 \ud83d"])
def test_every_vector_has_length_one(text: str) -> None:
    """However little the text says."""
    assert math.hypot(*vector_of(text, "m", 16)) == pytest.approx(1)


def test_another_model_has_another_space() -> None:
    """So that vectors of two models cannot be taken for comparable."""
    assert vector_of(CAKE, "voyage-4", 64) != vector_of(CAKE, "voyage-3", 64)


async def embeddings(call: Call, url: str, body: Any) -> Any:
    """The reply to a request for vectors."""
    return await call("POST", f"{url}/v1/embeddings", body)


async def test_texts_are_embedded_in_their_order(serve: Serve, call: Call) -> None:
    """With what they cost, and marked as simulated."""
    url = await serve()

    reply = await embeddings(call, url, {"model": "voyage-4", "input": [LIGHTHOUSE, CAKE]})

    assert reply.status == 200
    assert reply.headers["x-simulated"] == "true"
    assert [each["index"] for each in reply.body["data"]] == [0, 1]
    assert reply.body["data"][1]["embedding"] == pytest.approx(vector_of(CAKE, "voyage-4", 256), abs=1e-6)
    tokens = math.ceil(len(f"{LIGHTHOUSE}\n{CAKE}") / 4)
    assert (reply.body["model"], reply.body["usage"]) == (
        "voyage-4",
        {"prompt_tokens": tokens, "total_tokens": tokens},
    )


async def test_dimensions_and_encoding_are_as_asked_for(serve: Serve, call: Call) -> None:
    """Otherwise as the config says."""
    url = await serve(embedding_dimensions=64)
    plain = (await embeddings(call, url, {"model": "m", "input": CAKE})).body["data"][0]["embedding"]
    body = {"model": "m", "input": CAKE, "dimensions": 8, "encoding_format": "base64"}
    packed = (await embeddings(call, url, body)).body["data"][0]["embedding"]

    assert len(plain) == 64
    assert struct.unpack("<8f", base64.b64decode(packed)) == pytest.approx(vector_of(CAKE, "m", 8), abs=1e-6)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"{", "not valid JSON"),
        ([1], "must be a JSON object"),
        ({"input": "x"}, "model: "),
        ({"model": "m"}, "input: "),
        ({"model": "m", "input": ""}, "input: "),
        ({"model": "m", "input": []}, "input: "),
        ({"model": "m", "input": ["x", 7]}, "input: "),
        ({"model": "m", "input": "x", "dimensions": 0}, "dimensions: "),
        ({"model": "m", "input": "x", "dimensions": True}, "dimensions: "),
        ({"model": "m", "input": "x", "encoding_format": "hex"}, "encoding_format: "),
    ],
)
async def test_requests_that_make_no_sense_are_refused(serve: Serve, call: Call, body: Any, problem: str) -> None:
    """With what is wrong."""
    reply = await embeddings(call, await serve(), body)

    assert (reply.status, reply.body["error"]["type"]) == (400, "invalid_request_error")
    assert problem in reply.body["error"]["message"]


async def test_vectors_share_keys_limits_and_the_log_with_messages(serve: Serve, call: Call) -> None:
    """One account, whatever is asked of it (D3)."""
    url = await serve(required_key="k", requests_per_minute=2)
    body = {"model": "m", "input": "x" * 400}

    refused = await embeddings(call, url, body)
    first = await call("POST", f"{url}/v1/embeddings", body, x_api_key="k")
    second = await call("POST", f"{url}/v1/messages", message_body(), x_api_key="k")
    third = await call("POST", f"{url}/v1/embeddings", body, x_api_key="k")
    stats = (await call("GET", f"{url}/simulated/stats")).body
    log = (await call("GET", f"{url}/simulated/log")).body

    assert [each.status for each in (refused, first, second, third)] == [401, 200, 200, 429]
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert (stats["message_requests"], stats["embedding_requests"], stats["answered"]) == (1, 3, 2)
    assert [entry["kind"] for entry in log] == ["embedding", "embedding", "message", "embedding"]
    assert log[1]["usage"] == {
        "input_tokens": 100,
        "output_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    assert log[1]["prompt"] == "x" * 80


async def test_vectors_take_their_time(serve: Serve, call: Call) -> None:
    """As messages do."""
    url = await serve(latency_mean_seconds=0.2, latency_sigma=0)
    begin = asyncio.get_running_loop().time()

    await embeddings(call, url, {"model": "m", "input": "x"})

    assert asyncio.get_running_loop().time() - begin >= 0.2
