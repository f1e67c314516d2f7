"""Finds passages for the items of a phase, all of them in one look at the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.retrieval import Passage, Retrieval
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.retrieval.queries import query_of

SIMULATED = "simulated:"
"""Before the model's name: a simulation answers for a model, and its vectors mean nothing among that model's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for on behalf of an item: something like its vector where it has one, else its words."""

    query: str | None
    """The rendered query of the phase; None: the item's texts."""
    parameters: Mapping[str, JsonValue]
    vector: Sequence[float] | None = None
    """Of the phase that `vectors_from` names."""
    vectors_of: str | None = None
    """Whose vectors it is compared with, as `name_of_vectors` gives it; needed with a vector."""

    def __post_init__(self) -> None:
        # Without it the search would be one by words, and nobody would see that.
        assert (self.vector is None) == (self.vectors_of is None), "a vector is some model's"


def name_of_vectors(model: str, *, simulated: bool) -> str:
    """Under which name the vectors of a model are kept."""
    return f"{SIMULATED}{model}" if simulated else model


def find_passages(
    ledger: Ledger, project: str, retrieval: Retrieval, asked: Sequence[Asked]
) -> list[tuple[Passage, ...]]:
    """For each of these the passages that fit best, the best first; none where nothing fits.

    Raises InvalidInput for a vector that has no direction, or that is of another length than its neighbours.
    """
    found: list[tuple[Passage, ...]] = [()] * len(asked)
    by_model: dict[str | None, list[int]] = defaultdict(list)
    for place, each in enumerate(asked):
        by_model[None if each.vector is None else each.vectors_of].append(place)
    for model, places in by_model.items():
        group = [asked[place] for place in places]
        for place, passages in zip(places, _find(ledger, project, retrieval, model, group), strict=True):
            found[place] = passages
    return found


def _find(
    ledger: Ledger, project: str, retrieval: Retrieval, model: str | None, group: Sequence[Asked]
) -> list[tuple[Passage, ...]]:
    if model is None:
        queries = [query_of(each.parameters, each.query) for each in group]
        return ledger.search_passages(project, queries, retrieval.passages, retrieval.sources)
    vectors = [each.vector for each in group if each.vector is not None]
    return ledger.search_vectors(project, model, vectors, retrieval.passages, retrieval.sources)


def check_documents(ledger: Ledger, project: str, retrieval: Retrieval, vectors_of: str | None = None) -> None:
    """Raises InvalidInput where a phase could find nothing, whatever its items: a free look before money is spent.

    `vectors_of` is the name of the vectors where the phase looks by meaning.
    """
    if not ledger.has_documents(project, retrieval.sources):
        which = f" that fit {', '.join(retrieval.sources)}" if retrieval.sources else ""
        remedy = f"take some in with `batch-pipelines ingest PATH --project {project}`, or leave out `use_rag`"
        raise InvalidInput("use_rag", None, f"finds no documents{which} in project {project}", remedy)
    if vectors_of is not None and not ledger.has_vectors(project, vectors_of):
        remedy = "run the pipeline embedding_regeneration with items {passages: '*'} first, or leave out `vectors_from`"
        raise InvalidInput(
            "retrieval.vectors_from", None, f"finds no vectors of {vectors_of} in project {project}", remedy
        )
