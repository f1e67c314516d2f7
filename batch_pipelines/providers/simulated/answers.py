"""What is answered to a request: a conversation, a summary, or a plain answer in the prompt's own words."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable

from batch_pipelines.providers.simulated.conversation import converse
from batch_pipelines.providers.simulated.request import MessageRequest

Answerer = Callable[[MessageRequest, random.Random], str]
"""Makes the text of an answer; equal requests come with equal sources of chance."""

SUMMARY = re.compile(r"\bsummar(y|ies|i[sz]e)", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_][\w'-]{4,}")
FILLERS = re.compile(
    r"about|above|across|after|again|against|along|among|answer|around|because|before|behind|below|between|could|during|"
    r"every|following|other|please|question|should|their|there|these|things?|those|through|under|until|using|where|"
    r"which|while|whose|within|without|would|write",
    re.IGNORECASE,
)
"""Long words that say nothing about a prompt's subject."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
SUMMARY_SENTENCES = 3
SENTENCE_WORDS = 18

OPENINGS = (
    "The short answer: it comes down to {first}.",
    "What matters most here is {first}.",
    "I read this as a question about {first}.",
    "Let me start with {first}.",
    "The heart of it is {first}.",
)
MIDDLES = (
    "It cannot be judged without {second}, because the two depend on each other.",
    "Beside it stands {second}, which is easily overlooked.",
    "How far that goes is decided by {second}.",
    "The part about {second} supports this, though not without exceptions.",
    "Compared with that, {second} matters less than it seems.",
)
ENDINGS = (
    "Taken together, I would look at {third} next and decide after that.",
    "What remains open is {third}; it deserves a closer look.",
    "For practical purposes, {third} is where to begin.",
    "If only one thing is kept in mind, it should be {third}.",
    "The safest conclusion concerns {third}.",
)


def answerer_for(request: MessageRequest) -> Answerer:
    """Who answers this request; another kind of answer is another line here."""
    if request.brief.asks_for_conversation:
        return _conversation
    if SUMMARY.search(request.text):
        return _summary
    return _remarks


def _conversation(request: MessageRequest, source: random.Random) -> str:
    return converse(request.brief, source)


def _summary(request: MessageRequest, source: random.Random) -> str:
    """The first sentences of the longest paragraph, shortened."""
    passage = max(re.split(r"\n\s*\n", request.prompt), key=len)
    sentences = SENTENCE_END.split(" ".join(passage.split()))[:SUMMARY_SENTENCES]
    return f"{source.choice(('In short:', 'In brief:', 'Summary:'))} {' '.join(_shortened(text) for text in sentences)}"


def _shortened(sentence: str) -> str:
    words = sentence.split()
    return sentence if len(words) <= SENTENCE_WORDS else f"{' '.join(words[:SENTENCE_WORDS]).rstrip(',;:')}."


def _remarks(request: MessageRequest, source: random.Random) -> str:
    """Three sentences about the words that the prompt uses most."""
    telling = Counter(word for word in WORD.findall(request.prompt) if not FILLERS.fullmatch(word))
    words = [word for word, _ in telling.most_common(12)] or ["the question"]
    first, second, third = (source.choice(words[index::3] or words) for index in range(3))
    pools = (OPENINGS, MIDDLES, ENDINGS)
    return " ".join(source.choice(pool).format(first=first, second=second, third=third) for pool in pools)
