"""The wire protocol of the simulated server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

import anthropic
import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import configure, is_simulated, log, stats
from batch_pipelines_tests.providers.conftest import Ask, Connect, Serve
from batch_pipelines_tests.providers.simulated.conftest import Call, brief, message_body

TIERS = {"template": (2000, 3000), "scenario": (2500, 4000), "edge_case": (3000, 5000)}


async def test_the_same_request_gets_the_same_answer_from_any_server(serve: Serve, call: Call) -> None:
    """Text, tokens and stop reason depend on the body and the seed alone, not on the order of its fields."""
    first, second, other_seed = await serve(seed=1), await serve(seed=1), await serve(seed=2)
    body = message_body(brief())
    turned = dict(reversed(body.items()))

    replies = [
        (await call("POST", f"{url}/v1/messages", it)).body
        for url, it in [(first, body), (first, body), (second, turned), (other_seed, body)]
    ]

    assert replies[0] == replies[1] == replies[2]
    assert replies[3]["content"] != replies[0]["content"]
    assert replies[3]["usage"] != replies[0]["usage"]


async def test_different_items_read_differently(serve: Serve, call: Call) -> None:
    """Items that differ only in an id still get conversations of their own."""
    url = await serve()

    replies = [await call("POST", f"{url}/v1/messages", message_body(f"{brief()}\nItem: {n}")) for n in range(50)]

    assert len({reply.body["content"][0]["text"] for reply in replies}) == 50


@pytest.mark.parametrize("tier", TIERS)
async def test_tokens_of_a_tier_lie_within_the_spread_around_its_mean(serve: Serve, call: Call, tier: str) -> None:
    """What is reported is what the estimate expects, give or take the spread (C2)."""
    url = await serve(token_spread=0.05)

    replies = [
        await call("POST", f"{url}/v1/messages", message_body(brief(tier, f"Topic {number}"))) for number in range(40)
    ]

    for direction, mean in zip(("input_tokens", "output_tokens"), TIERS[tier], strict=True):
        counts = [reply.body["usage"][direction] for reply in replies]
        assert all(abs(count - mean) <= mean * 0.05 for count in counts)
        assert len(set(counts)) > 10
        assert sum(counts) / 40 == pytest.approx(mean, rel=0.02)


async def test_a_prompt_without_a_tier_is_counted_by_its_length(serve: Serve, call: Call) -> None:
    """About four characters a token, of the prompt and of the answer."""
    url = await serve()

    reply = await call("POST", f"{url}/v1/messages", message_body("x" * 396, system="y" * 403))

    usage = reply.body["usage"]
    assert usage["input_tokens"] == 200
    assert usage["output_tokens"] == pytest.approx(len(reply.body["content"][0]["text"]) / 4, abs=1)


async def test_output_never_exceeds_max_tokens(serve: Serve, call: Call) -> None:
    """An answer that would be longer is cut, and says so."""
    url = await serve()
    whole = (await call("POST", f"{url}/v1/messages", message_body(brief()))).body

    cut = (await call("POST", f"{url}/v1/messages", message_body(brief(), max_tokens=1500))).body

    assert (whole["stop_reason"], cut["stop_reason"]) == ("end_turn", "max_tokens")
    assert cut["usage"]["output_tokens"] == 1500
    text, whole_text = cut["content"][0]["text"], whole["content"][0]["text"]
    assert whole_text.startswith(text)
    assert len(text) < len(whole_text)


async def test_the_sdk_streams_the_same_message(serve: Serve, call: Call) -> None:
    """Events arrive in the order of the real server and add up to the plain answer."""
    url = await serve()
    body = message_body(brief())
    plain = (await call("POST", f"{url}/v1/messages", body)).body

    async with (
        anthropic.AsyncAnthropic(api_key="k", base_url=url) as client,
        client.messages.stream(**body) as stream,
    ):
        events = [event.type async for event in stream if event.type != "text"]
        final = await stream.get_final_message()

    deltas = events.count("content_block_delta")
    assert deltas > 10
    assert [event for event in events if event != "content_block_delta"] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert final.content[0].to_dict() == plain["content"][0]
    assert final.usage.output_tokens == plain["usage"]["output_tokens"]
    assert final.usage.input_tokens == plain["usage"]["input_tokens"]
    assert final.stop_reason == "end_turn"


@pytest.mark.parametrize("fields", [{}, {"system": "You write."}, {"tools": [{"name": "t", "input_schema": {}}]}])
@pytest.mark.parametrize("prompt", [brief("scenario"), "Say something about rain."])
async def test_counted_tokens_agree_with_the_message(
    serve: Serve, call: Call, prompt: str, fields: dict[str, Any]
) -> None:
    """The free count and the bill are the same for the same input (C1)."""
    url = await serve()
    body = message_body(prompt, **fields)
    counted_body = {name: value for name, value in body.items() if name != "max_tokens"}

    counted = await call("POST", f"{url}/v1/messages/count_tokens", counted_body)
    billed = await call("POST", f"{url}/v1/messages", body)

    assert counted.body == {"input_tokens": billed.body["usage"]["input_tokens"]}
    assert (await asyncio.to_thread(stats, url))["message_requests"] == 1


async def test_a_stream_opens_with_the_input_and_closes_with_the_output(serve: Serve) -> None:
    """What the input costs is known at once, what the output costs only at the end."""
    async with anthropic.AsyncAnthropic(api_key="k", base_url=await serve()) as client:
        stream = await client.messages.create(**message_body(brief()), stream=True)
        events = [event async for event in stream]

    first = next(event for event in events if event.type == "message_start")
    last = next(event for event in events if event.type == "message_delta")
    assert first.message.usage.input_tokens > 1800
    assert (first.message.usage.output_tokens, first.message.stop_reason) == (1, None)
    assert last.usage.output_tokens > 2700


async def test_a_call_that_its_client_gave_up_is_still_billed(serve: Serve, connect: Connect, ask: Ask) -> None:
    """The model does not know that nobody waits any more, so a retried timeout is paid twice."""
    url = await serve(latency_mean_seconds=0.3, latency_sigma=0)

    with pytest.raises(ProviderError) as caught:
        await connect(url).complete(ask(timeout_seconds=0.1))
    await asyncio.sleep(0.4)

    assert caught.value.category is ErrorCategory.TIMEOUT
    assert (await asyncio.to_thread(stats, url))["answered"] == 1


async def test_models_are_listed_as_the_sdk_reads_them(serve: Serve) -> None:
    """A page of models, as long as asked for."""
    async with anthropic.AsyncAnthropic(api_key="k", base_url=await serve()) as client:
        page = await client.models.list(limit=1)

    assert [model.id for model in page.data] == ["claude-fable-5-2"]
    assert page.has_more


@pytest.mark.parametrize(
    ("method", "path", "status", "error_type"),
    [("GET", "/v2/nothing", 404, "not_found_error"), ("GET", "/v1/messages", 405, "invalid_request_error")],
)
async def test_unknown_routes_answer_in_the_protocols_shape(
    serve: Serve, call: Call, method: str, path: str, status: int, error_type: str
) -> None:
    """A client that reads errors can read these, and every response says that it is simulated."""
    reply = await call(method, f"{await serve()}{path}")

    assert (reply.status, reply.body["type"], reply.body["error"]["type"]) == (status, "error", error_type)
    assert reply.headers["x-simulated"] == "true"
    assert reply.headers["request-id"] == reply.body["request_id"]


async def test_the_request_limit_refuses_and_tells_when_to_come_back(serve: Serve, call: Call) -> None:
    """Over the limit: 429, retry-after, and headers that say what is left (D3)."""
    url = await serve(requests_per_minute=2)

    replies = [await call("POST", f"{url}/v1/messages", message_body()) for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].body["error"]["type"] == "rate_limit_error"
    assert 1 <= int(replies[2].headers["retry-after"]) <= 30
    assert [reply.headers["anthropic-ratelimit-requests-remaining"] for reply in replies] == ["1", "0", "0"]
    assert {reply.headers["anthropic-ratelimit-requests-limit"] for reply in replies} == {"2"}
    assert datetime.fromisoformat(replies[2].headers["anthropic-ratelimit-requests-reset"])


async def test_token_limits_refuse_what_was_produced_too_much(serve: Serve, call: Call) -> None:
    """The first call uses the output of more than a minute; the next is refused and told what remains (D3)."""
    url = await serve(input_tokens_per_minute=50_000, output_tokens_per_minute=100)

    first = await call("POST", f"{url}/v1/messages", message_body(brief()))
    second = await call("POST", f"{url}/v1/messages", message_body(brief(topic="Music")))

    assert (first.status, second.status) == (200, 429)
    assert int(second.headers["retry-after"]) > 1000
    assert first.headers["anthropic-ratelimit-input-tokens-remaining"] == "48000"
    assert second.headers["anthropic-ratelimit-output-tokens-remaining"] == "0"


async def test_a_request_that_failed_uses_no_tokens(serve: Serve, call: Call) -> None:
    """What the model did not read is left to others."""
    url = await serve(input_tokens_per_minute=2_500, faults={"overloaded": 1.0})

    replies = [await call("POST", f"{url}/v1/messages", message_body(brief(topic=topic))) for topic in "ABC"]

    assert [reply.status for reply in replies] == [529, 529, 529]


async def test_limits_may_be_kept_secret(serve: Serve, call: Call) -> None:
    """A provider without such headers refuses all the same, and says when to come back (D3)."""
    url = await serve(requests_per_minute=600, burst_seconds=0.1, limit_headers=False)

    replies = [await call("POST", f"{url}/v1/messages", message_body()) for _ in range(2)]

    assert [reply.status for reply in replies] == [200, 429]
    assert replies[1].headers["retry-after"] == "1"
    assert not [name for reply in replies for name in reply.headers if name.startswith("anthropic-ratelimit")]


async def test_without_a_limit_there_are_no_limit_headers(serve: Serve, call: Call) -> None:
    """A client must not read a limit where there is none."""
    reply = await call("POST", f"{await serve()}/v1/messages", message_body())

    assert not [name for name in reply.headers if name.startswith("anthropic-ratelimit")]


async def test_faults_hit_their_share_of_requests_and_only_first_attempts(serve: Serve, call: Call) -> None:
    """Which requests are hit is decided by the request, so it repeats on another server."""
    fields: dict[str, Any] = {"faults": {"overloaded": 0.3, "rate_limit": 0.2}, "retry_after_seconds": 4}
    first, second = await serve(**fields), await serve(**fields)
    bodies = [message_body(f"Item {number}") for number in range(200)]

    async def statuses(url: str) -> list[int]:
        return [(await call("POST", f"{url}/v1/messages", body)).status for body in bodies]

    hit = await statuses(first)

    counts = Counter(hit)
    assert 40 <= counts[529] <= 80
    assert 25 <= counts[429] <= 60
    assert await statuses(second) == hit
    assert set(await statuses(first)) == {200}


@pytest.mark.parametrize("fault", ["malformed_body", "half_sent_body"])
async def test_a_broken_stream_does_not_end_as_a_whole_one(serve: Serve, fault: str) -> None:
    """A stream that ends in the middle has no stop reason, or raises."""
    url = await serve(faults={fault: 1.0})
    body = message_body(brief())
    events = []

    async def read() -> None:
        async with (
            anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client,
            client.messages.stream(**body) as stream,
        ):
            events.extend([event.type async for event in stream])

    if fault == "half_sent_body":
        with pytest.raises(Exception, match=r"peer closed|incomplete|payload"):
            await read()
    else:
        await read()

    assert "message_stop" not in events
    assert (await asyncio.to_thread(stats, url))["answered"] == 1


BILLED = {Fault.MALFORMED_BODY, Fault.HALF_SENT_BODY, Fault.REFUSAL, Fault.MAX_TOKENS}


@pytest.mark.parametrize("fault", Fault)
async def test_the_log_bills_whatever_the_model_did(serve: Serve, connect: Connect, ask: Ask, fault: Fault) -> None:
    """An answer that never arrived whole was still paid for, and the log says so."""
    url = await serve(faults={fault: 1.0})
    provider = connect(url)
    with contextlib.suppress(ProviderError):
        await provider.complete(ask())

    [entry] = await asyncio.to_thread(log, url)
    counted = await asyncio.to_thread(stats, url)

    assert entry["fault"] == fault
    assert entry["billed"] is (entry["usage"] is not None) is (fault in BILLED)
    assert counted["answered"] == int(fault in BILLED)
    assert bool(counted["output_tokens"]) is (fault in BILLED)


async def test_stats_and_log_tell_what_happened(serve: Serve, call: Call) -> None:
    """Requests by status, tokens billed, and for each request its time, id, body and prompt."""
    url = await serve(required_key="k", latency_mean_seconds=0.05)
    raw = json.dumps(message_body("p" * 100)).encode()

    replies = await asyncio.gather(*(call("POST", f"{url}/v1/messages", raw, x_api_key="k") for _ in range(3)))
    refused = await call("POST", f"{url}/v1/messages", raw)
    counted = await asyncio.to_thread(stats, url)
    entries = await asyncio.to_thread(log, url)

    usage = replies[0].body["usage"]
    assert counted == {
        "simulated": True,
        "message_requests": 4,
        "embedding_requests": 0,
        "answered": 3,
        "by_status": {"200": 3, "401": 1},
        "in_flight": 0,
        "peak_in_flight": 3,
        "input_tokens": 3 * usage["input_tokens"],
        "output_tokens": 3 * usage["output_tokens"],
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    assert {entry["request_id"] for entry in entries} == {it.headers["request-id"] for it in [*replies, refused]}
    assert {entry["body_sha256"] for entry in entries} == {hashlib.sha256(raw).hexdigest()}
    assert [entry["prompt"] for entry in entries] == ["p" * 80] * 3 + [""]
    assert {entry["kind"] for entry in entries} == {"message"}
    assert [entry["fault"] for entry in entries] == [None] * 3 + ["authentication_error"]
    assert all(datetime.fromisoformat(entry["time"]).tzinfo for entry in entries)


async def test_config_changes_while_it_runs(serve: Serve, call: Call) -> None:
    """Fields that are named change, others stay; an unusable change changes nothing."""
    url = await serve(seed=3)

    config = await asyncio.to_thread(configure, url, faults={"overloaded": 1.0})
    assert (config["seed"], config["faults"]) == (3, {"overloaded": 1.0})
    assert (await call("POST", f"{url}/v1/messages", message_body())).status == 529

    with pytest.raises(ProviderError, match="seed"):
        await asyncio.to_thread(configure, url, seed="x", faults={})
    assert (await call("POST", f"{url}/v1/messages", message_body("another"))).status == 529
    assert (await call("PUT", f"{url}/simulated/config", [1])).status == 400


async def test_a_simulated_server_is_known_from_others(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Only a server that says so counts; nobody there is an error; a proxy is not asked about loopback."""
    url = await serve()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.delenv("no_proxy", raising=False)

    assert await asyncio.to_thread(is_simulated, url)
    assert not await asyncio.to_thread(is_simulated, f"{url}/v1")
    with pytest.raises(ProviderError) as caught:
        await asyncio.to_thread(is_simulated, f"http://127.0.0.1:{unused_tcp_port}")
    assert caught.value.category is ErrorCategory.CONNECTION


async def test_latency_delays_the_answer_and_not_the_refusal(serve: Serve, call: Call) -> None:
    """Faults of an overloaded provider come at once; work takes its time."""
    url = await serve(latency_mean_seconds=0.2, latency_sigma=0)
    loop = asyncio.get_running_loop()

    async def seconds() -> float:
        begin = loop.time()
        await call("POST", f"{url}/v1/messages", message_body())
        return loop.time() - begin

    slow = await seconds()
    await asyncio.to_thread(configure, url, faults={"overloaded": 1.0}, fault_attempts=9)
    quick = await seconds()

    assert slow >= 0.2
    assert quick < 0.15
