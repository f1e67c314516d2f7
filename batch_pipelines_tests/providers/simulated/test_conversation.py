"""Conversations of the simulated provider."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.providers.simulated import circumstances, phrases
from batch_pipelines.providers.simulated.brief import Brief, brief_of
from batch_pipelines.providers.simulated.conversation import PLANS, converse

TURNS = {Tier.TEMPLATE: 8, Tier.SCENARIO: 10, Tier.EDGE_CASE: 12}
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs", "P"]), min_size=1, max_size=60)


def speakers(text: str) -> list[str]:
    """Who says each line."""
    return [line.split(":", 1)[0] for line in text.split("\n")]


def comparable(text: str) -> str:
    """Letters and figures alone, without case: punctuation at the ends may change."""
    return "".join(char for char in text.upper().casefold() if char.isalnum())


@pytest.mark.parametrize("tier", Tier)
def test_a_conversation_has_the_turns_of_its_tier_and_two_speakers_in_turn(tier: Tier) -> None:
    """The persona begins, the assistant ends, and a harder tier is longer (B6)."""
    text = converse(Brief(tier, "Restaurant owner", "Stressed", "Late deliveries"), random.Random(1))

    assert speakers(text) == ["Restaurant owner", "Assistant"] * (TURNS[tier] // 2)


@settings(deadline=None)
@given(persona=WORDS, emotion=WORDS, topic=WORDS, tier=st.sampled_from(Tier), seed=st.integers(0, 1000))
def test_any_persona_emotion_and_topic_appear(persona: str, emotion: str, topic: str, tier: Tier, seed: int) -> None:
    """Whatever was asked for is in the text, and never breaks its form (B6)."""
    text = converse(Brief(tier, persona, emotion, topic), random.Random(seed))

    assert all(comparable(wanted) in comparable(text) for wanted in (persona, emotion, topic))
    names = speakers(text)
    assert len(names) == TURNS[tier]
    assert names[0::2] == names[:1] * (TURNS[tier] // 2)
    assert names[1::2] == names[1:2] * (TURNS[tier] // 2)
    assert names[0] != names[1]


def test_a_persona_called_assistant_speaks_with_an_advisor() -> None:
    """Two speakers of one name could not be told apart."""
    assert speakers(converse(Brief(Tier.TEMPLATE, "Assistant", "Calm", "Rain"), random.Random(1)))[:2] == [
        "Assistant",
        "Advisor",
    ]


def test_a_colon_in_a_persona_does_not_end_the_speakers_name() -> None:
    """Whoever splits a line at its first colon gets the whole name."""
    text = converse(Brief(Tier.TEMPLATE, "Nurse: night shift", "Tired", "Rotas"), random.Random(1))

    assert set(speakers(text)) == {"Nurse - night shift", "Assistant"}


def test_different_chance_gives_different_conversations_and_the_same_the_same() -> None:
    """A thousand items of the same persona, emotion and topic read differently."""
    brief = Brief(Tier.TEMPLATE, "Expert", "Enthusiastic", "Technology")

    texts = [converse(brief, random.Random(seed)) for seed in range(1000)]

    assert len(set(texts)) == 1000
    assert texts[7] == converse(brief, random.Random(7))


def test_an_edge_case_names_its_limit_and_a_way_out() -> None:
    """Pressure, boundary, reason and alternative belong to the same limit (B6)."""
    for seed in range(50):
        text = converse(Brief(Tier.EDGE_CASE, "Angry passenger", "Furious", "Compensation"), random.Random(seed))
        limit = next(it for it in circumstances.LIMITS if it["pressure"] in text)
        assert all(part in text for part in limit.values())


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("A supplier who is late", "a supplier who is late"),
        ("Moving photographs", "moving photographs"),
        ("NASA budgets", "NASA budgets"),
        ("New York", "New York"),
        ("Refund policy.", "refund policy"),
        ("über uns", "über uns"),
    ],
)
def test_a_topic_stands_within_a_sentence_as_it_would_be_written(topic: str, expected: str) -> None:
    """The capital and the full stop of a heading go, those of names stay."""
    text = converse(Brief(Tier.TEMPLATE, "Expert", "Calm", topic), random.Random(1))
    assert f" {expected}" in text


def test_every_sentence_is_whole_whatever_its_slots_hold() -> None:
    """No slot is misspelt, and every sentence ends as one."""
    for seed in range(300):
        for tier in Tier:
            text = converse(Brief(tier, "an expert", "calm", "rain"), random.Random(seed))
            assert not set("{}") & set(text)
            assert all(line.rstrip("”")[-1] in ".?!" for line in text.split("\n"))
            assert not re.search(r"[.?!] [a-z]", text.replace("an expert", "An expert"))


def test_the_assistant_never_speaks_of_the_customers_people_as_its_own() -> None:
    """“My sister” is the customer's to say."""
    for seed in range(300):
        for tier in Tier:
            said = converse(Brief(tier, "P", "calm", "rain"), random.Random(seed)).split("\n")[1::2]
            assert not re.search(r"\bmy (sister|neighbour|brother|flatmate)", " ".join(said))


def test_slots_of_all_phrases_are_known() -> None:
    """A phrase can only use what a conversation fills in."""
    known = {"persona", "emotion", "topic", "your_other", *circumstances.CIRCUMSTANCES, *circumstances.LIMITS[0]}
    for plan in PLANS.values():
        for sentence in (sentence for move in plan for pool in move for sentence in pool):
            used = {name.lower() for _, name, _, _ in string.Formatter().parse(sentence) if name}
            assert used <= known, sentence
    assert all(limit.keys() == circumstances.LIMITS[0].keys() for limit in circumstances.LIMITS)


def test_no_pool_repeats_itself() -> None:
    """A doubled sentence would only make conversations more alike."""
    moves = {move for plan in PLANS.values() for move in plan}
    assert phrases.OPENING in moves
    for pool in (pool for move in moves for pool in move):
        assert len(set(pool)) == len(pool)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tier: template\nPersona: Expert", Brief(Tier.TEMPLATE, "Expert", None, None)),
        ("write\n\n - TIER :  Edge case \n* topic: Rain:  a view\n", Brief(Tier.EDGE_CASE, None, None, "Rain: a view")),
        ("tier: edge-case\nTier: template", Brief(Tier.EDGE_CASE, None, None, None)),
        ("Tier: legendary\nEmotion: ", Brief(None, None, None, None)),
        ("The persona: nobody. Frontier: far", Brief(None, None, None, None)),
    ],
)
def test_a_brief_is_read_from_its_lines(text: str, expected: Brief) -> None:
    """One field a line, case aside, the first statement counts."""
    assert brief_of(text) == expected
