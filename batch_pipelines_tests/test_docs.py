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
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
    *sorted(ROOT.glob("batch_pipelines/pipelines/*/README.md")),
]
REFERENCE = (ROOT / "docs" / "spec.md").read_text()
SERVES_FOR_EVER = {"simulate"}
SHIPPED = ROOT / "batch_pipelines" / "pipelines"
NAMED = re.compile(r"\A(?:# |<!-- )([\w./-]+\.\w+)(?: -->)?\n")
"""The first line of a block that is a file of the page's folder."""


def name_of(page: Path) -> str:
    """Where a page stands in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Every line of every shell block, without its comment."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def files(page: Path) -> dict[str, str]:
    """The files that a page shows, by name."""
    texts = [text for language in ("yaml", "markdown", "python") for text in blocks(page, language)]
    return {named[1]: text for text in texts if (named := NAMED.match(text))}


def is_spec(name: str) -> bool:
    """Whether a file of this name is what `run` takes; documents and pipelines are files too."""
    return name.endswith(".yaml") and not name.endswith("defs.yaml")


def specs() -> list[str]:
    """Every spec that is shown or shipped as an example."""
    shown = [text for page in PAGES for name, text in files(page).items() if is_spec(name)]
    return [*shown, *(path.read_text() for path in ROOT.glob("examples/**/spec.yaml"))]


def test_there_are_commands_to_try() -> None:
    """The pages were found and read."""
    assert {"make run", "make test", "batch-pipelines run spec.yaml"} <= set(commands(ROOT / "README.md"))


@pytest.mark.parametrize("command", [line for page in PAGES for line in commands(page) if line.startswith("make ")])
def test_make_targets_exist(command: str) -> None:
    """Each `make` command of the documentation is a target of the Makefile."""
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_the_commands_run_as_written(page: Path, tmp_path: Path, home: Path) -> None:
    """In an empty folder with the files that the page shows, each of its commands ends with exit code 0."""
    for name, text in files(page).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for line in commands(page):
        program, *arguments = shlex.split(line)
        if program != "batch-pipelines":
            assert program == "make", f"what is {line!r}?"
            continue
        if arguments[0] in SERVES_FOR_EVER:
            arguments = [arguments[0], "--help"]
        if arguments[0] == "run" and SHIPPED in page.parents:
            # Each shipped pipeline is run by its own test; here it is enough that its spec can be carried out.
            arguments[0] = "estimate"
        script = Path(sys.executable).with_name(program)
        done = subprocess.run(
            [str(script), *arguments], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=150
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("text", specs())
def test_specs_of_the_documentation_and_the_examples_are_valid(text: str) -> None:
    """Nobody copies a spec that is refused."""
    content = yaml.safe_load(text)

    assert parse_spec(content).model_fields_set == content.keys()


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
