"""The commands about documents, as somebody types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines_tests.cli.conftest import Call
from batch_pipelines_tests.documents.pdf_files import make_pdf


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Three documents in the working folder, of which one is a scan."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "alice.md").write_text("# Alice [7]\n\nAlice is seven. Her cat is called Dinah.\n")
    (folder / "hatter.txt").write_text("The Hatter drinks tea.")
    (folder / "scan.pdf").write_bytes(make_pdf([[]]))
    return folder


def test_a_folder_is_taken_in_but_for_what_cannot_be(call: Call, notes: Path) -> None:
    """The summary is a result, each refused file an error with its remedy, and the exit code says so (B8)."""
    done = call("ingest", "notes")

    assert done.code == 2
    assert "Project default: 2 added, 0 changed, 0 unchanged, 1 not taken in." in done.out
    assert "notes/alice.md" in done.out
    assert done.err.startswith(f"Error: PATH: '{notes / 'scan.pdf'}' is a PDF without text (1 pages); it is a scan")
    assert done.err.count("\n") == 1


def test_taking_in_again_says_that_nothing_changed(call: Call, notes: Path) -> None:
    """And ends well, as there is nothing wrong with that (B8)."""
    call("ingest", "notes/alice.md", "notes/hatter.txt")

    done = call("ingest", "notes/*.md", "notes/*.txt")

    assert (done.code, done.err) == (0, "")
    assert done.out == "Project default: 0 added, 0 changed, 2 unchanged.\n"


def test_what_programs_read(call: Call, notes: Path) -> None:
    """With --json, each command gives one document."""
    done = call("ingest", "notes", "--project", "tales", "--json").json
    assert [done[name] for name in ("project", "added", "changed", "unchanged")] == ["tales", 2, 0, 0]
    assert [refused["path"] for refused in done["refused"]] == [str(notes / "scan.pdf")]
    assert done["documents"][0] == {
        "source": "notes/alice.md", "change": "added", "passages": 1, "added": 1, "removed": 0
    }  # fmt: skip

    (alice, hatter) = call("documents", "--json").json
    assert (alice["project"], alice["title"], hatter["source"]) == ("tales", "Alice [7]", "notes/hatter.txt")

    (found,) = call("search", "Who drinks tea?", "--project", "tales", "--json").json
    assert (found["source"], found["position"], found["text"]) == ("notes/hatter.txt", 0, "The Hatter drinks tea.")
    assert found["score"] > 0

    gone = call("forget", "notes/*", "--project", "tales", "--json").json
    assert gone == {"project": "tales", "forgotten": ["notes/alice.md", "notes/hatter.txt"]}


def test_what_people_read(call: Call, notes: Path) -> None:
    """Lists and passages show what files say, markup of theirs included."""
    call("ingest", "notes/alice.md", "notes/hatter.txt")

    listed = call("documents", "--project", "default")
    assert (listed.code, listed.err) == (0, "")
    assert "Alice [7]" in listed.out
    assert listed.out.count("\n") == 3

    found = call("search", "cat Dinah")
    assert found.out.startswith("notes/alice.md  part 1  score ")
    assert "# Alice [7]\n\nAlice is seven." in found.out
    assert call("forget", "notes/hatter.txt").out == "Forgotten: 1 document of project default.\n"


def test_nothing_is_shown_for_nothing(call: Call, notes: Path) -> None:
    """What there is not is said to people, and is an empty list to programs."""
    assert "No documents. Take some in" in call("documents").err
    call("ingest", "notes/alice.md")

    assert call("search", "zebra").err == "No passage has any of these words.\n"
    assert call("search", "zebra", "--json").json == []
    assert call("search", "cat", "--source", "other/*", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ingest", "nowhere"], ["PATH: 'nowhere' does not exist", ".pdf files"]),
        (["ingest", "notes", "--project", "a b"], ["project: 'a b' is no name of a project", "63 at most"]),
        (["search", "tea"], ["project: 'default' has no documents", "batch-pipelines ingest PATH --project default"]),
        (["search", "tea", "--limit", "21"], ["--limit", "less than or equal to 20"]),
        (["forget", "x.md"], ["SOURCE: 'x.md' is no document of project default", "documents --project default"]),
        (["forget", "x.md", "--project", "a/b"], ["is no name of a project"]),
        (["ingest"], ["PATH..."]),
    ],
)
def test_mistakes_are_explained(call: Call, arguments: list[str], words: list[str]) -> None:
    """With the field, the value and the remedy, and the exit code of a user's mistake."""
    done = call(*arguments)

    assert done.code == 2
    for word in words:
        assert word in done.err
    assert "Traceback" not in done.err
