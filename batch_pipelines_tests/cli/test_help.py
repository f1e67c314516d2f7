"""Every command and every option explains itself."""

from __future__ import annotations

import typer.main

from batch_pipelines.cli.app import app
from batch_pipelines_tests.cli.conftest import Call, execute

PROMISED = {"pipelines", "estimate", "run", "submit", "watch", "status", "list", "results", "analytics", "simulate"}
"""The contract's commands that are there so far; others came with them."""
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
"""By name, as the command line knows them."""


def test_the_commands_are_those_of_the_contract() -> None:
    """None is missing, and none is there that nobody knows about (F4)."""
    assert COMMANDS.keys() == PROMISED | {"resume", "why", "new", "ingest", "documents", "search", "forget", "export"}


def test_every_command_and_every_option_has_a_help_text() -> None:
    """A command says what it does in a sentence, an option what it sets (F4)."""
    for name, command in COMMANDS.items():
        assert (command.help or "").strip().endswith("."), name
        for parameter in command.params:
            assert (parameter.help or "").strip(), (name, parameter.name)


def test_every_command_that_answers_has_json() -> None:
    """All but the server that runs until it is interrupted (F4)."""
    without = {
        name
        for name, command in COMMANDS.items()
        if all("--json" not in parameter.opts for parameter in command.params)
    }

    assert without == {"simulate"}


def test_help_is_shown_for_all_and_for_each(call: Call) -> None:
    """Exit code 0, on standard output."""
    overview = call("--help")

    assert overview.code == 0
    for name in COMMANDS:
        assert f" {name} " in overview.out
        one = call(name, "--help")
        assert (one.code, one.err) == (0, "")
        assert COMMANDS[name].help.split()[0] in one.out


def test_no_command_at_all_shows_the_help() -> None:
    """With exit code 2, as nothing was done; as a module it is the same command line."""
    outcome = execute()

    assert outcome.code == 2
    assert "Usage:" in outcome.out + outcome.err
    assert "Error" not in outcome.out + outcome.err
