"""Files into a project and out again: what is taken, what is refused, and what a document is known by."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from batch_pipelines.control.documents import LONGEST_SOURCE, Ingestion, forget, ingest, search
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.ledger.documents import Change
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.documents.pdf_files import make_pdf


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder with a folder `notes` of three documents, and files that are none."""
    files = {
        "notes/alice.md": b"# Alice\n\nAlice is seven.\n\n## Cat\n\nDinah.",
        "notes/old/hatter.txt": b"The Hatter drinks tea.",
        "notes/rules.pdf": make_pdf([["All persons more than a mile high"], ["to leave the court."]], "Rules"),
        "notes/picture.png": b"x",
        "notes/.hidden.txt": b"x",
        "notes/.git/config.txt": b"x",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def sources(ledger: Ledger) -> list[str]:
    """What the documents of project `p` are known by."""
    return [document.source for document in ledger.list_documents("p")]


def changes(done: Ingestion) -> list[int]:
    """How many documents were added, changed, left as they were, and refused."""
    return [*(done.count(change) for change in Change), len(done.refused)]


def test_a_folder_is_taken_in(sqlite_ledger: Ledger, notes: Path) -> None:
    """All text, Markdown and PDF files in it, however deep, without hidden ones (B8)."""
    done = ingest(sqlite_ledger, "p", ["notes"], notes)

    assert changes(done) == [3, 0, 0, 0]
    assert sources(sqlite_ledger) == ["notes/alice.md", "notes/old/hatter.txt", "notes/rules.pdf"]
    kept = {(known.source, known.kind, known.title, known.passages) for known in sqlite_ledger.list_documents("p")}
    assert ("notes/alice.md", "markdown", "Alice", 2) in kept
    assert ("notes/rules.pdf", "pdf", "Rules", 1) in kept
    texts = [passage.text for passage in sqlite_ledger.iter_passages("p", "alice.md")]
    assert texts == ["# Alice\n\nAlice is seven.", "# Alice\n## Cat\n\nDinah."]


@pytest.mark.parametrize(
    ("addresses", "known"),
    [
        (["notes/*.md"], ["notes/alice.md"]),
        (["notes/**/*.txt"], ["notes/old/hatter.txt"]),
        (["./notes/old/../alice.md", "notes/alice.md"], ["notes/alice.md"]),
        (["notes/old", "notes/rules.pdf"], ["notes/old/hatter.txt", "notes/rules.pdf"]),
        (["."], ["notes/alice.md", "notes/old/hatter.txt", "notes/rules.pdf"]),
    ],
)
def test_a_document_is_known_by_its_path(
    sqlite_ledger: Ledger, notes: Path, addresses: list[str], known: list[str]
) -> None:
    """From the working folder, however the path was written, so that it is known again."""
    assert not ingest(sqlite_ledger, "p", addresses, notes).refused
    assert sources(sqlite_ledger) == known
    assert ingest(sqlite_ledger, "p", [str(notes / each) for each in addresses], notes).count(Change.ADDED) == 0


def test_a_document_from_elsewhere_is_known_by_its_whole_path(sqlite_ledger: Ledger, notes: Path) -> None:
    """There is no shorter one that would mean the same."""
    (notes / "other").mkdir()

    ingest(sqlite_ledger, "p", ["../notes/alice.md"], notes / "other")

    assert sources(sqlite_ledger) == [str(notes / "notes" / "alice.md")]


def test_documents_may_be_in_a_cloud(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """A folder of a bucket is a folder (F6)."""
    UPath("memory://shelf/tales/a.md").write_bytes(b"# Alice\nText.")
    UPath("memory://shelf/tales/b.png").write_bytes(b"x")

    assert changes(ingest(sqlite_ledger, "p", ["memory://shelf/tales"], tmp_path)) == [1, 0, 0, 0]
    assert sources(sqlite_ledger) == ["memory://shelf/tales/a.md"]


def test_a_folder_may_look_like_a_pattern(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Its name is its name."""
    (tmp_path / "a[1]*").mkdir()
    (tmp_path / "a[1]*" / "b.txt").write_text("Text.")

    ingest(sqlite_ledger, "p", ["a[1]*"], tmp_path)

    assert sources(sqlite_ledger) == ["a[1]*/b.txt"]


def test_taking_in_again_touches_what_changed(sqlite_ledger: Ledger, notes: Path) -> None:
    """A file that is gone stays until it is forgotten; the others are compared (B8)."""
    ingest(sqlite_ledger, "p", ["notes"], notes)
    (notes / "notes/alice.md").write_bytes(b"# Alice\n\nAlice is eight.\n\n## Cat\n\nDinah.")
    (notes / "notes/rules.pdf").unlink()
    (notes / "notes/new.txt").write_text("New.")

    done = ingest(sqlite_ledger, "p", ["notes"], notes)

    assert changes(done) == [1, 1, 1, 0]
    (alice,) = [document for document in done.documents if document.change is Change.CHANGED]
    assert (alice.passages, alice.added, alice.removed) == (2, 1, 1)
    assert "notes/rules.pdf" in sources(sqlite_ledger)


def test_one_bad_file_keeps_no_other_out(sqlite_ledger: Ledger, notes: Path) -> None:
    """Each is named with its remedy, and the others are taken in (B8)."""
    (notes / "notes/a_scan.pdf").write_bytes(make_pdf([[]]))
    (notes / "notes/latin.txt").write_bytes("Straße".encode("latin-1"))

    done = ingest(sqlite_ledger, "p", ["nowhere", "notes", "notes/picture.png", "*.csv", "ftp://x/y.md"], notes)

    assert changes(done) == [3, 0, 0, 6]
    said = {str(error.value).removeprefix(f"{notes}/"): error for error in done.refused}
    assert "without text" in said["notes/a_scan.pdf"].problem
    assert "OCR" in said["notes/a_scan.pdf"].remedy
    assert "not UTF-8" in said["notes/latin.txt"].problem
    assert "of no kind that is read" in said["notes/picture.png"].problem
    assert "does not exist" in said["nowhere"].problem
    assert "fits no file" in said["*.csv"].problem
    assert "address of no kind" in said["ftp://x/y.md"].problem


def test_a_folder_without_documents_is_refused(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Nobody means to take in nothing."""
    (tmp_path / "empty").mkdir()

    (error,) = ingest(sqlite_ledger, "p", ["empty"], tmp_path).refused

    assert "holds no file that is read" in str(error)


def test_a_source_must_fit_into_an_id(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    """Passages are items under `<source>#<position>`, whose ids have at most 200 characters."""
    folder = tmp_path / ("x" * 100) / ("y" * (LONGEST_SOURCE - 100))
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("Text.")

    (error,) = ingest(sqlite_ledger, "p", ["."], tmp_path).refused

    assert "more than 190" in str(error)
    assert not ingest(sqlite_ledger, "p", ["."], folder).refused


@pytest.mark.parametrize("project", ["", "a b", "../x", "x" * 64])
def test_a_project_has_a_name(sqlite_ledger: Ledger, tmp_path: Path, project: str) -> None:
    """The same names as in a spec."""
    with pytest.raises(InvalidInput, match="is no name of a project"):
        ingest(sqlite_ledger, project, [], tmp_path)


def test_documents_are_searched(sqlite_ledger: Ledger, notes: Path) -> None:
    """By their words, in all documents or some (B8)."""
    ingest(sqlite_ledger, "p", ["notes"], notes)

    assert [passage.source for passage in search(sqlite_ledger, "p", "Who drinks tea?", 1)] == ["notes/old/hatter.txt"]
    assert search(sqlite_ledger, "p", "tea", 5, ("alice.md",)) == ()
    with pytest.raises(InvalidInput, match=r"'q' has no documents.*ingest PATH --project q"):
        search(sqlite_ledger, "q", "tea", 5)


def test_documents_are_forgotten(sqlite_ledger: Ledger, notes: Path) -> None:
    """One by its source, or all that fit a pattern; a name alone is no pattern (B8)."""
    ingest(sqlite_ledger, "p", ["notes"], notes)

    with pytest.raises(InvalidInput, match=r"'hatter.txt' is no document of project p.*documents --project p"):
        forget(sqlite_ledger, "p", "hatter.txt")
    assert forget(sqlite_ledger, "p", "notes/alice.md") == ("notes/alice.md",)
    assert forget(sqlite_ledger, "p", "notes/*") == ("notes/old/hatter.txt", "notes/rules.pdf")
    with pytest.raises(InvalidInput):
        forget(sqlite_ledger, "p", "*")
