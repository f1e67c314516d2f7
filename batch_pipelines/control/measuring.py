"""Measures what calls will read, on some of a batch job's items, where its phases do not say it. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from batch_pipelines.control.standing_in import stand_in
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.job import Decided, PlannedItem
from batch_pipelines.domain.pipeline import Phase, TokenProfile
from batch_pipelines.domain.routing import ItemGroup
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.engine.prompts import Subject, record_of, request_of
from batch_pipelines.estimation.estimator import Measured

CHARACTERS_PER_TOKEN = 4
"""Of texts in languages of Latin script; others have fewer, so for them this is too few tokens."""
PASSAGE_TOKENS = 250
"""What a passage takes in a prompt."""


def measure(job: Decided, sample: Iterable[PlannedItem]) -> Measured:
    """By phase and group, what one call is expected to use: the mean over the items of the sample.

    Every prompt is rendered, with a text of the expected length and shape in place of each output that it needs.
    """
    found: dict[tuple[str, ItemGroup], list[TokenProfile]] = defaultdict(list)
    for item in sample:
        group = ItemGroup(item.tier, item.complexity)
        for name, tokens in _tokens(job, item).items():
            found[name, group].append(tokens)
    return {of: _mean(profiles) for of, profiles in found.items()}


def _mean(profiles: Sequence[TokenProfile]) -> TokenProfile:
    return TokenProfile(
        input_tokens=round(fmean(each.input_tokens for each in profiles)),
        output_tokens=round(fmean(each.output_tokens for each in profiles)),
    )


def _tokens(job: Decided, item: PlannedItem) -> dict[str, TokenProfile]:
    """By phase, what an item's call uses."""
    outputs: dict[str, str] = {}
    tokens: dict[str, TokenProfile] = {}
    for phase in job.pipeline.in_order:
        subject = Subject(item.parameters, item.tier, item.complexity, dict(outputs))
        if phase.kind is PhaseKind.RECORD:
            outputs[phase.name] = _record(phase, subject)
            continue
        read = max(1, _characters(job, phase, subject) // CHARACTERS_PER_TOKEN)
        # Passages help with the work; they do not make it longer.
        written = phase.output_of(read)
        tokens[phase.name] = TokenProfile(input_tokens=read + _passage_tokens(phase), output_tokens=written)
        outputs[phase.name] = stand_in(phase, written * CHARACTERS_PER_TOKEN)
    return tokens


def _passage_tokens(phase: Phase) -> int:
    return phase.retrieval.passages * PASSAGE_TOKENS if phase.use_rag else 0


def _characters(job: Decided, phase: Phase, subject: Subject) -> int:
    """Of a call's texts; where a stand-in does not do for an output, of all that it could be made from."""
    schema = len(json.dumps(phase.output_schema)) if phase.output_schema else 0
    try:
        return request_of(job, phase, subject).sent_bytes + schema
    except ProviderError:
        needed = sum(len(subject.phase_outputs.get(name, "")) for name in job.pipeline.needs[phase.name])
        own = len(phase.prompt or "") + len(phase.system_prompt or "")
        return own + needed + len(json.dumps(subject.parameters, ensure_ascii=False)) + schema


def _record(phase: Phase, subject: Subject) -> str:
    try:
        return record_of(phase, subject)
    except ProviderError:
        return ""
