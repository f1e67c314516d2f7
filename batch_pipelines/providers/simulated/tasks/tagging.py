"""XML tagging: paragraphs, speech and names under tags, well-formed whatever the text has in it."""

from __future__ import annotations

import random
import re
from xml.sax.saxutils import escape

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.cleaning import INVISIBLE
from batch_pipelines.providers.simulated.tasks.material import PARAGRAPHS, Material
from batch_pipelines.providers.simulated.tasks.names import Name, NameKind

ASKED_TAG = re.compile(r"<([a-z][a-z_]{1,30})>")
TAGS_OF = {
    NameKind.PERSON: ("character", "person", "name", "speaker"),
    NameKind.PLACE: ("setting", "place", "location"),
    NameKind.ORGANISATION: ("organisation", "organization", "group", "name"),
    NameKind.OTHER: ("name", "term"),
}
"""What names may be tagged with, the first that the prompt asks for, or else the first."""
SPEECH_TAGS = ("said", "dialogue", "speech", "quote")
SPEECH = re.compile(r"“[^”]{1,800}”|\"[^\"]{1,800}\"|(?<![\w'])'(?=[A-Z_]).{1,800}?(?<=[,.!?;])'(?!\w)", re.DOTALL)
ROOTS = ("text", "chapter", "document", "book")
NUMBERINGS = ("", ' n="{}"', ' id="p{}"')
GAPS = ("\n", "\n\n")
FEWEST_NAMES, MOST_NAMES = 4, 14


def xml_tagging(material: Material) -> Draft:
    """A root with a `p` for each paragraph, in which speech and the most frequent names are tagged."""
    asked = set(ASKED_TAG.findall(f"{material.instructions}\n{material.request.text[:4000]}"))
    root = _first(ROOTS, asked)
    speech = _first(SPEECH_TAGS, asked)
    paragraphs = [escape(INVISIBLE.sub("", each.strip())) for each in PARAGRAPHS.split(material.text) if each.strip()]
    spoken = [SPEECH.sub(lambda match: f"<{speech}>{match[0]}</{speech}>", each) for each in paragraphs]

    def draft(source: random.Random) -> str:
        names = material.names[: source.randint(FEWEST_NAMES, MOST_NAMES)]
        numbering, gap = source.choice(NUMBERINGS), source.choice(GAPS)
        tagged = (_tagged(each, names, asked) for each in spoken)
        lines = (f"<p{numbering.format(n)}>{each}</p>" for n, each in enumerate(tagged, 1))
        return gap.join([f"<{root}>", *lines, f"</{root}>"])

    return draft


def _first(candidates: tuple[str, ...], asked: set[str]) -> str:
    return next((tag for tag in candidates if tag in asked), candidates[0])


def _tagged(paragraph: str, names: tuple[Name, ...], asked: set[str]) -> str:
    if not names:
        return paragraph
    tags = {escape(name.text): _first(TAGS_OF[name.kind], asked) for name in names}
    # Longer names first, so that "White Rabbit" is not tagged as "Rabbit".
    choice = "|".join(re.escape(text) for text in sorted(tags, key=len, reverse=True))
    return re.sub(rf"\b(?:{choice})\b", lambda match: f"<{tags[match[0]]}>{match[0]}</{tags[match[0]]}>", paragraph)
