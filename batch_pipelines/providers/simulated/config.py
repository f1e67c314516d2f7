"""What a simulated provider does: how fast it answers, what it counts, and what goes wrong."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.pipeline import Tier, TokenProfile

DEFAULT_LATENCY_MEAN_SECONDS = 0.3
"""Mean seconds of one call, when nothing else is set; estimates for the simulated provider start from it."""

DEFAULT_TIER_TOKENS = MappingProxyType(
    {
        Tier.TEMPLATE: TokenProfile(input_tokens=2000, output_tokens=3000),
        Tier.SCENARIO: TokenProfile(input_tokens=2500, output_tokens=4000),
        Tier.EDGE_CASE: TokenProfile(input_tokens=3000, output_tokens=5000),
    }
)
"""Tokens of one conversation by tier (requirement C2)."""


class Fault(StrEnum):
    """What can go wrong with one request."""

    RATE_LIMIT = "rate_limit"
    """Status 429 at once, with retry-after."""
    OVERLOADED = "overloaded"
    """Status 529 at once."""
    SERVER_ERROR = "server_error"
    """Status 500 after the time of an answer; not billed."""
    DROPPED_CONNECTION = "dropped_connection"
    """The connection ends after the time of an answer, without one; not billed."""
    MALFORMED_BODY = "malformed_body"
    """Status 200 and a body that is broken off, though transferred whole; billed."""
    HALF_SENT_BODY = "half_sent_body"
    """Status 200 and a connection that ends in the middle of the body; billed."""
    REFUSAL = "refusal"
    """The model declines: status 200, stop reason `refusal`, no text. On every attempt."""
    MAX_TOKENS = "max_tokens"
    """The model runs into the request's `max_tokens`: status 200, half of the text. On every attempt."""


LASTING_FAULTS = frozenset({Fault.REFUSAL, Fault.MAX_TOKENS})
"""Faults of the request itself: trying again does not cure them."""

Rate = Annotated[float, Field(ge=0, le=1)]


class SimulatedConfig(BaseModel):
    """Everything that can be set; the defaults make a quick provider without faults or limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    """Another seed gives other answers, token counts, latencies and faults for the same requests."""
    latency_mean_seconds: float = Field(default=DEFAULT_LATENCY_MEAN_SECONDS, ge=0, allow_inf_nan=False)
    """Mean of a lognormal distribution; 0 answers at once."""
    latency_sigma: float = Field(default=0.3, ge=0, le=3)
    """Shape of that distribution: the standard deviation of its logarithm."""
    tier_tokens: dict[Tier, TokenProfile] = Field(default_factory=lambda: dict(DEFAULT_TIER_TOKENS))
    """Mean tokens reported for prompts that name a tier; a tier that is left out keeps its default."""
    token_spread: float = Field(default=0.08, ge=0, lt=1)
    """Reported tokens lie within this share around the tier's mean, evenly."""
    faults: dict[Fault, Rate] = Field(default_factory=dict)
    """Share of requests, 0 to 1, that each fault hits."""
    fault_attempts: int = Field(default=1, ge=1)
    """How many attempts of the same request a passing fault spoils before one succeeds."""
    retry_after_seconds: int = Field(default=1, ge=0)
    """What a `rate_limit` fault asks for."""
    requests_per_minute: int | None = Field(default=None, gt=0)
    """A real limit over all clients, as a bucket that refills evenly; None is no limit."""
    input_tokens_per_minute: int | None = Field(default=None, gt=0)
    """The same for input; what is read from the prompt cache does not count."""
    output_tokens_per_minute: int | None = Field(default=None, gt=0)
    """The same for output, counted as it was produced."""
    burst_seconds: float | None = Field(default=None, gt=0, le=60)
    """How much of its limit a bucket holds, as the time in which that refills; None is the whole minute."""
    limit_headers: bool = True
    """Whether answers tell the limits and what is left of them."""
    required_key: str | None = None
    """The only API key that is let in; None lets everybody in."""
    context_tokens: int | None = Field(default=None, gt=0)
    """Requests with more input tokens are invalid; None is no limit."""
    judge_mean: float = Field(default=7.0, ge=1, le=10)
    """What judges score an answer that nobody picked; models score over it, as they answer with their best draft."""
    judge_spread: float = Field(default=1.2, ge=0, le=5)
    """Standard deviation of such scores; with 0 every score is `judge_mean`, rounded."""
    embedding_dimensions: int = Field(default=256, ge=1, le=4096)
    """Numbers of a vector, where a request does not say how many."""

    @field_validator("tier_tokens")
    @classmethod
    def _every_tier_has_tokens(cls, value: dict[Tier, TokenProfile]) -> dict[Tier, TokenProfile]:
        return {**DEFAULT_TIER_TOKENS, **value}

    @field_validator("faults")
    @classmethod
    def _faults_leave_room(cls, value: dict[Fault, float]) -> dict[Fault, float]:
        total = sum(value.values())
        # Decimal shares such as ten times 0.1 may add up to a hair more than 1.
        if total > 1 + 1e-9:
            raise ValueError(
                f"the rates add up to {total:g}, but a request has one fault at most: keep the sum up to 1"
            )
        return value

    @property
    def per_minute(self) -> dict[LimitKind, int]:
        """The limits that there are."""
        limits = {
            LimitKind.REQUESTS: self.requests_per_minute,
            LimitKind.INPUT_TOKENS: self.input_tokens_per_minute,
            LimitKind.OUTPUT_TOKENS: self.output_tokens_per_minute,
        }
        return {kind: limit for kind, limit in limits.items() if limit is not None}

    def changed(self, changes: dict[str, object]) -> SimulatedConfig:
        """A copy with some fields replaced; raises InvalidInput that names the field."""
        return _validated({**self.model_dump(), **changes})


def load_config(source: str) -> SimulatedConfig:
    """A config from JSON text, or from the file of that name; raises InvalidInput."""
    text = source if source.lstrip().startswith("{") else _read(Path(source))
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise InvalidInput("config", source, f"is not JSON ({error})", "correct it") from None
    if not isinstance(fields, dict):
        raise InvalidInput("config", source, "is not a JSON object", 'write {"field": value, ...}')
    return _validated(fields)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("config", str(path), f"cannot be read ({error})", "name a JSON file, or give JSON") from None


def _validated(fields: dict[str, object]) -> SimulatedConfig:
    try:
        return SimulatedConfig.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(field, first["input"], f"is not usable ({first['msg']})", "correct it") from None
