"""Checks that are somebody's code: whatever they do, an answer comes in time (B9)."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.engine import checking
from batch_pipelines.engine.checking import LONGEST_ERROR, look_over
from batch_pipelines_tests.engine.samples import phase
from batch_pipelines_tests.quality import sample_checks

HERE = "batch_pipelines_tests.quality.sample_checks"
ENDS = f"""
from batch_pipelines.engine import checking
from batch_pipelines_tests.engine.samples import phase
checking.CHECK_SECONDS = 0.1
checked = phase("write", validation={{"checks": [{{"python": "{HERE}:hangs"}}]}})
print(checking.look_over(checked, "x", {{}}).message)
"""


def checked_by(name: str) -> Phase:
    """A phase whose answers a callable looks over."""
    return phase("write", validation={"checks": [{"python": f"{HERE}:{name}"}]})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("is_silent", ()), ("finds_two", ("It is dull.", "It is wrong.")), ("finds_a_text", ("It is dull.",))],
)
def test_what_a_check_finds_is_told(name: str, expected: tuple[str, ...]) -> None:
    """As it found it."""
    assert look_over(checked_by(name), "x", {}) == expected


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("raises", "a check failed: KeyError('no such field')"),
        ("exits", "a check failed: SystemExit(3)"),
        ("stops", "a check failed: RuntimeError('generator raised StopIteration')"),
        ("says_yes", "a check failed: TypeError"),
        ("missing", "a check failed: ValueError"),
    ],
)
def test_a_check_that_raises_is_an_error_of_the_item(name: str, told: str) -> None:
    """Whatever it raises: nothing of it reaches the thread or the loop that asked."""
    found = look_over(checked_by(name), "x", {})

    assert isinstance(found, ProviderError)
    assert found.category is ErrorCategory.VALIDATION
    assert found.message.startswith(told)
    assert len(found.message) <= LONGEST_ERROR


def test_rules_without_code_are_errors_of_the_item_too() -> None:
    """An expression that takes for ever, or a schema that refers to somewhere."""
    slow = phase("write", validation={"checks": [{"matches": "^(a|aa)+$"}]})

    found = look_over(slow, "a" * 40 + "!", {})

    assert isinstance(found, ProviderError)
    assert "takes over 1 s" in found.message


def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, with what happened."""
    monkeypatch.setattr(checking, "CHECK_SECONDS", 0.1)
    sample_checks.LET_GO.clear()
    started = time.monotonic()

    found = look_over(checked_by("hangs"), "x", {})
    sample_checks.LET_GO.set()

    assert isinstance(found, ProviderError)
    assert (found.category, found.message) == (ErrorCategory.VALIDATION, "its checks took over 0.1 s")
    assert time.monotonic() - started < 5


def test_a_check_that_hangs_does_not_keep_the_process() -> None:
    """A run ends though a thread of its checks does not."""
    ended = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=20, check=True)

    assert ended.stdout == "its checks took over 0.1 s\n"
