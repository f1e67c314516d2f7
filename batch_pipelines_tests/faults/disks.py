"""Disks that become full: a small file system of its own, or a limit on how long the files of this process may be."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SIZE_MB = 16
FILLER_BYTES = 4096
"""A page, the least that this file system gives away."""


class Disk(Protocol):
    """A folder that can run out of room; what was written before can be written over even then."""

    folder: Path

    def fill(self, longest: Path) -> None:
        """Leave no room; `longest` is a folder whose files may stay as long as its longest is."""

    def make_room(self) -> None:
        """Give all of it back."""


class SmallDisk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, longest: Path) -> None:
        page = bytes(FILLER_BYTES)
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while filler.write(page):
                pass

    def make_room(self) -> None:
        self._filler.unlink()


class LimitedFiles:
    """The file system there is, with a limit on the length of every file that this process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, longest: Path) -> None:
        # Python ignores the signal that would come with the error.
        length = max((path.stat().st_size for path in longest.rglob("*") if path.is_file()), default=0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (length, self._before[1]))

    def make_room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A file system of its own at `folder`; None where this user may not mount one."""
    options = ["-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily, as a failed test may have left something open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def limited_files(folder: Path) -> Iterator[LimitedFiles]:
    """The limit, taken off in the end."""
    disk = LimitedFiles(folder)
    try:
        yield disk
    finally:
        disk.make_room()
