"""`why`, and `estimate` with kept answers: what is saved, and why no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from batch_pipelines.cli.opening import now
from batch_pipelines.control.reading import parse_spec
from batch_pipelines.control.submission import plan_spec, submit
from batch_pipelines.domain.job import Plan
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.pipelines.catalogue import shipped_pipelines
from batch_pipelines.settings import Settings
from batch_pipelines_tests.cli.conftest import Call, Finished, Spec
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.kept import keep

PHASE = "generate_conversation"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """The ledger that commands open."""
    with Ledger.open(f"sqlite:///{home / 'batch_pipelines.db'}", now) as opened:
        yield opened


def submitted(ledger: Ledger, spec_file: Path, kept: int) -> tuple[str, Plan]:
    """The batch job of a spec, and its plan; the answers of its first items are kept."""
    plan = plan_spec(parse_spec(yaml.safe_load(spec_file.read_text())), shipped_pipelines(), Settings(), Path())
    job = submit(plan, ledger)
    keep(ledger, plan, tuple(plan.items)[:kept], at=START)
    return job.id, plan


def test_an_estimate_says_what_kept_answers_save(call: Call, spec: Spec, ledger: Ledger) -> None:
    """In figures for programs, and as a sentence and a table for people (C1)."""
    spec_file = spec(options={"answer_cache": "read"})
    submitted(ledger, spec_file, 2)

    outcome, out = call("estimate", spec_file, "--json"), call("estimate", spec_file).out

    assert (outcome.code, outcome.err) == (0, "")
    share = {"calls": 2, "saved_usd": "0.510000000002"}
    assert outcome.json["reuse"] == {**share, "items": 2, "by_phase": [{"phase": PHASE, **share}]}
    assert [phase["calls"] for phase in outcome.json["by_phase"]] == [1]
    assert "Kept answers stand in for 2 of 3 calls, which saves 0.51 USD." in " ".join(out.split())
    assert f"{PHASE}      2  0.51 USD" in out
    assert max(len(line) for line in out.splitlines()) <= 100


def test_an_estimate_of_what_is_kept_whole_is_zero(call: Call, spec: Spec, ledger: Ledger) -> None:
    """And the gate lets it run on any budget (C6)."""
    spec_file = spec(options={"answer_cache": "read_write"}, budget={"max_cost_usd": 1e-9})
    submitted(ledger, spec_file, 3)

    estimate, out = call("estimate", spec_file, "--json").json, call("estimate", spec_file).out

    assert (estimate["total_cost_usd"], estimate["gate"]["passed"], estimate["reuse"]["items"]) == ("0", True, 3)
    assert "3 items should cost nothing." in out


def test_an_estimate_with_the_cache_off_opens_no_ledger(call: Call, spec: Spec, home: Path) -> None:
    """A bare `off` in YAML is off, and the JSON has null (C1)."""
    spec_file = spec()
    spec_file.write_text(spec_file.read_text() + "options: {answer_cache: off}\n")

    assert call("estimate", spec_file, "--json").json["reuse"] is None
    assert list(home.iterdir()) == []


def test_why_tells_people_and_programs_the_same(call: Call, spec: Spec, ledger: Ledger) -> None:
    """A line for each phase, under what the batch job's cache is."""
    job_id, _ = submitted(ledger, spec(options={"answer_cache": "read"}), 1)

    out, document = call("why", job_id, "talk_0").out, call("why", job_id, "talk_0", "--json").json

    assert out.splitlines() == [
        f"talk_0  {job_id}  answer_cache: read (simulated)",
        f"phase {PHASE}: found; the answer kept on 2026-11-22 12:00 UTC fits",
    ]
    assert document == {
        "batch_job_id": job_id,
        "item_id": "talk_0",
        "answer_cache": "read",
        "simulated": True,
        "phases": [
            {
                "phase": PHASE,
                "verdict": "found",
                "kept_at": "2026-11-22T12:00:00Z",
                "differs_in": [],
                "templates_changed": None,
                "explanation": "found; the answer kept on 2026-11-22 12:00 UTC fits",
            }
        ],
    }


def test_why_names_what_differs(call: Call, spec: Spec, ledger: Ledger) -> None:
    """From the nearest kept answer, in one line however long."""
    _, plan = submitted(ledger, spec(options={"answer_cache": "read"}), 3)
    changed = plan.model_copy(update={"options": plan.options.model_copy(update={"model": "claude-haiku-4-5"})})
    job = submit(changed, ledger)

    lines = call("why", job.id, "talk_1", "--phase", PHASE).out.splitlines()

    assert lines[1:] == [f"phase {PHASE}: not found; the model differs from the answer kept on 2026-11-22 12:00 UTC"]


def test_why_says_of_a_finished_job_that_its_cache_was_off(call: Call, finished: Finished) -> None:
    """Of a job that ran before anybody thought of it."""
    outcome = call("why", finished.id, "talk_0")

    assert outcome.code == 0
    assert outcome.out.splitlines()[1] == (
        f"phase {PHASE}: a call was made, as options.answer_cache is off; "
        "no simulated answer for this item and phase was kept before"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope", "talk_0"], "no batch job 'nope'; list them with `batch-pipelines list`"),
        (["{id}", "nope"], "item: 'nope' is no item of batch job"),
        (["{id}", "talk_0", "--phase", "nope"], f"phase: 'nope' is not known; use one of: {PHASE}"),
    ],
)
def test_what_is_not_there_is_named(call: Call, spec: Spec, ledger: Ledger, arguments: list[str], words: str) -> None:
    """With exit code 2, on standard error, and as a document for programs."""
    submitted(ledger, spec(), 0)
    (job,) = ledger.list_jobs(JobFilter())
    asked = [argument.format(id=job.id) for argument in arguments]

    outcome, as_json = call("why", *asked), call("why", *asked, "--json")

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {words}")
    assert as_json.json["exit_code"] == 2
