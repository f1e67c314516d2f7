"""What commands show of a batch job that is over: for programs by the contract, for people within the terminal."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines_tests.cli.conftest import COMMAND, Call, Finished, items

STATUS_KEYS = {
    *("id", "name", "pipeline", "status", "progress", "current_phase", "elapsed_seconds", "remaining_seconds"),
    *("items_per_minute", "cost_usd", "input_tokens", "output_tokens", "in_progress", "estimate", "run_id"),
    *("simulated", "error"),
}
PROGRESS_KEYS = {"percent", "total", "completed", "failed", "skipped", "cancelled", "running"}
RESULT_KEYS = {
    *("item_id", "status", "input", "output", "phase_outputs", "error", "attempts", "retries", "duration_ms"),
    *("quality_score", "input_tokens", "output_tokens", "cost_usd", "model"),
}
ANALYTICS_KEYS: dict[str, set[str]] = {
    "overview": {"total", "successful", "failed", "pending", "success_rate"},
    "cost": {"total_usd", "per_item_usd", "by_phase"},
    "performance": {"mean_ms", "p50_ms", "p95_ms", "p99_ms", "items_per_minute", "by_phase"},
    "variance": {"cost", "time"},
}
MONEY = re.compile(r"^\d+(\.\d+)?$")


def _results(call: Call, *arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in call("results", *arguments, "--json").out.splitlines()]


def test_a_status_has_the_keys_of_the_contract(call: Call, finished: Finished) -> None:
    """Money is a decimal string, what is over has nothing in progress (E1)."""
    status = call("status", finished.id, "--json").json

    assert status.keys() >= STATUS_KEYS
    assert status["progress"].keys() >= PROGRESS_KEYS
    assert (status["status"], status["progress"]["percent"], status["progress"]["total"]) == ("completed", 100.0, 6)
    assert MONEY.match(status["cost_usd"])
    assert (status["in_progress"], status["current_phase"], status["remaining_seconds"]) == ([], None, 0.0)
    assert status["estimate"]["gate"]["passed"] is True
    assert status["simulated"] is True
    assert status == finished.outcome.json


def test_a_status_for_people_is_a_few_lines(call: Call, finished: Finished) -> None:
    """With the name as it was given, square brackets and all."""
    lines = call("status", finished.id).out.splitlines()

    assert lines[0] == f"Talks [1]  {finished.id} (simulated)"
    assert lines[1] == "completed"
    assert lines[2] == "100 % of 6 items: 4 completed, 2 failed"
    assert re.fullmatch(r"0\.\d+ USD for [\d,]+ input tokens and [\d,]+ output tokens", lines[3])
    assert re.fullmatch(r"\d+ seconds? of work, [\d,]+ items a minute", lines[4])
    assert len(lines) == 5


def test_results_are_a_json_document_a_line(call: Call, finished: Finished) -> None:
    """Every item, in order, with the contract's keys; what a provider refuses costs nothing (E2)."""
    results = _results(call, finished.id)

    assert [result["item_id"] for result in results] == [item["id"] for item in items(6)]
    for result in results:
        assert result.keys() >= RESULT_KEYS
        assert result["simulated"] is True
        assert result["input"]["topic"] == "Honey"
        assert (result["attempts"], result["retries"], result["quality_score"]) == (1, 0, None)
    done, failed = results[0], results[2]
    assert done["phase_outputs"] == {"generate_conversation": done["output"]}
    assert (done["status"], done["error"], bool(MONEY.match(done["cost_usd"]))) == ("completed", None, True)
    assert (failed["status"], failed["output"], failed["cost_usd"]) == ("failed", None, "0")
    assert failed["error"].keys() == {"category", "severity", "message"}
    assert (failed["error"]["category"], failed["error"]["severity"]) == ("context_window", "high")


def test_costs_of_results_add_up_to_the_jobs(call: Call, finished: Finished) -> None:
    """Exactly, not nearly (E2)."""
    costs = [Decimal(result["cost_usd"]) for result in _results(call, finished.id) if result["cost_usd"]]

    assert sum(costs) == Decimal(finished.outcome.json["cost_usd"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--status", "failed"], ["talk_2", "talk_5"]),
        (["--status", "failed", "--limit", "1"], ["talk_2"]),
        (["--limit", "2"], ["talk_0", "talk_1"]),
        (["--status", "pending"], []),
    ],
)
def test_results_can_be_narrowed(call: Call, finished: Finished, arguments: list[str], expected: list[str]) -> None:
    """By status and number (E2)."""
    assert [result["item_id"] for result in _results(call, finished.id, *arguments)] == expected


def test_results_for_people_say_that_they_are_simulated(call: Call, finished: Finished) -> None:
    """And give the model's text line by line as it was, and errors with their severity."""
    out = call("results", finished.id).out
    text = _results(call, finished.id, "--limit", "1")[0]["output"]

    assert out.startswith("Simulated answers: no model wrote them.\n")
    assert text in out
    assert re.search(r"^talk_0  completed  template  \d+ ms  0\.\d+ USD  1 call  claude-sonnet-5-5$", out, re.MULTILINE)
    assert re.search(r"^talk_2  failed  edge_case  \d+ ms  0\.00 USD  1 call  ", out, re.MULTILINE)
    assert "context_window (high): prompt is too long" in out


def test_results_into_a_pipe_that_closes_end_quietly(finished: Finished) -> None:
    """As with `| head -1`."""
    reader = subprocess.Popen(
        [*COMMAND, "results", finished.id, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reader.stdout
    assert reader.stderr
    reader.stdout.close()

    assert "Traceback" not in reader.stderr.read()
    reader.stderr.close()
    reader.wait()


def test_analytics_have_the_keys_of_the_contract(call: Call, finished: Finished) -> None:
    """Figures of what happened, and how far they are from the estimate (C5, E3)."""
    analytics = call("analytics", finished.id, "--json").json

    for name, keys in ANALYTICS_KEYS.items():
        assert analytics[name].keys() >= keys
    assert analytics["overview"] | {"total": 6, "successful": 4, "failed": 2, "pending": 0} == analytics["overview"]
    assert analytics["overview"]["success_rate"] == pytest.approx(0.6667)
    assert [
        {name: error[name] for name in ("error", "count", "percentage")} for error in analytics["error_distribution"]
    ] == [{"error": "context_window", "count": 2, "percentage": 100.0}]
    assert analytics["quality_distribution"] == []
    assert sum(point["completed"] for point in analytics["timeline"]) == 4
    assert analytics["variance"]["cost"]["actual_usd"] == finished.outcome.json["cost_usd"]
    assert MONEY.match(analytics["cost"]["by_phase"][0]["cost_usd"])


def test_analytics_for_people_fit_the_terminal(call: Call, finished: Finished) -> None:
    """Estimate against actual, success, durations, cost by tier and errors (E3)."""
    out = call("analytics", finished.id).out

    assert out.startswith(f"Talks [1]  {finished.id}  completed (simulated)\n")
    for pattern in (
        r"^ +estimated +actual  difference +$",
        r"^Cost +0\.\d+ USD +0\.\d+ USD +-[\d.]+ %  more than 10 % off$",
        r"^Success +66\.7 % \(4 of 6 items, 2 failed\)",
        r"^Duration of an item  p50 \d+ ms, p95 \d+ ms, p99 \d+ ms, mean \d+ ms",
        r"^Throughput +[\d,]+ items a minute",
        r"^cost by tier  items +per item +total +share$",
        r"^edge case +2 ",
        r"^2 items failed with context_window, as: prompt is too long: ",
    ):
        assert re.search(pattern, out, re.MULTILINE), (pattern, out)
    assert max(len(line) for line in out.splitlines()) <= 100


def test_watching_a_job_that_is_over_shows_its_end(call: Call, finished: Finished) -> None:
    """With the exit code of how it ended, and the ways on."""
    outcome = call("watch", finished.id)

    assert outcome.code == 0
    assert outcome.err.startswith("completed: 6 of 6 items, ")
    for words in (
        f"Talks [1]  {finished.id}  completed (simulated)",
        f"Results      batch-pipelines results {finished.id}",
        f"Analytics    batch-pipelines analytics {finished.id}",
        f"/runs/{finished.outcome.json['run_id']} (start the UI with `make ui`)",
        f"Ledger       sqlite:///{finished.home / 'batch_pipelines.db'}",
    ):
        assert words in outcome.out
    assert call("watch", finished.id, "--json").json == finished.outcome.json


def test_a_list_has_the_keys_of_a_status_without_the_estimate(call: Call, finished: Finished) -> None:
    """One document for programs (A7)."""
    (listed,) = call("list", "--json").json

    assert listed == {name: value for name, value in finished.outcome.json.items() if name != "estimate"}


def test_a_list_for_people_is_a_table(call: Call, finished: Finished) -> None:
    """Narrow enough, with ids whole and simulated work marked (A7)."""
    head, line = call("list").out.splitlines()

    assert head.split() == ["id", "status", "done", "cost", "time", "created", "(UTC)", "name"]
    assert line.startswith(f"{finished.id}  completed  4 of 6  ")
    assert line.rstrip().endswith("(simulated) Talks [1]")
    assert len(line) <= 100


@pytest.mark.parametrize(
    ("arguments", "is_listed"),
    [
        (["--status", "completed", "--pipeline", "conversation_generation", "--project", "default"], True),
        (["--created-after", "2020-01-01", "--created-before", "2999-01-01T12:00:00+02:00"], True),
        (["--status", "failed"], False),
        (["--pipeline", "other"], False),
        (["--project", "other"], False),
        (["--created-before", "2020-01-01"], False),
        (["--created-after", "2999-01-01"], False),
        (["--offset", "1"], False),
        (["--limit", "100"], True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_list_can_be_filtered(call: Call, finished: Finished, arguments: list[str], is_listed: bool) -> None:
    """By project, status, pipeline and time; an empty list is an empty document, and a hint for people (A7)."""
    assert len(call("list", *arguments, "--json").json) == is_listed

    for_people = call("list", *arguments)
    assert for_people.code == 0
    assert ("No batch job fits." in for_people.err) is not is_listed


def test_looking_into_an_empty_home_works(call: Call) -> None:
    """The first command somebody tries may well be `list`."""
    assert call("list", "--json").json == []
