"""What a spec says about its items, as a source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.inputs.samples import read, source_of

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the texts for trying things lie beside this repository")


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """A folder with a file of a hundred lines."""
    lines = [json.dumps({"id": number, "even": number % 2 == 0}) for number in range(100)]
    tmp_path.joinpath("n.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_a_limit_takes_the_first_that_are_wanted(numbers: Path) -> None:
    """Not the wanted ones of the first (F6)."""
    found = read(numbers, jsonl="n.jsonl", where={"even": True, "id": {"from": 10}}, limit=3)

    assert [item["id"] for item in found] == [10, 12, 14]


def test_nothing_after_the_limit_is_read(numbers: Path) -> None:
    """A broken line further down does no harm (F6)."""
    with numbers.joinpath("n.jsonl").open("a") as file:
        file.write("\n{")

    assert len(read(numbers, jsonl="n.jsonl", limit=100)) == 100
    with pytest.raises(InvalidInput, match="line 101' is not JSON"):
        read(numbers, jsonl="n.jsonl", limit=101)


def test_paths_start_at_the_folder_of_the_spec(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they are whole, or start at a home (F6)."""
    monkeypatch.setenv("HOME", str(numbers))

    for path in ("n.jsonl", str(numbers / "n.jsonl"), "~/n.jsonl", "../" + numbers.name + "/n.jsonl"):
        assert len(read(numbers, jsonl=path)) == 100


def test_a_source_says_what_it_is(numbers: Path) -> None:
    """For errors about it (F6)."""
    assert source_of(numbers, jsonl="n.jsonl").title == str(numbers / "n.jsonl")
    assert not source_of(numbers, jsonl="n.jsonl").is_filtered
    assert source_of(numbers, jsonl="n.jsonl", where={"a": 1}).is_filtered


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"jsonl": "lost.jsonl"}, "lost.jsonl' does not exist; check the path"),
        ({"jsonl": "."}, "cannot be read: Is a directory; check the path and the right to read it"),
        ({"csv": "lost.csv"}, "lost.csv' does not exist"),
        ({"parquet": "lost.parquet"}, "lost.parquet' does not exist"),
        ({"csv": "~nobody-of-that-name/a.csv"}, "names a user that does not exist"),
        ({"csv": "a\0b"}, "is no path (it holds a null character)"),
        ({"jsonl": "n.jsonl", "where": {"id": []}}, "items.where.id: [] lists no value"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(numbers: Path, source: dict[str, Any], complaint: str) -> None:
    """Whatever is wrong with where items should come from (F6)."""
    with pytest.raises(InvalidInput) as refused:
        read(numbers, **source)

    assert complaint in str(refused.value)


@needs_data
def test_real_texts_are_read_and_filtered() -> None:
    """A hundred and twenty proposals, and the chapters of a novel (F6)."""
    peps = read(DATA, jsonl="peps.jsonl")
    final = read(DATA, jsonl="peps.jsonl", where={"status": "Final", "type": ["Standards Track", "Process"]})

    assert len(peps) == 120
    assert 0 < len(final) < 120
    assert {pep["status"] for pep in final} == {"Final"}
    assert [chapter["chapter"] for chapter in read(DATA, jsonl="alice_chapters.jsonl", limit=2)] == [1, 2]
