"""Tests of batch_pipelines.delivery.report and its tally."""

from __future__ import annotations

import pytest

from batch_pipelines.delivery import tally as tallies
from batch_pipelines.delivery.report import number, render_results
from batch_pipelines_tests.delivery.samples import failure, job, result

BOOKS = (
    result("a", {"title": "A", "language": "English", "year": 1800}),
    result("b", {"title": "B", "language": "French", "year": 1850, "price": 2.5}),
    result("c", {"title": "", "language": "English", "year": 1900, "price": 0.25}),
    failure("d", input={"language": "French"}),
)
EXPECTED = """\
## By language

| language | Items | Share | Failed | Sum of year | Mean of year | Sum of price | Mean of price |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| English | 2 | 50.0 % | 0 | 3,700 | 1,850 | 0.25 | 0.25 |
| French | 2 | 50.0 % | 1 | 1,850 | 1,850 | 2.5 | 2.5 |

## Fields of outputs

| Field | Filled | Least | Mean | Greatest | Sum |
| --- | ---: | ---: | ---: | ---: | ---: |
| title | 2 |  |  |  |  |
| language | 3 |  |  |  |  |
| year | 3 | 1,800 | 1,850 | 1,900 | 5,550 |
| price | 2 | 0.25 | 1.38 | 2.5 | 2.75 |

## Why items failed

| Reason | Items |
| --- | ---: |
| $.year: None is no number. | 1 |
"""


def test_a_report_counts_by_group() -> None:
    """Items, sums and means of numbers; what failed counts where its input puts it (B5)."""
    text, count = render_results(job(name="Books | 1"), BOOKS, "language")

    assert count == 4
    assert text.startswith("# Books \\| 1\n\nBatch job `job_1`, pipeline ")
    assert "| Items | Completed | Failed |\n| --- | ---: | ---: |\n| 4 | 3 | 1 |\n" in text
    assert text.endswith(EXPECTED)
    assert "SIMULATED" not in text


def test_a_report_without_groups_has_no_such_section() -> None:
    """And where nobody knows the field it says which there are."""
    assert "## By" not in render_results(job(), BOOKS, None)[0]
    assert (
        "No item has this field; fields of outputs: title, language, year, price."
        in (render_results(job(), BOOKS, "colour")[0])
    )


def test_what_is_simulated_says_so() -> None:
    """On a line of its own."""
    assert "\n> **SIMULATED.** " in render_results(job().model_copy(update={"simulated": True}), BOOKS, None)[0]


def test_texts_are_counted_without_fields() -> None:
    """Outputs need not be objects."""
    text, count = render_results(job(), [result("a", "A text"), result("b", [0.5])], None)

    assert count == 2
    assert "Fields" not in text


def test_foreign_words_have_no_power_over_the_page() -> None:
    """Names, groups and reasons stay in their cells (G3)."""
    text, _ = render_results(
        job(), [result("a", {"x|y": "<script>\n| 1 |"}), failure("b", "![x](http://a)", input={})], "x|y"
    )

    assert "\\<script\\> \\| 1 \\|" in text
    assert "x\\|y" in text
    assert "\\!\\[x\\](http://a)" in text


def test_values_that_all_differ_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many groups the rest are others, and the report shows the largest."""
    monkeypatch.setattr(tallies, "MOST_KEPT", 60)
    results = (result(str(each), {"name": f"n{each:03}"}) for each in range(100))

    text, _ = render_results(job(), results, "name")

    assert "| (others) | 40 | 40.0 % | 0 |" in text
    assert "| n000 | 1 |" in text
    assert "And 11 more groups, none of them larger." in text


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1234, "1,234"), (1234.5678, "1,234.57"), (0.12345, "0.1235"), (2.0, "2")]
)
def test_number(value: float | None, shown: str) -> None:
    """Two digits after the point at most, and four of what is small."""
    assert number(value) == shown
