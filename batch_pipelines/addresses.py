"""Where files are: paths here and addresses in a cloud, opened alike."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from io import BufferedReader
from pathlib import Path, PurePath, PurePosixPath
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final, cast

from upath import UPath

from batch_pipelines.domain.errors import InvalidInput

CLOUDS: Final = ("s3", "gs", "az")
SCHEMES: Final = (*CLOUDS, "memory")
"""What an address may start with; `memory` is fsspec's own, within one process."""
BUFFER_BYTES = 1 << 20
"""Read ahead: a request to a cloud takes as long as a hundred lines."""
MOST_RETRIES = 3
"""Of a request to a cloud; somebody waits for the plan."""
RETRY_TIME = timedelta(seconds=30)

AnyPath = Path | UPath

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_WILDCARD = re.compile(r"[*?\[]")


def locate(address: str, folder: Path, field: str) -> AnyPath:
    """The file of a path, which starts at `folder` where it is relative, or of an address as `s3://bucket/a.jsonl`.

    Nothing is opened. Raises InvalidInput, about `field`, for an address of another kind or a path that cannot be one.
    """
    if scheme := _SCHEME.match(address):
        return _in_cloud(address, scheme[1].lower(), field)
    if "\0" in address:
        raise InvalidInput(field, address, "is no path (it holds a null character)", "check the path")
    try:
        return folder / Path(address).expanduser()
    except RuntimeError:
        raise InvalidInput(field, address, "names a user that does not exist", "check the path") from None


def _in_cloud(address: str, scheme: str, field: str) -> UPath:
    if scheme not in SCHEMES or "::" in address:
        known = ", ".join(f"{name}://" for name in CLOUDS)
        raise InvalidInput(field, address, "is an address of no kind that is known", f"use a path, or one of {known}")
    if scheme not in CLOUDS:
        return UPath(address)
    _use_obstore()
    return UPath(address, retry_config={"max_retries": MOST_RETRIES, "retry_timeout": RETRY_TIME})


@cache
def _use_obstore() -> None:
    """Let fsspec read clouds through obstore, which takes keys and endpoints from the variables of each cloud."""
    # Its extension takes a twentieth of a second, and few batch jobs read from a cloud.
    from obstore.fsspec import register

    register(CLOUDS)


@contextmanager
def opened(path: AnyPath, field: str) -> Iterator[BufferedReader]:
    """The file's bytes, read in pieces; raises InvalidInput for one that cannot be opened, or read to its end."""
    with explained(path, field):
        if isinstance(path, UPath):
            # A file of a cloud that is not there cannot even be closed, and says so on standard error.
            path.stat()
        file = path.open("rb")
    with explained(path, field), file:
        # What comes from a cloud has no quick `readline` of its own.
        yield file if isinstance(file, BufferedReader) else BufferedReader(cast("BufferedReader", file), BUFFER_BYTES)


@contextmanager
def replaced(path: AnyPath, field: str) -> Iterator[BinaryIO]:
    """A new file in place of the one at `path`, if any: whole when the block has ended well, or not there at all.

    Its folder is made. Raises InvalidInput for a path that cannot be written to.
    """
    with explained(path, field, writes=True):
        if isinstance(path, UPath):
            # A cloud knows no renaming; it takes a file as a whole.
            with NamedTemporaryFile(prefix="batch_pipelines_") as whole:
                yield cast("BinaryIO", whole)
                whole.flush()
                path.fs.put_file(whole.name, path.path)
            return
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise InvalidInput(field, str(path), "is no file", "name a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def explained(path: AnyPath, field: str, *, writes: bool = False) -> Iterator[None]:
    """Whatever keeps a file from being read, or written, as an InvalidInput that names it."""
    done, act = ("written", "write") if writes else ("read", "read")
    try:
        yield
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "does not exist", "check the path") from None
    except OSError as error:
        problem = f"cannot be {done}: {error.strerror or _first_line(error)}"
        raise InvalidInput(field, str(path), problem, f"check the path and the right to {act} it") from None
    except Exception as error:
        # Each cloud has errors of its own, without a common base that could be named before obstore is imported.
        if not type(error).__module__.startswith("obstore"):
            raise
        problem = f"cannot be {done}: {_first_line(error)}"
        raise InvalidInput(field, str(path), problem, "check the address, the network and the keys") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def matching(pattern: str, folder: Path, field: str) -> tuple[AnyPath, list[AnyPath]]:
    """The folder in which a pattern as `docs/**/*.pdf` begins to vary, and all files that fit it, in order.

    Hidden files fit no pattern, as in a shell. A pattern without wildcards is the path of one file. Raises InvalidInput
    where the folder does not exist.
    """
    scheme = _SCHEME.match(pattern)
    head, rest = (scheme[0], pattern[scheme.end() :]) if scheme else ("", pattern)
    parts = PurePosixPath(rest).parts
    varying = next((place for place, part in enumerate(parts) if _WILDCARD.search(part)), len(parts) - 1)
    if varying < (1 if scheme else 0):
        raise InvalidInput(field, pattern, "names no file", "write a pattern, as `docs/*.pdf`")
    base = locate(head + str(PurePosixPath(*parts[:varying])), folder, field)
    rest = "/".join(parts[varying:])
    with explained(base, field):
        # A name may hold what elsewhere is a wildcard.
        exact = base / rest
        if exact.is_file():
            return base, [exact]
        if not scheme and not base.is_dir():
            raise FileNotFoundError
        # Clouds hardly have folders, and would be asked about each file.
        found = [path for path in base.glob(rest) if not _is_hidden(path, base) and (scheme or path.is_file())]
    return base, sorted(found, key=str)


def _is_hidden(path: AnyPath, base: AnyPath) -> bool:
    return any(part.startswith(".") for part in within(path, base).split("/"))


def within(path: AnyPath, base: AnyPath) -> str:
    """The way from a folder to a file in it, with slashes."""
    return PurePath(str(path.relative_to(base))).as_posix()  # type: ignore[arg-type]  # both are of one kind
