"""Code: a small Python function about what the prompt names, with its docstring and an example."""

from __future__ import annotations

import random
import re

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.tasks.material import Material

NAMED_FUNCTION = re.compile(r"\b(?:function|method|called|named)\b\s+[`'\"]?([a-z_][a-z0-9_]*)[`'\"(]", re.IGNORECASE)
VERBS = ("collect", "count", "select", "group", "order")
BODIES = (
    "return [value for value in {plural} if value]",
    "return sorted({plural})",
    "return list(dict.fromkeys({plural}))",
    "return [value for value in {plural} if value is not None]",
)
TEMPLATE = '''```python
def {name}({plural}: list[str]) -> list[str]:
    """{verb} {plural}; an empty list gives an empty list."""
    {body}
```

{remark}'''
REMARKS = (
    "It keeps the input as it is and returns a new list.",
    "The input may be empty; the order of equal values stays.",
    "It reads every value once.",
)


def code(material: Material) -> Draft:
    """A fenced block and a remark."""
    named = NAMED_FUNCTION.search(material.request.prompt)
    words = [re.sub(r"\W", "_", word.lower()) for word in material.subjects[:6]]

    def draft(source: random.Random) -> str:
        verb, word = source.choice(VERBS), source.choice(words)
        plural = word if word.endswith("s") else f"{word}s"
        return TEMPLATE.format(
            name=named[1] if named else f"{verb}_{plural}",
            plural=plural,
            verb=verb.capitalize(),
            body=source.choice(BODIES).format(plural=plural),
            remark=source.choice(REMARKS),
        )

    return draft
