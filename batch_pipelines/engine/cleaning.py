"""Filters of templates for records: texts put in order, names of fields made plain, outputs taken apart. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping

from pydantic import JsonValue

INVISIBLE = re.compile("[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u200b\u2060\ufeff]")
"""Control characters but those that end lines or set tabs, soft hyphens, and spaces that take no room."""
LINE_END = re.compile("\r\n|[\r\u000b\u000c\u0085\u2028\u2029]")
BLANKS = re.compile(r"[^\S\n]+")
"""Spaces and tabs of every width, within a line."""
AROUND_LINE_ENDS = re.compile(r" ?\n ?")
EMPTY_LINES = re.compile(r"\n{3,}")
APOSTROPHES = re.compile("['\u2019]")
NOT_IN_NAMES = re.compile(r"[\W_]+")


def clean(value: JsonValue) -> JsonValue:
    """A value with its texts in order and without empty fields, however deep they lie.

    Texts: Unicode in composed form (NFC), nothing invisible, one blank where several stand, one empty line at most, and
    none of either at the ends. Fields that are then null, or an empty text, list or object, are left out.
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        cleaned = ((name, clean(field)) for name, field in value.items())
        return {name: field for name, field in cleaned if not _is_empty(field)}
    if isinstance(value, list):
        return [field for field in map(clean, value) if not _is_empty(field)]
    return value


def clean_text(text: str) -> str:
    """A text in order, as `clean` says."""
    text = unicodedata.normalize("NFC", LINE_END.sub("\n", INVISIBLE.sub("", text)))
    return EMPTY_LINES.sub("\n\n", AROUND_LINE_ENDS.sub("\n", BLANKS.sub(" ", text))).strip()


def plain_names(record: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A record with names of fields in lower case and `_` between words: `First Name` becomes `first_name`.

    Names that would become the same are numbered, so that no field is lost.
    """
    named: dict[str, JsonValue] = {}
    for name, value in record.items():
        plain = plain_name(name)
        number = 2
        unique = plain
        while unique in named:
            unique = f"{plain}_{number}"
            number += 1
        named[unique] = value
    return named


def plain_name(name: str) -> str:
    """One such name; `field` where nothing of it is left."""
    words = APOSTROPHES.sub("", unicodedata.normalize("NFC", name))
    return NOT_IN_NAMES.sub("_", words).strip("_").lower() or "field"


def as_fields(output: str) -> dict[str, JsonValue]:
    """The fields of an output that is a JSON object; any other as the field `output`."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"output": output}


def _is_empty(value: JsonValue) -> bool:
    return value is None or value == "" or value == [] or value == {}
