"""Specs: what the models themselves accept."""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.spec import Options


@pytest.mark.parametrize(
    ("text", "cache"),
    [
        ("{}", AnswerCache.OFF),
        ("answer_cache: off", AnswerCache.OFF),
        ("answer_cache: 'off'", AnswerCache.OFF),
        ("answer_cache: read", AnswerCache.READ),
        ("answer_cache: read_write", AnswerCache.READ_WRITE),
    ],
)
def test_the_answer_cache_is_off_unless_asked_for(text: str, cache: AnswerCache) -> None:
    """A bare `off`, which YAML 1.1 takes for False, means what it says."""
    assert Options.model_validate(yaml.safe_load(text)).answer_cache is cache


@pytest.mark.parametrize("text", ["answer_cache: on", "answer_cache: 0", "answer_cache: write", "answer_cache: null"])
def test_no_other_answer_cache_is_taken(text: str) -> None:
    """What is not a mode is refused, and not guessed."""
    with pytest.raises(ValidationError, match="'off', 'read' or 'read_write'"):
        Options.model_validate(yaml.safe_load(text))


def test_options_written_before_there_was_a_cache_are_read() -> None:
    """A batch job of an older ledger goes on, without the cache; what is written now reads back."""
    assert Options.model_validate({"concurrency": 3}).answer_cache is AnswerCache.OFF
    written = Options(answer_cache=AnswerCache.READ_WRITE).model_dump(mode="json")
    assert Options.model_validate(written).answer_cache is AnswerCache.READ_WRITE
