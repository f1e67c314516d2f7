"""Which records are wanted: the `where` of a source, as a decision about one record (requirement F6). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput

ENDS = frozenset({"from", "to"})

Condition = Callable[[JsonValue], bool]


class Filter:
    """The conditions of a `where`, all of which a record must meet.

    A text meets a number, or `true`, that it spells, as files of columns know no other values. A record without the
    field meets only `null`.
    """

    def __init__(self, where: Mapping[str, JsonValue], field: str = "items.where") -> None:
        """Raises InvalidInput, about `field` and the name, for a condition that nothing can meet."""
        self._conditions = {name: _condition(wanted, f"{field}.{name}") for name, wanted in where.items()}

    @property
    def is_empty(self) -> bool:
        """Whether everything is wanted."""
        return not self._conditions

    @property
    def names(self) -> tuple[str, ...]:
        """Fields that it looks at."""
        return tuple(self._conditions)

    def admits(self, fields: Mapping[str, JsonValue]) -> bool:
        """Whether a record is wanted."""
        return all(meets(fields.get(name)) for name, meets in self._conditions.items())

    def may_admit(self, known: Mapping[str, JsonValue]) -> bool:
        """Whether a record may be wanted of which only some fields are known yet."""
        return all(meets(known[name]) for name, meets in self._conditions.items() if name in known)


def _condition(wanted: JsonValue, field: str) -> Condition:
    if isinstance(wanted, list):
        if not wanted:
            raise InvalidInput(field, wanted, "lists no value", "name at least one, or leave the condition out")
        return lambda value: any(_equal(value, each) for each in wanted)
    if isinstance(wanted, dict):
        return _range(wanted, field)
    return lambda value: _equal(value, wanted)


def _equal(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(wanted, bool):
        return value is wanted or (isinstance(value, str) and value.strip().lower() == str(wanted).lower())
    if isinstance(wanted, int | float):
        return _number(value) == wanted
    return value == wanted


def _range(wanted: Mapping[str, JsonValue], field: str) -> Condition:
    remedy = "write a value, a list of values, or {from: a, to: b} with numbers or texts"
    if not wanted or not wanted.keys() <= ENDS:
        raise InvalidInput(field, dict(wanted), "is neither a value nor a range", remedy)
    low, high = wanted.get("from"), wanted.get("to")
    ends = [end for end in (low, high) if end is not None]
    if ends and all(isinstance(end, str) for end in ends):
        return lambda value: isinstance(value, str) and _lies_between(value, low, high)
    if ends and all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        return lambda value: _lies_between(_number(value), low, high)
    raise InvalidInput(field, dict(wanted), "is a range without comparable ends", remedy)


def _lies_between(value: float | str | None, low: JsonValue, high: JsonValue) -> bool:
    """Both ends count as inside; the caller has seen that value and ends are of one kind."""
    if value is None:
        return False
    return (low is None or low <= value) and (high is None or value <= high)  # type: ignore[operator]


def _number(value: JsonValue) -> float | None:
    """The number that a value is, or spells; None for any other."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None
