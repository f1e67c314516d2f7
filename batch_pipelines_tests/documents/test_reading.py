"""Files as documents: what is read of each kind, and what is wrong with those that cannot be."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from batch_pipelines.documents import pdf
from batch_pipelines.documents.document import DocumentKind
from batch_pipelines.documents.reading import document_kind, read_document
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.documents.pdf_files import make_pdf


@pytest.mark.parametrize(
    ("name", "content", "kind", "title", "text"),
    [
        ("note.txt", b"One.\r\nTwo.\rThree.", DocumentKind.TEXT, "note", "One.\nTwo.\nThree."),
        ("mark.TXT", b"\xef\xbb\xbfOne.", DocumentKind.TEXT, "mark", "One."),
        ("a.md", b"Intro\n# Alice ##\ntext", DocumentKind.MARKDOWN, "Alice", "Intro\n# Alice ##\ntext"),
        ("b.markdown", b"## Only a part", DocumentKind.MARKDOWN, "b", "## Only a part"),
        ("c.rst", "Straße\n======".encode(), DocumentKind.TEXT, "c", "Straße\n======"),
    ],
)
def test_texts_are_read(tmp_path: Path, name: str, content: bytes, kind: DocumentKind, title: str, text: str) -> None:
    """A text is its file's, with line feeds; a Markdown file's title is its first heading of the first level."""
    (tmp_path / name).write_bytes(content)

    document = read_document(tmp_path / name)

    assert (document.kind, document.title, document.text, document.pages) == (kind, title, text, None)


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    """Its text comes with lines as they stand, words put together again, and an empty line between pages (B8)."""
    (tmp_path / "a.pdf").write_bytes(make_pdf([["Curi-", "ouser and", "curiouser!"], ["The end."]], "Of Alice"))

    document = read_document(tmp_path / "a.pdf")

    assert document.text == "Curiouser and\ncuriouser!\n\nThe end."
    assert (document.kind, document.title, document.pages) == (DocumentKind.PDF, "Of Alice", 2)


def test_threads_may_read_pdfs_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFium works for one thread at a time, whoever asks; each gets its own file's text."""
    for number in range(8):
        (tmp_path / f"{number}.pdf").write_bytes(make_pdf([[f"Number {number}."]] * 3))
    inside: list[int] = []
    most: list[int] = []
    read = pdf._read

    def watched(content: bytes) -> tuple[str, list[str]]:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.001)
        try:
            return read(content)
        finally:
            inside.pop()

    monkeypatch.setattr(pdf, "_read", watched)
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(read_document, sorted(tmp_path.iterdir())))

    assert [document.text.partition("\n")[0] for document in found] == [f"Number {number}." for number in range(8)]
    assert max(most) == 1


def test_a_document_may_be_in_a_cloud() -> None:
    """Whatever fsspec opens is read alike."""
    path = UPath("memory://shelf/a.md")
    path.write_bytes(b"# Alice")

    assert read_document(path).title == "Alice"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.txt", None, ["does not exist", "check the path"]),
        ("a.docx", b"x", ["is of no kind that is read", ".txt, .text, .rst, .md, .markdown, .pdf"]),
        ("latin.txt", "Straße".encode("latin-1"), ["is not UTF-8 (byte 4)", "save it as UTF-8"]),
        ("blank.md", b" \n\t", ["holds no text"]),
        ("scan.pdf", make_pdf([[], []]), ["is a PDF without text (2 pages)", "run OCR on it"]),
        ("broken.pdf", b"%PDF-1.4 broken", ["is no PDF that can be read"]),
        ("empty.pdf", b"", ["is no PDF that can be read"]),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, name: str, content: bytes | None, words: list[str]) -> None:
    """The error names the file, what is wrong with it and the remedy (F6)."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidInput) as caught:
        read_document(tmp_path / name, "items")

    assert (caught.value.field, caught.value.value) == ("items", str(tmp_path / name))
    for word in words:
        assert word in str(caught.value)


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    """Not even one that is called like one."""
    (tmp_path / "odd.txt").mkdir()

    with pytest.raises(InvalidInput, match="cannot be read"):
        read_document(tmp_path / "odd.txt")


def test_kinds_go_by_the_suffix() -> None:
    """In whichever letters it is written."""
    assert document_kind(Path("A.PDF")) is DocumentKind.PDF
    assert document_kind(Path("pdf")) is None
