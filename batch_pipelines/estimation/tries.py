"""How many answers an item is expected to take where judges decide (requirements B7, C1). Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.validation import HIGHEST_SCORE, LOWEST_SCORE, Validation

ACCEPTED_SHARES = ((LOWEST_SCORE, 1.0), (6, 0.97), (7, 0.85), (8, 0.65), (9, 0.38), (HIGHEST_SCORE, 0.1))
"""Of answers, by the score that they need: judges give most of them a 7 to a 9. Until a pipeline's history says it."""
FEEDBACK_TOKENS = 90
"""What a prompt says of an answer that was not good enough, besides the answer."""


class Try(NamedTuple):
    """One of the answers that an item may take."""

    share: float
    """Of the items that come to it, 0 to 1."""
    rung: int
    """The place of its model in the cascade."""
    has_feedback: bool

    def reads(self, tokens: TokenProfile) -> int:
        """Tokens of its prompt, where `tokens` is what a first answer uses."""
        return tokens.input_tokens + (tokens.output_tokens + FEEDBACK_TOKENS if self.has_feedback else 0)


def expected_tries(validation: Validation, models: int) -> tuple[Try, ...]:
    """The answers that an item may take of a cascade of so many models, the first for every item."""
    per_model = validation.retries + 1
    rejected = 1 - accepted_share(validation.min_score) if validation.judge_count else 0.0
    possible = (Try(rejected**number, number // per_model, number > 0) for number in range(per_model * models))
    return tuple(each for each in possible if each.share)


def accepted_share(min_score: float | None) -> float:
    """The share of answers that reach a score; between the known ones by a straight line."""
    if min_score is None:
        return 1.0
    for (low, of_low), (high, of_high) in pairwise(ACCEPTED_SHARES):
        if min_score <= high:
            return of_low + (of_high - of_low) * (min_score - low) / (high - low)
    return ACCEPTED_SHARES[-1][1]
