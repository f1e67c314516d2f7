"""What a batch job is expected to cost and take before it starts (requirements C1-C3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.estimate import (
    CostBreakdown,
    CostInterval,
    Estimate,
    PhaseEstimate,
    Reuse,
    TierEstimate,
    TimeEstimate,
)
from batch_pipelines.domain.pipeline import Phase, Pipeline, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation.duration import Pace, estimate_time
from batch_pipelines.estimation.gate import review
from batch_pipelines.estimation.interval import cost_interval
from batch_pipelines.estimation.money import ZERO, per_item, plain, spoken
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.estimation.savings import Savings
from batch_pipelines.estimation.tries import expected_tries

JUDGE_PROMPT_TOKENS = 250
"""What a judge reads beside the request and the answer."""
JUDGE_OUTPUT_TOKENS = 60
"""What it says: a number and a reason or two."""

Measured = Mapping[tuple[str, ItemGroup], TokenProfile]
"""By phase and group, what one answer is expected to use."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What there is to estimate."""

    pipeline: Pipeline
    groups: Mapping[ItemGroup, int]
    """How many items of each tier and complexity there are."""
    model: str | None
    """The batch job's own choice of model for every phase."""
    concurrency: int
    """Calls in flight at once, at least 1."""
    budget: Budget
    savings: Savings | None = None
    """Of kept answers; None where the batch job uses none."""
    measured: Measured = field(default_factory=dict)
    """Of phases that do not say what their calls use."""

    @property
    def item_count(self) -> int:
        """Items over all tiers."""
        return sum(self.groups.values())

    @property
    def items_to_call(self) -> int:
        """Items that need at least one call."""
        return self.item_count - (self.savings.items if self.savings else 0)

    def items_to_answer(self, phase: Phase, group: ItemGroup) -> int:
        """Items of a group that need an answer in a phase."""
        saved = self.savings.calls.get((phase.name, *group), 0) if self.savings else 0
        return self.groups[group] - saved

    def tokens(self, phase: Phase, group: ItemGroup) -> TokenProfile:
        """What one answer for an item of a group is expected to use."""
        if phase.is_measured(group.tier) and (found := self.measured.get((phase.name, group))):
            return found
        return phase.expected_tokens(group.tier)


@dataclass(frozen=True, slots=True)
class _Cell:
    """All calls of one phase to one model for one group of items."""

    phase: Phase
    tier: Tier | None
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    input_usd: Decimal
    output_usd: Decimal


@dataclass(frozen=True, slots=True)
class _Sum:
    """Some cells together."""

    calls: int
    input_tokens: int
    output_tokens: int
    input_usd: Decimal
    output_usd: Decimal

    @property
    def cost_usd(self) -> Decimal:
        return plain(self.input_usd + self.output_usd)


def estimate(workload: Workload, prices: PriceBook, pace: Pace, at: datetime) -> Estimate:
    """Cost, time and the gate's verdict for a batch job that starts at `at`.

    One answer for each item and phase, without retries after errors and without those that kept answers save; where
    judges decide, the answers of `expected_tries`, and what the judges take. Shares by phase, tier and direction sum up
    exactly to the total; the cost per item is rounded to 1e-10 USD. Raises UnknownPrice for a model that nobody prices,
    and InvalidInput for a workload without items.
    """
    items = workload.item_count
    if items < 1:
        raise InvalidInput("items", items, "leaves nothing to estimate", "give at least one item")
    cells = _cells(workload, prices, at)
    total = _sum(cells)
    time = estimate_time(
        workload.items_to_call, total.calls, workload.concurrency, pace, total.input_tokens, total.output_tokens
    )
    # Without anything to call the bounds are 0 as well, whatever the number of items.
    interval = cost_interval(total.cost_usd, max(1, workload.items_to_call), _assumed_share(cells, total))
    reuse = workload.savings.reuse(workload.pipeline) if workload.savings else None
    return Estimate(
        item_count=items,
        total_cost_usd=total.cost_usd,
        cost_per_item_usd=per_item(total.cost_usd, items),
        total_input_tokens=total.input_tokens,
        total_output_tokens=total.output_tokens,
        breakdown=CostBreakdown(input_usd=plain(total.input_usd), output_usd=plain(total.output_usd)),
        by_phase=_by_phase(workload, cells),
        by_tier=_by_tier(workload, cells),
        interval=interval,
        time=time,
        gate=review(total.cost_usd, interval.high_usd, time.seconds, workload.budget),
        summary=_summary(items, total, interval, time, reuse),
        reuse=reuse,
    )


def _cells(workload: Workload, prices: PriceBook, at: datetime) -> tuple[_Cell, ...]:
    return tuple(
        cell
        for phase in workload.pipeline.phases
        if phase.kind is not PhaseKind.RECORD
        for group in sorted(workload.groups, key=_place)
        for cell in _cells_of(workload, phase, group, prices, at)
    )


def _cells_of(workload: Workload, phase: Phase, group: ItemGroup, prices: PriceBook, at: datetime) -> Iterator[_Cell]:
    """The answers of a phase for a group of items, and what judges say of them."""
    pipeline, tokens = workload.pipeline, workload.tokens(phase, group)
    models = pipeline.cascade(phase, workload.model, group.complexity, group.tier)
    if not models:
        raise InvalidInput(f"phases.{phase.name}.model", None, "is missing", "name one, or a route that gives one")
    for each in expected_tries(phase.validation, len(models)):
        answers = round(workload.items_to_answer(phase, group) * each.share)
        asked = tokens.model_copy(update={"input_tokens": each.reads(tokens)})
        yield _cell(phase, group.tier, models[each.rung], answers, asked, prices, at)
        for judge in phase.validation.judges[: phase.validation.judge_count]:
            read = asked.input_tokens + asked.output_tokens + JUDGE_PROMPT_TOKENS
            judged = TokenProfile(input_tokens=read, output_tokens=JUDGE_OUTPUT_TOKENS)
            model = pipeline.judge_model(phase, judge, workload.model)
            yield _cell(phase, group.tier, model, answers, judged, prices, at)


def _cell(
    phase: Phase, tier: Tier | None, model: str, calls: int, tokens: TokenProfile, prices: PriceBook, at: datetime
) -> _Cell:
    # One call is priced, then multiplied: some models charge a call as a whole by the size of its own input.
    output_tokens = 0 if phase.kind is PhaseKind.EMBEDDING else tokens.output_tokens
    price = prices.breakdown(model, Usage(input_tokens=tokens.input_tokens, output_tokens=output_tokens), at)
    return _Cell(
        phase=phase,
        tier=tier,
        model=model,
        calls=calls,
        input_tokens=tokens.input_tokens * calls,
        output_tokens=output_tokens * calls,
        input_usd=price.input_usd * calls,
        output_usd=price.output_usd * calls,
    )


def _place(group: ItemGroup) -> tuple[int, int]:
    """Tiers in the order of the glossary, items without one last."""
    tiers = (*Tier, None)
    return tiers.index(group.tier), tuple(Complexity).index(group.complexity)


def _tiers(workload: Workload) -> tuple[Tier | None, ...]:
    """The tiers that have items, in the order of the glossary; None comes last."""
    there = {group.tier for group, count in workload.groups.items() if count}
    return tuple(tier for tier in (*Tier, None) if tier in there)


def _sum(cells: Iterable[_Cell]) -> _Sum:
    cells = tuple(cells)
    return _Sum(
        calls=sum(cell.calls for cell in cells),
        input_tokens=sum(cell.input_tokens for cell in cells),
        output_tokens=sum(cell.output_tokens for cell in cells),
        input_usd=sum((cell.input_usd for cell in cells), ZERO),
        output_usd=sum((cell.output_usd for cell in cells), ZERO),
    )


def _by_phase(workload: Workload, cells: tuple[_Cell, ...]) -> tuple[PhaseEstimate, ...]:
    of_phases = ((phase, [cell for cell in cells if cell.phase is phase]) for phase in workload.pipeline.phases)
    sums = ((phase, tuple(dict.fromkeys(cell.model for cell in own)), _sum(own)) for phase, own in of_phases)
    return tuple(
        PhaseEstimate(
            phase=phase.name,
            model=", ".join(models) or None,
            calls=share.calls,
            input_tokens=share.input_tokens,
            output_tokens=share.output_tokens,
            cost_usd=share.cost_usd,
        )
        for phase, models, share in sums
    )


def _by_tier(workload: Workload, cells: tuple[_Cell, ...]) -> tuple[TierEstimate, ...]:
    counts: Counter[Tier | None] = Counter()
    for group, count in workload.groups.items():
        counts[group.tier] += count
    sums = ((tier, _sum(cell for cell in cells if cell.tier is tier)) for tier in _tiers(workload))
    return tuple(
        TierEstimate(
            tier=tier,
            item_count=counts[tier],
            cost_per_item_usd=per_item(share.cost_usd, counts[tier]),
            cost_usd=share.cost_usd,
            input_tokens=share.input_tokens,
            output_tokens=share.output_tokens,
        )
        for tier, share in sums
    )


def _assumed_share(cells: tuple[_Cell, ...], total: _Sum) -> float:
    """The part of the cost for which no phase says what its calls use, 0 to 1."""
    if not total.cost_usd:
        return 0.0
    return float(_sum(cell for cell in cells if cell.phase.is_measured(cell.tier)).cost_usd / total.cost_usd)


def _summary(items: int, total: _Sum, interval: CostInterval, time: TimeEstimate, reuse: Reuse | None) -> str:
    what = "1 item" if items == 1 else f"{items:,} items"
    if total.calls == 0:
        return f"{what} should cost nothing.{_reused(total, reuse)}"
    calls = "1 call" if time.effective_concurrency == 1 else f"{time.effective_concurrency:g} calls"
    speed = ", as fast as the rate limit allows" if time.rate_limit_applied else f" with {calls} at a time"
    return (
        f"{what} should cost about {spoken(total.cost_usd)}, and with {interval.coverage:.0%} likelihood between "
        f"{spoken(interval.low_usd)} and {spoken(interval.high_usd)}. "
        f"It should take about {time.formatted}{speed}.{_reused(total, reuse)}"
    )


def _reused(total: _Sum, reuse: Reuse | None) -> str:
    """How many calls are not made, as a sentence; empty where no kept answers are used."""
    if reuse is None:
        return ""
    if not reuse.calls:
        return " No kept answer fits any of its calls."
    calls = f"{reuse.calls:,} of {total.calls + reuse.calls:,} calls"
    return f" Kept answers stand in for {calls}, which saves {spoken(reuse.saved_usd)}."
