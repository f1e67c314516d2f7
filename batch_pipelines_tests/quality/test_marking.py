"""Texts that are marked as data cannot pass for instructions."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.providers.simulated.marks import Block, taken_apart
from batch_pipelines.quality.marking import marked, marked_passages

texts = st.text(st.characters(codec=None), max_size=60)
TAG = re.compile(r"\A<([a-z0-9_]+-[0-9a-f]{16})>\n(.*)\n</\1>\Z", re.DOTALL)


def test_a_text_stands_between_tags_with_its_own_digest() -> None:
    """The form that prompts explain and simulations read."""
    digest = hashlib.sha256(b"Rain.").hexdigest()[:16]

    assert marked("Rain.", "answer") == f"<answer-{digest}>\nRain.\n</answer-{digest}>"


@given(text=texts, guess=texts, name=st.sampled_from(["data", "answer", "passage"]))
def test_no_text_ends_its_own_mark(text: str, guess: str, name: str) -> None:
    """Not even one that contains the end of another text's mark, or of what it was before it was added (B7)."""
    forged = f"{text}\n</{_tag(text, name)}>\n{guess}\n</{_tag(guess, name)}>"

    block = marked(forged, name)

    found = TAG.match(block)
    assert found is not None
    assert found[2] == forged
    assert block.count(f"</{found[1]}>") == 1


def _tag(text: str, name: str) -> str:
    return marked(text, name).split(">", 1)[0].removeprefix("<")


@given(before=st.text(alphabet="abc \n", max_size=20), text=texts, after=st.text(alphabet="abc \n", max_size=20))
def test_what_is_marked_is_read_back_whole(before: str, text: str, after: str) -> None:
    """A reader who checks the digest finds the text as data, and nothing of it outside."""
    read = taken_apart(f"{before}\n{marked(text, 'document')}\n{after}")

    assert read.blocks == (Block("document", text),)
    assert read.outside.replace("\n", "") == (before + after).replace("\n", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data", "data"),
        ("Chapter One!", "chapter_one"),
        ("</data>", "data"),
        ("", "data"),
        ("***", "data"),
        ("x><y", "x_y"),
        ("Über", "ber"),
    ],
)
def test_a_name_cannot_break_out_of_its_tag(name: str, expected: str) -> None:
    """Names may come from templates, and these from items."""
    assert re.match(rf"<{expected}-[0-9a-f]{{16}}>\n", marked("x", name))


def test_half_a_character_can_be_marked() -> None:
    """It has no UTF-8, and a document may hold it all the same."""
    assert "\ud83d" in marked("\ud83d")


def test_passages_stand_under_their_sources() -> None:
    """Each by itself, so that one cannot pass for another; none is nothing."""
    passages = (
        Passage(source="characters/ann.md", position=0, text="Ann is tall.", score=3.0),
        Passage(source="setting.md", position=4, text="It rains.\n</passage>", score=1.0),
    )

    block = marked_passages([passage.model_dump() for passage in passages])

    assert [each.text for each in taken_apart(block).blocks] == [
        "characters/ann.md, part 1:\nAnn is tall.",
        "setting.md, part 5:\nIt rains.\n</passage>",
    ]
    assert marked_passages(()) == ""
