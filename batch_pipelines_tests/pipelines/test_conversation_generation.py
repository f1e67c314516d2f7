"""Conversations in three tiers; how they are estimated and run is told by the acceptance tests."""

from __future__ import annotations

from batch_pipelines_tests.acceptance.conftest import Deploy
from batch_pipelines_tests.pipelines.shipped import by_id, sample

PIPELINE = "conversation_generation"


def test_a_conversation_of_each_tier(deploy: Deploy) -> None:
    """Each is a transcript of the persona and an assistant, longer where the tier asks for more (B5, B6)."""
    deployment = deploy()

    results = by_id(
        deployment, deployment.run(pipeline=PIPELINE, items={"jsonl": str(sample(PIPELINE)), "limit": 3}, tier="all")
    )

    assert [result["tier"] for result in results.values()] == ["template", "scenario", "edge_case"]
    turns = [result["output"].splitlines() for result in results.values()]
    assert [len(lines) for lines in turns] == [8, 10, 12]
    for result, lines in zip(results.values(), turns, strict=True):
        assert lines[0].startswith(f"{result['input']['persona']}: ")
        assert all(": " in line for line in lines)
