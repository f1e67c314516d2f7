"""Commands about a project's documents: `ingest`, `documents`, `search`, `forget`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from batch_pipelines.analytics.wording import count
from batch_pipelines.cli.opening import opened_ledger
from batch_pipelines.cli.output import explain, plain, print_json, stderr, stdout, table
from batch_pipelines.control.documents import Ingestion, check_project, forget, ingest, search
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.ledger.documents import Change

SHOWN_CHARACTERS = 400
"""Of a passage on a terminal; `--json` has all of it."""


def ingest_files(paths: Sequence[str], project: str, as_json: bool) -> int:
    """Take documents in; returns the exit code, which is that of a user's mistake where a file could not be."""
    with opened_ledger() as ledger:
        done = ingest(ledger, project, paths, Path.cwd())
    if as_json:
        print_json(_as_json(done))
    else:
        _print_ingestion(done)
    for error in done.refused:
        explain(error, as_json=False)
    return InvalidInput.exit_code if done.refused else 0


def _as_json(done: Ingestion) -> dict[str, Any]:
    return {
        "project": done.project,
        **{change.value: done.count(change) for change in Change},
        "refused": [{"path": error.value, "error": str(error), "remedy": error.remedy} for error in done.refused],
        "documents": [asdict(document) for document in done.documents],
    }


def _print_ingestion(done: Ingestion) -> None:
    console = stdout()
    touched = [document for document in done.documents if document.change is not Change.UNCHANGED]
    if touched:
        shown = table("document", "", "passages", "new", "gone", figures_from=2)
        for document in touched:
            figures = (document.passages, document.added, document.removed)
            shown.add_row(plain(document.source), document.change, *(f"{figure:,}" for figure in figures))
        console.print(shown)
        console.print()
    counts = [f"{done.count(change)} {change}" for change in Change]
    if done.refused:
        counts.append(f"[red]{len(done.refused)} not taken in[/]")
    console.print(f"Project {plain(done.project)}: {', '.join(counts)}.")


def show_documents(project: str | None, as_json: bool) -> None:
    """The documents of a project, or of all."""
    with opened_ledger() as ledger:
        documents = ledger.list_documents(project)
    if as_json:
        print_json([{**asdict(each), "ingested_at": each.ingested_at.isoformat()} for each in documents])
        return
    if not documents:
        stderr().print("No documents. Take some in with `batch-pipelines ingest PATH`.")
        return
    shown = table("project", "document", "passages", "kind", "ingested (UTC)", "title", figures_from=None)
    shown.columns[2].justify = "right"
    for each in documents:
        row = (
            each.project,
            each.source,
            f"{each.passages:,}",
            each.kind,
            f"{each.ingested_at:%m-%d %H:%M}",
            each.title,
        )
        shown.add_row(*map(plain, row))
    stdout().print(shown)


def show_found(query: str, project: str, limit: int, sources: tuple[str, ...], as_json: bool) -> None:
    """The passages that fit a query best."""
    with opened_ledger() as ledger:
        found = search(ledger, project, query, limit, sources)
    if as_json:
        print_json([passage.model_dump() for passage in found])
        return
    if not found:
        stderr().print("No passage has any of these words.")
        return
    console = stdout()
    for passage in found:
        console.print(f"[bold]{plain(passage.source)}[/]  part {passage.position + 1}  score {passage.score:.2f}")
        console.print(_beginning(passage), markup=False, soft_wrap=True)
        console.print()


def _beginning(passage: Passage) -> str:
    text = passage.text
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS].rsplit(maxsplit=1)[0]} ..."


def forget_documents(source: str, project: str, as_json: bool) -> None:
    """Forget a document, or all that fit a pattern."""
    check_project(project)
    with opened_ledger() as ledger:
        gone = forget(ledger, project, source)
    if as_json:
        print_json({"project": project, "forgotten": list(gone)})
    else:
        stdout().print(f"Forgotten: {count(len(gone), 'document')} of project {plain(project)}.")
