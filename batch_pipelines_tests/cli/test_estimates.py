"""`estimate` and `pipelines`: what is known before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines_tests.cli.conftest import Call, Spec, items

MODEL = "claude-sonnet-5-5"
SHAPE: dict[str, Any] = {
    "item_count": int,
    "total_cost_usd": str,
    "cost_per_item_usd": str,
    "total_input_tokens": int,
    "total_output_tokens": int,
    "breakdown": {"input_usd": str, "output_usd": str},
    "by_phase": list,
    "by_tier": list,
    "interval": {"low_usd": str, "high_usd": str, "coverage": float},
    "time": {
        "seconds": float,
        "minutes": float,
        "hours": (float, type(None)),
        "formatted": str,
        "items_per_minute": float,
        "effective_concurrency": float,
        "rate_limit_applied": bool,
    },
    "gate": {"passed": bool, "severity": str, "reasons": list},
    "summary": str,
    "reuse": type(None),
}
"""The contract: keys and types of `estimate --json`, money as decimal strings."""


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """15 USD a million input tokens, 75 USD a million output tokens."""
    path = tmp_path / "prices.yaml"
    path.write_text(f"- {{model: {MODEL}, input_usd_per_mtok: 15, output_usd_per_mtok: 75}}")
    monkeypatch.setenv("BATCH_PIPELINES_PRICES_FILE", str(path))


def _assert_shape(value: Any, shape: Any) -> None:
    if isinstance(shape, dict):
        assert value.keys() == shape.keys()
        for name, inner in shape.items():
            _assert_shape(value[name], inner)
    else:
        assert isinstance(value, shape), (value, shape)


def test_an_estimate_has_the_keys_and_types_of_the_contract(call: Call, spec: Spec) -> None:
    """No key more, none less (C1)."""
    outcome = call("estimate", spec(), "--json")

    assert (outcome.code, outcome.err) == (0, "")
    _assert_shape(outcome.json, SHAPE)
    assert outcome.json["gate"] == {"passed": True, "severity": "ok", "reasons": []}


@pytest.mark.parametrize(
    ("tier", "one", "hundred"),
    [("template", "0.255", "25.5"), ("scenario", "0.3375", "33.75"), ("edge_case", "0.42", "42")],
)
@pytest.mark.usefixtures("prices")
def test_a_conversation_costs_what_the_requirements_say(
    call: Call, spec: Spec, tier: str, one: str, hundred: str
) -> None:
    """At 15 and 75 USD per million tokens, to the cent (C2)."""
    for count, total in ((1, one), (100, hundred)):
        estimate = call("estimate", spec(items=items(count), tier=tier), "--json").json

        assert (estimate["total_cost_usd"], estimate["cost_per_item_usd"]) == (total, one)
        assert [share["tier"] for share in estimate["by_tier"]] == [tier]


@pytest.mark.usefixtures("prices")
def test_all_tiers_add_up(call: Call, spec: Spec) -> None:
    """Breakdown, phases and tiers each sum up to the total (C2)."""
    estimate = call("estimate", spec(items=items(300)), "--json").json

    assert estimate["total_cost_usd"] == "101.25"
    assert [share["cost_usd"] for share in estimate["by_tier"]] == ["25.5", "33.75", "42"]
    assert estimate["breakdown"] == {"input_usd": "11.25", "output_usd": "90"}
    assert [share["cost_usd"] for share in estimate["by_phase"]] == ["101.25"]
    assert (estimate["total_input_tokens"], estimate["total_output_tokens"]) == (750_000, 1_200_000)


@pytest.mark.parametrize(
    ("count", "concurrency", "arguments", "minutes", "formatted"),
    [
        (10, 3, ["--seconds-per-call", "60"], 3.667, "4 minutes"),
        (30, 3, ["--seconds-per-call", "60"], 11.0, "11 minutes"),
        (90, 3, ["--seconds-per-call", "60"], 33.0, "33 minutes"),
        (90, 5, ["--seconds-per-call", "60"], 19.8, "20 minutes"),
        (90, 3, ["--seconds-per-call", "20"], 11.0, "11 minutes"),
    ],
)
def test_time_is_as_the_requirements_say(
    call: Call, spec: Spec, count: int, concurrency: int, arguments: list[str], minutes: float, formatted: str
) -> None:
    """The source's tables follow from the seconds of a call (C3)."""
    spec_file = spec(items=items(count), options={"concurrency": concurrency})

    time = call("estimate", spec_file, "--json", "--requests-per-minute", "50", *arguments).json["time"]

    assert (round(time["minutes"], 3), time["formatted"]) == (minutes, formatted)
    assert (time["effective_concurrency"], time["rate_limit_applied"]) == (concurrency, False)


def test_a_rate_limit_cuts_the_concurrency(call: Call, spec: Spec) -> None:
    """And the estimate says so, to programs and to people (C3)."""
    arguments = ("estimate", spec(items=items(30), options={"concurrency": 10}), "--seconds-per-call", "60")

    time = call(*arguments, "--requests-per-minute", "5", "--json").json["time"]

    assert (time["effective_concurrency"], time["rate_limit_applied"]) == (5.0, True)
    assert "as fast as the rate limit allows" in call(*arguments, "--requests-per-minute", "5").out.replace("\n", " ")


def test_an_estimate_over_the_budget_is_still_an_answer(call: Call, spec: Spec) -> None:
    """Exit code 0; the gate is shown as it would be (C1, C6)."""
    spec_file = spec(budget={"max_cost_usd": "0.05", "max_duration_seconds": 3600})

    as_json, for_people = call("estimate", spec_file, "--json"), call("estimate", spec_file)

    assert (as_json.code, as_json.json["gate"]["passed"], as_json.json["gate"]["severity"]) == (0, False, "error")
    assert for_people.code == 0
    assert "Budget 0.05 USD and 3600 seconds: the gate refuses it." in for_people.out
    assert as_json.json["gate"]["reasons"][0] in " ".join(for_people.out.split())


def test_an_estimate_for_people_is_a_table_under_a_sentence(call: Call, spec: Spec) -> None:
    """It fits the terminal, and says that a simulation would answer."""
    out = call("estimate", spec(items=items(6))).out

    assert out.startswith("Talks [1] (simulated)\n6 items should cost about ")
    for word in ("template", "scenario", "edge case", "total", "No budget: the gate lets it run.", "No money will be"):
        assert word in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_one_tier_needs_no_total(call: Call, spec: Spec) -> None:
    """Its line is the total."""
    out = call("estimate", spec(tier="template", items=items(1))).out

    assert "1 item should cost" in out
    assert "total" not in out


def test_estimating_makes_no_home(call: Call, spec: Spec, home: Path) -> None:
    """It costs nothing and leaves nothing behind (C1)."""
    call("estimate", spec())

    assert list(home.iterdir()) == []
