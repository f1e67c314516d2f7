"""Tests of batch_pipelines.addresses: files that appear whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest

from batch_pipelines import addresses
from batch_pipelines.addresses import locate, replaced
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.inputs.bucket import Bucket, served_bucket
from batch_pipelines_tests.inputs.test_clouds import at


def write(address: str, folder: Path, content: bytes, error: Exception | None = None) -> None:
    """Write a file, or break off in the middle."""
    with replaced(locate(address, folder, "to"), "to") as file:
        file.write(content)
        if error is not None:
            raise error


def test_a_file_appears_whole_with_its_folder(tmp_path: Path) -> None:
    """While it is written nothing is at its path, and nothing is left beside it (F7)."""
    with replaced(tmp_path / "a" / "b.csv", "to") as file:
        file.write(b"whole")
        assert not (tmp_path / "a" / "b.csv").exists()

    assert (tmp_path / "a" / "b.csv").read_bytes() == b"whole"
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_what_breaks_off_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """An earlier file stays, and no part of the new one does."""
    (tmp_path / "a.csv").write_bytes(b"earlier")

    with pytest.raises(RuntimeError):
        write("a.csv", tmp_path, b"part", RuntimeError())

    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"earlier"


def test_whoever_reads_a_file_reads_it_whole(tmp_path: Path) -> None:
    """While it is replaced, too."""
    (tmp_path / "a.csv").write_bytes(b"earlier")

    with (tmp_path / "a.csv").open("rb") as reader:
        write("a.csv", tmp_path, b"later")
        assert reader.read() == b"earlier"

    assert (tmp_path / "a.csv").read_bytes() == b"later"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file it leads to is replaced, with the rights that a new file gets."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_bytes(b"earlier")
    (tmp_path / "a.csv").symlink_to(tmp_path / "real" / "a.csv")
    (tmp_path / "plain").touch()

    write("a.csv", tmp_path, b"later")

    assert (tmp_path / "a.csv").is_symlink()
    assert (tmp_path / "real" / "a.csv").read_bytes() == b"later"
    assert (tmp_path / "real" / "a.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("folder", "'{}/folder' is no file; name a file"),
        ("file/a.csv", "cannot be written: "),
        ("x" * 300, "cannot be written: File name too long"),
        ("/dev/null", "to: '/dev/null' is no file; name a file"),
    ],
)
def test_a_path_that_cannot_be_written_to_is_named(tmp_path: Path, path: str, complaint: str) -> None:
    """Without a traceback, and a device is not replaced by a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(InvalidInput) as refused:
        write(path, tmp_path, b"")

    assert complaint.format(tmp_path) in str(refused.value)
    assert {each.name for each in tmp_path.iterdir()} == {"folder", "file"}


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """As the system says it."""
    with pytest.raises(InvalidInput, match="cannot be written: No space left on device; check the path"):
        write("a.csv", tmp_path, b"x", OSError(28, "No space left on device"))


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The bucket `data` of a server that speaks the protocol of S3, with one object."""
    with served_bucket("data", {"out/a.csv": b"earlier"}) as served:
        for name, value in at(served.url).items():
            monkeypatch.setenv(name, value)
        yield served
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_an_object_in_a_bucket_appears_whole(bucket: Bucket, tmp_path: Path) -> None:
    """It is sent when it is complete, and what breaks off is not sent (F7)."""
    with pytest.raises(RuntimeError):
        write("s3://data/out/a.csv", tmp_path, b"part", RuntimeError())
    assert bucket.objects == {"out/a.csv": b"earlier"}

    write("s3://data/out/a.csv", tmp_path, b"later")
    write("s3://data/out/b.csv", tmp_path, b"new")
    assert bucket.objects == {"out/a.csv": b"later", "out/b.csv": b"new"}


def test_a_bucket_that_refuses_is_named(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address, and that keys and network are to be checked."""
    bucket.is_read_only = True
    monkeypatch.setattr(addresses, "RETRY_TIME", timedelta(seconds=1))

    with pytest.raises(InvalidInput, match=r"'s3://data/out/a.csv' cannot be written: .*check the"):
        write("s3://data/out/a.csv", tmp_path, b"later")
