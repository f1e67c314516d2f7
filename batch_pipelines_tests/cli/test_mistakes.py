"""What a user can get wrong: a clear message, the right exit code, no traceback, no half-made job."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.cli.opening import now
from batch_pipelines.ledger.database import open_engine
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.schema import VERSION_TABLE
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.cli.conftest import NO_DAGSTER, Call, Finished, Outcome, Spec, execute, items
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.control.plain_server import PlainServer

NOBODY = "http://127.0.0.1:9"
KEY = "sk-ant-secret"


@pytest.fixture(autouse=True)
def no_job_is_made(home: Path) -> Iterator[None]:
    """Whatever a test here does wrong, the ledger knows no job afterwards."""
    yield
    with _ledger(home) as ledger:
        assert ledger.list_jobs(JobFilter()) == []


def _ledger(home: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{home / 'batch_pipelines.db'}", now)


def badly_told(outcome: Outcome, code: int, *words: str) -> list[str]:
    """What is wrong with how a mistake was told: one line for people, with every word of `words`; nothing else."""
    line = outcome.err
    wanted = {
        f"exit code {code}": outcome.code == code,
        "nothing on standard output": outcome.out == "",
        "one line": line.startswith("Error: ") and line.count("\n") == 1 and line.endswith("\n"),
        **{word: word in line for word in words},
    }
    return [f"no {wish!r} in {outcome}" for wish, is_there in wanted.items() if not is_there]


FIELDS = '"persona": "P", "emotion": "E", "topic": "T"'
"""What an item of the pipeline has to have."""


@pytest.mark.parametrize("command", ["run", "estimate", "submit"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pipeline": "chats"}, ["pipeline: 'chats' is not known", "conversation_generation"]),
        ({"pipeline": None}, ["pipeline is missing", "name one"]),
        ({"tier": "hard"}, ["tier: 'hard'", "'template', 'scenario', 'edge_case' or 'all'"]),
        ({"options": {"concurrency": 0}}, ["options.concurrency: 0 is outside 1 to 10", "choose a value"]),
        ({"options": {"concurrency": 11}}, ["options.concurrency: 11 is outside 1 to 10"]),
        ({"options": {"concurrency": 51}}, ["options.concurrency: 51 is outside 1 to 10"]),
        ({"options": {"concurrency": "x"}}, ["options.concurrency: 'x'", "valid integer", "correct it in the spec"]),
        ({"items": []}, ["items: [] is empty", "give at least one item"]),
        ({"items": items(2) + items(1)}, ["items.2.id: 'talk_0' is the id of items 0 and 2"]),
        ({"items": [{"persona": "P"}]}, ["items.0.id is missing", "give every item an id"]),
        ({"items": {"jsonl": "many.jsonl"}}, ["items: 10001 is outside 1 to 10000", "split the job"]),
        ({"items": [{"id": "poor", "persona": "P", "topic": "T"}]}, ["'poor'", "'emotion'", "shared_parameters"]),
        ({"items": {"jsonl": "lost.jsonl"}}, ["items: '", "lost.jsonl' does not exist", "check the path"]),
        ({"items": {"jsonl": "broken.jsonl"}}, ["broken.jsonl, line 2' is not JSON", "mend or remove that line"]),
        ({"options": {"model": "gpt-0"}}, ["model: 'gpt-0' has no known price", "BATCH_PIPELINES_PRICES_FILE"]),
        ({"budgets": {}}, ["budgets: {} is not a field of a spec", "correct its name or remove it"]),
        ({"budget": {"max_cost_usd": -1}}, ["budget.max_cost_usd: -1", "greater than 0"]),
        ({"shared_parameters": [1]}, ["shared_parameters: [1]", "valid dictionary"]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_spec_that_cannot_be_carried_out(
    call: Call, spec: Spec, tmp_path: Path, command: str, fields: dict[str, Any], words: list[str]
) -> None:
    """Field, value and remedy, with exit code 2, from every command that takes a spec (A13)."""
    tmp_path.joinpath("broken.jsonl").write_text(f'{{"id": "a", {FIELDS}}}\n{{"id": "b"\n')
    tmp_path.joinpath("many.jsonl").write_text("".join(f'{{"id": {number}, {FIELDS}}}\n' for number in range(10_001)))

    assert badly_told(call(command, spec(**fields)), 2, *words) == []


def test_a_spec_that_is_not_there_or_no_yaml(call: Call, tmp_path: Path) -> None:
    """The file is named, and the line."""
    assert badly_told(call("run", "lost.yaml"), 2, "SPEC: 'lost.yaml' does not exist", "check the path") == []
    tmp_path.joinpath("broken.yaml").write_text("pipeline: conversation_generation\nitems: [\n  {id: a\n")
    assert badly_told(call("run", "broken.yaml"), 2, "broken.yaml, line 4' is not YAML", "mend that line") == []


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BATCH_PIPELINES_PROVIDER": "openai"}, ["BATCH_PIPELINES_PROVIDER: 'openai'", "correct or unset it"]),
        ({"BATCH_PIPELINES_PROVIDER": "anthropic"}, ["ANTHROPIC_API_KEY is missing", "set it, or set"]),
        (
            {"BATCH_PIPELINES_PROVIDER": "anthropic", "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": NOBODY},
            [f"ANTHROPIC_BASE_URL: '{NOBODY}' cannot be used", "correct or unset it"],
        ),
        (
            {"ANTHROPIC_BASE_URL": NOBODY},
            [f"ANTHROPIC_BASE_URL: '{NOBODY}' cannot be used", "batch-pipelines simulate"],
        ),
        ({"ANTHROPIC_BASE_URL": "http://[::1"}, ["ANTHROPIC_BASE_URL: 'http://[::1'", "correct or unset it"]),
        ({"BATCH_PIPELINES_DATABASE_URL": "nonsense"}, ["BATCH_PIPELINES_DATABASE_URL", "use sqlite:////path"]),
        ({"BATCH_PIPELINES_DATABASE_URL": "mysql://u:pw@h/d"}, ["mysql://u:***@h/d", "unknown driver 'mysql'"]),
        ({"BATCH_PIPELINES_PRICES_FILE": "prices.yaml"}, ["prices.yaml, line 2", "'dear'", "USD per million tokens"]),
        ({"BATCH_PIPELINES_PRICES_FILE": "lost.yaml"}, ["BATCH_PIPELINES_PRICES_FILE: 'lost.yaml' does not exist"]),
        ({"DAGSTER_HOME": "/dev/null/home"}, ["DAGSTER_HOME: '/dev/null/home' cannot be used", "choose another"]),
        (
            {"DAGSTER_HOME": "/dev/null/home", "BATCH_PIPELINES_DATABASE_URL": "sqlite:///elsewhere.db"},
            ["DAGSTER_HOME: '/dev/null/home' cannot be used"],
        ),
    ],
    ids=lambda value: " ".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else "",
)
def test_a_setting_that_cannot_be_used(
    call: Call,
    spec: Spec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    words: list[str],
) -> None:
    """The variable is named with its value, except where that is secret, before a job is made."""
    tmp_path.joinpath("prices.yaml").write_text(
        "# ours\n- {model: m, input_usd_per_mtok: dear, output_usd_per_mtok: 1}"
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    outcome = call("run", spec(), "--json")

    assert outcome.code == 2, outcome
    assert outcome.json["exit_code"] == 2
    for word in words:
        assert word in outcome.json["error"]
    assert outcome.err == f"Error: {outcome.json['error']}\n"
    assert KEY not in outcome.err + outcome.out
    if Path("elsewhere.db").exists():
        with Ledger.open("sqlite:///elsewhere.db", now) as ledger:
            assert ledger.list_jobs(JobFilter()) == []


def test_a_key_that_the_provider_refuses(
    call: Call, spec: Spec, simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found with a free call; the key is not shown (G3)."""
    monkeypatch.setenv("BATCH_PIPELINES_PROVIDER", "anthropic")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", simulate(required_key="another").url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    outcome = call("run", spec(), "--json")

    assert (outcome.code, outcome.json["field"]) == (2, "ANTHROPIC_API_KEY")
    assert "is not accepted" in outcome.err
    assert KEY not in outcome.err + outcome.out


def test_a_server_that_is_no_simulation_never_sees_the_key(
    call: Call, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key and the address of some server on loopback do not make a default run spend."""
    with PlainServer() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        outcome = call("run", spec())

    assert outcome.code == 2
    assert "is not a simulated provider; set BATCH_PIPELINES_PROVIDER=anthropic to use it" in outcome.err
    assert server.requests
    assert not any(KEY in request or "/v1/messages" in request for request in server.requests)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Another connection holds the write lock."""
    other = sqlite3.connect(database, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        other.close()


def test_a_locked_ledger(call: Call, spec: Spec, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After queueing for its time the command says who to wait for."""
    _ledger(home).close()
    monkeypatch.setitem(open_engine.__kwdefaults__, "lock_seconds", 0.1)

    with _locked(home / "batch_pipelines.db"):
        outcome = call("run", spec(), "--json")

    assert outcome.code == 1
    for word in ("BATCH_PIPELINES_DATABASE_URL", "is locked by another process", "wait for that process to end"):
        assert word in outcome.json["error"]


def test_a_ledger_that_a_newer_package_upgraded(
    call: Call, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written into what this package does not understand."""
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    Ledger.open(url, now).close()
    with sqlite3.connect(tmp_path / "newer.db") as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    monkeypatch.setenv("BATCH_PIPELINES_DATABASE_URL", url)

    for arguments in (["run", spec()], ["list"]):
        outcome = call(*arguments)
        assert outcome.code == 1
        assert "has schema 9999" in outcome.err
        assert "upgrade the package batch-pipelines" in outcome.err


def test_a_ledger_whose_server_is_away(call: Call, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is shown without its password (G3)."""
    monkeypatch.setenv("BATCH_PIPELINES_DATABASE_URL", "postgresql://user:secret@127.0.0.1:9/db")

    outcome = call("list", "--json")

    assert outcome.code == 1
    assert "user:***@127.0.0.1:9/db cannot be used" in outcome.json["error"]
    assert "secret" not in outcome.out + outcome.err


@pytest.mark.parametrize("command", ["status", "watch", "results", "analytics", "resume"])
def test_a_job_that_is_not_there(call: Call, command: str) -> None:
    """Every command that takes an id says where ids are to be found."""
    assert badly_told(call(command, "bj_0"), 2, "no batch job 'bj_0'", "list them with `batch-pipelines list`") == []


@pytest.mark.parametrize("limit", [0, 101, -1])
def test_a_limit_outside_1_to_100(call: Call, limit: int) -> None:
    """The limits are named (A7)."""
    assert badly_told(call("list", "--limit", limit), 2, f"limit: {limit} is outside 1 to 100") == []


def test_a_submission_without_a_dagster(call: Call, spec: Spec) -> None:
    """Said before the job is made, with the way out; `run --detach` is the same."""
    for arguments in (["submit", spec()], ["run", spec(), "--detach"]):
        outcome = call(*arguments)
        assert badly_told(outcome, 1, NO_DAGSTER, "does not answer", "`make ui`", "`batch-pipelines run`") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["status"], "Missing argument 'ID'"),
        (["list", "--nope"], "No such option: --nope"),
        (["list", "--offset", "-1"], "Invalid value for '--offset'"),
        (["list", "--status", "done"], "'done' is not one of 'pending', 'running'"),
        (["list", "--created-after", "yesterday"], "Invalid value for '--created-after'"),
        (["results", "bj_0", "--limit", "0"], "Invalid value for '--limit'"),
        (["estimate", "spec.yaml", "--seconds-per-call", "0"], "Invalid value for '--seconds-per-call'"),
        (["estimate", "spec.yaml", "--seconds-per-call", "inf"], "Invalid value for '--seconds-per-call'"),
        (["simulate", "--port", "65536"], "Invalid value for '--port'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_is_used_wrongly(call: Call, arguments: list[str], message: str) -> None:
    """Exit code 2, with the place to look at; with `--json` also as a document (F4)."""
    assert badly_told(call(*arguments), 2, message, "see `batch-pipelines --help`") == []

    if arguments[0] != "simulate":
        outcome = call(*arguments, "--json")
        assert (outcome.code, outcome.json["exit_code"]) == (2, 2)
        assert message in outcome.json["error"]


def test_an_error_for_programs_has_its_parts(call: Call, spec: Spec) -> None:
    """One JSON document: what, which field, which value, what to do (F4)."""
    outcome = call("estimate", spec(options={"concurrency": 51}), "--json")

    assert outcome.json == {
        "error": "options.concurrency: 51 is outside 1 to 10; choose a value from 1 to 10",
        "exit_code": 2,
        "field": "options.concurrency",
        "value": "51",
        "remedy": "choose a value from 1 to 10",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", '{"latency": 1}'], "latency: 1 is not usable"),
        (["--config", "lost.json"], "'lost.json' cannot be read"),
        (["--log-file", "/dev/null/log"], "--log-file: /dev/null/log cannot be written"),
    ],
)
def test_a_simulation_that_cannot_start(call: Call, arguments: list[str], message: str) -> None:
    """The server's own mistakes end with 2 as well."""
    outcome = call("simulate", "--port", "0", *arguments)

    assert outcome.code == 2
    assert message in outcome.err


def test_a_mistake_is_the_same_in_a_process_of_its_own(spec: Spec) -> None:
    """As a shell sees it: exit code, one line on standard error, nothing on standard output."""
    assert badly_told(execute("run", spec(items=[])), 2, "items: [] is empty") == []


def test_a_job_that_is_over_cannot_be_resumed(call: Call, finished: Finished) -> None:
    """Both states are named, and what to do instead (A2)."""
    outcome = call("resume", finished.id, "--json")

    assert outcome.code == 2
    assert json.loads(outcome.out)["error"] == (
        f"batch job {finished.id} is 'completed' and cannot become 'running'; submit its spec again to run it anew"
    )
