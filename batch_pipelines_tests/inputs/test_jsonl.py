"""Items from a file with one JSON object a line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs import lines
from batch_pipelines_tests.inputs.samples import read, source_of


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": "a"}\n{"id": 2, "topic": "Tea"}\n',
        b'\xef\xbb\xbf{"id": "a"}\r\n\r\n   \r\n{"id": 2, "topic": "Tea"}',
    ],
    ids=["plain", "bom-blank-lines-crlf"],
)
def test_jsonl_is_one_item_a_line(tmp_path: Path, data: bytes) -> None:
    """A byte order mark, blank lines and line ends of Windows do no harm (F6)."""
    tmp_path.joinpath("a.jsonl").write_bytes(data)

    assert read(tmp_path, jsonl="a.jsonl") == [{"id": "a"}, {"id": 2, "topic": "Tea"}]


def test_a_line_of_jsonl_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """JSON strings may hold other characters that separate lines (F6)."""
    data = '{"id": "a", "topic": "one\u2028two\u0085three"}\n{"id": "b"}'.encode()
    tmp_path.joinpath("a.jsonl").write_bytes(data)

    assert read(tmp_path, jsonl="a.jsonl") == [{"id": "a", "topic": "one\u2028two\u0085three"}, {"id": "b"}]


def test_a_record_knows_its_line(tmp_path: Path) -> None:
    """Blank lines count (F6)."""
    tmp_path.joinpath("a.jsonl").write_bytes(b'{"id": "a"}\n\n{"id": "b"}\n')
    source = source_of(tmp_path, jsonl="a.jsonl")

    assert [record.place for record in source.records] == ["line 1", "line 3"]
    assert source.field("line 3", "id") == f"{tmp_path / 'a.jsonl'}, line 3: id"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b'{"id": 1}\n\n{"id": 2\n', "line 3' is not JSON: Expecting ',' delimiter; mend or remove that line"),
        (b'{"id": 1}\n[1]\n', "line 2' is not a JSON object; write {...} on that line"),
        (b'{"id": 1, "score": NaN}\n', "line 1' is not JSON: it has no number NaN"),
        (b'{"id": 1}\n{"id": "\xff"}', "line 2' is not UTF-8 (byte 8); save it as UTF-8"),
        (b'{"id": 1}\n' + b'{"a":' * 100_000, "line 2' is nested too deep; flatten it"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "line 1' is not JSON: Exceeds the limit"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, data: bytes, complaint: str) -> None:
    """By file and line, and what came before it was read (F6)."""
    tmp_path.joinpath("a.jsonl").write_bytes(data)

    with pytest.raises(InvalidInput, match=r"a\.jsonl") as refused:
        read(tmp_path, jsonl="a.jsonl")

    assert complaint in str(refused.value)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one line, as a JSON array may be, is refused at a limit (F6)."""
    monkeypatch.setattr(lines, "LONGEST_LINE_BYTES", 1_000_000)
    with tmp_path.joinpath("a.jsonl").open("wb") as file:
        file.write(b'{"id": 1}\n[')
        file.truncate(50_000_000)

    tracemalloc.start()
    with pytest.raises(InvalidInput, match="line 2' is longer than 1 MB; write one item a line"):
        read(tmp_path, jsonl="a.jsonl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000_000
