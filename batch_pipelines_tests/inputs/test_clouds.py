"""Items from addresses in a cloud."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import fsspec
import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.inputs.bucket import Bucket, served_bucket
from batch_pipelines_tests.inputs.samples import pdf, read

LINES = b"".join(b'{"id": %d, "topic": "Tea"}\n' % number for number in range(100_000))
OBJECTS = {
    "in/many.jsonl": LINES,
    "in/few.csv": b"id,topic\n1,Tea\n",
    "docs/b/two.md": b"# Two\n\nSecond.",
    "docs/one.pdf": pdf("First"),
    "docs/picture.png": b"png",
}


def at(url: str) -> dict[str, str]:
    """The variables by which obstore finds a cloud, as for a MinIO."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_REGION": "here",
    }


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The bucket `data` of a server that speaks the protocol of S3."""
    with served_bucket("data", OBJECTS) as served:
        for name, value in at(served.url).items():
            monkeypatch.setenv(name, value)
        yield served
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_a_file_in_a_bucket_is_read_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    """Line by line over the edges of the parts, in order and none twice (F6)."""
    found = read(tmp_path, jsonl="s3://data/in/many.jsonl")

    assert [item["id"] for item in found] == list(range(100_000))
    assert len(bucket.ranges) > 1


def test_a_table_in_a_bucket_is_read(bucket: Bucket, tmp_path: Path) -> None:
    """As one on the disk (F6)."""
    assert read(tmp_path, csv="s3://data/in/few.csv") == [{"id": "1", "topic": "Tea"}]


def test_a_pattern_fits_files_in_a_bucket(bucket: Bucket, tmp_path: Path) -> None:
    """With ids from where the pattern begins to vary, and other files passed over (F6)."""
    assert read(tmp_path, files="s3://data/docs/**/*") == [
        {"id": "b/two", "source": "b/two.md", "title": "Two", "text": "# Two\n\nSecond."},
        {"id": "one", "source": "one.pdf", "title": "one", "text": "First", "pages": 1},
    ]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"jsonl": "s3://data/in/lost.jsonl"}, "items: 's3://data/in/lost.jsonl' does not exist; check the path"),
        ({"files": "s3://data/none/*.md"}, "items: 's3://data/none/*.md' fits no file that is read"),
        ({"jsonl": "ftp://data/a.jsonl"}, "items: 'ftp://data/a.jsonl' is an address of no kind that is known"),
        ({"jsonl": "s3://data/a::zip://b"}, "is an address of no kind that is known"),
    ],
)
def test_an_address_that_cannot_be_read_is_named(
    bucket: Bucket, tmp_path: Path, source: dict[str, Any], complaint: str
) -> None:
    """Without a traceback, whatever the cloud's own error is (F6)."""
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, **source)

    assert complaint in str(refused.value)


def test_a_cloud_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The address, and that keys and network are to be checked, after a few tries (F6)."""
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name, value in at(f"http://127.0.0.1:{nobody.getsockname()[1]}").items():
            monkeypatch.setenv(name, value)

        with pytest.raises(InvalidInput, match=r"items: 's3://lost/a\.jsonl' cannot be read: .*; check the address"):
            read(tmp_path, jsonl="s3://lost/a.jsonl")
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_memory_is_an_address(tmp_path: Path) -> None:
    """Of files that a test, or a notebook, keeps in its process (F6)."""
    files = fsspec.filesystem("memory")
    files.pipe("/inputs/a.jsonl", b'{"id": "a"}\n')

    assert read(tmp_path, jsonl="memory://inputs/a.jsonl") == [{"id": "a"}]
