"""Where the fields of a pipeline come from, and so what they may name: files of a folder, code to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError


@dataclass(frozen=True)
class Origin:
    """Who wrote fields; validation gets it as its context. Without one, nothing is read and nothing imported."""

    folder: Path | None
    """Where `{file: path}` starts, and what it may not leave; None where files may not be named."""
    is_trusted: bool
    """Whether Python code that it names may be imported."""
    known_code: frozenset[str] = frozenset()
    """What it may name in any case, as somebody who is trusted named it before."""


def origin_of(info: ValidationInfo) -> Origin | None:
    """The origin that a validation was started with."""
    return info.context if isinstance(info.context, Origin) else None


def mistake(problem: str, remedy: str, *, line: int | None = None, file: Path | None = None) -> PydanticCustomError:
    """An error for validators to raise: a sentence without its subject, and what to do.

    `line` is one of a text over several lines, of the text in `file` where it came from one.
    """
    context = {"problem": problem, "remedy": remedy, "line": line, "file": None if file is None else str(file)}
    return PydanticCustomError("mistake", "{problem}", context)
