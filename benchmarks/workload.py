"""What is measured: items, phases and slots, as a plan for the engine and as prompts for the reference."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from batch_pipelines.control.planning import make_plan
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, TokenProfile
from batch_pipelines.domain.spec import Budget, Options, Spec
from batch_pipelines.settings import Settings

MODEL = "claude-sonnet-5-5"
JOB = "benchmark"
"""The batch job's id; every measurement has a ledger of its own."""


class Workload(BaseModel):
    """One batch job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: int
    slots: int
    """Calls in flight at once."""
    phases: int = 1
    partitions: int | None = None
    """Item partitions; None for as many as a plan makes by default."""
    is_chained: bool = False
    """Whether the prompt of a phase holds the outputs of those before it."""
    brief: str = ""
    """A line below every question, for the simulated provider to read."""
    max_tokens: int = 1000
    tokens: TokenProfile = TokenProfile(input_tokens=20, output_tokens=80)
    """What one call is expected to use."""
    budget_usd: Decimal | None = None

    @property
    def calls(self) -> int:
        """Calls that do all of it once."""
        return self.items * self.phases

    def plan(self, settings: Settings) -> Plan:
        """The batch job, ready to be created under these settings."""
        size = -(-self.items // self.partitions) if self.partitions else None
        spec = Spec(
            pipeline="benchmark",
            options=Options(concurrency=self.slots, items_per_partition=size),
            budget=Budget(max_cost_usd=self.budget_usd),
        )
        items: Iterator[dict[str, JsonValue]] = ({"id": str(number), "number": number} for number in range(self.items))
        return make_plan(
            spec,
            self.pipeline(),
            items,
            max_items=settings.max_items,
            max_concurrency=settings.max_concurrency,
            simulated=True,
        )

    def prompts(self) -> list[str]:
        """What the first phase asks, item by item."""
        return [self._question(0, str(number)) for number in range(self.items)]

    def pipeline(self) -> Pipeline:
        """What is done with each item."""
        phases = tuple(self._phase(number) for number in range(self.phases))
        return Pipeline(name="benchmark", description="Short questions.", model=MODEL, phases=phases)

    def _phase(self, number: int) -> Phase:
        earlier = " {{ phases.values() | join(' ') }}" if self.is_chained else ""
        return Phase(
            name=f"phase_{number}",
            task_type=TaskType.CHAT,
            prompt=self._question(number, "{{ item.number }}") + earlier,
            max_tokens=self.max_tokens,
            tokens=self.tokens,
        )

    def _question(self, phase: int, item: str) -> str:
        question = f"Phase {phase}: say something about number {item}."
        return f"{question}\n{self.brief}" if self.brief else question


class Task(BaseModel):
    """What a child process does: this workload, at the server of this address, with its files in this folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workload: Workload
    url: str
    home: Path
    run_id: str = "run-1"
    has_barriers: bool = False
    """Whether a phase waits until all items are through the one before it."""


class Measured(BaseModel):
    """What a child process measured of itself."""

    seconds: float
    """From the first call to the last answer, durable where there is a ledger."""
    cpu_seconds: float
    """Processor time of all threads in that time."""
    total_cpu_seconds: float
    """Processor time since the process was started, interpreter and imports included."""
    peak_mb: float
    """The most memory that it ever held, in millions of bytes."""
    outcome: str = ""
    """The move that ended the run of the batch job."""
    completed_items: int = 0
