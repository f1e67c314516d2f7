"""Documents of a project: taken in from files, searched, forgotten (requirement B8)."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from batch_pipelines.addresses import AnyPath, explained, locate, matching
from batch_pipelines.documents.document import DocumentKind
from batch_pipelines.documents.reading import KINDS, document_kind, read_document
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.domain.spec import Spec
from batch_pipelines.ledger.documents import Change, Ingested, NewDocument
from batch_pipelines.ledger.source_patterns import fits_any
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.retrieval.splitting import split

PATH = "PATH"
"""What an error about a file names."""
LONGEST_SOURCE = 190
"""Characters; `<source>#<position>` is the id of an item, which has at most 200."""


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What happened to the files that were named."""

    project: str
    documents: tuple[Ingested, ...]
    refused: tuple[InvalidInput, ...]
    """One error for each file, or path, that could not be taken in; the others were all the same."""

    def count(self, change: Change) -> int:
        """How many documents were added, changed or left as they were."""
        return sum(document.change is change for document in self.documents)


def ingest(ledger: Ledger, project: str, addresses: Iterable[str], folder: Path) -> Ingestion:
    """Take in the documents at these paths: files, folders with all that is in them, patterns as `notes/*.md`.

    A document is known by its source: its path from `folder` on where it lies in it, else its whole path or address.
    One that is known already is brought up to date, and its passages that stayed the same keep their rows and vectors.
    Raises InvalidInput for a project that cannot be one; what is wrong with files is in what it returns.
    """
    check_project(project)
    refused: list[InvalidInput] = []
    files: dict[str, AnyPath] = {}
    for address in addresses:
        try:
            files |= {_source(path, folder): path for path in _files(address, folder)}
        except InvalidInput as error:
            refused.append(error)
    documents: list[Ingested] = []
    for source, path in files.items():
        try:
            document = _read(source, path)
        except InvalidInput as error:
            refused.append(error)
        else:
            documents.append(ledger.ingest_document(project, document))
    return Ingestion(project, tuple(documents), tuple(refused))


def search(ledger: Ledger, project: str, query: str, limit: int, sources: tuple[str, ...] = ()) -> tuple[Passage, ...]:
    """The passages that fit the words of a query best; raises InvalidInput for a project without documents."""
    if not ledger.has_documents(project):
        remedy = f"take some in with `batch-pipelines ingest PATH --project {project}`"
        raise InvalidInput("project", project, "has no documents", remedy)
    (found,) = ledger.search_passages(project, [query], limit, sources)
    return found


def forget(ledger: Ledger, project: str, source: str) -> tuple[str, ...]:
    """Forget the document of this source, or all whose source fits it where it has a `*`; returns their sources.

    Raises InvalidInput where there is none.
    """
    known = [document.source for document in ledger.list_documents(project)]
    meant = [source] if source in known else []
    if not meant and "*" in source:
        meant = [each for each in known if fits_any(each, (source,))]
    if not meant:
        remedy = f"list them with `batch-pipelines documents --project {project}`"
        raise InvalidInput("SOURCE", source, f"is no document of project {project}", remedy)
    return tuple(each for each in meant if ledger.forget_document(project, each))


def check_project(project: str) -> None:
    """Raises InvalidInput for what cannot be the name of a project."""
    try:
        Spec(project=project)
    except ValidationError:
        remedy = "use letters, digits and ._- (63 at most, a letter or digit first)"
        raise InvalidInput("project", project, "is no name of a project", remedy) from None


def _files(address: str, folder: Path) -> list[AnyPath]:
    """The files that a path means; raises InvalidInput where it means none."""
    path = locate(address, folder, PATH)
    with explained(path, PATH):
        is_folder = path.is_dir()
    if is_folder:
        # Its own name is no pattern, whatever it looks like.
        _, found = matching(f"{glob.escape(address).rstrip('/')}/**/*", folder, PATH)
        return _documents(found, address, "holds no file that is read")
    _, found = matching(address, folder, PATH)
    if found == [path]:
        # Named by itself, so that whatever is wrong with it is worth an error.
        return found
    problem = "fits no file that is read" if any(mark in address for mark in "*?[") else "does not exist"
    return _documents(found, address, problem)


def _documents(files: Iterable[AnyPath], address: str, problem: str) -> list[AnyPath]:
    found = [path for path in files if document_kind(path) is not None and path.is_file()]
    if not found:
        raise InvalidInput(PATH, address, problem, f"check the path; what is read are {', '.join(KINDS)} files")
    return found


def _source(path: AnyPath, folder: Path) -> str:
    """What the document is known by: the same for `notes/a.md`, `./notes/a.md` and its whole path."""
    if not isinstance(path, Path):
        return str(path)
    # Not `resolve`: a link is known by its own name.
    plain = Path(os.path.normpath(path))
    return (plain.relative_to(folder) if plain.is_relative_to(folder) else plain).as_posix()


def _read(source: str, path: AnyPath) -> NewDocument:
    if len(source) > LONGEST_SOURCE:
        problem = f"has a path of {len(source)} characters, more than {LONGEST_SOURCE}"
        raise InvalidInput(PATH, source, problem, "take it in from a folder nearer to it")
    if not source.isprintable():
        raise InvalidInput(PATH, source, "has a name that cannot be printed", "rename it")
    document = read_document(path, PATH)
    passages = split(document.text, is_markdown=document.kind is DocumentKind.MARKDOWN)
    return NewDocument(source, document.title, document.kind, passages)
