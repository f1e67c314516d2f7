"""YAML with places: what a file says, and on which line it says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batch_pipelines.domain.errors import InvalidInput

Location = tuple[int | str, ...]
"""The way to a value: names of fields and positions in lists, as pydantic gives it."""

TIMESTAMP = "tag:yaml.org,2002:timestamp"
LITERAL_STYLE = "|"


class _Loader(yaml.SafeLoader):
    """Dates stay the texts that they are written as: nothing here wants a date, and JSON has none."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Source:
    """A file of YAML that was read: its value, and where each part of it stands."""

    path: str
    value: Any
    root: yaml.Node | None
    """None for an empty file."""
    offset: Location = ()
    """The way from the top of the file to the value that locations start from."""

    def within(self, *steps: int | str) -> Source:
        """The same file for locations that start further down; raises KeyError, IndexError or TypeError."""
        value = self.value
        for step in steps:
            value = value[step]
        return Source(self.path, value, self.root, self.offset + steps)

    def line(self, location: Location) -> int:
        """The line, from 1, of the value at a location, or of the nearest one around it that is there."""
        return _line(self.root, self.offset + tuple(location))

    def text_line(self, location: Location, line: int) -> int:
        """The line in the file of the line `line` of a text at a location, as far as its style of writing tells."""
        node = _node(self.root, self.offset + tuple(location))
        if isinstance(node, yaml.ScalarNode) and node.style == LITERAL_STYLE:
            return int(node.start_mark.line) + 1 + line
        return self.line(location)


def field_name(location: Location, whole: str = "pipeline") -> str:
    """A location as users write it: `phases.0.prompt`; `whole` for the way of no steps."""
    return ".".join(str(step) for step in location) or whole


def read_file(path: Path, field: str = "pipeline") -> Source:
    """The YAML of the file that `field` names; raises InvalidInput naming file and line."""
    return read_yaml(read_text(path, field), str(path), field)


def read_text(path: Path, field: str = "pipeline") -> str:
    """The text of a file, without a byte order mark; raises InvalidInput."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "does not exist", "check the path") from None
    except OSError as error:
        raise InvalidInput(field, str(path), f"cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(field, str(path), f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None


def read_yaml(text: str, path: str, field: str = "pipeline") -> Source:
    """The YAML of a text that stands in `path`; raises InvalidInput, about `field`, naming file and line."""
    try:
        root = _compose(text)
        if root is not None:
            _refuse_oddities(root, path, field)
        return Source(path, None if root is None else _construct(root), root)
    except yaml.MarkedYAMLError as error:
        # Where the problem was seen; where something was left open, the context says since when.
        mark = error.problem_mark or error.context_mark
        where = f"{path}, line {mark.line + 1 if mark else 1}"
        # A problem that begins in its middle goes on from its context.
        is_rest = (error.problem or "").startswith("but ")
        problem = f"{error.context}, {error.problem}" if is_rest else error.problem
        raise InvalidInput(field, where, f"is not YAML ({problem})", "mend that line") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise InvalidInput(field, path, f"is not YAML ({problem})", "mend the file") from None


def locate(text: str, location: Location) -> int | None:
    """The line, from 1, of the value at a location in a text of YAML or JSON; None where the text is neither."""
    try:
        return _line(_compose(text), tuple(location))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


def _construct(root: yaml.Node) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _refuse_oddities(root: yaml.Node, path: str, field: str) -> None:
    """Of two equal keys YAML would keep the later without a word; a value that holds itself has no end."""
    done: set[int] = set()
    around: set[int] = set()

    def visit(node: yaml.Node) -> None:
        if id(node) in around:
            where = f"{path}, line {node.start_mark.line + 1}"
            raise InvalidInput(field, where, "holds itself", "write out what it refers to")
        if id(node) in done:
            return
        around.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node, path)
        for child in _children(node):
            visit(child)
        around.remove(id(node))
        done.add(id(node))

    visit(root)


def _refuse_twice(node: yaml.MappingNode, path: str) -> None:
    """Raise InvalidInput for the first key that stands twice in a mapping."""
    first_lines: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in first_lines:
            problem = f"stands there already, in line {first_lines[key.value]}"
            raise InvalidInput(f"{path}, line {line}: {key.value}", None, problem, "keep one of the two")
        first_lines[key.value] = line


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _node(root: yaml.Node | None, location: Sequence[int | str]) -> yaml.Node | None:
    """The node at a location; None where there is none."""
    node = root
    for step in location:
        node = _step(node, step)[1]
    return node


def _line(root: yaml.Node | None, location: Sequence[int | str]) -> int:
    """The line where the value at a location begins: that of its key, where it has one."""
    node, line = root, root.start_mark.line + 1 if root else 1
    for step in location:
        begins, node = _step(node, step)
        if begins is None:
            break
        line = begins.start_mark.line + 1
    return line


def _step(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Where the value one step down begins, and the value; both None where there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None, None
