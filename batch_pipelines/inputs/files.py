"""Items from text, Markdown and PDF files, each a whole document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from batch_pipelines.addresses import AnyPath, matching, within
from batch_pipelines.documents.reading import KINDS, document_kind, read_document
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.filtering import Filter
from batch_pipelines.inputs.source import FIELD, Record, too_many

SHOWN_FILES = 5


def read_files(pattern: str, folder: Path, wanted: Filter, most: int | None) -> Iterator[Record]:
    """One item for each document that fits the pattern, in the order of their names; other files are passed over.

    Its `id` is the path, from where the pattern begins to vary, without its suffix; `source` is the same with it;
    `title`, `text` and, of a PDF, `pages` are what it holds. Raises InvalidInput naming every file that cannot be an
    item, as a scan without text: they are found in one go, before anything is spent; and LimitExceeded for more files
    than `most` before it opens one, as reading them takes a while.
    """
    base, found = matching(pattern, folder, FIELD)
    documents = [path for path in found if document_kind(path)]
    if not documents:
        remedy = f"check the pattern; it may name {', '.join(KINDS)} files, as `docs/*.pdf` or `docs/**/*`"
        raise InvalidInput(FIELD, pattern, "fits no file that is read", remedy)
    if most is not None and len(documents) > most:
        raise too_many(len(documents), most)
    refused: list[InvalidInput] = []
    for path in documents:
        known = _known(path, base)
        if not wanted.may_admit(known):
            continue
        try:
            record = Record(str(known["source"]), {**known, **_content(path)})
        except InvalidInput as error:
            refused.append(error)
            continue
        # Nothing more is made of the others once one cannot be read; they are only looked at.
        if not refused:
            yield record
    if refused:
        raise _all_in_one(refused)


def _known(path: AnyPath, base: AnyPath) -> dict[str, JsonValue]:
    """What is known of a document without opening it."""
    source = within(path, base)
    return {"id": source.removesuffix(path.suffix), "source": source}


def _content(path: AnyPath) -> dict[str, JsonValue]:
    document = read_document(path, FIELD)
    content: dict[str, JsonValue] = {"title": document.title, "text": document.text}
    return content if document.pages is None else {**content, "pages": document.pages}


def _all_in_one(refused: list[InvalidInput]) -> InvalidInput:
    """The first error, naming the other files too."""
    first, *others = refused
    if not others:
        return first
    names = ", ".join(repr(error.value) for error in others[:SHOWN_FILES])
    more = f" and {len(others) - SHOWN_FILES} more" if len(others) > SHOWN_FILES else ""
    problem = f"{first.problem}, and {len(others)} more cannot be read: {names}{more}"
    return InvalidInput(first.field, first.value, problem, f"{first.remedy}; or leave them out of the pattern")
