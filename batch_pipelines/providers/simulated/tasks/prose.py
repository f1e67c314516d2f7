"""Answers in sentences: remarks in the prompt's own words, and the kinds of work that take more of them."""

from __future__ import annotations

import random
from collections import Counter

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.marks import TAG
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.words import FILLERS, WORD, shortened

SHORTEST_TELLING = 5
"""Characters of a word that remarks are made about."""
MOST_TELLING = 12
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
SCENES = (
    "Nobody had spoken of {first} for a long time.",
    "It began, as such things do, with {first}.",
    "By morning {first} had changed, and only one of them had noticed.",
    "There was {first}, and there was the quiet after it.",
)
TURNS = (
    "Then came {second}, without knocking.",
    "What nobody had reckoned with was {second}.",
    "“{second},” somebody said, and that settled it.",
    "It might have ended there, but for {second}.",
)
CLOSES = (
    "In the end it was {third} that stayed.",
    "Later they would call it {third}, and be almost right.",
    "And {third} went on, as if it had always been there.",
    "The light went out over {third}.",
)
GREETINGS = ("Good question.", "Thanks for asking.", "Happy to help.", "Sure.", "Let us look at it together.")
QUESTIONS = (
    "Does that help, or shall I say more about {third}?",
    "Which part of {third} is it that you need?",
    "Would you like an example for {third}?",
)
FINDINGS = (
    "{first}: described at length, with consequences for {second}.",
    "{second}: mentioned in passing; what follows from it stays open.",
    "{third}: taken for granted, though {first} depends on it.",
    "{first} and {second} are treated together, {third} apart from them.",
)
JUDGEMENTS = (
    "On balance the text makes its case for {first} well, and less well for {second}.",
    "The weakest link is {second}; everything said about {first} stands.",
    "Strong on {first}, thin on {third}.",
)


def remarks(material: Material) -> Draft:
    """Three sentences about the words that the prompt uses most."""
    return _sentences(_telling(material.request.prompt), (OPENINGS, MIDDLES, ENDINGS))


def remarks_on(words: list[str]) -> Draft:
    """The same about words that are given; at least one."""
    return _sentences(words, (OPENINGS, MIDDLES, ENDINGS))


def story(material: Material) -> Draft:
    """A scene about what the prompt names."""
    return _sentences(material.subjects, (SCENES, TURNS, MIDDLES, CLOSES))


def chat(material: Material) -> Draft:
    """A friendly reply that ends with a question."""
    return _sentences(material.subjects, (GREETINGS, OPENINGS, MIDDLES, QUESTIONS))


def analysis(material: Material) -> Draft:
    """Findings as a list, and what follows from them."""
    return _report(material, "Findings", JUDGEMENTS)


def research(material: Material) -> Draft:
    """What the material says, with places in it as evidence, and what is open."""
    evidence = [f"“{shortened(sentence, SENTENCE_WORDS)}”" for sentence in material.sentences[:12]]
    report = _report(material, "What is known", ENDINGS)

    def draft(source: random.Random) -> str:
        quoted = "\n".join(f"- {each}" for each in source.sample(evidence, min(2, len(evidence))))
        return f"{report(source)}\n\nEvidence:\n{quoted}"

    return draft


def _report(material: Material, heading: str, closes: tuple[str, ...]) -> Draft:
    def draft(source: random.Random) -> str:
        words = _three(material.subjects, source)
        points = "\n".join(f"- {each.format(**words)}" for each in source.sample(FINDINGS, 3))
        return f"{heading}:\n{points}\n\n{source.choice(closes).format(**words)}"

    return draft


def _sentences(words: list[str], pools: tuple[tuple[str, ...], ...]) -> Draft:
    """A sentence of each pool, about three of the words."""

    def draft(source: random.Random) -> str:
        chosen = _three(words, source)
        return " ".join(source.choice(pool).format(**chosen) for pool in pools)

    return draft


def _three(words: list[str], source: random.Random) -> dict[str, str]:
    return {name: source.choice(words[index::3] or words) for index, name in enumerate(("first", "second", "third"))}


def _telling(prompt: str) -> list[str]:
    words = WORD.findall(TAG.sub(" ", prompt))
    counts = Counter(word for word in words if len(word) >= SHORTEST_TELLING and word.lower() not in FILLERS)
    return [word for word, _ in counts.most_common(MOST_TELLING)] or ["the question"]
