"""Which calls kept answers save, and what the estimate and the gate make of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.control.estimating import estimate_plan
from batch_pipelines.control.gating import ask_gate
from batch_pipelines.control.reuse import find_savings
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.routing import Complexity
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.estimation.savings import Savings
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.control.samples import MODEL, plan
from batch_pipelines_tests.kept import keep
from batch_pipelines_tests.reports import COST
from batch_pipelines_tests.statements import counted

READ = {"answer_cache": "read"}
DRAFT = Phase(name="draft", task_type=TaskType.CHAT, prompt="About {{ item.topic }}.")
REVIEW = Phase(name="review", task_type=TaskType.CHAT, prompt="Judge {{ phases.draft }}.")
TALK = Pipeline(name="talk", description="", model=MODEL, phases=(DRAFT, REVIEW))


def planned(count: int = 4, *phases: Phase, of: Pipeline = TALK, **content: Any) -> Plan:
    """A plan that reads kept answers, for items that each ask something else."""
    rows = [{"id": f"i{number}", "topic": f"tea {number}"} for number in range(count)]
    wanted = of.model_copy(update={"phases": phases}) if phases else of
    return plan({"options": READ, **content}, of=wanted, raw=rows)


def saved(ledger: Ledger, wanted: Plan) -> Savings:
    """What is kept of a plan that uses kept answers."""
    found = find_savings(ledger, wanted, wanted.items)
    assert found is not None
    return found


def calls(ledger: Ledger, wanted: Plan) -> dict[str, int]:
    """Calls that need not be made, by phase."""
    return {phase: count for (phase, *_), count in saved(ledger, wanted).calls.items()}


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Ledger:
    """A ledger that knows the project `default`."""
    submit(planned(), sqlite_ledger)
    return sqlite_ledger


def test_items_are_followed_to_their_first_miss(ledger: Ledger) -> None:
    """A kept output leads to the next phase's request; behind a miss nothing is counted."""
    wanted = planned(4)
    keep(ledger, wanted, tuple(wanted.items)[:2])
    keep(ledger, wanted, tuple(wanted.items)[2:3], "draft")
    keep(ledger, wanted, tuple(wanted.items)[3:], "review")

    found = saved(ledger, wanted)

    assert found.calls == {("draft", None, Complexity.SIMPLE): 3, ("review", None, Complexity.SIMPLE): 2}
    assert found.items == 2
    assert found.saved_usd == {"draft": 3 * COST, "review": 2 * COST}


def test_nothing_is_kept_in_a_new_ledger(ledger: Ledger) -> None:
    """Every call is a miss, and that is known, unlike with the cache off."""
    assert saved(ledger, planned()) == Savings()


def test_added_items_buy_none_of_the_old_ones_again(ledger: Ledger) -> None:
    """Nor does another order: an answer depends on its own request alone."""
    keep(ledger, planned(3), planned(3).items)

    more = planned(5)
    backwards = more.model_copy(update={"items": tuple(more.items)[::-1]})

    assert calls(ledger, more) == calls(ledger, backwards) == {"draft": 3, "review": 3}


@pytest.mark.parametrize(
    ("phases", "content", "expected"),
    [
        ((), {}, {"draft": 4, "review": 4}),
        ((), {"name": "another", "options": {**READ, "concurrency": 2}}, {"draft": 4, "review": 4}),
        ((DRAFT.model_copy(update={"timeout_seconds": 1.0}), REVIEW), {}, {"draft": 4, "review": 4}),
        ((DRAFT, REVIEW.model_copy(update={"prompt": "Weigh {{ phases.draft }}."})), {}, {"draft": 4}),
        ((DRAFT, REVIEW.model_copy(update={"system_prompt": "Be strict."})), {}, {"draft": 4}),
        (
            (DRAFT, REVIEW.model_copy(update={"prompt": "Judge {{ phases.draft }}.{# mildly #}"})),
            {},
            {"draft": 4, "review": 4},
        ),
        ((DRAFT.model_copy(update={"max_tokens": 5}), REVIEW), {}, {}),
        ((), {"options": {**READ, "model": "claude-other"}}, {}),
        ((), {"project": "other"}, {}),
    ],
    ids=["same", "other name", "timeout", "prompt", "system", "comment", "max_tokens", "model", "project"],
)
def test_a_changed_request_is_a_miss(
    ledger: Ledger, phases: tuple[Phase, ...], content: dict[str, Any], expected: dict[str, int]
) -> None:
    """And what does not change what is asked changes nothing."""
    keep(ledger, planned(), planned().items)

    assert calls(ledger, planned(4, *phases, **content)) == expected


@pytest.mark.parametrize("kept_is_simulated", [False, True])
def test_a_simulation_stands_for_no_model(ledger: Ledger, kept_is_simulated: bool) -> None:
    """Nor the other way round."""
    keep(ledger, planned(), planned().items, simulated=kept_is_simulated)

    for asked_is_simulated in (False, True):
        wanted = planned().model_copy(update={"simulated": asked_is_simulated})
        assert saved(ledger, wanted).items == (4 if asked_is_simulated is kept_is_simulated else 0)


def test_a_prompt_that_cannot_be_rendered_is_a_miss(ledger: Ledger) -> None:
    """The item will fail; it does not keep the others from being counted."""
    broken = REVIEW.model_copy(update={"prompt": "{{ phases.draft if item.topic != 'tea 0' else phases.lost }}"})
    wanted = planned(3, DRAFT, broken)
    keep(ledger, planned(3, DRAFT), planned(3, DRAFT).items)
    keep(ledger, wanted, tuple(wanted.items)[1:], "review")

    found = saved(ledger, wanted)

    assert found.calls == {("draft", None, Complexity.SIMPLE): 3, ("review", None, Complexity.SIMPLE): 2}
    assert found.items == 2


def test_the_ledger_is_not_asked_item_by_item(ledger: Ledger) -> None:
    """Two statements for a thousand items and a phase, whatever is kept."""
    keep(ledger, planned(2000), planned(2000).items)

    with counted(ledger) as sent:
        assert calls(ledger, planned(2000)) == {"draft": 2000, "review": 2000}

    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 8


def test_with_the_cache_off_the_ledger_is_not_asked_at_all(ledger: Ledger) -> None:
    """Neither by the estimate nor by the gate."""
    wanted = planned(options={})
    keep(ledger, wanted, wanted.items)
    job = submit(wanted, ledger)

    with counted(ledger) as sent:
        assert find_savings(ledger, wanted, wanted.items) is None
        answer = ask_gate(ledger, Settings(), job.id)

    assert not [statement for statement in sent if "answers" in statement]
    assert answer.estimate is not None
    assert answer.estimate.reuse is None


@pytest.mark.parametrize("kept", [0, 3, 1500])
def test_the_gate_and_the_estimate_reckon_alike(ledger: Ledger, kept: int) -> None:
    """What the gate keeps with the batch job is what `estimate` said of its spec, savings included (C6)."""
    wanted = planned(1500)
    keep(ledger, wanted, tuple(wanted.items)[:kept])
    job = submit(wanted, ledger)

    answer = ask_gate(ledger, Settings(), job.id)

    asked = estimate_plan(wanted, Settings(), START, saved(ledger, wanted))
    assert answer.estimate == asked == ledger.job(job.id).estimate
    assert asked.reuse is not None
    assert (asked.reuse.calls, asked.reuse.items, asked.reuse.saved_usd) == (2 * kept, kept, 2 * kept * COST)


@pytest.mark.parametrize(("kept", "passes"), [(3, False), (4, True)])
def test_a_job_that_is_kept_whole_passes_any_budget(ledger: Ledger, kept: int, passes: bool) -> None:
    """A millionth of a cent and a millionth of a second are enough then, and only then (C6)."""
    budget = {"max_cost_usd": "0.00000001", "max_duration_seconds": 0.000001}
    wanted = planned(budget=budget)
    keep(ledger, wanted, tuple(wanted.items)[:kept])
    job = submit(wanted, ledger)

    answer = ask_gate(ledger, Settings(), job.id)

    assert answer.gate.passed is passes
    assert ledger.job(job.id).status is (JobStatus.PENDING if passes else JobStatus.FAILED)
    assert answer.estimate is not None
    assert (answer.estimate.total_cost_usd == Decimal(0)) is passes
