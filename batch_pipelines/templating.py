"""The sandbox in which templates run: they may come from anybody who may submit a batch job (requirement G3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from threading import local
from typing import Any, overload

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_CHARACTERS = 1_000_000
"""Of a text, or elements of a list, that one operation may make."""
MOST_STEPS = 100_000
"""Of all loops over `range` in one template."""
WIDEST = 1_000
"""Characters to which a text may be padded."""
PLAIN = (str, int, float, bool, list, tuple, dict, type(None))
"""Types whose methods a template may call."""
PADDING = frozenset({"center", "ljust", "rjust", "zfill", "format", "format_map", "expandtabs", "replace"})
"""Methods of texts that make a short one as long as anybody likes."""
TOO_WIDE = re.compile(r"%[^a-zA-Z%]*(\d{4,}|\*)")

_steps = local()


class Steps(Sequence[int]):
    """A `range` whose steps are counted over the whole template."""

    def __init__(self, *bounds: int) -> None:
        self._range = range(*bounds)

    def __iter__(self) -> Iterator[int]:
        for number in self._range:
            _steps.left = getattr(_steps, "left", MOST_STEPS) - 1
            if _steps.left < 0:
                raise SecurityError(f"its loops take over {MOST_STEPS:,} steps")
            yield number

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return self._range[index]


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja that reaches nothing but values and their plain methods, and makes no text or loop without bounds.

    A parameter comes before a method of the same name: `item.copy` may be a text that somebody wrote. What is missing
    is an error. Templates are not optimized, as that would carry out what stands in them when they are read.
    """

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, optimized=False)
        self.globals = {"range": Steps, "dict": dict}
        for name in ("center", "indent", "batch", "slice"):
            self.filters[name] = _bounded(name, self.filters[name])
        self.filters["format"] = _formatted

    def begin(self) -> None:
        """To be called before a template is rendered: its loops start anew."""
        _steps.left = MOST_STEPS

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call it: what it was given, Jinja's own parts, and methods of plain values."""
        if any(obj is known for known in self.globals.values()) or type(obj).__module__.startswith("jinja2."):
            return True
        owner = getattr(obj, "__self__", None)
        if type(owner).__module__.startswith("jinja2."):
            return True
        is_padding = isinstance(owner, str) and getattr(obj, "__name__", "") in PADDING
        return owner is not None and type(owner) in PLAIN and not is_padding and super().is_safe_callable(obj)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Raises SecurityError for a result without bounds."""
        if _size(operator, left, right) > MOST_CHARACTERS:
            raise SecurityError(f"{operator} makes more than {MOST_CHARACTERS:,} characters or elements")
        if operator == "%" and isinstance(left, str):
            return _formatted(left, *(right if isinstance(right, tuple) else (right,)))
        return super().call_binop(context, operator, left, right)


def _size(operator: str, left: Any, right: Any) -> int:
    """How much an operation makes: characters, elements, or digits of a number, roughly."""
    if operator == "**":
        return int(abs(right) * len(str(left))) if isinstance(right, int | float) else 0
    if operator == "*":
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | list | tuple) and isinstance(other, int):
                return len(one) * max(0, other)
    if operator == "+" and isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        return len(left) + len(right)
    return 0


def _formatted(text: str, *values: Any, **named: Any) -> str:
    if TOO_WIDE.search(text):
        raise SecurityError(f"a format pads to {WIDEST:,} characters at most")
    return text % (named or values)


def _bounded(name: str, filter_: Any) -> Any:
    """A filter whose numbers are bounded."""

    def bounded(value: Any, *arguments: Any, **named: Any) -> Any:
        for number in (*arguments, *named.values()):
            if isinstance(number, int) and number > WIDEST:
                raise SecurityError(f"{name} takes {WIDEST:,} at most")
        return filter_(value, *arguments, **named)

    return bounded
