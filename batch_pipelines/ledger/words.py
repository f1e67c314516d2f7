"""Words as passages are found by: the same on every database, as no database splits texts itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import regex

LONGEST_WORD = 64
"""Characters of a word that count."""

_ACCENTS = regex.compile(r"[\u0300-\u036f]")
_WORD = regex.compile(r"[\p{L}\p{N}\p{M}]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc]+")


def words_of(text: str) -> list[str]:
    """The words of a text that is looked through, in order: small letters, without accents.

    Scripts that put no spaces between words give every character and every pair of neighbours, so that whatever is
    looked for is among them.
    """
    return _split(text, is_query=False)


def words_looked_for(text: str) -> list[str]:
    """The words of a query: as `words_of`, but pairs alone where a script puts no spaces between words."""
    return _split(text, is_query=True)


def _split(text: str, *, is_query: bool) -> list[str]:
    plain = _plain(text)
    words: list[str] = _WORD.findall(plain)
    if not plain.isascii() and _UNSPACED.search(plain):
        words = [piece for word in words for piece in _apart(word, is_query=is_query)]
    return [word[:LONGEST_WORD] for word in words]


def _apart(word: str, *, is_query: bool) -> Iterator[str]:
    """The runs of a word that need no spaces, in their pieces, and what stands around them."""
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            yield word[at : run.start()]
        yield from _pieces(run[0], is_query=is_query)
        at = run.end()
    if at < len(word):
        yield word[at:]


def _plain(text: str) -> str:
    """Without accents and without a difference between large and small, wide and narrow characters."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    # Put together again: what is a mark of its own in other scripts belongs to its letter.
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart)).casefold()


def _pieces(run: str, *, is_query: bool) -> list[str]:
    pairs = [run[index : index + 2] for index in range(len(run) - 1)]
    if is_query:
        return pairs or [run]
    return [*run, *pairs]
