"""Summaries: the sentences of a text that say most of what it is about, shortened."""

from __future__ import annotations

import random

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import PARAGRAPHS, Material
from batch_pipelines.providers.simulated.tasks.words import sentences_of, shortened

SENTENCES = 3
SENTENCE_WORDS = 18
CONSIDERED = 40
"""Sentences from which are chosen."""
LEADS = ("In short:", "In brief:", "Summary:")


def summary(material: Material) -> Draft:
    """The first sentence and two that name its subjects, in their order."""
    return _chosen(_considered(material), material.subjects)


def opening_summary(material: Material) -> Draft:
    """For a prompt that says nothing of its kind of work: the first sentences of its longest paragraph."""
    longest = max(PARAGRAPHS.split(material.request.prompt), key=len)
    plain = " ".join(shortened(sentence, SENTENCE_WORDS) for sentence in sentences_of(longest)[:SENTENCES])
    return lambda source: f"{source.choice(LEADS)} {plain}"


def summary_sentences(material: Material, source: random.Random, count: int) -> str:
    """So many sentences of the text, the first always among them."""
    first, *others = _considered(material)
    told = _telling(others, material.subjects)[: count + 2]
    chosen = set(source.sample(told, min(count - 1, len(told))))
    return " ".join([first, *(sentence for sentence in others if sentence in chosen)])


def _considered(material: Material) -> list[str]:
    return [shortened(sentence, SENTENCE_WORDS) for sentence in material.sentences[:CONSIDERED]]


def _telling(sentences: list[str], subjects: list[str]) -> list[str]:
    """Sentences by how many of the subjects they name, most first."""
    return sorted(sentences, key=lambda sentence: -sum(subject in sentence for subject in subjects))


def _chosen(sentences: list[str], subjects: list[str]) -> Draft:
    first, *others = sentences
    told = _telling(others, subjects)[: SENTENCES + 3]

    def draft(source: random.Random) -> str:
        chosen = set(source.sample(told, min(SENTENCES - 1, len(told))))
        body = " ".join([first, *(sentence for sentence in others if sentence in chosen)])
        return f"{source.choice(LEADS)} {body}"

    return draft
