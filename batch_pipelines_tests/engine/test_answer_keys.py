"""Keys of answers: equal for equal requests, and for no others."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.answers import TEMPLATES
from batch_pipelines.domain.pipeline import Phase, TaskType
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.engine.answer_keys import NOT_ANSWERED, answer_key
from batch_pipelines.engine.prompts import Subject, request_for
from batch_pipelines.providers.base import CompletionRequest

MODEL = "claude-test"


def phase(name: str = "write", **changes: Any) -> Phase:
    """A phase without a system prompt."""
    return Phase.model_validate({"name": name, "task_type": TaskType.CHAT, "prompt": "Hi", "max_tokens": 400} | changes)


WRITE = phase()
REQUEST = CompletionRequest(MODEL, "Be brief.", "About tea.", 400, 300.0)
ASKED = tuple(field.name for field in fields(CompletionRequest) if field.name not in NOT_ANSWERED)

texts = st.text(st.characters(codec=None), max_size=40)
requests = st.builds(
    CompletionRequest,
    model=texts,
    system=st.none() | texts,
    prompt=texts,
    max_tokens=st.integers(1, 100_000),
    timeout_seconds=st.floats(1, 600),
)

ELSEWHERE = """
import sys
from batch_pipelines.domain.pipeline import Phase, TaskType
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.providers.base import CompletionRequest
phase = Phase(name="other", task_type=TaskType.CODE, prompt="p")
print(answer_key(phase, CompletionRequest(sys.argv[1], "Be brief.", "About tea.", 400, 1.0)).digest)
"""


def digest(request: CompletionRequest) -> str:
    """Of the request in the phase `write`."""
    return answer_key(WRITE, request).digest


@given(request=requests, other=requests, name=st.sampled_from(ASKED))
def test_any_other_part_is_another_key(request: CompletionRequest, other: CompletionRequest, name: str) -> None:
    """Whatever single part of a request changes, its answer is not found, and the part is the one that is named."""
    changed = replace(request, **{name: getattr(other, name)})

    one, two = answer_key(WRITE, request), answer_key(WRITE, changed)

    if getattr(request, name) == getattr(changed, name):
        assert one == two
    else:
        assert one.digest != two.digest
        assert one.differing_parts(two) == (name,)


@given(request=requests, other=requests)
def test_keys_are_equal_only_for_equal_requests(request: CompletionRequest, other: CompletionRequest) -> None:
    """In all that is asked: how long an answer may take is no part of it."""
    patient = replace(other, timeout_seconds=request.timeout_seconds)

    assert (digest(request) == digest(other)) == (request == patient)
    assert digest(other) == digest(patient)


@given(text=texts, cut=st.integers(0, 40), model=texts)
def test_text_that_moves_between_parts_is_another_key(text: str, cut: int, model: str) -> None:
    """Nothing is glued together: the same characters dealt out otherwise are another request."""
    whole = CompletionRequest(model, "", text, 1, 1)
    moved = replace(whole, system=text[:cut], prompt=text[cut:])

    assert (digest(whole) == digest(moved)) == (text[:cut] == "")
    assert digest(replace(whole, system=None)) != digest(whole)


@pytest.mark.parametrize(
    ("system", "prompt"),
    [("Be brief. About tea.", ""), ("", "Be brief. About tea."), ('Be brief."],["prompt', "About tea."), (None, "")],
)
def test_no_text_can_pass_for_another_part(system: str | None, prompt: str) -> None:
    """Whatever marks parts off may stand in a text as well."""
    assert digest(replace(REQUEST, system=system, prompt=prompt)) != digest(REQUEST)


@pytest.mark.parametrize(("model", "is_same"), [(MODEL, True), ("claude-other", False)])
def test_another_process_makes_the_same_key(model: str, is_same: bool) -> None:
    """For the same request, in whichever phase: keys are kept for years."""
    there = subprocess.run([sys.executable, "-c", ELSEWHERE, model], capture_output=True, text=True, check=True)

    assert (there.stdout.strip() == digest(REQUEST)) is is_same


def test_the_key_of_a_request_stays_what_it_was() -> None:
    """A release that made other keys of the same requests would buy everything again."""
    assert digest(REQUEST) == "962c9d0d0050ab260cfd6c61e2e255ebc4739b97a21d7ff9abcc8563f3ff7161"
    assert [name for name, _ in answer_key(WRITE, REQUEST).parts] == [
        "model",
        "system",
        "prompt",
        "max_tokens",
        TEMPLATES,
    ]


@pytest.mark.parametrize(
    ("change", "is_same", "differing"),
    [
        ({"prompt": "About {{ item.topic }}{# changed #}."}, True, ("templates",)),
        ({"prompt": "On {{ item.topic }}."}, False, ("prompt", "templates")),
        ({"system_prompt": "You are {{ tier }}."}, False, ("system", "templates")),
        ({"max_tokens": 401}, False, ("max_tokens",)),
        ({"timeout_seconds": 1}, True, ()),
        ({"name": "draft"}, True, ()),
    ],
)
def test_a_changed_phase_finds_what_it_would_ask_alike(
    change: dict[str, Any], is_same: bool, differing: tuple[str, ...]
) -> None:
    """The rendered request decides; that the templates changed is known all the same."""
    before = phase(prompt="About {{ item.topic }}.")
    after = before.model_copy(update=change)

    subject = Subject({"topic": "tea"}, Tier.SCENARIO, Complexity.SIMPLE)
    one, two = (answer_key(each, request_for(each, MODEL, subject)) for each in (before, after))

    assert (one.digest == two.digest) is is_same
    assert set(one.differing_parts(two)) == set(differing)
