"""Kept answers, on each database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.ledger.answers import DIGESTS_PER_QUERY, keep_answers
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import START, after
from batch_pipelines_tests.kept import finish
from batch_pipelines_tests.ledger.samples import JOB, make_plan
from batch_pipelines_tests.reports import COST, USAGE, failed_attempt, make_attempt, make_report


def digest_of(number: int) -> str:
    """64 hexadecimal digits."""
    return f"{number:064x}"


def bought(number: int = 1, output: str = "o", *, simulated: bool = False, **changes: object) -> Report:
    """A call whose answer is to be kept under the digest of this number."""
    key = AnswerKey(digest_of(number), (("model", "m"), ("prompt", "p")))
    attempt = make_attempt(simulated=simulated, worst_case_usd=COST)
    return make_report(0, attempt=attempt, output=output, **{"answer_key": key, **changes})


def keep(ledger: Ledger, *reports: Report, project: str = "default", pipeline: str = "conversations") -> None:
    """Keep answers in a transaction of their own."""
    with writing(ledger._engine) as connection:
        keep_answers(connection, project, pipeline, reports)


@pytest.fixture(autouse=True)
def projects(ledger: Ledger) -> None:
    """The projects `default` and `other` exist."""
    ledger.create_job(JOB, make_plan(1))
    ledger.create_job("job-2", make_plan(1, project="other"))


def test_a_kept_answer_comes_back_whole(ledger: Ledger) -> None:
    """Output, tokens, cost to the last digit, and the parts that explain a miss."""
    keep(ledger, bought(output="tea\x00 ☕"))

    (answer,) = ledger.kept_answers("default", [digest_of(1), digest_of(2)], simulated=False).values()

    assert answer.key == AnswerKey(digest_of(1), (("model", "m"), ("prompt", "p")))
    assert (answer.output, answer.model, answer.simulated) == ("tea\ufffd ☕", "claude-test", False)
    assert (answer.usage, answer.cost_usd, answer.kept_at) == (USAGE, COST, START)


def test_simulated_answers_and_real_ones_never_mix(ledger: Ledger) -> None:
    """Both are kept for an equal request, and each is found by its own kind alone."""
    keep(ledger, bought(output="simulated", simulated=True), bought(output="real"), bought(2, simulated=True))
    asked = [digest_of(1), digest_of(2)]

    real, simulated = (ledger.kept_answers("default", asked, simulated=kind) for kind in (False, True))

    assert {digest: answer.output for digest, answer in real.items()} == {digest_of(1): "real"}
    assert {digest: answer.output for digest, answer in simulated.items()} == {
        digest_of(1): "simulated",
        digest_of(2): "o",
    }


def test_a_project_sees_only_its_own(ledger: Ledger) -> None:
    """Another project buys for itself, and keeps its own answer to an equal request."""
    keep(ledger, bought(output="mine"))
    assert ledger.kept_answers("other", [digest_of(1)], simulated=False) == {}
    assert nearest(ledger, project="other") is None

    keep(ledger, bought(output="theirs"), project="other")

    assert ledger.kept_answers("other", [digest_of(1)], simulated=False)[digest_of(1)].output == "theirs"
    assert ledger.kept_answers("default", [digest_of(1)], simulated=False)[digest_of(1)].output == "mine"


def test_the_first_answer_stays(ledger: Ledger) -> None:
    """Kept twice, in one group or in two, it is what it was first."""
    keep(ledger, bought(output="first"), bought(output="second"))
    keep(ledger, bought(output="third", at=after(60)))

    (answer,) = ledger.kept_answers("default", [digest_of(1)], simulated=False).values()

    assert (answer.output, answer.kept_at) == ("first", START)


@pytest.mark.parametrize(
    "report",
    [
        bought(answer_key=None),
        replace(bought(), output=None),
        replace(bought(), attempt=None, reused=True),
        replace(bought(), attempt=failed_attempt(worst_case_usd=COST)),
        replace(bought(), attempt=make_attempt(worst_case_usd=COST, cost_usd=None)),
    ],
    ids=["no key", "no output", "reused", "failed", "no cost"],
)
def test_only_what_was_bought_is_kept(ledger: Ledger, report: Report) -> None:
    """Without key, output, call or cost there is nothing to keep, and nothing breaks."""
    keep(ledger, report)

    assert ledger.kept_answers("default", [digest_of(1)], simulated=False) == {}


def test_any_number_can_be_asked_for(ledger: Ledger) -> None:
    """More than a statement takes, some of them twice, and none at all."""
    count = 2 * DIGESTS_PER_QUERY + 1
    keep(ledger, *(bought(number, str(number)) for number in range(count)))
    asked = [digest_of(number) for number in range(40_000)]

    found = ledger.kept_answers("default", iter(asked + asked), simulated=False)

    assert {digest: answer.output for digest, answer in found.items()} == {
        digest_of(number): str(number) for number in range(count)
    }
    assert ledger.kept_answers("default", [], simulated=False) == {}


def test_jobs_that_keep_the_same_answers_do_not_deadlock(ledger: Ledger) -> None:
    """Two transactions with the same digests in opposite order both go through."""
    count, turns = 300, 5
    together = threading.Barrier(2, timeout=60)

    def keep_all(order: int) -> None:
        for turn in range(turns):
            numbers = range(turn * count, (turn + 1) * count)[::order]
            together.wait()
            keep(ledger, *(bought(number) for number in numbers))

    with ThreadPoolExecutor(2) as pool:
        for kept in [pool.submit(keep_all, order) for order in (1, -1)]:
            kept.result()

    assert len(ledger.kept_answers("default", map(digest_of, range(turns * count)), simulated=False)) == turns * count


def nearest(ledger: Ledger, *, project: str = "default", phase: str = "draft", **changes: object) -> str | None:
    """The output of the nearest answer for `item_0`; other than that of digest 9 unless told."""
    asked = {"simulated": False, "other_than": digest_of(9), **changes}
    answer = ledger.nearest_answer(project, "conversations", phase, "item_0", **asked)  # type: ignore[arg-type]
    return answer.output if answer else None


def test_the_nearest_answer_is_the_newest_for_the_item(ledger: Ledger) -> None:
    """Of the same pipeline, phase and kind; one may be passed over, and later ones."""
    assert nearest(ledger) is None
    keep(
        ledger,
        bought(1, "old"),
        bought(2, "new", at=after(60)),
        bought(3, "of another item", at=after(90), item=1),
        bought(4, "of another phase", at=after(90), phase="review"),
        bought(5, "simulated", simulated=True, at=after(90)),
    )
    keep(ledger, bought(6, "of another pipeline", at=after(90)), pipeline="talks")

    assert nearest(ledger) == "new"
    assert nearest(ledger, other_than=digest_of(2)) == "old"
    assert nearest(ledger, before=after(60)) == "old"
    assert nearest(ledger, before=START) is None
    assert nearest(ledger, simulated=True) == "simulated"
    assert nearest(ledger, phase="review") == "of another phase"


def test_done_phases_tell_how_they_were_answered(ledger: Ledger) -> None:
    """Only those that are done, and only of this item."""
    ledger.move_job(JOB, JobTrigger.START)
    assert ledger.done_phases(JOB, "item_0") == {}

    finish(ledger, JOB, "draft", after(1), reused=True)
    finish(ledger, JOB, "review", after(2))

    done = ledger.done_phases(JOB, "item_0")
    assert {name: (phase.output, phase.reused, phase.completed_at) for name, phase in done.items()} == {
        "draft": ("draft of item_0", True, after(1)),
        "review": ("review of item_0", False, after(2)),
    }
    assert ledger.done_phases(JOB, "item_1") == {}
    assert ledger.done_phases("job-2", "item_0") == {}
    with pytest.raises(JobNotFound):
        ledger.done_phases("nope", "item_0")


def test_what_a_kept_answer_cost_is_exact(ledger: Ledger) -> None:
    """To the last digit that the ledger keeps."""
    cheap = make_attempt(worst_case_usd=COST, cost_usd=Decimal("0.000000000001"))
    keep(ledger, replace(bought(), attempt=cheap))

    (answer,) = ledger.kept_answers("default", [digest_of(1)], simulated=False).values()

    assert answer.cost_usd == Decimal("0.000000000001")
