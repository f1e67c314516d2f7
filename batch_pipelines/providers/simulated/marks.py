"""Which parts of a prompt are marked as data: blocks under tags that carry the digest of what stands in them.

`<name-3fa9c2d1…>`, a line break, the text, a line break, `</name-3fa9c2d1…>`, with the first sixteen hexadecimal digits
of the SHA-256 of the text. A tag whose digits do not fit marks nothing: everybody could have written it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

TAG = re.compile(r"</?[a-z][a-z0-9_]*-[0-9a-f]{16}>")
"""Opening or closing, whether it marks anything or not."""
OPENING = re.compile(r"<([a-z][a-z0-9_]*)-([0-9a-f]{16})>\n")
FEEDBACK_HEADING = "The previous answer was not good enough:"
"""What a prompt says before the feedback on an earlier answer."""


@dataclass(frozen=True, slots=True)
class Block:
    """A text that is marked as data."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """A prompt, taken apart."""

    outside: str
    """What stands in no block: the instructions, as far as anybody can tell."""
    blocks: tuple[Block, ...]
    """What is marked, in its order, without the feedback on an earlier answer. Blocks within a block are its text."""
    has_feedback: bool
    """Whether it says what was wrong with an earlier answer."""

    def named(self, name: str) -> str | None:
        """The text of the first block of a name; None where there is none."""
        return next((block.text for block in self.blocks if block.name == name), None)


def taken_apart(prompt: str) -> Marked:
    """A prompt as its instructions and its data."""
    plain, blocks = [], []
    end, has_feedback = 0, False
    for start, block, after in _found(prompt):
        plain.append(prompt[end:start])
        has_feedback = has_feedback or FEEDBACK_HEADING in plain[-1]
        if not has_feedback:
            blocks.append(block)
        end = after
    outside = "\n".join([*plain, prompt[end:]])
    before, heading, _ = outside.partition(FEEDBACK_HEADING)
    return Marked(before, tuple(blocks), bool(heading))


def _found(prompt: str) -> list[tuple[int, Block, int]]:
    """Outermost blocks with the positions where they begin and end."""
    found = []
    at = 0
    while opening := OPENING.search(prompt, at):
        name, digits = opening.groups()
        closing = prompt.find(f"\n</{name}-{digits}>", opening.end() - 1)
        text = prompt[opening.end() : max(closing, opening.end())]
        if closing >= 0 and _digits(text) == digits:
            at = closing + len(f"\n</{name}-{digits}>")
            found.append((opening.start(), Block(name, text), at))
        else:
            at = opening.end()
    return found


def _digits(text: str) -> str:
    # Half a character has no UTF-8.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
