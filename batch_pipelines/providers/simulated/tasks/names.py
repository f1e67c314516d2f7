"""Proper names in a text, and what kind of thing each names, as far as its surroundings tell. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from batch_pipelines.providers.simulated.tasks.words import FILLERS, MOST_READ

MOST_NAMES = 40
NAME = re.compile(r"\b[A-Z][\w'’-]*[a-z0-9](?:[ \t]+(?:(?:of|de|van|von|the)[ \t]+)?[A-Z][\w'’-]*[a-z0-9])*")
STARTS_SENTENCE = re.compile(r"(?:^|[.!?:;\n\"'“‘(\[*>_-])\s*$")
NO_NAME = re.compile(r"^\w['’]|^[A-Z]-|^[A-Z]*\d|['’](?:m|ll|ve|d|re|t)$")
"""Contractions, and letters with numbers."""
SPEAKS = (
    r"said|says|cried|thought|asked|replied|answered|exclaimed|remarked|whispered|shouted|added|began|wrote|argued|"
    r"looked|felt|knew|went|ran|smiled|laughed|sighed|interrupted|continued"
)
PERSON_AFTER = re.compile(rf"^,?\s+(?:{SPEAKS})\b")
PERSON_BEFORE = re.compile(rf"\b(?:{SPEAKS}|Mr\.?|Mrs\.?|Miss|Dr\.?|Sir|Lady|by)(?: the)?\s+$|\bAuthors?:[^\n]*$")
BEFORE_PLACE = re.compile(r"\b(?:in|at|near|from|to|into|towards?|across|through)(?: the)?\s+$")
PLACE = re.compile(
    r"\b(?:City|County|Town|Village|Street|Road|Square|River|Lake|Mount|Island|Sea|Ocean|Bay|Castle|Palace|House|Hall|"
    r"Park|Garden|Forest|Hill|Valley|Bridge|Station|Kingdom|Land|Wonderland|England|France|Europe|London|Paris)\b"
)
ORGANISATION = re.compile(
    r"\b(?:Inc|Ltd|LLC|Corp|Corporation|Company|Foundation|University|College|Institute|Association|Society|Committee|"
    r"Council|Board|Department|Ministry|Group|Team|Software|Project|Press|Bank|Union|Club)\b"
)
_NO_NAMES = """
english french german latin spanish italian american british european monday let please thank thanks see use
a an and are as at but by chapter few he her his how i if in is it its monday tuesday wednesday thursday friday
saturday sunday january february march april may june july august september october november december mr mrs my no not
note of oh on one or our poor she so the to two was we who why you title status author type content abstract
specification rationale motivation references copyright
"""
NO_NAMES = FILLERS | frozenset(_NO_NAMES.split())
"""Words in capitals that name nobody."""


class NameKind(StrEnum):
    """What a name stands for."""

    PERSON = "person"
    PLACE = "place"
    ORGANISATION = "organisation"
    OTHER = "other"
    """Nothing around it tells."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name, and how often the text has it."""

    text: str
    kind: NameKind
    count: int


def names_in(text: str) -> tuple[Name, ...]:
    """The names that stand most often, most frequent first.

    A capital at the start of a sentence is no sign of a name, so each needs a place in the middle of one.
    """
    counts: Counter[str] = Counter()
    inside: set[str] = set()
    places: Counter[str] = Counter()
    people: Counter[str] = Counter()
    read = text[:MOST_READ]
    for match in NAME.finditer(read):
        name = _plain(match[0])
        if name is None:
            continue
        counts[name] += 1
        before = read[max(0, match.start() - 24) : match.start()]
        if not STARTS_SENTENCE.search(before):
            inside.add(name)
        places[name] += bool(BEFORE_PLACE.search(before))
        people[name] += bool(PERSON_BEFORE.search(before) or PERSON_AFTER.search(read[match.end() : match.end() + 16]))
    kept = [name for name, _ in counts.most_common() if name in inside][:MOST_NAMES]
    return tuple(Name(name, _kind(name, places[name], people[name], counts[name]), counts[name]) for name in kept)


def _plain(found: str) -> str | None:
    """The name without a leading word that is none; None where nothing is left."""
    words = found.split()
    while words and words[0].lower().rstrip("'’") in NO_NAMES:
        words = words[1:]
    name = " ".join(words).removesuffix("'s").removesuffix("’s")
    is_name = len(name) > 1 and name[0].isupper() and name.lower() not in NO_NAMES and not NO_NAME.search(name)
    return name if is_name else None


def _kind(name: str, as_place: int, as_person: int, count: int) -> NameKind:
    if ORGANISATION.search(name):
        return NameKind.ORGANISATION
    if as_person and as_person >= as_place:
        return NameKind.PERSON
    if PLACE.search(name) or as_place * 2 > count:
        return NameKind.PLACE
    return NameKind.OTHER
