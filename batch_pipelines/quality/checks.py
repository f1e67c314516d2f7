"""Looks an output over without any model: schema, expressions, length, callables (requirements B9, B10)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, NoReturn

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaProblem
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from pydantic import BaseModel, JsonValue, ValidationError
from referencing import Registry

from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.validation import Check
from batch_pipelines.pipelines.code import named_code

REGEX_SECONDS = 1.0
"""After this an expression is given up: some take for ever on some texts."""
MOST_PROBLEMS = 5
"""Of one schema that are told."""
LONGEST_PROBLEM = 300
"""Characters of a schema's message, which holds the value: a chapter, perhaps."""
KEPT_VALIDATORS = 256


def has_checks(phase: Phase) -> bool:
    """Whether outputs of the phase are looked over at all."""
    return phase.output_schema is not None or (phase.validation.enabled and bool(phase.validation.checks))


def problems_of(phase: Phase, output: str, parameters: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What is wrong with an output, each as a sentence.

    Raises whatever a callable raises, ValueError for an expression that takes too long, and what the library raises
    for a schema that refers to something else.
    """
    found: list[str] = []
    if phase.output_schema is not None:
        found += _schema_problems(phase.output_schema, output)
    if phase.validation.enabled:
        for check in phase.validation.checks:
            problems = list(_problems(check, output, parameters))
            found += [check.message] if problems and check.message else problems
    return tuple(found)


def _problems(check: Check, output: str, parameters: Mapping[str, JsonValue]) -> Iterator[str]:
    if check.matches is not None and not _found(check.matches, output):
        yield f"It does not match {check.matches!r}."
    if check.lacks is not None and _found(check.lacks, output):
        yield f"It must not match {check.lacks!r}."
    if check.schema_ is not None:
        yield from _schema_problems(check.schema_, output)
    if check.most_characters is not None and len(output) > check.most_characters:
        yield f"It has {len(output):,} characters, over {check.most_characters:,}."
    if check.least_characters is not None and len(output) < check.least_characters:
        yield f"It has {len(output):,} characters, under {check.least_characters:,}."
    if check.python is not None:
        yield from _callable_problems(check.python, output, parameters)


def _found(pattern: str, output: str) -> bool:
    try:
        return regex.search(pattern, output, timeout=REGEX_SECONDS) is not None
    except TimeoutError:
        raise ValueError(f"the expression {pattern!r} takes over {REGEX_SECONDS:g} s on this output") from None


def _schema_problems(schema: dict[str, Any], output: str) -> list[str]:
    try:
        value = json.loads(output, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return [f"It is not JSON: {error}."]
    errors = sorted(
        _validator(json.dumps(schema, sort_keys=True)).iter_errors(value), key=lambda error: error.json_path
    )
    return [f"{error.json_path}: {_cut(error.message)}." for error in errors[:MOST_PROBLEMS]]


def _cut(message: str) -> str:
    """A message without its middle where it is long: it begins with the value, and ends with what is wrong with it."""
    half = LONGEST_PROBLEM // 2
    return message if len(message) <= LONGEST_PROBLEM else f"{message[:half]}...{message[-half:]}"


def _refuse(constant: str) -> NoReturn:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"JSON has no {constant}")


def _pattern(validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[SchemaProblem]:
    if validator.is_type(value, "string") and not _found(pattern, value):
        yield SchemaProblem(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], value: Any, _schema: Any) -> Iterator[SchemaProblem]:
    if validator.is_type(value, "object"):
        for pattern, (name, each) in product(patterns, value.items()):
            if _found(pattern, name):
                yield from validator.descend(each, patterns[pattern], path=name, schema_path=pattern)


# Python's own expressions, which the library uses, can take for ever and hold every other thread up meanwhile.
_SchemaValidator: Callable[..., Validator] = extend(  # type: ignore[no-untyped-call]  # the library says no types
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)


@lru_cache(KEPT_VALIDATORS)
def _validator(schema: str) -> Validator:
    # An empty registry fetches nothing, unlike the library's own: a reference to elsewhere is an error.
    return _SchemaValidator(json.loads(schema), format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry())


def resolve_callable(path: str) -> Callable[..., Any]:
    """What `package.module:name` names; raises ValueError, or what importing the module raises."""
    module, _, name = path.partition(":")
    try:
        found = named_code(path)
    except AttributeError:
        raise ValueError(f"{module} has no {name}") from None
    if not callable(found):
        raise ValueError(f"{path} cannot be called")
    return found  # type: ignore[no-any-return]  # anything may be there


def _callable_problems(path: str, output: str, parameters: Mapping[str, JsonValue]) -> Sequence[str]:
    checker: Any = resolve_callable(path)
    if isinstance(checker, type) and issubclass(checker, BaseModel):
        return _model_problems(checker, output)
    said = checker(output, dict(parameters))
    if not said:
        return []
    return [said] if isinstance(said, str) else [str(each) for each in said]


def _model_problems(model: type[BaseModel], output: str) -> list[str]:
    try:
        model.model_validate_json(output)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc'])) or '$'}: {one['msg']}." for one in error.errors()[:MOST_PROBLEMS]]
    return []
