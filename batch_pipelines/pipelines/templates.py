"""What can be said of a template without an item: whether it is one, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from batch_pipelines.templating import Sandbox

VARIABLES = ("item", "tier", "phases", "passages")
"""What a template may ask for when it is rendered."""
SUBJECT = "subject"
"""What a phase works on, by its place among the phases; see `with_subject`."""
FILTERS = ("as_fields", "clean", "from_json", "marked", "plain_names")
"""What templates have besides Jinja's own filters."""
FUNCTIONS = ("marked_passages",)
"""What they have besides Jinja's own functions."""

ITEM_SUBJECT = (
    '{% if item.text is defined %}{{ item.text | string | marked("text") }}'
    '{% elif item.content is defined %}{{ item.content | string | marked("content") }}'
    '{% else %}{{ item | tojson(indent=2) | marked("item") }}{% endif %}'
)
MARK = re.compile(r' \| marked\("\w+"\)')
SETTING = re.compile(r"\A{% set subject %}.*?{% endset %}", re.DOTALL)

_ENVIRONMENT = Sandbox()
_ENVIRONMENT.filters.update(dict.fromkeys(FILTERS, str))
_ENVIRONMENT.globals.update(dict.fromkeys(FUNCTIONS, str))


class BadTemplate(Exception):
    """A text that is no template; `line` is counted from 1."""

    def __init__(self, problem: str, line: int, remedy: str) -> None:
        super().__init__(problem, line, remedy)
        self.problem = problem
        self.line = line
        self.remedy = remedy


def check_template(source: str) -> None:
    """Raise BadTemplate for what is wrong with it whatever the item."""
    try:
        _ENVIRONMENT.compile(source)
        tree = _parsed(source)
    except TemplateSyntaxError as error:
        problem = f"is no Jinja template ({_sentence(error)})"
        raise BadTemplate(problem, error.lineno, "mend that line") from None
    except (TemplateError, RecursionError, ValueError) as error:
        raise BadTemplate(f"is no Jinja template ({_sentence(error)})", 1, "mend it") from None
    for name in sorted(meta.find_undeclared_variables(tree) - {*VARIABLES, SUBJECT, *_ENVIRONMENT.globals}):
        raise BadTemplate(f"uses {name}, which is no variable", _line_of(tree, name), _remedy(name))


def check_expression(source: str) -> None:
    """Raise BadTemplate for what is no expression, as `item.title | upper` is one."""
    check_template(f"{{{{ {source} }}}}")
    try:
        _ENVIRONMENT.compile_expression(source)
    except TemplateError as error:
        # As a template it may have two ends: `a }} {{ b`.
        raise BadTemplate(f"is no expression ({_sentence(error)})", 1, "mend it") from None


def asks_for(source: str, variable: str) -> bool:
    """Whether a right template uses a variable."""
    return variable in meta.find_undeclared_variables(_parsed(source))


def phases_used(source: str) -> frozenset[str]:
    """The phases whose outputs a right template names, as `phases.clean` or `phases["clean"]`."""
    return frozenset(_names_after(_parsed(source), "phases"))


def with_subject(source: str, needs: tuple[str, ...], *, is_marked: bool = True) -> str:
    """A right template that can use `subject`: the outputs of the phases it needs, else the item's text.

    The text of an item is its `text`, or its `content`; of an item with neither, all its parameters as JSON. Texts are
    marked as data where somebody reads them who follows instructions.
    """
    if not asks_for(source, SUBJECT):
        return source
    outputs = "\n\n".join(f'{{{{ phases.{name} | marked("{name}") }}}}' for name in needs)
    subject = outputs or ITEM_SUBJECT
    return f"{{% set {SUBJECT} %}}{subject if is_marked else MARK.sub('', subject)}{{% endset %}}{source}"


def without_subject(source: str) -> str:
    """The template that `with_subject` was given."""
    return SETTING.sub("", source)


@lru_cache(256)
def _parsed(source: str) -> nodes.Template:
    return _ENVIRONMENT.parse(source)


def _names_after(tree: nodes.Template, variable: str) -> Iterator[str]:
    for dotted in tree.find_all(nodes.Getattr):
        if _is_name(dotted.node, variable):
            yield dotted.attr
    for keyed in tree.find_all(nodes.Getitem):
        if _is_name(keyed.node, variable) and isinstance(keyed.arg, nodes.Const) and isinstance(keyed.arg.value, str):
            yield keyed.arg.value


def _is_name(node: nodes.Node, variable: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == variable


def _line_of(tree: nodes.Template, variable: str) -> int:
    return next((found.lineno for found in tree.find_all(nodes.Name) if found.name == variable), 1)


def _remedy(name: str) -> str:
    close = get_close_matches(name, VARIABLES, 1)
    meant = f"did you mean `{close[0]}`? " if close else f"if the item has it, write `item.{name}`; "
    return f"{meant}there are {', '.join(VARIABLES)} and {SUBJECT}"


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
