"""Finds the shipped pipelines and reads their files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.pipeline import Pipeline

SHIPPED = Path(__file__).parent
PIPELINE_FILE = "pipeline.yaml"


def read_pipeline(folder: Path) -> Pipeline:
    """The pipeline that a folder holds; raises InvalidInput naming file and line, or file and field."""
    path = folder / PIPELINE_FILE
    try:
        content = yaml.safe_load(_text(path))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InvalidInput("pipeline", where, f"is not YAML ({problem})", "mend it") from None
    try:
        return Pipeline.model_validate(_with_files(content, folder))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "pipeline"
        raise InvalidInput(f"{path}: {field}", first["input"], f"is not usable ({first['msg']})", "mend it") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput("pipeline", str(path), f"cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError as error:
        raise InvalidInput("pipeline", str(path), f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None


def _with_files(content: Any, folder: Path) -> Any:
    """`content` with every `{file: path}` replaced by the file's text, and paths of samples made whole."""
    if isinstance(content, dict):
        if content.keys() == {"file"}:
            return _text(folder / str(content["file"]))
        return {
            key: folder / str(value) if key == "sample_items" else _with_files(value, folder)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [_with_files(value, folder) for value in content]
    return content


@cache
def shipped_pipelines() -> tuple[Pipeline, ...]:
    """All pipelines of the package, by name."""
    return tuple(read_pipeline(path.parent) for path in sorted(SHIPPED.glob(f"*/{PIPELINE_FILE}")))


def find_pipeline(name: str, pipelines: tuple[Pipeline, ...]) -> Pipeline:
    """The pipeline of this name; raises UnknownName."""
    for pipeline in pipelines:
        if pipeline.name == name:
            return pipeline
    raise UnknownName("pipeline", name, tuple(pipeline.name for pipeline in pipelines))
