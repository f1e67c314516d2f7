"""Requests and tokens per minute: what is limited, and what a provider says about it (requirement D3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LimitKind(StrEnum):
    """What is counted per minute."""

    REQUESTS = "requests"
    INPUT_TOKENS = "input_tokens"
    """Input read from the prompt cache does not count."""
    OUTPUT_TOKENS = "output_tokens"


@dataclass(frozen=True, slots=True)
class LimitReading:
    """What the headers of one answer say about one limit."""

    kind: LimitKind
    per_minute: int
    remaining: int
    """What the provider would still let pass at the moment of its answer; token counts are rounded to thousands."""
