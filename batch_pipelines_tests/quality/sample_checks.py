"""Checks as users write them, good and bad."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

LET_GO = threading.Event()
"""Set: what hangs goes on."""


def is_silent(output: str, parameters: dict[str, Any]) -> None:
    """Finds nothing."""


def finds_a_text(output: str, parameters: dict[str, Any]) -> str:
    """One problem."""
    return "It is dull."


def finds_two(output: str, parameters: dict[str, Any]) -> list[str]:
    """Two of them."""
    return ["It is dull.", "It is wrong."]


def yields_one(output: str, parameters: dict[str, Any]) -> Iterator[str]:
    """One at a time."""
    yield "It is dull."


def names_the_topic(output: str, parameters: dict[str, Any]) -> list[str]:
    """By output and item together."""
    return [] if parameters["topic"] in output else [f"It does not name {parameters['topic']}."]


def changes_the_item(output: str, parameters: dict[str, Any]) -> None:
    """What it must not do, and does to its own copy."""
    parameters.clear()


def raises(output: str, parameters: dict[str, Any]) -> str:
    """A defect."""
    raise KeyError("no such field")


def exits(output: str, parameters: dict[str, Any]) -> str:
    """A script that was made a check."""
    raise SystemExit(3)


def stops(output: str, parameters: dict[str, Any]) -> str:
    """An exception that futures do not take."""
    raise StopIteration


def says_yes(output: str, parameters: dict[str, Any]) -> bool:
    """Nobody told its author what to return."""
    return True


def hangs(output: str, parameters: dict[str, Any]) -> None:
    """Waits for what does not come; for so long at most that no test leaves it behind for ever."""
    LET_GO.wait(60)


def hangs_on_some(output: str, parameters: dict[str, Any]) -> None:
    """Waits for what does not come, on items whose topic has a 1."""
    if "1 of" in parameters["topic"]:
        LET_GO.wait(60)


class Person(BaseModel):
    """An output that is a person."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=2)
    age: int


class Rules:
    """Where a check may stand, too."""

    @staticmethod
    def deep(output: str, parameters: dict[str, Any]) -> str:
        """One problem."""
        return "It is deep."


NOT_CALLABLE = "a text"
