"""Splits documents into passages: whole sentences, paragraphs where they fit, under their headings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

LEAST_CHARACTERS = 700
"""Of a passage that is followed by another one of its section."""
MOST_CHARACTERS = 1_300
"""Of a passage, without its headings. About a thousand is usual."""
LONGEST_OVERLAP = 200
"""Characters of a sentence that both neighbours get."""
LONGEST_CONTEXT = 300
"""Characters of the headings over a passage; the outer ones go first."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+\S.*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
# After a full stop or its kin and the marks that close a quotation; where a script has no spaces, at once.
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026])[\"'\u2019\u201d)\]]*\s+|(?<=[\u3002\uff01\uff1f])[\u300d\u300f\u201d\uff09]*\s*"
)
_LINE_END = re.compile(r"\n\s*")
_WORD_END = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Section:
    """A stretch of text under one heading."""

    context: str
    """The headings over it, one a line."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Sentence:
    """Or what is taken for one: a line or some words of a text without."""

    start: int
    end: int
    """Without the white space after it."""
    ends_paragraph: bool


def split(text: str, *, is_markdown: bool = False) -> tuple[str, ...]:
    """The passages of a text, in order; none for a blank one.

    Each is a piece of the text as it stands there, under the headings of its section where it is Markdown, and begins
    with the last sentence of the one before where that is short. Where passages end depends on the text nearby, so
    that a change in one place leaves the others as they were. No word is cut, unless it is longer than a passage.
    """
    found: list[str] = []
    for section in _sections(text) if is_markdown else [_Section("", 0, len(text))]:
        for start, end in _passages(text, section):
            piece = text[start:end]
            found.append(f"{section.context}\n\n{piece}" if section.context else piece)
    return tuple(found)


def _sections(text: str) -> Iterator[_Section]:
    """The stretches between headings; a heading with nothing under it is context of deeper ones only."""
    over: list[tuple[int, str]] = []
    start, at, fence = 0, 0, ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        heading = None if fence or mark else _HEADING.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if heading:
            yield _Section(_context(over), start, at)
            level = len(heading[1])
            over = [*(outer for outer in over if outer[0] < level), (level, line.strip())]
            start = at + len(line)
        at += len(line)
    yield _Section(_context(over), start, at)


def _context(over: list[tuple[int, str]]) -> str:
    """The headings, the innermost of them where all are too long."""
    lines: list[str] = []
    for _, heading in reversed(over):
        if len("\n".join([heading, *lines])) > LONGEST_CONTEXT:
            break
        lines.insert(0, heading)
    return "\n".join(lines)


def _passages(text: str, section: _Section) -> Iterator[tuple[int, int]]:
    """Where the passages of a section begin and end."""
    sentences = list(_sentences(text, section.start, section.end))
    first, fresh = 0, 0
    while fresh < len(sentences):
        last = _last_of(text, sentences, first, fresh)
        yield sentences[first].start, sentences[last].end
        fresh = last + 1
        first = _with_overlap(sentences, last)


def _last_of(text: str, sentences: list[_Sentence], first: int, fresh: int) -> int:
    """Which sentence ends the passage that begins with `first`, of which those from `fresh` on were in none before.

    Of the ends that would do, one is chosen by what stands there and not by where it stands: so the same is chosen
    again when something before it has changed.
    """
    start = sentences[first].start
    if sentences[-1].end - start <= MOST_CHARACTERS:
        return len(sentences) - 1
    fits = [fresh]
    for index in range(fresh + 1, len(sentences)):
        if sentences[index].end - start > MOST_CHARACTERS:
            break
        fits.append(index)
    long_enough = [index for index in fits if sentences[index].end - start >= LEAST_CHARACTERS] or fits[-1:]
    paragraphs = [index for index in long_enough if sentences[index].ends_paragraph]
    return min(paragraphs or long_enough, key=lambda index: _lot(text[sentences[index].start : sentences[index].end]))


def _lot(sentence: str) -> bytes:
    """What decides between ends: the same for the same sentence, and otherwise like a draw."""
    return hashlib.sha256(sentence.encode(errors="surrogatepass")).digest()


def _with_overlap(sentences: list[_Sentence], last: int) -> int:
    """The sentence with which the next passage begins."""
    sentence = sentences[last]
    return last if sentence.end - sentence.start <= LONGEST_OVERLAP else last + 1


def _sentences(text: str, start: int, end: int) -> Iterator[_Sentence]:
    for paragraph_start, paragraph_end in _cut(text, start, end, _PARAGRAPH_END):
        pieces = list(_short_pieces(text, paragraph_start, paragraph_end))
        for piece_start, piece_end in pieces:
            yield _Sentence(piece_start, piece_end, ends_paragraph=piece_end == pieces[-1][1])


def _short_pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentences; of those that are too long the lines, of these the words, put together again as far as they fit."""
    for sentence in _cut(text, start, end, _SENTENCE_END):
        if sentence[1] - sentence[0] <= LEAST_CHARACTERS:
            yield sentence
            continue
        for line in _cut(text, *sentence, _LINE_END):
            if line[1] - line[0] <= LEAST_CHARACTERS:
                yield line
            else:
                yield from _joined(_words(text, *line))


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for word_start, word_end in _cut(text, start, end, _WORD_END):
        for at in range(word_start, word_end, LEAST_CHARACTERS):
            yield at, min(at + LEAST_CHARACTERS, word_end)


def _joined(words: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """As many words together as make half of a passage's least, so that ends can be chosen."""
    start, end = next(words)
    for word_start, word_end in words:
        if word_end - start > LEAST_CHARACTERS // 2:
            yield start, end
            start = word_start
        end = word_end
    yield start, end


def _cut(text: str, start: int, end: int, separator: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The pieces between separators, without white space around them and without empty ones."""
    at = start
    for found in separator.finditer(text, start, end):
        # Marks that close a quotation belong to what they close; white space belongs to nothing.
        yield from _stripped(text, at, found.end())
        at = found.end()
    yield from _stripped(text, at, end)


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
