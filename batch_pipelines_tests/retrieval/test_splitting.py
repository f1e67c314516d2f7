"""Passages: whole sentences of a size, under their headings, the same again when other places change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.retrieval.splitting import LONGEST_CONTEXT, LONGEST_OVERLAP, MOST_CHARACTERS, split

REAL = Path(__file__).parents[3] / "shared" / "data"
"""Public texts that a checkout may have beside it."""


def prose(sentences: int, start: int = 0) -> str:
    """Sentences that tell themselves apart, five to a paragraph."""
    lines = [f"This is the sentence of number {number}, and it is there." for number in range(start, start + sentences)]
    return "\n\n".join(" ".join(lines[at : at + 5]) for at in range(0, len(lines), 5))


@pytest.mark.parametrize("text", ["", "  \n\n ", "# Only\n\n## headings"])
def test_nothing_gives_no_passage(text: str) -> None:
    """There is nothing to find in a blank text, nor in headings alone."""
    assert split(text, is_markdown=True) == ()


def test_a_short_text_is_one_passage() -> None:
    """As it stands there, without the space around it."""
    assert split("\n One.  Two.\n\nThree. \n") == ("One.  Two.\n\nThree.",)


def test_neighbours_share_a_sentence() -> None:
    """A passage begins with the last sentence of the one before (B8)."""
    first, second, *_ = split(prose(100))

    last_sentence = first.rpartition("This is")[2]
    assert second.startswith(f"This is{last_sentence}")


def test_a_long_last_sentence_is_not_repeated() -> None:
    """An overlap is a sentence of at most LONGEST_OVERLAP characters."""
    long = " ".join(["word"] * (LONGEST_OVERLAP // 4)) + "."
    passages = split(" ".join(f"{number} {long}" for number in range(20)))

    assert len({passage.split()[0] for passage in passages}) == len(passages)
    assert sum(map(len, passages)) <= 20 * (len(long) + 4)


def test_passages_end_with_paragraphs_where_they_can() -> None:
    """Of the ends that would do, those of paragraphs come first."""
    text = prose(100)
    ends = [text.index(passage) + len(passage) for passage in split(text)]

    assert all(text[end : end + 2] in ("\n\n", "") for end in ends)


def test_headings_stay_with_their_passages() -> None:
    """Each passage of Markdown carries the headings it stands under, and none of others (B8)."""
    text = f"Before.\n# Book\nAbout.\n## Alice ##\n{prose(60)}\n### Cat\nDinah.\n## Hatter\nTea."
    passages = split(text, is_markdown=True)

    assert passages[:2] == ("Before.", "# Book\n\nAbout.")
    assert len(passages) > 6
    assert all(passage.startswith("# Book\n## Alice ##\n\nThis is") for passage in passages[2:-2])
    assert passages[-2:] == ("# Book\n## Alice ##\n### Cat\n\nDinah.", "# Book\n## Hatter\n\nTea.")


def test_code_has_no_headings() -> None:
    """What begins with # within a fence is no heading, nor is a word after # without a space."""
    text = "# Shell\n```sh\n# a comment\n~~~\nls\n```\n#hashtag\n# Next\nText."

    assert split(text, is_markdown=True) == ("# Shell\n\n```sh\n# a comment\n~~~\nls\n```\n#hashtag", "# Next\n\nText.")


def test_long_headings_give_way() -> None:
    """The outer headings go first, and a heading that is too long goes too."""
    outer, inner = f"# {'o' * 200}", f"## {'i' * 200}"

    assert split(f"{outer}\n{inner}\nText.", is_markdown=True) == (f"{inner}\n\nText.",)
    assert split(f"# {'x' * LONGEST_CONTEXT}\nText.", is_markdown=True) == ("Text.",)


def test_a_plain_text_has_no_headings() -> None:
    """In a text, # is a character like others."""
    assert split("# One\nTwo.") == ("# One\nTwo.",)


@pytest.mark.parametrize(
    "text",
    [
        " ".join(["word"] * 2000),
        "\n".join(["a line of a poem without a stop"] * 200),
        "長い文です。" * 800,
        "字" * 5000,
        "x" * 5000,
    ],
    ids=["words", "lines", "sentences without spaces", "characters", "one word"],
)
def test_texts_without_sentences_are_split_too(text: str) -> None:
    """By lines, then by words; only what is longer than a passage is cut within."""
    passages = split(text)

    assert len(passages) > 2
    assert all(len(passage) <= MOST_CHARACTERS for passage in passages)
    assert {word for passage in passages for word in passage.split()} <= set(text.split()) or " " not in text


ENDS = st.sampled_from([" ", " ", " ", "\n", ". ", '!" ', "\n\n", "\u3002", "\n```\n", "\n\n\n"])


@given(st.lists(ENDS, max_size=1500), st.booleans())
def test_nothing_is_lost_and_nothing_invented(ends: list[str], is_markdown: bool) -> None:
    """Every passage is a piece of the text as it stands there, and every word is in some passage, in order."""
    text = "".join(f"word{number}x{end}" for number, end in enumerate(ends))
    passages = split(text, is_markdown=is_markdown)

    assert all(passage in text and len(passage) <= MOST_CHARACTERS for passage in passages)
    numbers = [[int(number) for number in re.findall(r"word(\d+)x", passage)] for passage in passages]
    assert all(each == sorted(each) for each in numbers)
    firsts = [each[0] for each in numbers if each]
    assert firsts == sorted(set(firsts))
    assert {number for each in numbers for number in each} == set(range(len(ends)))


def test_a_change_touches_its_own_place_alone() -> None:
    """Where passages end depends on what stands there, so that a sentence more leaves distant passages as they were."""
    text = prose(500)
    before = set(split(text))
    after = split(text.replace("number 250,", "number 250, which is in the middle, and is longer than it was,"))

    assert len(before) > 20
    assert len([passage for passage in after if passage not in before]) <= 4
    assert len([passage for passage in split("A new beginning. " + text) if passage not in before]) <= 4


@pytest.mark.skipif(not REAL.is_dir(), reason="the public texts are not here")
@pytest.mark.parametrize(("name", "field"), [("peps.jsonl", "content"), ("alice_chapters.jsonl", "text")])
def test_passages_of_real_texts_have_a_size(name: str, field: str) -> None:
    """About a thousand characters, none over the limit, and every word of the text in one of them (B8)."""
    texts = [json.loads(line)[field] for line in (REAL / name).read_text().splitlines()]
    passages = [split(text) for text in texts]

    sizes = [len(passage) for each in passages for passage in each]
    assert 900 <= mean(sizes) <= 1100
    assert max(sizes) <= MOST_CHARACTERS
    for text, found in zip(texts, passages, strict=True):
        assert {word for passage in found for word in passage.split()} == set(text.split())
