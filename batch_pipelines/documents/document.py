"""A document as it was read: its text and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DocumentKind(StrEnum):
    """How a file holds its text."""

    TEXT = "text"
    """Plain text, UTF-8."""
    MARKDOWN = "markdown"
    """Text with headings after `#`, UTF-8."""
    PDF = "pdf"
    """Pages, of which the text layer is read."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says."""

    text: str
    """Never blank; lines end with a line feed, pages with an empty line."""
    title: str
    """The file's own, or its name without the suffix."""
    kind: DocumentKind
    pages: int | None = None
    """Of a PDF; None where there are none."""
