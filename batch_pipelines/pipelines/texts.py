"""Kinds of values that authors write: templates, texts in files, schemas, regular expressions, names of code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import regex
import yaml
from jsonschema import SchemaError
from jsonschema.validators import validator_for
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.code import named_code
from batch_pipelines.pipelines.origins import mistake, origin_of
from batch_pipelines.pipelines.reading import read_text
from batch_pipelines.pipelines.templates import BadTemplate, check_expression, check_template

CODE_NAME = regex.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")
"""`package.module:name`."""

_PATH = {"type": "string", "description": "Path of the file, from the pipeline's folder."}
_FILE = {
    "type": "object",
    "properties": {"file": _PATH},
    "required": ["file"],
    "additionalProperties": False,
}
_CODE = {
    "type": "object",
    "properties": {"python": {"type": "string", "description": "A pydantic model as `package.module:Name`."}},
    "required": ["python"],
    "additionalProperties": False,
}


def _named_file(value: object, info: ValidationInfo) -> Path | None:
    """The file that `{file: path}` names; None for any other value. Raises a mistake for one that may not be read."""
    if not (isinstance(value, dict) and value.keys() == {"file"} and isinstance(value["file"], str)):
        return None
    origin = origin_of(info)
    if origin is None:
        return Path(value["file"])
    if origin.folder is None:
        raise mistake("names a file, which only a pipeline's own files may", "write the text in its place")
    return _inside(Path(value["file"]), info)


def _inside(path: Path, info: ValidationInfo) -> Path:
    """A path from the pipeline's folder, made whole; raises a mistake for one that leads out of it."""
    origin = origin_of(info)
    if origin is None:
        return path
    if origin.folder is None:
        # What has no folder was made whole before, as the samples of a pipeline that a spec changes.
        return path
    whole = origin.folder / path
    # Resolved, so that neither `..` nor a link leads out.
    if not whole.resolve().is_relative_to(origin.folder.resolve()):
        raise mistake("lies outside the pipeline's folder", "copy the file into that folder")
    return whole


def _existing(path: Path, info: ValidationInfo) -> Path:
    whole = _inside(path, info)
    if origin_of(info) is not None and not whole.exists():
        raise mistake("does not exist", "check the path, which starts at the pipeline's folder")
    return whole


def _text_of(path: Path, info: ValidationInfo) -> str:
    """The text of a file that may be read; where no folder is known, its path in place of it."""
    if origin_of(info) is None:
        return str(path)
    try:
        return read_text(path)
    except InvalidInput as error:
        raise mistake(f"names {path}, which {error.problem}", error.remedy) from None


def _read_text(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    path = _named_file(value, info)
    return handler(value if path is None else _text_of(path, info))


def _read_template(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    path = _named_file(value, info)
    template = handler(value if path is None else _text_of(path, info))
    if isinstance(template, str):
        try:
            check_template(template)
        except BadTemplate as error:
            raise mistake(error.problem, error.remedy, line=error.line, file=path) from None
    return template


def _check_expression(value: str) -> str:
    try:
        check_expression(value)
    except BadTemplate as error:
        raise mistake(error.problem, error.remedy) from None
    return value


def _check_pattern(value: str) -> str:
    try:
        regex.compile(value)
    except regex.error as error:
        raise mistake(f"is no regular expression ({error})", "mend it") from None
    return value


def _read_schema(value: object, info: ValidationInfo) -> object:
    """A schema from `{file: path}` of JSON or YAML, or from the pydantic model that `{python: name}` names."""
    if (path := _named_file(value, info)) is not None:
        if origin_of(info) is None:
            return {}
        try:
            return yaml.safe_load(_text_of(path, info)) if path.suffix != ".json" else json.loads(_text_of(path, info))
        except (yaml.YAMLError, ValueError) as error:
            problem = f"names {path}, which is not {'JSON' if path.suffix == '.json' else 'YAML'}"
            raise mistake(f"{problem} ({' '.join(str(error).split())})", "mend that file") from None
    if isinstance(value, dict) and value.keys() == {"python"} and isinstance(value["python"], str):
        model = _imported(value["python"], info)
        if model is None:
            return {}
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise mistake(f"names {value['python']}, which is no pydantic model", "name a subclass of BaseModel")
        return model.model_json_schema()
    return value


def _check_schema(value: dict[str, Any]) -> dict[str, Any]:
    try:
        validator_for(value).check_schema(value)
    except SchemaError as error:
        at = f" at {'.'.join(str(step) for step in error.absolute_path)}" if error.absolute_path else ""
        raise mistake(f"is no JSON Schema ({error.message}{at})", "mend it") from None
    return value


def _check_code(value: str, info: ValidationInfo) -> str:
    origin = origin_of(info)
    if origin is None or value in origin.known_code:
        return value
    if callable(_imported(value, info)):
        return value
    raise mistake("is nothing that can be called", "name a function or a pydantic model")


def _imported(name: str, info: ValidationInfo) -> Any:
    """What `package.module:name` names; None where no origin is known. Raises a mistake."""
    origin = origin_of(info)
    if origin is None:
        return None
    if not origin.is_trusted:
        raise mistake("names Python code, which only a pipeline's own files may", "write it into a pipeline's file")
    if not CODE_NAME.fullmatch(name):
        raise mistake("is no name of code", "write `package.module:name`")
    try:
        return named_code(name)
    except Exception as error:  # noqa: BLE001 - a module can raise anything while it is imported
        problem = f"cannot be imported ({type(error).__name__}: {error})"
        raise mistake(problem, "check the name, and that its package is installed") from None


def _or(schema: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, *others]}


Text = Annotated[str, WrapValidator(_read_text), WithJsonSchema(_or({"type": "string"}, _FILE))]
"""A text, or `{file: path}`."""
Template = Annotated[str, WrapValidator(_read_template), WithJsonSchema(_or({"type": "string"}, _FILE))]
"""The same of a Jinja template."""
SampleFile = Annotated[Path, AfterValidator(_existing)]
"""A file of the pipeline's folder."""
Expression = Annotated[str, AfterValidator(_check_expression)]
"""A Jinja expression."""
Pattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression."""
Code = Annotated[str, AfterValidator(_check_code)]
"""A callable as `package.module:name`."""
Schema = Annotated[
    dict[str, Any],
    AfterValidator(_check_schema),
    BeforeValidator(_read_schema),
    WithJsonSchema(_or({"type": "object"}, _FILE, _CODE)),
]
"""A JSON Schema, `{file: path}` of one, or `{python: name}` of a pydantic model."""
