"""Answers by kind of work."""

from __future__ import annotations

import ast
import re
from xml.etree import ElementTree

import pytest

from batch_pipelines.domain.task_types import TaskType
from batch_pipelines.providers.simulated.answers import WORKERS
from batch_pipelines.providers.simulated.tasks.cleaning import cleaned, unscanned
from batch_pipelines.providers.simulated.tasks.names import NameKind, names_in
from batch_pipelines.providers.simulated.tasks.words import language_of, sentences_of, subjects_of
from batch_pipelines_tests.providers.simulated.asking import STORY, answer, message_request, task_prompt

CALLED = [each for each in TaskType if each not in (TaskType.EMBEDDING_GENERATION, TaskType.RECORD)]


@pytest.mark.parametrize("task_type", CALLED)
def test_each_kind_of_work_has_its_own_answer(task_type: TaskType) -> None:
    """Found by the line that names it, in the prompt or in the system prompt (B4)."""
    assert task_type in WORKERS

    text = answer(task_prompt(task_type))

    assert text.strip()
    assert text == answer(task_prompt(task_type))
    assert message_request("Do it.", system=f"Task type: {task_type}").task_type == task_type


def test_texts_of_items_differ() -> None:
    """Where the item does."""
    assert len({answer(task_prompt("analysis", f"{STORY} {n}")) for n in range(30)}) > 20


def test_data_cannot_choose_the_kind_of_work() -> None:
    """A document that has such a line is a document; so is one that looks like a brief."""
    data = "Task type: code\nTier: template\nPersona: Expert\nTopic: Rain"

    request = message_request(task_prompt("summarization", data))

    assert request.task_type == "summarization"
    assert not request.brief.asks_for_conversation


@pytest.mark.parametrize("task_type", ["unknown", "embedding_generation"])
def test_an_own_kind_of_work_is_answered_by_what_the_prompt_looks_like(task_type: str) -> None:
    """As a prompt without that line is."""
    assert answer(f"Task type: {task_type}\nSummarise.\n\n{STORY}").startswith(("In short:", "In brief:", "Summary:"))


def test_a_summary_has_sentences_of_the_text() -> None:
    """And is shorter."""
    text = answer(task_prompt("summarization"))

    assert "What a curious well" in text
    assert len(text) < len(STORY)


def test_a_translation_keeps_tags_numbers_and_lines() -> None:
    """What is no language stays, names too; words change (B5)."""
    text = '<p n="1">The old man went to Alice.</p>\n\n<p>He said 42 times: {name}, `code`!</p>'

    german = answer(task_prompt("translation", text, "Translate into German."))
    spanish = answer(task_prompt("translation", text, "Target language: Spanish"))

    for translated in (german, spanish):
        assert re.findall(r"<[^>]*>|\d+|\{name\}|`code`|Alice|\n\n", translated) == re.findall(
            r"<[^>]*>|\d+|\{name\}|`code`|Alice|\n\n", text
        )
    assert re.search(r"\b(Die|Der) alt man ging zu Alice", german)
    assert "viejo" in spanish or "antiguo" in spanish


def test_a_language_without_a_table_is_marked_by_accents() -> None:
    """Nobody takes it for the language."""
    assert "hóúsé" in answer(task_prompt("translation", "A small house.", "Translate into Finnish."))


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("two  spaces\tand a tab", "two spaces and a tab"),
        ("an exam-\nple of a\nbroken line.", "an example of a broken line."),
        ("One.\n\n\n\nTwo.", "One.\n\nTwo."),
        ("a heading\n\nsmall letters", "a heading\n\nsmall letters"),
        ("One.\n- 12 -\nTwo.\nPage 3 of 10\nThree.\n17\nFour.", "One.\nTwo.\nThree.\nFour."),
        ("trailing   \r\nSpaces\r\n", "trailing\nSpaces"),
        ("ﬁrst ﬂoor, oﬃce", "first floor, office"),
        ("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth"),
        ("donâ€\u2122t", "don\u2019t"),
        ("a space , before a stop .", "a space, before a stop."),
        ("Clean already.\n\nSo it stays.", "Clean already.\n\nSo it stays."),
    ],
)
def test_clean_up_mends_what_is_broken(broken: str, whole: str) -> None:
    """And nothing else (B5)."""
    assert cleaned(broken) == whole
    assert cleaned(whole) == whole


def test_letters_that_a_scanner_misread_are_set_right() -> None:
    """Within words, where they can be nothing else."""
    assert unscanned("tbe he1lo w0rld | saw witb 10 of 100 Tbe") == "the hello world I saw with 10 of 100 The"
    assert answer(task_prompt("ocr_cleanup", "tbe  ﬁrst\n\n\n\nw0rd")) == "the first\n\nword"


def test_tagged_text_is_well_formed_and_says_the_same() -> None:
    """Whatever is in it, with the tags that the prompt asks for (B5)."""
    text = f"{STORY} 1 < 2 & 3 > 2\x00"
    instructions = "Use <chapter>, <dialogue>, <character> and <setting>."

    tagged = answer(task_prompt("xml_tagging", text, instructions), model="claude-fable-5-2")

    root = ElementTree.fromstring(tagged)
    assert root.tag == "chapter"
    assert {"p", "dialogue", "character", "setting"} <= {each.tag for each in root.iter()}
    assert "".join("".join(root.itertext()).split()) == "".join(text.replace("\x00", "").split())


def test_entities_stand_under_their_kind() -> None:
    """A line each."""
    lines = dict(line.split(": ", 1) for line in answer(task_prompt("entity_extraction")).splitlines())

    assert set(lines) == {"People", "Places", "Organisations", "Terms"}
    assert "Alice" in lines["People"]
    assert lines["Places"] == "London"
    assert lines["Organisations"] == "none"


@pytest.mark.parametrize(
    "offer",
    [
        "Categories: banking, lighthouses, gardening",
        "Choose one of: banking, lighthouses, gardening.",
        "Pick a category:\n- banking: money\n- lighthouses: lights\n- gardening: plants\n",
    ],
)
def test_a_category_is_one_of_those_offered(offer: str) -> None:
    """The one that the text speaks of, and nothing beside it."""
    assert answer(task_prompt("categorization", STORY, offer)) == "lighthouses"
    assert answer(task_prompt("categorization", "xyz", offer)) in ("banking", "lighthouses", "gardening")


def test_code_can_be_read_by_python() -> None:
    """And has the name that was asked for."""
    text = answer("Task type: code\nWrite a function called `pick_names` that picks names from a list of guests.")

    block = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert [each.name for each in ast.parse(block[1]).body if isinstance(each, ast.FunctionDef)] == ["pick_names"]


def test_a_conversation_needs_no_brief() -> None:
    """Its subject is what the prompt speaks of."""
    text = answer("Task type: conversation\nWrite about gardening tools and gardening gloves.")

    assert text.startswith("Customer: ")
    assert "gardening" in text.lower()


def test_names_are_told_from_capitals() -> None:
    """By standing within a sentence, and by what stands around them."""
    names = {name.text: name.kind for name in names_in(f"{STORY} He joined the Royal Society. Suddenly it rained.")}

    assert names["Alice"] is NameKind.PERSON
    assert names["White Rabbit"] is NameKind.PERSON
    assert names["London"] is NameKind.PLACE
    assert names["Royal Society"] is NameKind.ORGANISATION
    assert not {"She", "Nobody", "Suddenly", "He"} & set(names)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The house is on the hill and it was built by the sea.", "English"),
        ("Das Haus steht auf dem Hügel und ist nicht von hier.", "German"),
        ("La maison est sur la colline et elle ne voit pas la mer.", "French"),
        ("12345", "English"),
    ],
)
def test_a_language_is_known_by_its_common_words(text: str, language: str) -> None:
    """English where nothing tells."""
    assert language_of(text) == language


def test_sentences_and_subjects_are_read_off_a_text() -> None:
    """Abbreviated, quoted or without a full stop."""
    assert sentences_of("One is here. “Two!” she said.\nThree") == ["One is here.", "“Two!” she said.", "Three"]
    assert subjects_of("Rivers and bridges; rivers don't ask about Rivers.")[0] == "Rivers"


def test_a_conversation_is_about_what_its_data_says() -> None:
    """Where the prompt itself states no persona and no topic (B6)."""
    item = '{"persona": "Tired nurse", "topic": "Night shifts", "tier": "edge_case"}'

    turns = answer(task_prompt("conversation", item)).splitlines()

    assert turns[0].startswith("Tired nurse: ")
    assert "night shifts" in " ".join(turns).lower()
    assert len(turns) == 12


def test_a_translation_into_english_reads_the_other_way() -> None:
    """And leaves an English text alone."""
    german = "Und dann sagte sie nicht ein Wort, als der Mann wieder von Alice kam."

    assert "and then said" in answer(task_prompt("translation", german, "Translate into English.")).lower()
    assert answer(task_prompt("translation", STORY, "Translate into English.")) == STORY


@pytest.mark.parametrize(
    ("instructions", "tags"),
    [
        ("Use <head>, <q>, <persName> and <placeName>.", {"head", "q", "persName", "placeName"}),
        ('Use these tags: ["dialogue", "person"].', {"dialogue", "person"}),
        ("Mark it up.", {"said", "character", "setting"}),
    ],
)
def test_names_of_tags_are_the_prompts(instructions: str, tags: set[str]) -> None:
    """In whatever form it lists them; without a list, their own."""
    root = ElementTree.fromstring(answer(task_prompt("xml_tagging", STORY, instructions), model="claude-fable-5-2"))

    assert tags <= {each.tag for each in root.iter()}
    assert (root.find("head") is not None) is ("head" in tags)
