"""What a pipeline is: named phases that every item goes through (requirements B1, B3, B4, B6)."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from keyword import iskeyword
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from batch_pipelines.domain.delivery import Delivery
from batch_pipelines.domain.retrieval import Retrieval
from batch_pipelines.domain.routing import Complexity, Route, Tier, route, stronger_than
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.task_types import JUDGE, PhaseKind, TaskType, TaskTypeDefinition
from batch_pipelines.domain.validation import OFF, Judge, Validation

__all__ = [
    "MOST_CONCURRENCY",
    "MOST_PHASES",
    "NAME_PATTERN",
    "Phase",
    "Pipeline",
    "Schedule",
    "TaskType",
    "Tier",
    "TokenProfile",
]

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
MOST_CONCURRENCY = 200
"""Calls in flight of one batch job, whatever pipeline and deployment say: what a process has connections for."""
MOST_PHASES = 10
ALL_FIELDS = "**"
"""In the `fields` of a record: an object whose fields become the record's."""
TAKEN_NAMES = frozenset({"open_item_partitions", "collect", "plan", "report", "results"})
"""Ops and assets that every pipeline has."""
DAGSTER_WORDS = frozenset(
    {"arg_dict", "bool", "conf", "config", "context", "dict", "float", "input", "input_arg_dict", "int", "meta"}
    | {"output", "output_arg_dict", "str", "type"}
)
"""Words that Dagster keeps for itself."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenProfile(_Part):
    """Tokens that one call is expected to use."""

    input_tokens: int = Field(gt=0, description="What it reads: system prompt, prompt and passages.")
    output_tokens: int = Field(gt=0, description="What it writes.")


USUAL_TOKENS = TokenProfile(input_tokens=1000, output_tokens=500)


class Phase(_Part):
    """One step of the work on each item: an op in Dagster, and usually one call to a model."""

    name: str = Field(pattern=NAME_PATTERN, description="Names the Dagster op.")
    task_type: str = Field(pattern=NAME_PATTERN, description="The kind of work; it gives the defaults of what follows.")
    kind: PhaseKind = Field(default=PhaseKind.COMPLETION, description="How the output comes about.")
    after: tuple[str, ...] | None = Field(
        default=None,
        description="Phases whose outputs it needs; default: the one before it in the list. `[]`: none, so that it "
        "starts at once. Phases that do not need each other run side by side.",
    )
    prompt: str | None = Field(
        default=None,
        min_length=1,
        description="Jinja template of the user message, or of the text to embed. Variables: `item` (its parameters), "
        "`tier`, `phases` (outputs of earlier phases by name) and `passages`. Default: the task type's.",
    )
    system_prompt: str | None = Field(default=None, description="Jinja template. Default: the task type's.")
    model: str | None = Field(default=None, description="Who answers; default: what the routes say.")
    max_tokens: int = Field(
        default=4096,
        gt=0,
        description="Cap on output tokens of a call; an answer cut off there is asked for again, once, with twice it.",
    )
    timeout_seconds: float = Field(default=300, gt=0, description="How long one call may take.")
    retry_attempts: int | None = Field(
        default=None, ge=0, le=20, description="Retries after transient errors, in place of the batch job's."
    )
    output_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of the output; the model is held to it, and the answer is checked."
    )
    validation: Validation = Field(default=OFF, description="When an output is accepted.")
    use_rag: bool = Field(default=False, description="Whether passages of the project's documents go into the prompt.")
    retrieval: Retrieval = Field(default=Retrieval(), description="Which passages, where `use_rag` is set.")
    fields: dict[str, str] | None = Field(
        default=None,
        description="For a record: Jinja expressions by the name of the field they give, as `item.title | upper`. "
        "`**` gives an object whose fields become the record's: `\"**\": item` keeps all of the item's. Default: the "
        "item's parameters as they are.",
    )
    tokens: TokenProfile | None = Field(
        default=None, description="What one call is expected to use; default: measured on the items before a run."
    )
    output_tokens: int = Field(default=500, gt=0, description="Output that is expected where `tokens` does not say.")
    output_per_input: float = Field(
        default=0, ge=0, description="Output that is expected for each token of input besides: 1 for a translation."
    )
    tier_tokens: dict[Tier, TokenProfile] = Field(
        default_factory=dict, description="What one call is expected to use by tier, where tiers differ."
    )

    @model_validator(mode="after")
    def _name_is_free(self) -> Phase:
        if self.name in TAKEN_NAMES or self.name in DAGSTER_WORDS or iskeyword(self.name):
            raise ValueError(f"a phase cannot be called {self.name}, which Dagster or Python needs; add a word to it")
        return self

    def expected_tokens(self, tier: Tier | None) -> TokenProfile:
        """What one call for an item of this tier is expected to use, as far as that is said."""
        said = self.tier_tokens.get(tier, self.tokens) if tier else self.tokens
        return said or TokenProfile(input_tokens=USUAL_TOKENS.input_tokens, output_tokens=self.output_tokens)

    def output_of(self, input_tokens: int) -> int:
        """Output that is expected for so much input, where `tokens` does not say."""
        return min(self.max_tokens, self.output_tokens + round(input_tokens * self.output_per_input))

    def is_measured(self, tier: Tier | None) -> bool:
        """Whether what it reads is to be measured, as nobody said it."""
        return self.tokens is None and tier not in self.tier_tokens


class Schedule(_Part):
    """When a pipeline starts by itself."""

    cron: str = Field(description="Five fields, as `0 2 * * *`: at two every night.")
    timezone: str = Field(default="UTC", description="In which the hours are meant, as `Europe/Berlin`.")
    spec: dict[str, JsonValue] = Field(
        default_factory=dict, description="What to run, as in a spec without its pipeline; default: the sample items."
    )


class PipelineFields(_Part):
    """What is said of a pipeline, before its phases are known to fit together."""

    name: str = Field(pattern=NAME_PATTERN, description="Names the Dagster job and its assets.")
    description: str = Field(default="", description="What it is for, in a sentence.")
    model: str | None = Field(default=None, description="Model of every phase that no other line gives one.")
    routes: tuple[Route, ...] = Field(
        default=(), description="Which model does what: the first row that fits goes before `model` and the defaults."
    )
    ladder: tuple[str, ...] = Field(
        default=(), description="Models from the weakest to the strongest, for answers that are not good enough."
    )
    tiered: bool = Field(default=False, description="Whether its items have tiers.")
    task_types: dict[str, TaskTypeDefinition] = Field(
        default_factory=dict,
        description="Kinds of work of its own by name, each with the defaults of its phases; one with the name of a "
        "built-in kind needs to say only what is different.",
    )
    phases: tuple[Phase, ...] = Field(
        min_length=1,
        max_length=MOST_PHASES,
        description="What is done to each item, in this order unless `after` says.",
    )
    default_concurrency: int = Field(default=5, ge=1, description="Calls in flight at once, where a spec says nothing.")
    max_concurrency: int | None = Field(
        default=None, ge=1, le=MOST_CONCURRENCY, description="Calls in flight at most; default: the deployment's limit."
    )
    sample_items: Path | None = Field(default=None, description="JSONL of items that a launch without items uses.")
    budget: Budget = Field(default=Budget(), description="Of a batch job whose spec has none.")
    tags: dict[str, str] = Field(default_factory=dict, description="Labels of every batch job.")
    schedule: Schedule | None = Field(default=None, description="When it starts by itself.")
    delivery: Delivery | None = Field(default=None, description="Where the results go when a batch job completed.")


class Pipeline(PipelineFields):
    """A named graph of phases with its defaults."""

    @model_validator(mode="after")
    def _phase_names_are_unique(self) -> Pipeline:
        names = [phase.name for phase in self.phases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"phase names must be unique, but {', '.join(twice)} stands more than once")
        return self

    @model_validator(mode="after")
    def _phases_form_a_graph(self) -> Pipeline:
        for name, needed in self.needs.items():
            if unknown := sorted(set(needed) - self.needs.keys()):
                raise ValueError(f"phase {name} comes after {', '.join(unknown)}, which is no phase of the pipeline")
        try:
            _sorted(self.needs)
        except CycleError as error:
            raise ValueError(f"phases wait for each other in a circle: {' -> '.join(error.args[1])}") from None
        if len(last := self.last_names) > 1:
            both = ", ".join(last[:-1]) + f" and {last[-1]}"
            raise ValueError(f"phases {both} come last; add one after them, which gives the item its output")
        return self

    @model_validator(mode="after")
    def _default_is_within_the_limit(self) -> Pipeline:
        if self.max_concurrency is not None and self.default_concurrency > self.max_concurrency:
            raise ValueError(f"default_concurrency is over max_concurrency, which is {self.max_concurrency}")
        return self

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """By phase, the phases whose outputs it needs."""
        return needs_of(self.phases)

    @property
    def last_names(self) -> tuple[str, ...]:
        """The phases that no other needs; a valid pipeline has one."""
        needed = {name for names in self.needs.values() for name in names}
        return tuple(name for name in self.needs if name not in needed)

    @property
    def in_order(self) -> tuple[Phase, ...]:
        """Its phases, each after those that it needs; otherwise as they are listed."""
        return tuple(self.phase(name) for name in _sorted(self.needs))

    def phase(self, name: str) -> Phase:
        """The phase of this name; raises KeyError."""
        return {phase.name: phase for phase in self.phases}[name]

    def is_last(self, phase: Phase) -> bool:
        """Whether the phase's output is the item's."""
        return phase.name in self.last_names

    def concurrency_limit(self, deployment: int) -> int:
        """Calls in flight of one batch job at most, where the deployment allows so many (requirement A13)."""
        return deployment if self.max_concurrency is None else min(self.max_concurrency, deployment)

    @property
    def calls_models(self) -> bool:
        """Whether any phase needs a provider."""
        return any(phase.kind is not PhaseKind.RECORD for phase in self.phases)

    def cascade(
        self,
        phase: Phase,
        override: str | None = None,
        complexity: Complexity = Complexity.MODERATE,
        tier: Tier | None = None,
    ) -> tuple[str, ...]:
        """The models that answer for an item: the one that is asked first, then those it may be escalated to.

        `override` is the batch job's own choice, which is never left. Empty for a phase that calls no model.
        """
        if phase.kind is PhaseKind.RECORD:
            return ()
        if override and phase.kind is PhaseKind.COMPLETION:
            return (override,)
        first = phase.model or route(self.routes, phase.task_type, complexity, tier) or self.model
        if first is None:
            return ()
        above = stronger_than(first, self.ladder) if phase.validation.enabled else ()
        return (first, *above[: phase.validation.escalations])

    def model_of(
        self,
        phase: Phase,
        override: str | None = None,
        complexity: Complexity = Complexity.MODERATE,
        tier: Tier | None = None,
    ) -> str | None:
        """The model that a phase calls first; None for a phase that calls none."""
        return next(iter(self.cascade(phase, override, complexity, tier)), None)

    def judge_model(self, phase: Phase, judge: Judge, override: str | None = None) -> str:
        """Who judges the answers of a phase: where no line says it, who answers it."""
        said = judge.model or route(self.routes, JUDGE, Complexity.MODERATE, None)
        found = said or override or self.model or self.model_of(phase)
        assert found is not None, "a phase with answers has a model"
        return found

    def models(self, override: str | None = None) -> frozenset[str]:
        """Every model that a batch job may call."""
        return frozenset(self._models(override))

    def _models(self, override: str | None) -> Iterable[str]:
        for phase in self.phases:
            for complexity in Complexity:
                for tier in (None, *Tier):
                    yield from self.cascade(phase, override, complexity, tier)
            if phase.validation.judge_count:
                for judge in phase.validation.judges:
                    yield self.judge_model(phase, judge, override)


def needs_of(phases: Iterable[Phase]) -> dict[str, tuple[str, ...]]:
    """By phase, the phases whose outputs it needs: those it comes after, or the one before it in the list."""
    needs: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for phase in phases:
        needs[phase.name] = before if phase.after is None else phase.after
        before = (phase.name,)
    return needs


def _sorted(needs: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names in an order in which each comes after those it needs; raises CycleError."""
    return tuple(TopologicalSorter(needs).static_order())
