"""What makes an output good enough, and what follows where it is not (requirements B7, B9, B10)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOWEST_SCORE, HIGHEST_SCORE = 1, 10


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WhenExhausted(StrEnum):
    """What becomes of an item for which no answer was good enough."""

    FAIL = "fail"
    """It fails, with the reasons of the last judgement."""
    KEEP_BEST = "keep_best"
    """The answer with the highest score is its output, with that score; without any score it fails."""


class Check(_Part):
    """One rule for an output that costs nothing to check; exactly one of the rules is set."""

    matches: str | None = Field(default=None, description="A regular expression that is found in the output.")
    lacks: str | None = Field(default=None, description="A regular expression that is not found in the output.")
    schema_: dict[str, Any] | None = Field(
        default=None, alias="schema", description="A JSON Schema that the output, read as JSON, fits."
    )
    python: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:[\w.]+$",
        description="A callable as `package.module:name`, called with the output and the item's parameters; it returns "
        "what is wrong as a text or a list of texts, or nothing. A pydantic model: the output, read as JSON, fits it.",
    )
    most_characters: int | None = Field(default=None, gt=0, description="How long the output may be.")
    least_characters: int | None = Field(default=None, gt=0, description="How long the output must be.")
    message: str | None = Field(default=None, description="What to say where the output does not pass.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _one_rule_is_set(self) -> Check:
        rules = [name for name, value in self if name != "message" and value is not None]
        if len(rules) != 1:
            names = ", ".join("schema" if name == "schema_" else name for name in rules) or "none"
            raise ValueError(f"a check has exactly one rule, but this one has {names}")
        return self


class Judge(_Part):
    """A model that scores an output from 1 to 10 and says why."""

    model: str | None = Field(default=None, description="Who judges; default: the route of the task type `judge`.")
    criteria: str = Field(
        default="It does what was asked, completely and correctly, and adds nothing that was not asked for.",
        min_length=1,
        description="What a good output is like.",
    )


class Validation(_Part):
    """When an output is accepted."""

    enabled: bool = Field(default=True, description="`false` turns all of it off.")
    checks: tuple[Check, ...] = Field(default=(), description="Rules that cost nothing; looked at before any judge.")
    min_score: float | None = Field(
        default=None,
        ge=LOWEST_SCORE,
        le=HIGHEST_SCORE,
        description="The mean score of the judges that an output needs; without it none is asked.",
    )
    judges: tuple[Judge, ...] = Field(
        default=(Judge(),), min_length=1, max_length=3, description="Who scores; one judge unless said otherwise."
    )
    retries: int = Field(
        default=1, ge=0, le=5, description="How often the same model tries again with the reasons as feedback."
    )
    escalations: int = Field(
        default=1, ge=0, le=3, description="How often the next stronger model tries, each with as many retries."
    )
    when_exhausted: WhenExhausted = Field(
        default=WhenExhausted.FAIL, description="What becomes of an item without a good enough answer."
    )

    @property
    def judge_count(self) -> int:
        """Judges that are asked about each answer."""
        return len(self.judges) if self.enabled and self.min_score is not None else 0


OFF = Validation(enabled=False)
