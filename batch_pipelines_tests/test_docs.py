"""What the documentation says can be typed works, and what can be typed or set is documented."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from batch_pipelines.cli.app import app
from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.spec import Budget, Options, Spec
from batch_pipelines.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("examples/**/*.md"))]
REFERENCE = (ROOT / "docs" / "spec.md").read_text()
SERVES_FOR_EVER = {"simulate"}


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every line of every shell block, without its comment."""
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def readme_spec() -> str:
    """The spec that the README shows."""
    (spec,) = blocks(ROOT / "README.md", "yaml")
    return spec


def test_there_are_commands_to_try() -> None:
    """The pages were found and read."""
    assert {"make run", "make test", "batch-pipelines run spec.yaml"} <= set(commands())


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_make_targets_exist(command: str) -> None:
    """Each `make` command of the documentation is a target of the Makefile."""
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_commands_run_as_written(tmp_path: Path, home: Path) -> None:
    """In an empty folder with the README's spec, each command of the documentation ends with exit code 0."""
    (tmp_path / "spec.yaml").write_text(readme_spec())
    for line in commands():
        program, *arguments = shlex.split(line)
        if program != "batch-pipelines":
            assert program == "make", f"what is {line!r}?"
            continue
        if arguments[0] in SERVES_FOR_EVER:
            arguments = [arguments[0], "--help"]
        script = Path(sys.executable).with_name(program)
        done = subprocess.run(
            [str(script), *arguments], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=150
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_specs_of_the_documentation_and_the_examples_are_valid() -> None:
    """Nobody copies a spec that is refused."""
    for text in [readme_spec(), *(path.read_text() for path in ROOT.glob("examples/**/spec.yaml"))]:
        assert parse_spec(yaml.safe_load(text)).pipeline == "conversation_generation"


@pytest.mark.parametrize("command", [info.name or info.callback.__name__ for info in app.registered_commands])  # type: ignore[union-attr]
def test_every_command_is_documented(command: str) -> None:
    """The reference names each command."""
    assert re.search(rf"`(batch-pipelines )?{command}\b", REFERENCE)


@pytest.mark.parametrize(
    "field",
    [
        *(name for name in Spec.model_fields if name not in ("options", "budget")),
        *(f"options.{name}" for name in Options.model_fields),
        *(f"budget.{name}" for name in Budget.model_fields),
    ],
)
def test_every_field_of_a_spec_is_documented(field: str) -> None:
    """The reference has a row for each field."""
    assert f"`{field}`" in REFERENCE


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented(field: str) -> None:
    """The reference names the variable of each setting."""
    names = {f"BATCH_PIPELINES_{field.upper()}", field.upper(), f"…_{field.upper()}"}
    assert any(f"`{name}`" in REFERENCE for name in names)


def test_no_placeholder_was_forgotten() -> None:
    """Every page says what it has to say."""
    assert [page.name for page in PAGES if "@@" in page.read_text()] == []


def test_links_lead_somewhere() -> None:
    """Every relative link and picture of the documentation exists."""
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|data:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_changelog_knows_this_version() -> None:
    """The version that is installed has its section."""
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert f"## {version[1]}\n" in (ROOT / "CHANGELOG.md").read_text()
