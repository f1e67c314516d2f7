"""Pseudo-translations: every tag, number and line where it was, frequent words translated, others respelt.

Nobody could take the result for a translation, and everybody can see what it is one of.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.vocabulary import respelt, translations

Table = Mapping[str, tuple[str, ...]]

DEFAULT_LANGUAGE = "German"
ASKED = re.compile(
    r"\b(Arabic|Bulgarian|Catalan|Chinese|Croatian|Czech|Danish|Dutch|English|Esperanto|Estonian|Finnish|French|German|Greek|"
    r"Hebrew|Hindi|Hungarian|Indonesian|Irish|Italian|Japanese|Korean|Latin|Norwegian|Polish|Portuguese|Romanian|Russian|"
    r"Serbian|Slovak|Spanish|Swedish|Thai|Turkish|Ukrainian|Vietnamese|Welsh)\b"
)
KEPT = re.compile(r"<[^<>]*>|\{[^{}\n]*\}|`[^`\n]*`|https?://\S+|&\w+;")
"""What is no language: tags, placeholders, code, addresses."""
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
SENTENCE_STARTS = re.compile(r"(?:^|[.!?\n>\"“‘(])\s*$")


@dataclass(frozen=True, slots=True)
class _Choice:
    """A word that has several translations; one of them is used throughout a draft."""

    english: str
    is_capitalised: bool


def translation(material: Material) -> Draft:
    """The text in the language that the instructions name, German without one."""
    language = target_language(material.instructions)
    table = translations(material.language, language)
    pieces = _pieces(material.text, language, table)
    open_words = sorted({piece.english for piece in pieces if isinstance(piece, _Choice)})

    def draft(source: random.Random) -> str:
        chosen = {english: source.choice(table[english]) for english in open_words}
        return "".join(piece if isinstance(piece, str) else _cased(chosen, piece) for piece in pieces)

    return draft


def target_language(instructions: str) -> str:
    """The English name of the language that is asked for."""
    found = ASKED.search(instructions)
    return found[1] if found else DEFAULT_LANGUAGE


def _pieces(text: str, language: str, table: Table) -> list[str | _Choice]:
    """The text as what stays the same in every draft and what is chosen in each, in its order."""
    pieces: list[str | _Choice] = []
    at = 0
    for kept in KEPT.finditer(text):
        pieces += _words(text[at : kept.start()], language, table)
        pieces.append(kept[0])
        at = kept.end()
    pieces += _words(text[at:], language, table)
    return _joined(pieces)


def _words(text: str, language: str, table: Table) -> list[str | _Choice]:
    pieces: list[str | _Choice] = []
    at = 0
    for match in WORD.finditer(text):
        pieces.append(text[at : match.start()])
        word, at = match[0], match.end()
        plain = word.lower()
        options = table.get(plain)
        if options is None:
            pieces.append(word if _is_name(word, text, match.start()) else respelt(word, language))
        elif len(options) == 1:
            pieces.append(_capitalised(options[0]) if word[0].isupper() else options[0])
        else:
            pieces.append(_Choice(plain, word[0].isupper()))
    return [*pieces, text[at:]]


def _is_name(word: str, text: str, position: int) -> bool:
    """Whether a capital stands where only names have one."""
    before = text[max(0, position - 8) : position]
    return word[0].isupper() and not SENTENCE_STARTS.search(before)


def _cased(chosen: dict[str, str], piece: _Choice) -> str:
    word = chosen[piece.english]
    return _capitalised(word) if piece.is_capitalised else word


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _joined(pieces: list[str | _Choice]) -> list[str | _Choice]:
    """The same with neighbouring texts as one, so that a draft has little to put together."""
    joined: list[str | _Choice] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
