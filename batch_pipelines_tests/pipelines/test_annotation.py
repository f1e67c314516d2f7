"""Texts of a collection get metadata, as far as a filter wants them; what no try got right fails with its reasons."""

from __future__ import annotations

from batch_pipelines_tests.acceptance.conftest import Deploy
from batch_pipelines_tests.pipelines.shipped import by_id, outputs, sample

PIPELINE = "annotation"
FIELDS = {"title", "summary", "tags", "language", "kind", "audience", "quality_score", "quality_reason"}
PENDING = {"jsonl": str(sample(PIPELINE)), "where": {"status": "pending"}}


def test_pending_texts_are_annotated(deploy: Deploy) -> None:
    """The filter passes over what is done; every entry fits the schema and has the score it needs (B5, B10, F6)."""
    deployment = deploy()

    results = by_id(deployment, deployment.run(pipeline=PIPELINE, items=PENDING))

    entries = outputs(results)
    assert "minutes_03" not in entries
    assert len(entries) == 5
    assert all(set(entry) == FIELDS for entry in entries.values())
    assert all(1 <= entry["quality_score"] <= 10 for entry in entries.values())
    assert (entries["fahrplan_06"]["language"], entries["walden_04"]["language"]) == ("de", "en")
    assert all(result["quality_score"] >= 7 for result in results.values())


def test_an_entry_that_misleads_is_none(deploy: Deploy) -> None:
    """After two tries of two models each the item fails, with what the judge said of the last (B7)."""
    deployment = deploy(server={"judge_mean": 3, "judge_spread": 0})

    status = deployment.run(exit_code=1, pipeline=PIPELINE, items={**PENDING, "limit": 1})

    (result,) = deployment.results(status["id"])
    assert result["status"] == "failed"
    assert result["error"]["category"] == "validation"
    assert "no answer reached the score 7; the last had 3" in result["error"]["message"]
    assert result["attempts"] == 8, "four answers, each of them judged"
