"""What a request is about: the text to work on, and what can be read off it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.draws import generator
from batch_pipelines.providers.simulated.request import MessageRequest
from batch_pipelines.providers.simulated.tasks.names import Name, NameKind, names_in
from batch_pipelines.providers.simulated.tasks.words import language_of, sentences_of, subjects_of

T = TypeVar("T")

ASIDE = frozenset({"passage", "reasons", "previous_answer"})
"""Names of blocks that help with the work and are not what is worked on."""
PARAGRAPHS = re.compile(r"\n[ \t]*\n")
FIELD = re.compile(r"^[ \t]*([A-Za-z][A-Za-z _-]{1,30}?)[ \t]*:[ \t]+(\S.*)$", re.MULTILINE)
HEAD_LINE = re.compile(r"^[ \t]*[A-Za-z][A-Za-z _-]{0,30}:([ \t]|$)|^[ \t]{2,}\S")
RULE = re.compile(r"^\s*(?:[^\w\s]\s*){3,}$|^\.\. ")
SHORTEST_SENTENCE = 5
"""Words."""
MOST_FIELD_LINES = 60
"""Lines at the beginning of a text in which its fields stand, as in the head of a letter."""
OFFERED = re.compile(
    r"^[^\n]*\b(?:categor(?:y|ies)|labels?|genres?|classes|topics|one of)\b[^:\n]*:[ \t]*([^\n]+,[^\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
LISTED = re.compile(
    r"^[^\n]*\b(?:categor(?:y|ies)|labels?|genres?|classes|topics|one of)\b[^:\n]*:[ \t]*\n((?:[ \t]*[-*][^\n]+\n?)+)",
    re.IGNORECASE | re.MULTILINE,
)


class Material:
    """The text that a request is about; everything else is worked out when it is asked for."""

    def __init__(self, request: MessageRequest) -> None:
        self.request = request
        self.instructions = request.marked.outside
        self.text = _text(request)
        self._drafts: dict[Callable[[Material], Draft], Draft] = {}

    def drafts_of(self, worker: Callable[[Material], Draft]) -> Draft:
        """What a kind of work drafts of it; prepared once."""
        if worker not in self._drafts:
            self._drafts[worker] = worker(self)
        return self._drafts[worker]

    @cached_property
    def prose(self) -> str:
        """Its text without a head of fields, and without lines that only draw lines."""
        lines = self.text.splitlines()
        while lines and (not lines[0].strip() or HEAD_LINE.match(lines[0])):
            lines = lines[1:]
        kept = "\n".join(line for line in lines if not RULE.match(line))
        return kept if kept.strip() else self.text

    @cached_property
    def sentences(self) -> list[str]:
        """Those of more than a few words, where there are any; never empty."""
        every = sentences_of(self.prose)
        whole = [sentence for sentence in every if len(sentence.split()) >= SHORTEST_SENTENCE]
        return whole or every or ["Nothing was said."]

    @cached_property
    def subjects(self) -> list[str]:
        """Words it is about, the most frequent first; never empty."""
        return subjects_of(self.prose) or ["the question"]

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Proper names, the most frequent first."""
        return names_in(self.text)

    @cached_property
    def language(self) -> str:
        """English name of its language."""
        return language_of(self.text)

    @cached_property
    def fields(self) -> dict[str, str]:
        """What it, and the instructions around it, state as `Name: value` or as JSON, by name in lower case."""
        head = "\n".join([*self.text.splitlines()[:MOST_FIELD_LINES], *self.instructions.splitlines()])
        stated = {_key(name): value.strip() for name, value in reversed(FIELD.findall(head))}
        return {**stated, **_json_fields(self.text)}

    @cached_property
    def title(self) -> str:
        """Its stated title, or its first line where that is short, or its first words."""
        stated = self.fields.get("title") or self.fields.get("name")
        first = next((line.strip(" #*=") for line in self.text.splitlines() if line.strip(" #*=")), "")
        return stated or (first if 0 < len(first) <= 80 else " ".join(self.sentences[0].split()[:8]).rstrip(".,;:"))

    @cached_property
    def offered(self) -> list[str]:
        """Categories that the instructions offer, as a line with commas or as a list; may be empty."""
        inline = OFFERED.search(self.instructions)
        if inline:
            return [each.strip(" .`'\"") for each in inline[1].split(",") if each.strip(" .`'\"")]
        listed = LISTED.search(self.instructions)
        lines = listed[1].splitlines() if listed else []
        return [line.strip(" \t-*").split(":")[0].strip(" `'\".") for line in lines]

    def named(self, kind: NameKind) -> list[str]:
        """Names of a kind."""
        return [name.text for name in self.names if name.kind is kind]

    def pick(self, options: Sequence[T], name: str = "") -> T:
        """One of the options, the same whenever it is asked for under this name."""
        return generator(0, "pick", self.request.input_key + name.encode(errors="surrogatepass")).choice(options)

    def best_fit(self, options: list[str]) -> str | None:
        """The option whose words the text has most often; None where it has none of them."""
        text = self.text.lower()
        counts = {option: _occurrences(option, text) for option in options}
        best = max(options, key=lambda option: counts[option], default=None)
        return best if best is not None and counts[best] else None


def _text(request: MessageRequest) -> str:
    """The longest marked block; without any, what follows the first paragraph, or all there is."""
    blocks = request.marked.blocks
    work = [block for block in blocks if block.name not in ASIDE] or blocks
    if work:
        return max((block.text for block in work), key=len)
    first, *rest = PARAGRAPHS.split(request.marked.outside.strip())
    return "\n\n".join(rest) if rest else first


def _occurrences(option: str, text: str) -> int:
    stems = [word[:6] for word in re.findall(r"\w{3,}", option.lower())]
    return sum(text.count(stem) for stem in stems)


def _key(name: str) -> str:
    return re.sub(r"[ _-]+", "_", name.strip().lower())


def _json_fields(text: str) -> dict[str, str]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return {_key(name): each for name, each in value.items() if isinstance(each, str) and each}
