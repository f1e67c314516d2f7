"""Run tags set by hand go before the config (D1)."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.spec import Options, Spec
from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, TIER_TAG, with_tags

SPEC = Spec(pipeline="p", tier="all", options=Options(concurrency=2, retry_attempts=1))


def test_tags_override_tier_and_concurrency_only() -> None:
    """Everything else of the spec stays."""
    changed = with_tags(SPEC, {TIER_TAG: "template", CONCURRENCY_TAG: "9", "other": "x"})

    assert changed == SPEC.model_copy(
        update={"tier": "template", "options": SPEC.options.model_copy(update={"concurrency": 9})}
    )


def test_no_tags_change_nothing() -> None:
    """A run without our tags runs the spec as it is."""
    assert with_tags(SPEC, {"dagster/priority": "1"}) == SPEC


@pytest.mark.parametrize(("tag", "value"), [(CONCURRENCY_TAG, "many"), (CONCURRENCY_TAG, "-1"), (TIER_TAG, "gold")])
def test_a_tag_without_meaning_is_refused(tag: str, value: str) -> None:
    """The error names the tag or its field, and the value."""
    with pytest.raises(InvalidInput, match=value):
        with_tags(SPEC, {tag: value})
