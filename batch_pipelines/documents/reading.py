"""Reads a file as a document; every mistake names the file, what is wrong with it and the remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from upath import UPath

from batch_pipelines.documents.document import Document, DocumentKind
from batch_pipelines.documents.pdf import read_pdf
from batch_pipelines.domain.errors import InvalidInput

KINDS = {
    ".txt": DocumentKind.TEXT,
    ".text": DocumentKind.TEXT,
    ".rst": DocumentKind.TEXT,
    ".md": DocumentKind.MARKDOWN,
    ".markdown": DocumentKind.MARKDOWN,
    ".pdf": DocumentKind.PDF,
}
"""By the suffix, in small letters."""
MOST_BYTES = 100_000_000
"""Of one file; a book is under two million. A document is read as a whole."""

_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def document_kind(path: Path | UPath) -> DocumentKind | None:
    """What a file of this name holds; None for one that is no document."""
    return KINDS.get(path.suffix.lower())


def read_document(path: Path | UPath, field: str = "files") -> Document:
    """The document that a file holds; `field` is what an error is about.

    Raises InvalidInput for a file of another kind, one that cannot be read, and one without text.
    """
    kind = document_kind(path)
    if kind is None:
        raise InvalidInput(field, str(path), "is of no kind that is read", f"use one of {', '.join(KINDS)}")
    content = _content(path, field)
    if kind is DocumentKind.PDF:
        return read_pdf(content, path, field)
    text = _decoded(content, path, field)
    heading = _HEADING.search(text) if kind is DocumentKind.MARKDOWN else None
    return Document(text, heading[1] if heading else path.stem, kind)


def _content(path: Path | UPath, field: str) -> bytes:
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            problem = f"has {size:,} bytes, more than {MOST_BYTES:,}"
            raise InvalidInput(field, str(path), problem, "split it into several files")
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "does not exist", "check the path") from None
    except OSError as error:
        _refuse(path, field, f"cannot be read: {error.strerror or error}", "check the path and the right to read it")


def _decoded(content: bytes, path: Path | UPath, field: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(path, field, f"is not UTF-8 (byte {error.start})", "save it as UTF-8")
    if not text.strip():
        _refuse(path, field, "holds no text", "write something into it, or leave it out")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse(path: Path | UPath, field: str, problem: str, remedy: str) -> NoReturn:
    raise InvalidInput(field, str(path), problem, remedy) from None
