"""Tests of batch_pipelines.analytics.report and its chart."""

from __future__ import annotations

import re
import struct
import sys
from base64 import b64decode
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from batch_pipelines.analytics.chart import chart_png
from batch_pipelines.analytics.report import render_report
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines_tests.analytics.samples import analytics_of, batch_job

PNG = b"\x89PNG\r\n\x1a\n"
IMAGE = re.compile(r"!\[[^\]]+\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)")
NEVER_RAN: dict[str, Any] = {"status": JobStatus.FAILED, "started_at": None, "error": "refused by its estimate: dear"}


def rendered(**changes: Any) -> str:
    """The report of the sample batch job with these changes, its image left out."""
    job = batch_job(**changes)
    return IMAGE.sub("IMAGE", render_report(job, analytics_of(job)))


def test_whole_report() -> None:
    """A completed batch job's report says what happened, what it cost and took, and what went wrong (C5, E3)."""
    assert rendered() == Path(__file__).with_name("expected_report.md").read_text(encoding="utf-8")


def test_simulated_is_visible() -> None:
    """A simulated batch job says so above everything else, and a real one does not."""
    assert rendered(simulated=True).split("\n\n")[2].startswith("> **SIMULATED.**")
    assert "SIMULATED" not in rendered()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": JobStatus.RUNNING}, "The batch job **is running**: 2 of 90 items succeeded and 1 failed, for 0.80"),
        ({"status": JobStatus.FAILED, "error": "stopped\nat b"}, "of work. Reason: stopped at b"),
        (NEVER_RAN, "**failed**: 2 of 90 items succeeded and 1 failed, and nothing was spent. Reason: refused by"),
    ],
)
def test_outcome(changes: dict[str, Any], sentence: str) -> None:
    """One sentence says what became of the batch job, and why where it went wrong."""
    assert sentence in rendered(**changes)


def test_foreign_text_has_no_markup() -> None:
    """A name cannot bring markup into the report (G3)."""
    assert "# \\<img src=x\\> \\*bold\\*\n" in rendered(name="<img src=x> *bold*")


def test_never_ran() -> None:
    """Without a run there is neither a chart nor a table of costs, but what was expected is told."""
    text = rendered(**NEVER_RAN)

    assert "30.38 USD and 11 minutes; nothing ran to compare it with." in text
    assert "IMAGE" not in text
    assert "## Cost" not in text


def test_no_estimate() -> None:
    """Without an estimate the report says so, and the tiers' estimates are unknown."""
    text = rendered(estimate=None)

    assert "There is no estimate of this batch job." in text
    assert "| template | 30 | unknown | 0.35 USD |" in text


def test_not_over() -> None:
    """A batch job that is not over is not compared with its estimate."""
    text = rendered(status=JobStatus.RUNNING)

    assert "30.38 USD and 11 minutes; it is compared when the batch job is over." in text
    assert "Within margin" not in text


def test_phases_are_told_apart() -> None:
    """The durations of several phases stand under the item's; of a single one they would repeat it."""
    assert "Phase `" not in rendered()
    assert "| Phase `check` | unknown | unknown | unknown | unknown |" in rendered(phases=("generate", "check"))


def test_image_is_embedded() -> None:
    """The chart is in the text as a data URI, so that the report is one piece."""
    job = batch_job()
    analytics = analytics_of(job)

    found = IMAGE.search(render_report(job, analytics))

    assert found is not None
    assert b64decode(found[1]) == chart_png(job, analytics)


@pytest.mark.parametrize(
    "changes", [{}, {"estimate": None}, NEVER_RAN, {"status": JobStatus.RUNNING}], ids=["over", "bare", "none", "early"]
)
def test_chart(changes: dict[str, Any]) -> None:
    """Whatever is known, the chart is a PNG of at most 40 kB, and the same figures give the same picture."""
    job = batch_job(**changes)
    analytics = analytics_of(job)

    image = chart_png(job, analytics)

    assert image.startswith(PNG)
    assert struct.unpack(">II", image[16:24]) == (1300, 533)
    assert len(image) <= 40_000
    assert image == chart_png(job, analytics)


def test_imports_stay_light() -> None:
    """Loading the report loads neither pandas nor matplotlib, which every step process would wait for."""
    code = "import sys, batch_pipelines.analytics.report, batch_pipelines.analytics.summary; print(*sys.modules)"

    loaded = run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"pandas", "matplotlib", "matplotlib.pyplot"} & set(loaded)


def test_no_pyplot() -> None:
    """A chart is drawn without pyplot, whose state all threads of a process share."""
    code = (
        "import sys; from batch_pipelines_tests.analytics.samples import analytics_of, batch_job as b;"
        "from batch_pipelines.analytics.chart import chart_png;"
        "chart_png(b(), analytics_of(b())); print(*sys.modules)"
    )

    loaded = run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "matplotlib.figure" in loaded
    assert "matplotlib.pyplot" not in loaded
