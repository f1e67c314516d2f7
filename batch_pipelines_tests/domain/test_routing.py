"""Which model does what."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.routing import Complexity, Route, Tier, route, stronger_than

LADDER = ("small", "middle", "large")


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ({}, True),
        ({"task_type": "chat"}, True),
        ({"task_type": "code"}, False),
        ({"complexity": "simple"}, True),
        ({"complexity": "complex"}, False),
        ({"tier": "scenario"}, True),
        ({"tier": "template"}, False),
        ({"task_type": "chat", "complexity": "simple", "tier": "scenario"}, True),
        ({"task_type": "chat", "complexity": "simple", "tier": "edge_case"}, False),
    ],
)
def test_a_row_fits_where_everything_it_names_does(row: dict[str, str], fits: bool) -> None:
    """What it leaves out fits anything (B7)."""
    found = Route.model_validate({"model": "m", **row})

    assert found.fits("chat", Complexity.SIMPLE, Tier.SCENARIO) is fits


def test_a_row_of_a_tier_is_not_for_items_without_one() -> None:
    """They have no tier that could be the row's (B6, B7)."""
    assert not Route(tier=Tier.TEMPLATE, model="m").fits("chat", Complexity.SIMPLE, None)


def test_the_first_row_that_fits_decides() -> None:
    """And where none fits, no row does (B7)."""
    rows = (
        Route(task_type="code", model="a"),
        Route(complexity=Complexity.COMPLEX, model="b"),
        Route(task_type="chat", model="c"),
    )

    assert route(rows, "chat", Complexity.COMPLEX, None) == "b"
    assert route(rows, "chat", Complexity.SIMPLE, None) == "c"
    assert route(rows, "research", Complexity.SIMPLE, None) is None


@pytest.mark.parametrize(
    ("model", "above"),
    [("small", ("middle", "large")), ("middle", ("large",)), ("large", ()), ("foreign", ())],
)
def test_the_ladder_goes_on_from_where_a_model_stands(model: str, above: tuple[str, ...]) -> None:
    """Of a model that stands on no rung nobody knows who is stronger (B7)."""
    assert stronger_than(model, LADDER) == above
