"""XML tagging: paragraphs, speech and names under tags, well-formed whatever the text has in it."""

from __future__ import annotations

import random
import re
from xml.sax.saxutils import escape

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.cleaning import INVISIBLE
from batch_pipelines.providers.simulated.tasks.material import PARAGRAPHS, Material
from batch_pipelines.providers.simulated.tasks.names import Name, NameKind

ASKED_TAG = re.compile(r"<([a-zA-Z][a-zA-Z_]{0,30})>")
ASKED_LINE = re.compile(r"\btags\b[^:\n]*:([^<\n]*)$", re.MULTILINE)
"""A line with names of tags in whatever form."""
TAGS_OF = {
    NameKind.PERSON: ("character", "person", "persName", "name", "speaker"),
    NameKind.PLACE: ("setting", "place", "placeName", "location"),
    NameKind.ORGANISATION: ("organisation", "organization", "orgName", "group", "name"),
    NameKind.OTHER: ("name", "term", "character", "person", "persName"),
}
"""What names may be tagged with, the first that the prompt asks for, or else the first."""
SPEECH_TAGS = ("said", "dialogue", "speech", "quote", "q")
SPEECH = re.compile(r"“[^”]{1,800}”|\"[^\"]{1,800}\"|(?<![\w'])'(?=[A-Z_]).{1,800}?(?<=[,.!?;])'(?!\w)", re.DOTALL)
HEADING = re.compile(r"^[^\n]{1,70}(?<![.,;:!?”\"'])$")
ROOTS = ("text", "chapter", "document", "book")
NUMBERINGS = ("", ' n="{}"', ' id="p{}"')
GAPS = ("\n", "\n\n")
FEWEST_NAMES, MOST_NAMES = 4, 14


def xml_tagging(material: Material) -> Draft:
    """A root with a `p` for each paragraph, in which speech and the most frequent names are tagged."""
    asked = asked_tags(material.instructions)
    root = _chosen(ROOTS, asked) or ROOTS[0]
    speech = _chosen(SPEECH_TAGS, asked)
    paragraphs = [escape(INVISIBLE.sub("", each.strip())) for each in PARAGRAPHS.split(material.text) if each.strip()]
    headings = ["head" in asked and HEADING.match(each) is not None for each in paragraphs]
    spoken = [_spoken(each, speech) for each in paragraphs]

    def draft(source: random.Random) -> str:
        names = material.names[: source.randint(FEWEST_NAMES, MOST_NAMES)]
        numbering, gap = source.choice(NUMBERINGS), source.choice(GAPS)
        tagged = (_tagged(each, names, asked) for each in spoken)
        lines = (
            f"<head>{each}</head>" if is_heading else f"<p{numbering.format(n)}>{each}</p>"
            for n, (each, is_heading) in enumerate(zip(tagged, headings, strict=True), 1)
        )
        return gap.join([f"<{root}>", *lines, f"</{root}>"])

    return draft


def asked_tags(instructions: str) -> set[str]:
    """Names of tags that the instructions mention; empty where they leave them open."""
    listed = " ".join(ASKED_LINE.findall(instructions))
    return {*ASKED_TAG.findall(instructions), *re.findall(r"[a-zA-Z_]+", listed)}


def _chosen(candidates: tuple[str, ...], asked: set[str]) -> str | None:
    """The first tag that is asked for; of its own where none is, and none where only others are."""
    return next((tag for tag in candidates if tag in asked), None if asked else candidates[0])


def _spoken(paragraph: str, tag: str | None) -> str:
    return SPEECH.sub(lambda match: f"<{tag}>{match[0]}</{tag}>", paragraph) if tag else paragraph


def _tagged(paragraph: str, names: tuple[Name, ...], asked: set[str]) -> str:
    chosen = {escape(name.text): _chosen(TAGS_OF[name.kind], asked) for name in names}
    tags = {text: tag for text, tag in chosen.items() if tag is not None}
    if not tags:
        return paragraph
    # Longer names first, so that "White Rabbit" is not tagged as "Rabbit".
    choice = "|".join(re.escape(text) for text in sorted(tags, key=len, reverse=True))
    return re.sub(rf"\b(?:{choice})\b", lambda match: f"<{tags[match[0]]}>{match[0]}</{tags[match[0]]}>", paragraph)
