"""Clean-up that really cleans: spaces, line breaks, hyphens, page numbers, and what scanners misread."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material

LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
MANGLED = {"â€™": "’", "â€˜": "‘", "â€œ": "“", "â€\x9d": "”", "â€“": "–", "â€”": "—", "â€¦": "…", "Ã©": "é", "Ã¨": "è"}
"""UTF-8 that somebody read as Windows-1252."""
INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\ufeff\x00-\x08\x0b\x0c\x0e-\x1f]")
PAGE_LINE = re.compile(
    r"^[ \t]*(?:-+[ \t]*)?(?:page[ \t]+)?\d{1,4}(?:[ \t]+of[ \t]+\d{1,4})?(?:[ \t]*-+)?[ \t]*$", re.I
)
BROKEN_WORD = re.compile(r"([a-zà-ÿ])-[ \t]*\n[ \t]*([a-zà-ÿ])")
BROKEN_LINE = re.compile(r"(?<![\n.!?:;\"”’)\]>])\n(?=[ \t]*[a-zà-ÿ(])")
SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
SPACE_BEFORE_STOP = re.compile(r"(?<=\w) +([,.;:!?])(?=\s|$)")
MANY_BREAKS = re.compile(r"\n{3,}")

DIGIT_IN_WORD = re.compile(r"(?<=[a-z])[01](?=[a-z])")
LETTER_FOR_DIGIT = {"0": "o", "1": "l"}
BAR = re.compile(r"(?<![\w|])\|(?![\w|])")
MISREAD = {
    "tbe": "the",
    "tlie": "the",
    "tbat": "that",
    "witb": "with",
    "wbich": "which",
    "aud": "and",
    "arid": "and",
    "hirn": "him",
    "frorn": "from",
    "sorne": "some",
    "bave": "have",
    "sbe": "she",
    "wbat": "what",
    "tirne": "time",
    "rnore": "more",
}
MISREAD_WORD = re.compile(rf"\b({'|'.join(MISREAD)})\b", re.IGNORECASE)

STYLES: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("“", '"').replace("”", '"'),
    lambda text: text.replace("‘", "'").replace("’", "'"),
    lambda text: re.sub(r"(?<=[\w,.!?”\"])[ \t]*(?:--|—)[ \t]*(?=\w)", " – ", text),
    lambda text: text.replace("…", "..."),
    lambda text: re.sub(r"(?m)^(\s*)[*•·][ \t]+", r"\1- ", text),
    lambda text: re.sub(r"(?m)^[ \t]*(?:[*_=~-][ \t]*){5,}$", "* * *", text),
)
"""Matters of taste, each of which a draft may settle one way or leave."""


def cleanup(material: Material) -> Draft:
    """The text without what broke it, in one of several house styles."""
    return _styled(cleaned(material.text))


def ocr_cleanup(material: Material) -> Draft:
    """The same, with letters as they were before they were scanned."""
    return _styled(cleaned(unscanned(material.text)))


def cleaned(text: str) -> str:
    """Words and lines put together again, one space between words, one empty line between paragraphs."""
    for mangled, meant in MANGLED.items():
        text = text.replace(mangled, meant)
    text = unicodedata.normalize("NFC", text.translate(LIGATURES).replace("\r\n", "\n").replace("\r", "\n"))
    text = INVISIBLE.sub("", text)
    lines = [SPACES.sub(" ", line).strip() for line in text.split("\n") if not PAGE_LINE.match(line)]
    text = BROKEN_WORD.sub(r"\1\2", "\n".join(lines))
    text = SPACE_BEFORE_STOP.sub(r"\1", BROKEN_LINE.sub(" ", text))
    return MANY_BREAKS.sub("\n\n", SPACES.sub(" ", text)).strip()


def unscanned(text: str) -> str:
    """Digits within words and words that scanners misread, set right."""
    text = DIGIT_IN_WORD.sub(lambda match: LETTER_FOR_DIGIT[match[0]], text)
    text = MISREAD_WORD.sub(lambda match: _like(match[0], MISREAD[match[0].lower()]), text)
    return BAR.sub("I", text)


def _like(misread: str, meant: str) -> str:
    return meant.capitalize() if misread[0].isupper() else meant


def _styled(text: str) -> Draft:
    # Only what there is to settle in this text makes drafts differ.
    open_styles = [style for style in STYLES if style(text) != text]

    def draft(source: random.Random) -> str:
        result = text
        for style in open_styles:
            if source.random() < 0.5:
                result = style(result)
        return result

    return draft
