"""Answers to prompts that ask for no conversation."""

from __future__ import annotations

import json

from batch_pipelines.providers.simulated.answers import answer_text
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.request import MessageRequest, read_request

ARTICLE = (
    "Lighthouses warned ships for two thousand years. The first of them was built at Alexandria, where it stood for "
    "more than fifteen centuries until several earthquakes in a row brought down what had been left of its tower. "
    "Most are automatic today. Nobody lives in them."
)


def request(prompt: str) -> MessageRequest:
    """A request with this prompt."""
    body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]}
    return read_request(json.dumps(body).encode())


def answer(prompt: str, seed: int = 1) -> str:
    """The text that answers a prompt."""
    return answer_text(request(prompt), SimulatedConfig(seed=seed))


def test_a_summary_is_the_shortened_beginning_of_the_passage() -> None:
    """Asked for a summary, the answer is about the passage and shorter than it (B4)."""
    text = answer(f"Summarise this article in two sentences.\n\n{ARTICLE}")

    assert "Lighthouses warned ships for two thousand years." in text
    assert "where it stood for more than fifteen centuries until several." in text
    assert len(text) < len(ARTICLE)


def test_a_plain_answer_uses_words_of_the_prompt() -> None:
    """Any other prompt gets an answer in its own words (B4)."""
    text = answer("Which bridges carry trains across rivers in winter?")

    assert sum(word in text for word in ("bridges", "carry", "trains", "rivers", "winter")) == 3
    assert "Which" not in text


def test_a_prompt_without_words_is_answered_too() -> None:
    """Nothing in a prompt can leave the answer empty."""
    assert "the question" in answer("?!")


def test_a_persona_and_a_topic_ask_for_a_conversation() -> None:
    """A tier is not needed to know what is wanted."""
    assert answer("Persona: Expert\nTopic: Rain").startswith("Expert: ")


def test_equal_chance_gives_equal_answers() -> None:
    """An answer depends on the request and its chance alone."""
    assert answer(ARTICLE, 1) == answer(ARTICLE, 1)
    assert len({answer(ARTICLE, seed) for seed in range(20)}) > 10
