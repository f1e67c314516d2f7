"""How good an answer is: in this world a property of its text, which better models search for.

A text's merit is drawn from a digest of the text, so a judge finds it in the text alone and needs no memory of who
wrote it. A model that is stronger, or was told what was wrong, makes more drafts and answers with the best of them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from statistics import NormalDist

Draft = Callable[[random.Random], str]
"""Makes the text of an answer; another state of the source may give another text."""

DRAFTS = (("haiku", 1), ("sonnet", 2), ("opus", 4), ("fable", 8), ("mythos", 8))
"""Drafts by a word in the model's name, the weakest first."""
OTHER_MODELS_DRAFTS = 2
FEEDBACK_FACTOR = 4
"""How many times as many drafts are made by a model that was told what was wrong with its earlier answer."""
STANDARD = NormalDist()


def draft_count(model: str, *, has_feedback: bool) -> int:
    """How many drafts a model makes of an answer."""
    count = next((count for word, count in DRAFTS if word in model), OTHER_MODELS_DRAFTS)
    return count * FEEDBACK_FACTOR if has_feedback else count


def best_draft(draft: Draft, source: random.Random, count: int, seed: int) -> str:
    """The draft of most merit, the first of equals."""
    texts = [draft(source) for _ in range(count)]
    return texts[0] if count == 1 else max(texts, key=lambda text: merit(text, seed))


def merit(text: str, seed: int) -> float:
    """How good a text is as an answer: a draw from the standard normal distribution. Space around it does not count."""
    digest = hashlib.blake2b(
        text.strip().encode(errors="surrogatepass"), digest_size=8, person=str(seed).encode()[-16:]
    )
    # Strictly between 0 and 1, where the distribution has values.
    return STANDARD.inv_cdf((int.from_bytes(digest.digest(), "big") + 1) / (2**64 + 2))
