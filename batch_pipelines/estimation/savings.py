"""What kept answers save of an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from batch_pipelines.domain.estimate import PhaseReuse, Reuse
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.estimation.money import ZERO, plain

CallGroup = tuple[str, Tier | None, Complexity]
"""Phase, and tier and complexity of the items."""


@dataclass(frozen=True, slots=True)
class Savings:
    """Calls of a batch job that need not be made, as an answer to an equal request is kept."""

    calls: Mapping[CallGroup, int] = field(default_factory=dict)
    """Never more of a phase than there are items of the group."""
    saved_usd: Mapping[str, Decimal] = field(default_factory=dict)
    """What their answers cost when they were bought, by phase."""
    items: int = 0
    """Items that need no call at all."""

    def reuse(self, pipeline: Pipeline) -> Reuse:
        """The same as an estimate shows it: every phase of the pipeline, in its order."""
        return Reuse(
            calls=sum(self.calls.values()),
            items=self.items,
            saved_usd=plain(sum(self.saved_usd.values(), ZERO)),
            by_phase=tuple(self._of_phase(phase.name) for phase in pipeline.phases),
        )

    def _of_phase(self, name: str) -> PhaseReuse:
        calls = sum(count for (phase, *_), count in self.calls.items() if phase == name)
        return PhaseReuse(phase=name, calls=calls, saved_usd=plain(self.saved_usd.get(name, ZERO)))
