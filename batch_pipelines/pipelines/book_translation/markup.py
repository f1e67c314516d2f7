"""Whether a passage of a book is the XML that the next phase relies on."""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat

from pydantic import JsonValue

ROOT = "text"


class _Refused(Exception):
    """XML of a kind that a passage has no use for."""


def problems_of(output: str, _parameters: Mapping[str, JsonValue]) -> str | None:
    """What keeps an output from being well-formed XML under one `<text>`; None for nothing."""
    opened: list[str] = []

    def open_element(name: str, _attributes: dict[str, str]) -> None:
        opened.append(name)
        if opened[0] != ROOT:
            raise _Refused(f"its outermost element is <{opened[0]}>, and should be <{ROOT}>")

    def refuse_declaration(*_: object) -> None:
        raise _Refused("it has a document type declaration; leave that out")

    parser = expat.ParserCreate()
    parser.StartElementHandler = open_element
    parser.StartDoctypeDeclHandler = refuse_declaration
    try:
        parser.Parse(output.strip().encode(errors="replace"), True)
    except _Refused as refused:
        return f"As XML, {refused}."
    except expat.ExpatError as error:
        return f"It is no well-formed XML: {error}. Answer with the XML alone, and close every tag."
    return None
