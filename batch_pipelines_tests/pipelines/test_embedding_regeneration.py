"""Texts become vectors: in a file, and in the index of a project's passages."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batch_pipelines.pipelines.catalogue import SHIPPED
from batch_pipelines_tests.acceptance.conftest import Deploy
from batch_pipelines_tests.pipelines.shipped import by_id, outputs

PIPELINE = "embedding_regeneration"
DOCUMENTS = SHIPPED / "book_translation" / "documents"


def similarity(one: list[float], other: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one) / math.hypot(*other)


def test_texts_that_say_alike_lie_closer(deploy: Deploy, tmp_path: Path) -> None:
    """A vector for each item, in the results and in a Parquet file (B5)."""
    deployment = deploy()
    file = tmp_path / "vectors.parquet"

    status = deployment.run(pipeline=PIPELINE, items=None, delivery={"to": str(file)})

    vectors = outputs(by_id(deployment, status))
    assert len(vectors) == 8
    assert similarity(vectors["tides"], vectors["moon_phases"]) > similarity(vectors["tides"], vectors["vinegar"])
    rows = {row["id"]: row["vector"] for row in pq.read_table(file).to_pylist()}
    assert rows == {item_id: pytest.approx(vector, abs=1e-6) for item_id, vector in vectors.items()}


def test_passages_are_found_by_meaning_afterwards(deploy: Deploy, tmp_path: Path) -> None:
    """Of items that are a project's passages the vectors go to the index too (B5, B8)."""
    deployment = deploy()
    assert deployment.command("ingest", str(DOCUMENTS)).returncode == 0

    status = deployment.run(pipeline=PIPELINE, items={"passages": "*"})

    results = by_id(deployment, status)
    vector = next(iter(outputs(results).values()))
    with deployment.ledger() as ledger:
        ((best, *_),) = ledger.search_vectors("default", "simulated:voyage-3.5", [vector], 3, ())
    assert f"{best.source}#{best.position}" == next(iter(results))
