"""Kinds of work."""

from __future__ import annotations

from batch_pipelines.domain.task_types import JUDGE, TaskType


def test_the_task_types_are_those_of_the_requirements_and_records() -> None:
    """Fourteen kinds of work for models, and one for none; judging is nobody's phase (B4)."""
    assert {task.value for task in TaskType} == {
        "code",
        "research",
        "creative",
        "analysis",
        "chat",
        "summarization",
        "translation",
        "entity_extraction",
        "ocr_cleanup",
        "xml_tagging",
        "text_cleanup",
        "categorization",
        "embedding_generation",
        "conversation",
        "record",
    }
    assert JUDGE not in {task.value for task in TaskType}
