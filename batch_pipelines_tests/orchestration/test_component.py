"""The Dagster component, through Dagster's own commands, in somebody else's project (B1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from dagster.components.testing import create_defs_folder_sandbox

import batch_pipelines
from batch_pipelines.orchestration.component import BatchPipeline

DG = Path(sys.executable).with_name("dg")
TYPE = "batch_pipelines.BatchPipeline"
PROJECT = """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "acme"
"""
DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@dataclass
class Project:
    """A Dagster project that is no part of ours."""

    root: Path
    environment: dict[str, str]

    @property
    def defs(self) -> Path:
        """Where its components are."""
        return self.root / "acme" / "defs"

    def dg(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Dagster's command line tool in it."""
        return subprocess.run(
            [str(DG), *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def edit(self, before: str, after: str) -> None:
        """Change the pipeline's file."""
        file = self.defs / "notes" / "defs.yaml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Project:
    """An empty project."""
    if not entry_points(group="dagster_dg_cli.registry_modules", name="batch_pipelines"):
        pytest.fail("the package was installed before it had its component: install it again, as `make setup` does")
    root = tmp_path / "project"
    (root / "acme" / "defs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "acme" / "definitions.py").write_text(DEFINITIONS)
    for package in ("acme", "acme/defs"):
        (root / package / "__init__.py").touch()
    paths = filter(None, (str(root), os.environ.get("PYTHONPATH")))
    return Project(
        root,
        dict(os.environ)
        | {"PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "1"},
    )


@pytest.fixture
def scaffolded(project: Project) -> Project:
    """A project with a pipeline called `notes`, as `dg scaffold` writes it."""
    done = project.dg("scaffold", "defs", TYPE, "notes")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_a_scaffolded_pipeline_is_checked_listed_and_run(scaffolded: Project) -> None:
    """As it stands: two ops in one job, with its gate, and a run of the sample items ends as a success (B1)."""
    assert {str(path.relative_to(scaffolded.defs)) for path in scaffolded.defs.rglob("*") if path.is_file()} == {
        "__init__.py",
        "notes/defs.yaml",
        "notes/prompts/summarise.jinja",
        "notes/sample_items.jsonl",
    }
    for command in (("check", "yaml"), ("check", "defs")):
        checked = scaffolded.dg(*command)
        assert checked.returncode == 0, checked.stdout + checked.stderr

    listed = json.loads(scaffolded.dg("list", "defs", "--json").stdout)
    assert {one["asset_key"] for one in listed["assets"]} == {"notes/plan", "notes/results", "notes/report"}
    assert [one["name"] for one in listed["asset_checks"]] == ["estimate_within_limits"]
    assert [one["name"] for one in listed["jobs"]] == ["notes", "own_phases"]

    launched = scaffolded.dg("launch", "--job", "notes")
    assert launched.returncode == 0, launched.stdout[-3000:] + launched.stderr[-3000:]


@pytest.mark.parametrize(
    ("before", "after", "command", "place"),
    [
        ("max_tokens: 400", "max_token: 400", "yaml", "defs.yaml:11 - {type} attributes.phases.0.max_token"),
        ("max_tokens: 400", "max_token: 400", "defs", "defs.yaml:11 - {type} attributes.phases.0.max_token"),
        ("min_score: 6", "min_score: 11", "yaml", "defs.yaml:22 - {type} attributes.phases.1.validation"),
        ("phases.summarise", "phases.sum", "defs", "defs.yaml, line 14: phases.1.prompt uses phases.sum, which is no"),
        ("prompts/summarise", "prompts/sum", "defs", "defs.yaml, line 10: phases.0.prompt"),
        ('  # schedule: {cron: "0 2', '  schedule: {cron: "0 25', "defs", "line 23: schedule.cron: '0 25 * * *' is no"),
    ],
    ids=["schema", "schema-at-loading", "value", "template", "file", "cron"],
)
def test_a_wrong_file_names_its_place(scaffolded: Project, before: str, after: str, command: str, place: str) -> None:
    """File, line and field, in Dagster's own words where its schema finds it, and in ours where only we can (B1)."""
    scaffolded.edit(before, after)

    checked = scaffolded.dg("check", command)

    assert checked.returncode == 1
    assert place.format(type=TYPE) in checked.stdout + checked.stderr


@pytest.mark.parametrize("arguments", [("Notes-1",), ("notes", "--format", "python")], ids=["name", "python"])
def test_what_cannot_be_scaffolded_is_said(project: Project, arguments: tuple[str, ...]) -> None:
    """By the field to change."""
    done = project.dg("scaffold", "defs", TYPE, *arguments)

    assert done.returncode == 1
    assert "InvalidInput: " in done.stdout + done.stderr


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")  # Dagster's sandbox uses it
@pytest.mark.filterwarnings("ignore:Class `.*` is currently in beta")  # what Dagster loads YAML with
def test_templates_of_prompts_are_left_to_the_items() -> None:
    """Dagster fills in templates of its YAML; those of prompts are for items and stay as they were written (B1)."""
    prompts = ["{{ item.topic | upper }}{% if tier %} for a {{ tier }}{% endif %}", "Say: {{ phases.read }}"]
    phases = [
        {"name": name, "task_type": "analysis", "prompt": prompt}
        for name, prompt in zip(("read", "say"), prompts, strict=True)
    ]
    content = {"type": TYPE, "attributes": {"name": "notes", "phases": phases}}
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(BatchPipeline, defs_path="notes", defs_yaml_contents=content)
        with sandbox.load_component_and_build_defs(folder) as (component, definitions):
            assert isinstance(component, BatchPipeline)
            assert [phase.prompt for phase in component.pipeline.phases] == prompts
            assert definitions.resolve_job_def("notes").name == "notes"


def test_every_field_is_documented() -> None:
    """`dg` and editors show a description beside each field that can be written (B1)."""
    model = BatchPipeline.get_model_cls()
    schema = model.model_json_schema()
    parts = {"": schema, **schema["$defs"]}
    fields = {
        f"{part}.{name}": field
        for part, content in parts.items()
        for name, field in content.get("properties", {}).items()
    }

    assert len(fields) > 60
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_package_itself_imports_no_dagster() -> None:
    """The command line would take seconds to say its help; the component is there for whoever asks for it."""
    code = (
        "import sys, batch_pipelines, batch_pipelines.cli.app\n"
        "assert 'BatchPipeline' in dir(batch_pipelines)\n"
        "assert 'dagster' not in sys.modules\n"
        "assert batch_pipelines.BatchPipeline.__name__ == 'BatchPipeline'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        batch_pipelines.Nothing  # noqa: B018 - looking it up is what is tested
