"""What a text field is filled with, by its name."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.shaping.formats import date_in, slug_of
from batch_pipelines.providers.simulated.tasks import prose
from batch_pipelines.providers.simulated.tasks.cleaning import cleanup
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.names import NameKind
from batch_pipelines.providers.simulated.tasks.summary import summary_sentences
from batch_pipelines.providers.simulated.tasks.translation import translation
from batch_pipelines.providers.simulated.tasks.words import CODES, shortened

SENTENCE_WORDS = 24
TONES = ("neutral", "matter-of-fact", "warm", "critical", "playful", "formal")
READERS = ("practitioners", "general readers", "beginners", "specialists")


class Wanted(NamedTuple):
    """A text field that is to be filled."""

    material: Material
    source: random.Random
    description: str
    most_characters: int | None


def _title(wanted: Wanted) -> str:
    return wanted.material.title


def _summary(wanted: Wanted) -> str:
    return summary_sentences(wanted.material, wanted.source, wanted.source.randint(2, 3))


def _language(wanted: Wanted) -> str:
    name = wanted.material.language
    is_code = (wanted.most_characters or 99) <= 3 or re.search(r"\bISO\b|\bcode\b", wanted.description)
    return CODES[name] if is_code else name


def _language_code(wanted: Wanted) -> str:
    return CODES[wanted.material.language]


def _category(wanted: Wanted) -> str:
    offered = wanted.material.offered
    if not offered:
        return wanted.material.subjects[0].lower()
    return wanted.material.best_fit(offered) or wanted.material.pick(offered)


def _subject(wanted: Wanted) -> str:
    return wanted.source.choice(wanted.material.subjects).lower()


def _name(kind: NameKind, otherwise: str) -> Callable[[Wanted], str]:
    def named(wanted: Wanted) -> str:
        return next(iter(wanted.material.named(kind)), otherwise)

    return named


def _sentence(wanted: Wanted) -> str:
    return shortened(wanted.source.choice(wanted.material.sentences), SENTENCE_WORDS)


def _remark(wanted: Wanted) -> str:
    return prose.remarks_on(wanted.material.subjects)(wanted.source)


def _question(wanted: Wanted) -> str:
    first, second = (wanted.source.choice(wanted.material.subjects) for _ in range(2))
    return f"What does {first} mean for {second}?"


def _translation(wanted: Wanted) -> str:
    return wanted.material.drafts_of(translation)(wanted.source)


def _text(wanted: Wanted) -> str:
    return wanted.material.drafts_of(cleanup)(wanted.source)


def _date(wanted: Wanted) -> str:
    return date_in(wanted.material.text, wanted.source)


def _slug(wanted: Wanted) -> str:
    return slug_of(wanted.material.title)


def _url(wanted: Wanted) -> str:
    return f"https://example.com/{_slug(wanted)}"


def _tone(wanted: Wanted) -> str:
    return wanted.source.choice(TONES)


def _readers(wanted: Wanted) -> str:
    return wanted.source.choice(READERS)


def _phrase(wanted: Wanted) -> str:
    """For a name that suggests nothing."""
    first, second = (wanted.source.choice(wanted.material.subjects) for _ in range(2))
    return first if first == second else f"{first} and {second}"


WORK_NAMES = re.compile(r"^(text|content|body|output|result|response|answer|xml|markup|tagged\w*|cleaned\w*)$")
"""Fields that hold the work itself: what the task type would answer without a schema."""

BY_NAME: tuple[tuple[re.Pattern[str], Callable[[Wanted], str]], ...] = tuple(
    (re.compile(names), fill)
    for names, fill in (
        (r"translat", _translation),
        (r"title|headline|heading", _title),
        (r"summary|abstract|description|overview|synopsis|gist|caption", _summary),
        (r"lang\w*_code|locale", _language_code),
        (r"language|^lang$", _language),
        (r"tone|mood|sentiment|emotion|style", _tone),
        (r"audience|reader", _readers),
        (r"categor|genre|^class$|classification|domain|^label$|^type$|^kind$", _category),
        (r"keyword|^tags?$|terms?$|topic|subject|theme|concept", _subject),
        (r"person|people|character|author|speaker|protagonist|who$", _name(NameKind.PERSON, "nobody named")),
        (r"place|location|setting|city|country|region|where$", _name(NameKind.PLACE, "nowhere named")),
        (r"organi[sz]ation|company|institution|publisher", _name(NameKind.ORGANISATION, "none named")),
        (r"quote|evidence|excerpt|sentence|passage|citation|point|fact|finding|claim|event", _sentence),
        (r"reason|explanation|rationale|justif|comment|note|feedback|analysis|assessment|remark|answer", _remark),
        (r"question", _question),
        (r"date|^when$|_at$", _date),
        (r"url|link|href", _url),
        (r"(^|_)id$|slug|^key$", _slug),
        (r"^text$|content|body|clean|corrected|full_text", _text),
        (r"name|entity", _title),
    )
)
"""The first pattern that is found in a field's name decides."""


def text_for(name: str, wanted: Wanted, focus: Mapping[str, str], work: Draft | None) -> str:
    """The text of a field. `focus` is what is told here by name; `work` drafts the task type's own answer."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[ -]+", "_", name).lower()
    if plain in focus:
        return focus[plain]
    if work is not None and WORK_NAMES.match(plain):
        return work(wanted.source)
    stated = wanted.material.fields.get(plain)
    if stated is not None:
        return stated
    fill = next((fill for names, fill in BY_NAME if names.search(plain)), _phrase)
    return fill(wanted)


def fitted(text: str, least: int, most: int | None) -> str:
    """The text, made longer or shorter until it has as many characters as it must."""
    while len(text) < least:
        text = f"{text} {text}" if text else "nothing"
    return text if most is None or len(text) <= most else text[:most].rstrip().ljust(least, ".")
