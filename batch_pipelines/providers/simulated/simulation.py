"""What the simulated provider decides about a request; no network, no sleeping."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import NamedTuple

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.simulated.answers import answer_text
from batch_pipelines.providers.simulated.config import LASTING_FAULTS, Fault, SimulatedConfig
from batch_pipelines.providers.simulated.draws import generator, lognormal, spread
from batch_pipelines.providers.simulated.embedding_request import VectorAnswer, VectorRequest
from batch_pipelines.providers.simulated.prompt_cache import PromptCache
from batch_pipelines.providers.simulated.refusals import ApiError
from batch_pipelines.providers.simulated.request import MessageRequest
from batch_pipelines.providers.simulated.request_limit import Admission, RequestLimits
from batch_pipelines.providers.simulated.vectors import vector_of
from batch_pipelines.providers.simulated.wire import Answer

AnyRequest = MessageRequest | VectorRequest
AnyAnswer = Answer | VectorAnswer

CHARACTERS_PER_TOKEN = 4
REFUSAL_TOKENS = 8
"""Output billed for a refusal."""


class Course(NamedTuple):
    """How one attempt goes."""

    fault: Fault | None
    latency_seconds: float


class Simulation:
    """The provider's memory: config, attempts of each request, the limits and the prompt cache."""

    def __init__(self, config: SimulatedConfig, now: float) -> None:
        self._attempts: Counter[bytes] = Counter()
        self._cache = PromptCache()
        self.reconfigure(config, now)

    def reconfigure(self, config: SimulatedConfig, now: float) -> None:
        """Go on with another config; attempts and cache are remembered, the limits start full."""
        self.config = config
        self.limits = RequestLimits(config.per_minute, config.burst_seconds, now)

    def admit(self, request: AnyRequest, now: float) -> dict[LimitKind, Admission]:
        """What each limit says to this request; it was let in when all of them admit it."""
        return self.limits.admit(self._input_tokens(request), now)

    def settle(self, request: AnyRequest, usage: Usage | None, now: float) -> None:
        """A request that was let in ended; `usage` None: the model did nothing for it."""
        self.limits.settle(self._input_tokens(request), usage, now)

    def lets_in(self, key: str | None) -> bool:
        """Whether this API key may ask."""
        return self.config.required_key is None or key == self.config.required_key

    def input_tokens(self, request: AnyRequest) -> int:
        """Tokens of the input; raises ApiError when they are more than the context holds."""
        tokens = self._input_tokens(request)
        limit = self.config.context_tokens
        if limit is not None and tokens > limit:
            raise ApiError(400, "invalid_request_error", f"prompt is too long: {tokens} tokens > {limit} maximum")
        return tokens

    def begin(self, request: AnyRequest) -> Course:
        """Count an attempt of this request, and decide how it goes."""
        self._attempts[request.body_key] += 1
        config = self.config
        latency = lognormal(
            config.latency_mean_seconds,
            config.latency_sigma,
            generator(config.seed, "latency", request.body_key),
        )
        fault = fault_of(config, request.body_key, self._attempts[request.body_key])
        # A vector is neither refused nor cut off.
        is_possible = isinstance(request, MessageRequest) or fault not in LASTING_FAULTS
        return Course(fault if is_possible else None, latency)

    def answer(self, request: AnyRequest, fault: Fault | None) -> AnyAnswer:
        """The message or the vectors for this request, billed."""
        return self._message(request, fault) if isinstance(request, MessageRequest) else self._vectors(request)

    def _vectors(self, request: VectorRequest) -> VectorAnswer:
        dimensions = request.dimensions or self.config.embedding_dimensions
        vectors = tuple(vector_of(text, request.model, dimensions) for text in request.texts)
        return VectorAnswer(request, vectors, Usage(input_tokens=self.input_tokens(request)))

    def _message(self, request: MessageRequest, fault: Fault | None) -> Answer:
        text = answer_text(request, self.config)
        output_tokens, text, stop_reason = _ending(request, self._output_tokens(request, text), text, fault)
        return Answer(
            id=f"msg_{request.body_key.hex()[:24]}",
            model=request.model,
            text=text,
            stop_reason=stop_reason,
            usage=self._cache.bill(request.body, self.input_tokens(request), output_tokens),
        )

    def _input_tokens(self, request: AnyRequest) -> int:
        tier = request.brief.tier if isinstance(request, MessageRequest) else None
        if tier is None or isinstance(request, VectorRequest):
            return _tokens_of(request.text) + _schema_tokens(request)
        source = generator(self.config.seed, "input tokens", request.input_key)
        return spread(self.config.tier_tokens[tier].input_tokens, self.config.token_spread, source)

    def _output_tokens(self, request: MessageRequest, text: str) -> int:
        tier = request.brief.tier
        if tier is None:
            return _tokens_of(text)
        source = generator(self.config.seed, "output tokens", request.input_key)
        return spread(self.config.tier_tokens[tier].output_tokens, self.config.token_spread, source)


def fault_of(config: SimulatedConfig, key: bytes, attempt: int) -> Fault | None:
    """What goes wrong with this attempt (from 1) of the request with this key; None when nothing does."""
    point = generator(config.seed, "fault", key).random()
    for fault in Fault:
        rate = config.faults.get(fault, 0.0)
        if point < rate:
            return fault if fault in LASTING_FAULTS or attempt <= config.fault_attempts else None
        point -= rate
    return None


def _ending(request: MessageRequest, tokens: int, text: str, fault: Fault | None) -> tuple[int, str, str]:
    """Output tokens, text and stop reason, given what the answer would be if nothing stopped it."""
    limit = request.max_tokens
    if fault is Fault.REFUSAL:
        return min(REFUSAL_TOKENS, limit), "", "refusal"
    if fault is Fault.MAX_TOKENS:
        return limit, text[: len(text) // 2], "max_tokens"
    if tokens > limit:
        return limit, text[: len(text) * limit // tokens], "max_tokens"
    return tokens, text, "end_turn"


def _tokens_of(text: str) -> int:
    return max(1, math.ceil(len(text) / CHARACTERS_PER_TOKEN))


def _schema_tokens(request: AnyRequest) -> int:
    """What the shape that the answer is held to adds to the input; the model reads that too."""
    schema = request.output_schema if isinstance(request, MessageRequest) else None
    return _tokens_of(json.dumps(schema)) if schema else 0
