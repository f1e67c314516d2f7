"""Items from text, Markdown and PDF files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput, LimitExceeded
from batch_pipelines_tests.inputs.samples import pdf, read


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with a file of each kind, one of another, and a hidden one."""
    for name, data in {
        "docs/one.txt": b"First.\r\nLine.",
        "docs/b/two.md": b"Before.\n\n# Second thoughts\n\nText.",
        "docs/b/three.PDF": pdf("Page one", "Page two", title="The third"),
        "docs/picture.png": b"png",
        "docs/.hidden.txt": b"Nobody sees it.",
        "docs/b/.cache/x.txt": b"Nor this.",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


ONE = {"id": "one", "source": "one.txt", "title": "one", "text": "First.\nLine."}
TWO = {"source": "two.md", "title": "Second thoughts", "text": "Before.\n\n# Second thoughts\n\nText."}
THREE = {"source": "three.PDF", "title": "The third", "text": "Page one\n\nPage two", "pages": 2}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("docs/*", [ONE]),
        ("docs/*.txt", [ONE]),
        ("docs/one.txt", [ONE]),
        ("docs/b/*", [{"id": "three", **THREE}, {"id": "two", **TWO}]),
        (
            "docs/**/*",
            [{"id": "b/three", **THREE, "source": "b/three.PDF"}, {"id": "b/two", **TWO, "source": "b/two.md"}, ONE],
        ),
        ("d*s/*.txt", [{**ONE, "id": "docs/one", "source": "docs/one.txt"}]),
    ],
)
def test_each_document_that_fits_the_pattern_is_an_item(docs: Path, pattern: str, expected: list[Any]) -> None:
    """In the order of their names, with ids from where the pattern begins to vary; hidden files fit nothing (F6)."""
    assert read(docs, files=pattern) == expected
    assert read(Path("/nowhere"), files=str(docs / pattern)) == expected


def test_a_name_may_hold_a_wildcard(tmp_path: Path) -> None:
    """A pattern that is the name of a file is that file (F6)."""
    tmp_path.joinpath("a[1].txt").write_text("Text.")

    assert [item["id"] for item in read(tmp_path, files="a[1].txt")] == ["a[1]"]


def test_files_that_are_not_wanted_are_not_opened(docs: Path) -> None:
    """A scan does no harm where its name is filtered out; a condition on the content is met by what is read (F6)."""
    docs.joinpath("docs/b/scan.pdf").write_bytes(pdf(""))

    wanted = {"source": ["two.md", "three.PDF"], "pages": {"from": 1}}
    assert [item["id"] for item in read(docs, files="docs/b/*", where=wanted)] == ["three"]


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        (
            "scan.pdf",
            pdf("", ""),
            "scan.pdf' is a PDF without text (2 pages); it is a scan or holds pictures only: run",
        ),
        ("broken.pdf", b"%PDF-1.4\nnothing", "broken.pdf' is no PDF that can be read"),
        ("empty.txt", b" \n", "empty.txt' holds no text; write something into it, or leave it out"),
        ("latin.md", b"caf\xe9", "latin.md' is not UTF-8 (byte 3); save it as UTF-8"),
    ],
)
def test_a_file_without_text_is_named(tmp_path: Path, name: str, data: bytes, complaint: str) -> None:
    """Before anything is spent: such an item could only fail, or worse, be answered from nothing (F6)."""
    tmp_path.joinpath(name).write_bytes(data)

    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, files="*")

    assert complaint in str(refused.value)


def test_all_files_without_text_are_named_at_once(tmp_path: Path) -> None:
    """Nobody wants to find fifty scans in fifty tries (F6)."""
    tmp_path.joinpath("a.txt").write_text("Text.")
    for number in range(9):
        tmp_path.joinpath(f"scan{number}.pdf").write_bytes(pdf(""))

    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, files="*")

    told = str(refused.value)
    assert "scan0.pdf' is a PDF without text (1 pages), and 8 more cannot be read: " in told
    assert "scan5.pdf' and 3 more; it is a scan" in told
    assert told.endswith("or leave them out of the pattern")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("none/*.txt", "none' does not exist; check the path"),
        ("docs/*.docx", "'docs/*.docx' fits no file that is read; check the pattern; it may name .txt"),
        ("docs", "'docs' fits no file that is read"),
        ("docs/lost.txt", "'docs/lost.txt' fits no file that is read"),
        ("", "'' names no file; write a pattern, as `docs/*.pdf`"),
        ("s3://bucket", "'s3://bucket' names no file"),
        ("a\0*.txt", "is no path"),
    ],
)
def test_a_pattern_that_fits_nothing_is_named(docs: Path, pattern: str, complaint: str) -> None:
    """With the kinds of files that are read (F6)."""
    with pytest.raises(InvalidInput) as refused:
        read(docs, files=pattern)

    assert complaint in str(refused.value)


def test_too_many_files_are_refused_before_one_is_opened(tmp_path: Path) -> None:
    """Their number is known, and reading takes a while; a `limit` makes them few enough (A13)."""
    for number in range(3):
        tmp_path.joinpath(f"scan{number}.pdf").write_bytes(pdf(""))
    for number in range(3):
        tmp_path.joinpath(f"a{number}.txt").write_text("Text.")

    with pytest.raises(LimitExceeded, match=r"items: 6 is outside 1 to 2.*BATCH_PIPELINES_MAX_ITEMS"):
        read(tmp_path, files="*", most=2)
    assert len(read(tmp_path, files="*", most=2, limit=2)) == 2
