"""Answers in the prompt's own words."""

from __future__ import annotations

from batch_pipelines.providers.simulated.tasks.prose import _telling


def test_tags_are_no_words() -> None:
    """What marks a text as data is not what it is about."""
    prompt = "Consider\n<ticket-be3a00468ec50991>\nThe parcel is missing.\n</ticket-be3a00468ec50991>"

    assert _telling(prompt) == ["Consider", "parcel", "missing"]
