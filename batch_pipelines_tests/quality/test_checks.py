"""Rules for outputs that cost nothing to check (B9, B10)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from batch_pipelines.domain.pipeline import Phase, TaskType
from batch_pipelines.domain.validation import Check, Validation
from batch_pipelines.quality.checks import (
    MOST_PROBLEMS,
    REGEX_SECONDS,
    has_checks,
    problems_of,
    resolve_callable,
)

HERE = "batch_pipelines_tests.quality.sample_checks"
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "age": {"type": "integer", "minimum": 0},
        "mail": {"type": "string", "format": "email"},
        "born": {"type": "string", "format": "date"},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def phase(*checks: dict[str, Any], enabled: bool = True, **fields: Any) -> Phase:
    """A phase with these checks."""
    validation = Validation(enabled=enabled, checks=tuple(Check.model_validate(each) for each in checks))
    return Phase(name="write", task_type=TaskType.CHAT, prompt="Hi", validation=validation, **fields)


def problems(check: dict[str, Any], output: str, **parameters: Any) -> tuple[str, ...]:
    """What one check says of an output."""
    return problems_of(phase(check), output, parameters)


@pytest.mark.parametrize(
    ("check", "output", "expected"),
    [
        ({"matches": "^Dear"}, "Dear Ann", ()),
        ({"matches": "Ann"}, "Dear Ann", ()),
        ({"matches": "^Ann"}, "Dear Ann", ("It does not match '^Ann'.",)),
        ({"matches": r"(?m)^Ann$"}, "Dear\nAnn\n!", ()),
        ({"matches": r"\p{Cyrillic}"}, "Анна", ()),
        ({"lacks": r"\bDRAFT\b"}, "Done", ()),
        ({"lacks": r"\bDRAFT\b"}, "DRAFT: write", (r"It must not match '\\bDRAFT\\b'.",)),
        ({"most_characters": 4}, "four", ()),
        ({"most_characters": 4}, "fives", ("It has 5 characters, over 4.",)),
        ({"least_characters": 4}, "four", ()),
        ({"least_characters": 4}, "two", ("It has 3 characters, under 4.",)),
        ({"least_characters": 1000}, "ü" * 999, ("It has 999 characters, under 1,000.",)),
    ],
)
def test_texts_are_checked(check: dict[str, Any], output: str, expected: tuple[str, ...]) -> None:
    """By expressions that are found or not, and by length in characters; each problem is a sentence (B9)."""
    assert problems(check, output) == expected


def test_what_a_check_says_can_be_worded() -> None:
    """One message in place of whatever was found, and none where nothing was."""
    check = {"schema": PERSON, "message": "Answer with a person."}

    assert problems(check, '{"age": -1, "size": 3}') == ("Answer with a person.",)
    assert problems(check, '{"name": "Ann"}') == ()


def test_all_checks_are_looked_at() -> None:
    """So that one retry can mend everything, in the order of the checks."""
    both = phase({"most_characters": 3}, {"lacks": "T"}, {"matches": "."})

    assert problems_of(both, "DRAFT", {}) == ("It has 5 characters, over 3.", "It must not match 'T'.")


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ('{"name": "Ann", "age": 3, "mail": "a@b.c", "born": "2020-02-29"}', []),
        ('{"name": "Ann", "age": 3.0}', []),
        ('{"name": "A"}', ["$.name"]),
        ("{}", ["$: 'name' is a required property"]),
        ('{"name": "Ann", "age": "3"}', ["$.age"]),
        ('{"name": "Ann", "age": true}', ["$.age"]),
        ('{"name": "Ann", "age": -1}', ["$.age: -1 is less than the minimum of 0"]),
        ('{"name": "Ann", "mail": "nobody"}', ["$.mail: 'nobody' is not a 'email'"]),
        ('{"name": "Ann", "born": "2021-02-29"}', ["$.born: '2021-02-29' is not a 'date'"]),
        ('{"name": "Ann", "size": 3}', ["$: Additional properties are not allowed ('size' was unexpected)"]),
        ('{"age": "x", "mail": "y"}', ["$: 'name'", "$.age", "$.mail"]),
        ("[]", ["$: [] is not of type 'object'"]),
        ("", ["It is not JSON"]),
        ("A person called Ann.", ["It is not JSON"]),
        ('```json\n{"name": "Ann"}\n```', ["It is not JSON"]),
        ('{"name": "Ann"', ["It is not JSON"]),
        ('{"name": "Ann"} and more', ["It is not JSON"]),
        ('{"name": "Ann", "age": NaN}', ["It is not JSON: JSON has no NaN"]),
        ('{"name": "Ann", "age": Infinity}', ["It is not JSON: JSON has no Infinity"]),
        ("[" * 100_000, ["It is not JSON"]),
        ("9" * 5000, ["It is not JSON"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
@pytest.mark.parametrize("place", ["output_schema", "check"])
def test_json_is_checked_against_a_schema(output: str, found: list[str], place: str) -> None:
    """As a phase's output schema, though validation is off, and as a check; every problem says where (B9, B10)."""
    checked = phase(output_schema=PERSON, enabled=False) if place == "output_schema" else phase({"schema": PERSON})

    said = problems_of(checked, output, {})

    assert len(said) == len(found)
    assert all(problem.startswith(start) for problem, start in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, '["a", 1]', '["a", "b"]'),
        ({"type": ["string", "null"]}, "null", "1"),
        ({"enum": ["red", "green"]}, '"red"', '"blue"'),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, '"x"', "[]"),
        ({"$ref": "#/$defs/short", "$defs": {"short": {"maxLength": 2}}}, '"ab"', '"abc"'),
        ({"type": "array", "minItems": 2, "uniqueItems": True}, "[1, 2]", "[1, 1]"),
        ({"type": "object", "dependentRequired": {"a": ["b"]}}, '{"a": 1, "b": 2}', '{"a": 1}'),
        ({"type": "string", "pattern": "^a+$"}, '"aaa"', '"aab"'),
        ({"pattern": "^a+$"}, "3", '"b"'),
        ({"patternProperties": {"^n_": {"type": "integer"}}}, '{"n_a": 1, "b": "x"}', '{"n_a": "x"}'),
        (
            {"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
            '{"n_a": 1}',
            '{"n_a": 1, "b": 2}',
        ),
        ({"format": "ipv4"}, '"127.0.0.1"', '"127.0.0.256"'),
        ({"format": "uuid"}, '"123e4567-e89b-12d3-a456-426614174000"', '"123"'),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else None,
)
def test_schemas_are_of_the_draft_that_providers_use(schema: dict[str, Any], good: str, bad: str) -> None:
    """2020-12, with formats (B10)."""
    assert problems({"schema": schema}, good) == ()
    assert len(problems({"schema": schema}, bad)) == 1


def test_a_schema_tells_a_handful_of_problems() -> None:
    """An answer that is wrong everywhere does not fill the next prompt."""
    many = json.dumps(list(range(100)))

    assert len(problems({"schema": {"items": {"type": "string"}}}, many)) == MOST_PROBLEMS


@pytest.mark.parametrize("check", [{"python": f"{HERE}:Person"}, {"schema": PERSON}])
def test_equal_schemas_are_made_ready_once_and_others_apart(check: dict[str, Any]) -> None:
    """What one phase was told is not what another asks."""
    other = {"python": f"{HERE}:finds_a_text"} if "python" in check else {"schema": {"type": "array"}}

    assert [bool(problems(each, '{"name": "Ann", "age": 3}')) for each in (check, other, check)] == [False, True, False]


EVIL = "a" * 40 + "!"


@pytest.mark.parametrize(
    ("check", "output"),
    [
        ({"matches": "^(a|aa)+$"}, EVIL),
        ({"lacks": "^(a|aa)+$"}, EVIL),
        ({"schema": {"pattern": "^(a|aa)+$"}}, json.dumps(EVIL)),
        ({"schema": {"patternProperties": {"^(a|aa)+$": {}}}}, json.dumps({EVIL: 1})),
    ],
    ids=["matches", "lacks", "pattern", "patternProperties"],
)
@pytest.mark.timeout(30)
def test_an_expression_that_takes_for_ever_is_given_up(check: dict[str, Any], output: str) -> None:
    """It names the expression, and others go on meanwhile (B9)."""
    ticks = 0
    is_over = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not is_over.wait(0.05):
            ticks += 1

    counter = threading.Thread(target=count)
    counter.start()
    started = time.monotonic()
    try:
        with pytest.raises(ValueError, match=r"\(a\|aa\).* takes over 1 s"):
            problems(check, output)
    finally:
        is_over.set()
        counter.join()

    assert time.monotonic() - started < REGEX_SECONDS + 5
    assert ticks >= 3


@contextmanager
def served(schema: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A server with a schema: its address, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(schema).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/person.json", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_no_reference_is_fetched() -> None:
    """A schema comes from whoever may submit, and must not make this machine ask others (G3)."""
    with served({"type": "integer"}) as (url, asked), pytest.raises(Exception, match="Unresolvable"):
        problems({"schema": {"$ref": url}}, "3")

    assert asked == []


def test_no_file_is_read_by_a_reference(tmp_path: Path) -> None:
    """Nor does a schema look into this machine (G3)."""
    secret = tmp_path / "secret.json"
    secret.write_text('{"const": "hunter2"}')

    with pytest.raises(Exception, match="Unresolvable"):
        problems({"schema": {"$ref": secret.as_uri()}}, '"x"')


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        ("is_silent", "x", ()),
        ("finds_a_text", "x", ("It is dull.",)),
        ("finds_two", "x", ("It is dull.", "It is wrong.")),
        ("yields_one", "x", ("It is dull.",)),
        ("names_the_topic", "About tea.", ()),
        ("names_the_topic", "About me.", ("It does not name tea.",)),
        ("Rules.deep", "x", ("It is deep.",)),
        ("Person", '{"name": "Ann", "age": 3}', ()),
        ("Person", '{"name": "Ann", "age": "three", "size": 1}', ("age: Input should be", "size: Extra inputs")),
        ("Person", "Ann", ("$: Invalid JSON",)),
        ("Person", "[]", ("$: Input should be an object",)),
    ],
)
def test_callables_say_what_is_wrong(name: str, output: str, expected: tuple[str, ...]) -> None:
    """Nothing, a text or several; a pydantic model says it by its own rules (B9)."""
    said = problems({"python": f"{HERE}:{name}"}, output, topic="tea")

    assert len(said) == len(expected)
    assert all(problem.startswith(start) for problem, start in zip(said, expected, strict=True))


@pytest.mark.parametrize(
    ("name", "raised"), [("raises", KeyError), ("exits", SystemExit), ("stops", RuntimeError), ("says_yes", TypeError)]
)
def test_what_a_callable_raises_is_not_hidden(name: str, raised: type[BaseException]) -> None:
    """Whoever runs the checks decides what that means."""
    with pytest.raises(raised):
        problems({"python": f"{HERE}:{name}"}, "x")


def test_a_callable_cannot_change_the_item() -> None:
    """It gets a copy of the parameters."""
    parameters = {"topic": "tea"}

    problems_of(phase({"python": f"{HERE}:changes_the_item"}), "x", parameters)

    assert parameters == {"topic": "tea"}


@pytest.mark.parametrize(
    ("path", "raised", "told"),
    [
        (f"{HERE}:missing", ValueError, "has no missing"),
        (f"{HERE}:Rules.missing", ValueError, "has no Rules.missing"),
        (f"{HERE}:NOT_CALLABLE", ValueError, "cannot be called"),
        ("batch_pipelines_tests.no_such_module:f", ModuleNotFoundError, "no_such_module"),
    ],
)
def test_a_name_that_leads_nowhere_is_told(path: str, raised: type[Exception], told: str) -> None:
    """Module, attribute and what is there."""
    with pytest.raises(raised, match=told):
        resolve_callable(path)


@pytest.mark.parametrize(
    ("checked", "has"),
    [
        (phase(), False),
        (phase({"matches": "a"}), True),
        (phase({"python": f"{HERE}:raises"}, enabled=False), False),
        (phase(enabled=False, output_schema={"type": "object"}), True),
        (phase({"python": f"{HERE}:raises"}, enabled=False, output_schema={"type": "string"}), True),
    ],
)
def test_validation_that_is_off_checks_the_schema_alone(checked: Phase, has: bool) -> None:
    """`enabled: false` turns checks off, never the form of the output (B10)."""
    assert has_checks(checked) is has
    if not checked.validation.enabled:
        assert bool(problems_of(checked, "x", {})) is has


@pytest.mark.parametrize("fields", [{}, {"matches": "a", "lacks": "b"}, {"message": "Hm."}, {"python": "no colon"}])
def test_a_check_has_one_rule(fields: dict[str, Any]) -> None:
    """None, two, or one that cannot be read is a mistake of its author."""
    with pytest.raises(ValidationError):
        Check.model_validate(fields)
