"""Python code that a pipeline's file names."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def named_code(name: str) -> Any:
    """What `package.module:name` names; raises AttributeError, or whatever importing the module raises."""
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for step in path.split("."):
        found = getattr(found, step)
    return found
