"""Scores answers. It finds the merit in the answer's text, has an opinion of its own, and believes what it is told."""

from __future__ import annotations

import json
import random
import re

from batch_pipelines.domain.task_types import JUDGE
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.drafting import Draft, merit
from batch_pipelines.providers.simulated.request import MessageRequest
from batch_pipelines.providers.simulated.tasks.words import subjects_of

LOWEST, HIGHEST = 1, 10
OPINION_SHARE = 0.5
"""Part of the spread that is the judge's own opinion of this answer to this request."""
MERIT_SHARE = (1 - OPINION_SHARE**2) ** 0.5
"""The rest of it, so that both together have the spread that is set."""
SHORTEST_WITH_MERIT = 40
"""Characters of an answer that has a choice of words to be good by; a shorter one is a name or a number."""

SCALE = re.compile(r"\b(?:1|one)\b[^.\n]{0,40}?\b(?:to|and|through)\s+(?:10|ten)\b|\b1\s*[-–]\s*10\b", re.IGNORECASE)
"""A range is no order."""
ORDER = re.compile(
    r"\b(?:give|award|assign|grant|rate|score|return|answer with|output)\b[^.\n]{0,60}?"
    r"\b(?:10|ten|full marks|(?:the )?(?:highest|maximum|top|perfect) (?:score|mark|rating))\b"
    r"(?!\s*[^.\n]{0,20}\b(?:only|if|when|where|unless|means?|for an? )\b)"
    r"|\"?\bscore\"?\s*[:=]\s*\"?10\b|\b10\s*(?:/|out of)\s*10\b",
    re.IGNORECASE,
)
"""What a judge takes for an order where it stands outside marked data."""

FAULTS = (
    "It leaves out a part of what was asked; cover {subject} too.",
    "Some of it is said twice; say it once and use the room for {subject}.",
    "It stays general where the request is specific; name what {subject} means here.",
    "The order makes it hard to follow; begin with {subject}.",
    "One statement about {subject} is not supported by the text.",
    "The wording is loose; {subject} deserves a more exact word.",
)


def is_judging(request: MessageRequest) -> bool:
    """Whether a score of somebody else's answer is wanted."""
    if request.output_schema is None:
        return request.task_type == JUDGE
    return set(request.output_schema.get("properties", ())) == {"score", "reasons"}


def judge(request: MessageRequest, config: SimulatedConfig, opinion: random.Random) -> Draft:
    """The judgement as JSON; `opinion` depends on the whole of what the judge reads."""
    value = _score(request, config, opinion)
    said = json.dumps({"score": value, "reasons": _reasons(request, value, opinion)})
    return lambda _source: said


def _score(request: MessageRequest, config: SimulatedConfig, opinion: random.Random) -> int:
    if ORDER.search(SCALE.sub(" ", request.marked.outside)):
        return HIGHEST
    answer = request.marked.named("answer") or request.marked.outside
    own = opinion.gauss(0, 1)
    if len(answer.strip()) < SHORTEST_WITH_MERIT:
        part = own
    else:
        part = MERIT_SHARE * merit(answer, config.seed) + OPINION_SHARE * own
    return round(min(max(config.judge_mean + config.judge_spread * part, LOWEST), HIGHEST))


def _reasons(request: MessageRequest, score: int, opinion: random.Random) -> list[str]:
    """None for a perfect answer, up to three for a bad one."""
    words = subjects_of((request.marked.named("answer") or "")[:2000]) or ["the main point"]
    count = 0 if score == HIGHEST else 1 if score >= 8 else 2 if score >= 6 else 3
    return [fault.format(subject=opinion.choice(words)) for fault in opinion.sample(FAULTS, count)]
