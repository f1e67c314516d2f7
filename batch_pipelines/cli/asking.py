"""Commands that spend nothing: `pipelines` and `estimate`."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from batch_pipelines.cli.opening import now
from batch_pipelines.cli.output import UNKNOWN, print_json, seconds, stdout, usd
from batch_pipelines.control.estimating import estimate_plan
from batch_pipelines.control.reading import read_spec
from batch_pipelines.control.submission import plan_spec
from batch_pipelines.domain.estimate import Estimate, GateSeverity
from batch_pipelines.domain.job import Plan
from batch_pipelines.pipelines.catalogue import shipped_pipelines
from batch_pipelines.settings import load_settings

GATE_TEXTS = {
    GateSeverity.OK: "[green]would pass[/]",
    GateSeverity.WARN: "[yellow]would pass with a warning[/]",
    GateSeverity.ERROR: "[red]would refuse[/]",
}


def show_pipelines(as_json: bool) -> None:
    """What can be run."""
    if as_json:
        print_json(
            [
                {
                    "name": pipeline.name,
                    "description": pipeline.description,
                    "tiered": pipeline.tiered,
                    "default_concurrency": pipeline.default_concurrency,
                    "max_concurrency": pipeline.max_concurrency,
                    "phases": [
                        {"name": phase.name, "task_type": phase.task_type, "model": pipeline.model_of(phase)}
                        for phase in pipeline.phases
                    ],
                }
                for pipeline in shipped_pipelines()
            ]
        )
        return
    table = Table("pipeline", "phases", "model", "concurrency", "what it does", box=None, padding=(0, 2, 0, 0))
    for pipeline in shipped_pipelines():
        table.add_row(
            pipeline.name,
            "\n".join(phase.name for phase in pipeline.phases),
            "\n".join(pipeline.model_of(phase) for phase in pipeline.phases),
            f"{pipeline.default_concurrency} (up to {pipeline.max_concurrency})",
            pipeline.description,
        )
    stdout().print(table)


def show_estimate(
    spec_file: Path, as_json: bool, seconds_per_call: float | None, requests_per_minute: int | None
) -> None:
    """What a spec would cost and take."""
    settings = load_settings()
    given = {"seconds_per_call": seconds_per_call, "requests_per_minute": requests_per_minute}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    plan = plan_spec(read_spec(spec_file), shipped_pipelines(), settings, spec_file.absolute().parent)
    estimate = estimate_plan(plan, settings, now())
    if as_json:
        print_json(estimate)
    else:
        print_estimate(plan, estimate)


def print_estimate(plan: Plan, estimate: Estimate) -> None:
    """An estimate for people."""
    console = stdout()
    console.print(f"[bold]{plan.name}[/]")
    console.print(estimate.summary)
    table = Table("", "items", "input tokens", "output tokens", "per item", "cost", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for tier in estimate.by_tier:
        table.add_row(
            tier.tier or "items",
            f"{tier.item_count:,}",
            f"{tier.input_tokens:,}",
            f"{tier.output_tokens:,}",
            usd(tier.cost_per_item_usd),
            usd(tier.cost_usd),
        )
    table.add_row(
        "[bold]total[/]",
        f"{estimate.item_count:,}",
        f"{estimate.total_input_tokens:,}",
        f"{estimate.total_output_tokens:,}",
        usd(estimate.cost_per_item_usd),
        f"[bold]{usd(estimate.total_cost_usd)}[/]",
    )
    console.print(table)
    interval, time = estimate.interval, estimate.time
    console.print(
        f"Cost between {usd(interval.low_usd)} and {usd(interval.high_usd)} in {interval.coverage:.0%} of runs; "
        f"time {seconds(time.seconds)} at {time.effective_concurrency:g} calls at once"
        f"{' (cut by the rate limit)' if time.rate_limit_applied else ''}."
    )
    limit = plan.budget.max_cost_usd
    console.print(f"Budget {usd(limit) if limit else UNKNOWN}: the gate {GATE_TEXTS[estimate.gate.severity]}.")
    for reason in estimate.gate.reasons:
        console.print(f"  {reason}")
