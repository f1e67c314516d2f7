"""What the elements of a list are about, by the list's name: one name, one sentence or one turn each."""

from __future__ import annotations

import random
import re
from typing import Any

from batch_pipelines.providers.simulated.conversation import converse
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.names import Name, NameKind
from batch_pipelines.providers.simulated.tasks.words import shortened

Focus = dict[str, str]
"""What is told about one element, by the name of the field that takes it."""

FEWEST, MOST = 3, 8
SENTENCE_WORDS = 24
QUOTED_WORDS = 14
TURNS = re.compile(r"turn|message|dialog|conversation|utterance|exchange", re.IGNORECASE)
ENTITIES = re.compile(r"entit|names?$|mention", re.IGNORECASE)
KINDS = (
    (re.compile(r"people|person|character|author|speaker|participant", re.IGNORECASE), NameKind.PERSON),
    (re.compile(r"place|location|setting|cit(y|ies)|countr|region", re.IGNORECASE), NameKind.PLACE),
    (re.compile(r"organi[sz]ation|compan|institution", re.IGNORECASE), NameKind.ORGANISATION),
)
SUBJECTS = re.compile(r"keyword|tag|topic|term|subject|theme|concept|label|categor", re.IGNORECASE)
SENTENCES = re.compile(
    r"quote|evidence|excerpt|sentence|passage|point|fact|finding|claim|event|highlight", re.IGNORECASE
)


def foci_for(name: str, items: dict[str, Any], material: Material, source: random.Random) -> list[Focus] | None:
    """One for each element; none where the text has no such thing, None where the list's name suggests nothing."""
    if items.get("type") == "object" and TURNS.search(name):
        return _turns(material, source)
    names = _names(name, material)
    if names is not None:
        chosen = sorted(names[: source.randint(FEWEST, MOST)], key=lambda each: material.text.find(each.text))
        return [_about(each, name, material) for each in chosen]
    if SUBJECTS.search(name) and not material.offered:
        return [_told(name, each.lower()) for each in material.subjects[: source.randint(FEWEST, MOST)]]
    if SENTENCES.search(name):
        count = min(source.randint(FEWEST, MOST), len(material.sentences))
        return [_stated(name, each) for each in source.sample(material.sentences, count)]
    return None


def _turns(material: Material, source: random.Random) -> list[Focus]:
    turns = [line.partition(": ") for line in converse(material.request.brief, source).splitlines()]
    roles = ("user", "assistant")
    return [
        {"speaker": speaker, "name": speaker, "role": roles[index % 2]}
        | dict.fromkeys(("text", "content", "message", "utterance", "said", "line"), said)
        for index, (speaker, _, said) in enumerate(turns)
    ]


def _names(name: str, material: Material) -> list[Name] | None:
    if ENTITIES.search(name):
        return list(material.names)
    kind = next((kind for names, kind in KINDS if names.search(name)), None)
    return None if kind is None else [each for each in material.names if each.kind is kind]


def _about(name: Name, list_name: str, material: Material) -> Focus:
    told = dict.fromkeys(("name", "text", "entity", "value", "mention", "title"), name.text)
    kinds = dict.fromkeys(("type", "kind", "category", "label", "class"), name.kind.value)
    times = "once" if name.count == 1 else f"{name.count} times"
    # Of another kind it is only known that it is a name.
    what = "name" if name.kind is NameKind.OTHER else name.kind.value
    where = next((each for each in material.sentences if name.text in each), name.text)
    quote = _around(where, name.text)
    return _told(list_name, name.text) | told | kinds | {"description": f"{what}, named {times}", "quote": quote}


def _around(sentence: str, name: str) -> str:
    """The words of a sentence from a name on, exactly."""
    return " ".join(sentence[max(sentence.find(name), 0) :].split()[:QUOTED_WORDS])


def _stated(list_name: str, sentence: str) -> Focus:
    """An element that says something, and quotes where."""
    quote = " ".join(sentence.split()[:SENTENCE_WORDS])
    return _told(list_name, shortened(sentence, SENTENCE_WORDS)) | dict.fromkeys(("quote", "evidence"), quote)


def _told(list_name: str, text: str) -> Focus:
    """An element that is a text has its list's name, one that is an object fields for it."""
    return {list_name.lower(): text} | dict.fromkeys(("text", "name", "term", "keyword", "quote", "value"), text)
