"""Patterns of sources, as `characters/*`."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def fits_any(source: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits the source, from its beginning or from one of its folders on.

    `*` stands for any characters, a slash included, `?` for one and `[ab]` for one of those.
    """
    return any(fnmatchcase(source, pattern) or fnmatchcase(source, f"*/{pattern}") for pattern in patterns)
