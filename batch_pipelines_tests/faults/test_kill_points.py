"""kill -9 at hundreds of points: what anybody had noted is never paid again, and the accounts hold (D5, D6)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault, SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from batch_pipelines_tests.engine.samples import utc_now
from batch_pipelines_tests.faults.evidence import (
    Entry,
    bill_usd,
    check_accounts,
    check_endings,
    entries_in,
    lost_calls,
    paid_again,
)
from batch_pipelines_tests.faults.kill_points import Case, Lives, Story

KILL_POINTS = int(os.environ.get("KILL_POINTS", "120"))
"""Deaths in all parts together; a longer hunt sets the variable."""
PARTS = 3
"""Each with a server of its own, so that they can run at once."""
RARE = 0.04
FAULTS = {
    Fault.RATE_LIMIT: RARE,
    Fault.OVERLOADED: RARE,
    Fault.SERVER_ERROR: RARE,
    Fault.DROPPED_CONNECTION: RARE,
    Fault.MALFORMED_BODY: RARE,
    Fault.HALF_SENT_BODY: RARE,
    Fault.REFUSAL: RARE / 2,
}
MOOD: dict[str, Any] = {
    "latency_mean_seconds": 0.02,
    # Some calls take ten times as long as others.
    "latency_sigma": 1.0,
    "faults": FAULTS,
    "retry_after_seconds": 0,
}


@pytest.mark.timeout(max(180, KILL_POINTS))
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_noted_is_paid_again_wherever_a_run_is_killed(part: int, tmp_path: Path) -> None:
    """Killed up to four times in a row, in its work or while it recovers, a batch job completes each item once, pays
    again at most what was in flight, and never passes its budget (D5, D6)."""
    stories: list[Story] = []
    empty_ledger, log_file = tmp_path / "empty.db", tmp_path / "log"
    Ledger.open(f"sqlite:///{empty_ledger}", utc_now).close()
    config = SimulatedConfig(**MOOD, seed=part)
    with SimulatedProcess(config, log_file=log_file) as server, Lives() as lives:
        for number in count():
            if sum(story.deaths for story in stories) >= KILL_POINTS / PARTS:
                break
            chance = Random(f"{part}-{number}")
            story = Story(Case.draw(f"job-{number}", chance), tmp_path / f"{number}")
            story.begin(empty_ledger)
            while story.live(lives, server.url, chance):
                pass
            stories.append(story)
    entries = entries_in(log_file)
    assert {entry.batch_job_id for entry in entries} == {story.case.batch_job_id for story in stories}
    for story in stories:
        try:
            assert_paid_once(story, [entry for entry in entries if entry.batch_job_id == story.case.batch_job_id])
        except AssertionError as error:
            error.add_note(f"{story.case} in {story.folder}")
            raise


def assert_paid_once(story: Story, entries: Sequence[Entry]) -> None:
    """Hold what the server was asked, and billed, against what the batch job's files said and say."""
    case, job = story.case, story.case.batch_job_id
    with Ledger.open(story.ledger_url, utc_now) as ledger:
        status, error = ledger.job(job).status, ledger.job(job).error
        if status is JobStatus.COMPLETED:
            check_endings(ledger, job, items=case.items)
        else:
            assert status is JobStatus.PAUSED
            assert str(error).startswith("the budget is reached")
        check_accounts(ledger, job, entries)
        lost = lost_calls(ledger, job)
    asked_again = [entry for entry in entries if entry.arrived > story.noted.get(entry.call, entry.arrived)]
    assert asked_again == []
    assert paid_again(entries) <= lost <= story.deaths * case.concurrency
    assert case.max_cost_usd is None or bill_usd(entries) <= case.max_cost_usd
    assert not list(story.journals.rglob("*.jsonl"))
