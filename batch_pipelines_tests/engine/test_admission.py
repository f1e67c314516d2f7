"""What is set aside for a call, and noted, before it is made."""

from __future__ import annotations

from pathlib import Path

from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.spec import Options
from batch_pipelines.domain.trial import Candidate, Trial, Verdict
from batch_pipelines.engine.admission import Admission
from batch_pipelines.engine.journal import Journal
from batch_pipelines.engine.journal_lines import ended_line
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.quality.cascade import judged
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.engine.samples import JOB, pipeline
from batch_pipelines_tests.engine.test_rulings import make_call
from batch_pipelines_tests.reports import make_attempt, make_report

LONG = "Zürich “quoted”\n" * 4_000


def test_room_is_made_for_all_that_a_report_will_carry(tmp_path: Path) -> None:
    """A judgement's report carries the answers of its trial, so that it fits on a disk that is full by then (D5)."""
    rejected = Candidate(text=LONG, model="m")
    call = make_call(trial=Trial(pending=Candidate(text=LONG, model="m"), rejected=rejected, best=rejected))
    job = BatchJob.model_construct(id=JOB, pipeline=pipeline(), options=Options(), simulated=True)
    admission = Admission(job, NoLimits(), Journal(tmp_path, JOB, "a"), lambda: START)
    admission.grant(1, None, admission.purse.outstanding_usd)

    assert admission.admit(call) is None

    trial = judged(call.trial, Verdict(score=4, reasons=("Too long.",)))
    assert len(ended_line(make_report(1, attempt=make_attempt(), trial=trial))) <= call.reserved_bytes
