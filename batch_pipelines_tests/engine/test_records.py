"""Phases that put records together: no model, no cost, values as they are (B3, B4, B9, B10)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.engine import checking
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.engine.prompts import Subject, record_of
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Provider
from batch_pipelines.providers.simulated.process import configure, log, stats
from batch_pipelines.quality.cascade import LONGEST_REASON
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, phase, repeated, utc_now
from batch_pipelines_tests.engine.validated import PRICES, create, drive, drive_and_pause, record
from batch_pipelines_tests.quality import sample_checks

CHECKS = "batch_pipelines_tests.quality.sample_checks"
ITEM = {
    "title": "Rain",
    "pages": 12,
    "price": 1.5,
    "is_new": True,
    "none": None,
    "tags": ["a", "b"],
    "by": {"name": "Ann"},
}


def made(fields: dict[str, str] | None, parameters: dict[str, Any] | None = None, **outputs: str) -> Any:
    """The record of an item of tier `scenario` whose phases gave these outputs."""
    subject = Subject(ITEM if parameters is None else parameters, Tier.SCENARIO, Complexity.SIMPLE, outputs)
    return json.loads(record_of(record("entry", fields), subject))


def refused(fields: dict[str, str], **outputs: str) -> str:
    """Why there is no record."""
    with pytest.raises(ProviderError) as caught:
        made(fields, **outputs)
    assert caught.value.category is ErrorCategory.TEMPLATE
    return caught.value.message


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("item.title", "Rain"),
        ("item.title | upper", "RAIN"),
        ("item.pages", 12),
        ("item.pages + 1", 13),
        ("item.price * 2", 3.0),
        ("item.is_new", True),
        ("not item.is_new", False),
        ("item.none", None),
        ("none", None),
        ("item.tags", ["a", "b"]),
        ("item.tags | length", 2),
        ("item.by", {"name": "Ann"}),
        ("item.by.name", "Ann"),
        ("item", ITEM),
        ("tier", "scenario"),
        ("[item.pages, tier]", [12, "scenario"]),
        ("{'is_long': item.pages > 10}", {"is_long": True}),
        ("phases.draft", '{"score": 7, "words": ["x"]}'),
        ("(phases.draft | from_json).score", 7),
        ("phases.draft | from_json", {"score": 7, "words": ["x"]}),
        ("item.missing | default('none')", "none"),
        ("'yes' if item.pages is defined else 'no'", "yes"),
        ("item.title ~ ' ' ~ item.pages", "Rain 12"),
        ("'Ünïcode'", "Ünïcode"),
    ],
)
def test_values_keep_their_types(expression: str, expected: Any) -> None:
    """A number stays one, and an output that is JSON can be taken apart (B3)."""
    found = made({"field": expression}, draft='{"score": 7, "words": ["x"]}')["field"]

    assert (found, type(found)) == (expected, type(expected))


def test_without_fields_a_record_is_the_item() -> None:
    """Its parameters as they are."""
    assert made(None) == ITEM


def test_fields_keep_their_order() -> None:
    """As somebody wrote them: that is the order of columns."""
    subject = Subject(ITEM, None, Complexity.SIMPLE)

    assert list(json.loads(record_of(record("entry", {"b": "1", "a": "2", "c": "3"}), subject))) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("item.missing", "missing"),
        ("item.by.missing", "missing"),
        ("item.missing | upper", "missing"),
        ("phases.review", "review"),
        ("persona", "persona"),
        ("item.pages / 0", "division"),
        ("phases.draft | from_json", "Expecting value"),
        ("item.title + item.pages", "str"),
        ("(phases.nan | from_json).x", "JSON compliant"),
        ("[item.title, item.missing]", ""),
        ("{'deep': item.missing}", ""),
        ("item.title.upper", ""),
        ("range(3)", ""),
        ("item.__class__", ""),
        ("item.items()", ""),
    ],
)
def test_what_cannot_be_a_value_names_its_field(expression: str, told: str) -> None:
    """What is missing, what fails, what JSON cannot hold, NaN among it: an error of the field, never a hole (B10)."""
    message = refused({"fine": "item.title", "bad": expression}, draft="plain text", nan='{"x": NaN}')

    assert message.startswith("field bad of phase entry cannot be rendered: ")
    assert told in message


def test_the_sandbox_holds_in_expressions() -> None:
    """An expression reaches nothing of Python's, and changes nothing (G3)."""
    for expression in ("''.__class__.__mro__", "item.update({'a': 1})", "cycler.__init__.__globals__"):
        assert "field x" in refused({"x": expression})


# Whole batch jobs


def unconnected(ledger: Ledger, journals: Path) -> Engine:
    """An engine whose provider cannot be had."""

    def connect() -> Provider:
        raise ConnectionError("no key is set")

    return Engine(ledger, journals, connect, PRICES, NoLimits(), utc_now, Random(7))


async def test_records_need_no_provider(ledger: Ledger, journals: Path) -> None:
    """A pipeline of records alone completes without a key, a call or a cent; its last record is the output (B5)."""
    fields = {"topic": "item.topic | upper", "first": "(phases.plain | from_json).topic"}
    create(ledger, 25, record("plain"), record("entry", fields), items_per_partition=10)

    with unconnected(ledger, journals) as engine:
        outcomes = await drive(ledger, engine)

    assert (outcomes["entry"].done, outcomes["entry"].failed, outcomes["entry"].left) == (25, 0, 0)
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
    progress = ledger.progress(JOB)
    assert (progress.completed, progress.cost_usd, progress.usage.total_input_tokens) == (25, 0, 0)
    for number, result in enumerate(ledger.iter_results(JOB)):
        topic = f"mountain {number} of it"
        assert json.loads(result.output or "") == {"topic": topic.upper(), "first": topic}
        assert result.output == result.phase_outputs["entry"]
        assert (result.attempts, result.retries, result.model, result.duration_ms) == (0, 0, None, None)


async def test_a_record_follows_answers(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """It comes after calls and before others, and costs nothing beside them (B3)."""
    server = simulate()
    create(
        ledger,
        6,
        phase("draft"),
        record("entry", {"text": "phases.draft", "length": "phases.draft | length"}),
        phase("check", prompt="check: {{ (phases.entry | from_json).length }} of {{ item.topic }}"),
        concurrency=3,
    )

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert stats(server.url)["answered"] == 12
    checks = {str(entry["prompt"]) for entry in log(server.url)}
    for result in ledger.iter_results(JOB):
        entry = json.loads(result.phase_outputs["entry"])
        assert entry == {"text": result.phase_outputs["draft"], "length": len(result.phase_outputs["draft"])}
        assert f"check: {entry['length']} of {result.input['topic']}" in checks
        assert (result.status, result.attempts) == (ItemStatus.COMPLETED, 2)


async def test_a_missing_parameter_fails_its_item_only(ledger: Ledger, journals: Path) -> None:
    """With the field and what is missing; what JSON cannot hold fails it too (B10)."""
    rows = [{"id": "good", "pages": 2}, {"id": "poor"}, {"id": "zero", "pages": 0}]
    create(ledger, rows, record("entry", {"half": "1 / item.pages"}))

    with unconnected(ledger, journals) as engine:
        await drive(ledger, engine)

    good, poor, zero = ledger.results(JOB)
    assert json.loads(good.output or "") == {"half": 0.5}
    assert told(poor) == (
        ErrorCategory.TEMPLATE,
        "field half of phase entry cannot be rendered: 'dict object' has no attribute 'pages'",
    )
    assert told(zero)[1].startswith("field half of phase entry cannot be rendered: ")
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE


def told(result: ItemResult) -> tuple[ErrorCategory, str]:
    """Why an item failed."""
    assert result.error is not None
    return result.error.category, result.error.message


def checked(*checks: dict[str, Any], **changes: Any) -> Phase:
    """A record of the item that is looked over."""
    return record("entry", validation={"checks": list(checks)}, **changes)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (checked({"schema": {"properties": {"topic": {"maxLength": 3}}}}), "$.topic: 'mountain 0 of it' is too long."),
        (checked({"lacks": "mountain"}, {"most_characters": 9}), "It must not match 'mountain'. It has 29 characters"),
        (checked({"python": f"{CHECKS}:finds_two"}), "It is dull. It is wrong."),
        (checked({"lacks": "mountain", "message": "No mountains."}), "No mountains."),
        (record("entry", output_schema={"required": ["name"]}), "$: 'name' is a required property."),
        (checked({"python": f"{CHECKS}:raises"}), "a check failed: KeyError('no such field')"),
        (checked({"python": f"{CHECKS}:exits"}), "a check failed: SystemExit(3)"),
    ],
)
async def test_a_record_that_does_not_pass_fails_its_item(
    ledger: Ledger, journals: Path, entry: Phase, message: str
) -> None:
    """Nothing could make it better, so it is not tried again; the engine lives on (B9, B10)."""
    create(ledger, 2, entry)

    with unconnected(ledger, journals) as engine:
        await drive(ledger, engine)

    category, said = told(ledger.results(JOB)[0])
    assert (category, said[: len(message)]) == (ErrorCategory.VALIDATION, message)
    assert ledger.progress(JOB).failed == 2


async def test_a_record_that_passes_is_the_output(ledger: Ledger, journals: Path) -> None:
    """Checked once, and given (B9, B10)."""
    create(ledger, 3, checked({"python": f"{CHECKS}:names_the_topic"}, output_schema={"required": ["topic"]}))

    with unconnected(ledger, journals) as engine:
        await drive(ledger, engine)

    assert ledger.progress(JOB).completed == 3


async def test_a_long_record_does_not_fill_the_reasons(ledger: Ledger, journals: Path) -> None:
    """What is told of it is cut (E2)."""
    create(ledger, [{"id": "long", "text": "x" * 100_000}], checked({"schema": {"type": "string"}}))

    with unconnected(ledger, journals) as engine:
        await drive(ledger, engine)

    assert len(told(ledger.results(JOB)[0])[1]) <= LONGEST_REASON


@pytest.fixture
def waiting_checks() -> Iterator[threading.Event]:
    """Checks that hang do so until this is set, which it is in the end."""
    sample_checks.LET_GO.clear()
    yield sample_checks.LET_GO
    sample_checks.LET_GO.set()


async def test_a_check_of_a_record_that_hangs_fails_its_item_only(
    ledger: Ledger, journals: Path, waiting_checks: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for ever, and the engine can be closed (B9)."""
    monkeypatch.setattr(checking, "CHECK_SECONDS", 0.2)
    rows = [{"id": f"i{number}", "topic": f"{number % 2} of {number}"} for number in range(6)]
    create(ledger, rows, checked({"python": f"{CHECKS}:hangs_on_some"}))

    with unconnected(ledger, journals) as engine:
        await drive(ledger, engine)

    assert [result.status for result in ledger.iter_results(JOB)] == [ItemStatus.COMPLETED, ItemStatus.FAILED] * 3
    assert told(ledger.results(JOB)[1]) == (ErrorCategory.VALIDATION, "its checks took over 0.2 s")


async def test_a_pause_fails_no_record(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Items whose answers are not there yet wait for the next run, as everybody's do (A4)."""
    server = simulate(latency_mean_seconds=0.2)
    create(ledger, 40, phase("write"), record("entry", {"text": "phases.write"}), concurrency=3)
    engine = engine_on(server.url, prices=PRICES)
    outcomes = await drive_and_pause(ledger, engine, server.url, "answered", 8)

    progress = ledger.progress(JOB)
    assert ledger.job(JOB).status is JobStatus.PAUSED
    assert (progress.failed, outcomes["write"].left > 0) == (0, True)
    assert progress.completed + progress.pending == 40
    configure(server.url, latency_mean_seconds=0)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")
    assert (ledger.progress(JOB).completed, repeated(server.url)) == (40, 0)
