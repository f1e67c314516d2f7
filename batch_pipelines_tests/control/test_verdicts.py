"""Kept answers judged and put into words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.control.verdicts import Evidence, PhaseExplanation, Verdict, explain_phase
from batch_pipelines.domain.answers import AnswerKey, KeptAnswer
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.answers import DonePhase
from batch_pipelines_tests.clock import START, after

KEY = AnswerKey("k", (("model", "m"), ("prompt", "p"), ("max_tokens", "1"), ("templates", "t")))


def kept(at: datetime = START, **parts: str) -> KeptAnswer:
    """An answer whose key is KEY but for these parts."""
    key = AnswerKey("d" if parts else "k", tuple({**dict(KEY.parts), **parts}.items()))
    return KeptAnswer(key, "o", "m", False, Usage(), Decimal("0.05"), at)


def done(*, reused: bool = False) -> DonePhase:
    """A phase that ended a minute after the start of time."""
    return DonePhase("o", reused, after(60))


def explained(**known: Any) -> PhaseExplanation:
    """The explanation of a phase of which this is known; nothing is kept, and the cache is on, unless told."""
    nothing = {"done": None, "is_off": False, "simulated": False, "kept": None, "nearest": None}
    return explain_phase(Evidence(phase="write", key=KEY, **{**nothing, **known}))


NOTHING_CHANGED = "(the templates of the phase are the same: what fills them has changed)"


@pytest.mark.parametrize(
    ("known", "verdict", "text"),
    [
        (
            {"done": done(reused=True), "kept": kept(), "nearest": kept(model="x")},
            Verdict.REUSED,
            "reused the answer kept on 2026-11-22 12:00 UTC, which saved 0.05 USD",
        ),
        ({"done": done(reused=True)}, Verdict.REUSED, "reused a kept answer that is there no more"),
        ({"kept": kept()}, Verdict.FOUND, "found; the answer kept on 2026-11-22 12:00 UTC fits"),
        (
            {"kept": kept(), "is_off": True},
            Verdict.FOUND,
            "found; the answer kept on 2026-11-22 12:00 UTC fits, but options.answer_cache is off",
        ),
        ({}, Verdict.NOT_FOUND, "not found; no answer of a real model for this item and phase is kept"),
        (
            {"is_off": True, "simulated": True},
            Verdict.NOT_FOUND,
            "not found, and options.answer_cache is off; no simulated answer for this item and phase is kept",
        ),
        (
            {"nearest": kept(prompt="x", max_tokens="2")},
            Verdict.NOT_FOUND,
            "not found; the prompt and max_tokens differ from the answer kept on 2026-11-22 12:00 UTC "
            f"{NOTHING_CHANGED}",
        ),
        (
            {"nearest": kept(prompt="x", system="s", templates="u")},
            Verdict.NOT_FOUND,
            "not found; the prompt and the system prompt differ from the answer kept on 2026-11-22 12:00 UTC "
            "(the templates of the phase have changed)",
        ),
        (
            {"nearest": kept(model="x", templates="u")},
            Verdict.NOT_FOUND,
            "not found; the model differs from the answer kept on 2026-11-22 12:00 UTC",
        ),
        (
            {"done": done(), "kept": kept(after(60)), "nearest": kept(model="x")},
            Verdict.CALLED,
            "a call was made; the model differs from the answer kept on 2026-11-22 12:00 UTC",
        ),
        (
            {"done": done(), "kept": kept(after(60))},
            Verdict.CALLED,
            "a call was made; no answer of a real model for this item and phase was kept before",
        ),
        (
            {"done": done(), "kept": kept(after(59)), "nearest": kept(model="x")},
            Verdict.CALLED,
            "a call was made; an equal answer was kept on 2026-11-22 12:00 UTC, after this item had looked for one",
        ),
        (
            {"done": done(), "kept": kept(), "is_off": True},
            Verdict.CALLED,
            "a call was made, as options.answer_cache is off; an equal answer was kept on 2026-11-22 12:00 UTC",
        ),
    ],
)
def test_what_is_known_is_said_in_words(known: dict[str, Any], verdict: Verdict, text: str) -> None:
    """Each case has a sentence of its own, which names what differs and from what."""
    result = explained(**known)

    assert (result.phase, result.verdict, result.explanation) == ("write", verdict, text)


def test_programs_get_what_differs_apart() -> None:
    """Templates are no part of a request, so they stand for themselves."""
    changed = explained(nearest=kept(after(5), prompt="x", templates="u"))
    found = explained(kept=kept(after(7)), nearest=kept(model="x"))

    assert (changed.differs_in, changed.templates_changed, changed.kept_at) == (("prompt",), True, after(5))
    assert (found.differs_in, found.templates_changed, found.kept_at) == ((), None, after(7))
    assert explained().kept_at is None
