"""The text layer of PDF files, by PDFium."""

from __future__ import annotations

import threading
from pathlib import Path

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD
from upath import UPath

from batch_pipelines.documents.document import Document, DocumentKind
from batch_pipelines.domain.errors import InvalidInput

PAGE_BREAK = "\n\n"
_JOINED_LINE = "\x02"
"""What PDFium puts in the place of a hyphen at the end of a line, with the next line joined on."""
# PDFium is not thread-safe.
_one_at_a_time = threading.Lock()


def read_pdf(content: bytes, path: Path | UPath, field: str) -> Document:
    """The text of all pages; raises InvalidInput for a file that is damaged, locked or without text."""
    with _one_at_a_time:
        try:
            title, pages = _read(content)
        except pypdfium2.PdfiumError as error:
            raise _explained(error, path, field) from None
    text = PAGE_BREAK.join(page for page in pages if page)
    if not text:
        remedy = "it is a scan or holds pictures only: run OCR on it, as `ocrmypdf` does, and use the result"
        raise InvalidInput(field, str(path), f"is a PDF without text ({len(pages)} pages)", remedy)
    return Document(text, title or path.stem, DocumentKind.PDF, len(pages))


def _read(content: bytes) -> tuple[str, list[str]]:
    """Title and pages; the caller holds the lock."""
    document = pypdfium2.PdfDocument(content)
    try:
        title = document.get_metadata_value("Title").strip()
        return title, [_page_text(document, number) for number in range(len(document))]
    finally:
        document.close()


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    # Closed at once, as a long document would otherwise stand in memory as a whole.
    page = document[number]
    try:
        layer = page.get_textpage()
        try:
            text = layer.get_text_bounded()
        finally:
            layer.close()
    finally:
        page.close()
    return str(text).replace(_JOINED_LINE, "").replace("\r\n", "\n").strip()


def _explained(error: pypdfium2.PdfiumError, path: Path | UPath, field: str) -> InvalidInput:
    if getattr(error, "err_code", None) == FPDF_ERR_PASSWORD:
        return InvalidInput(field, str(path), "is protected by a password", "save it without one")
    return InvalidInput(field, str(path), "is no PDF that can be read", "open it in a viewer and save it anew")
