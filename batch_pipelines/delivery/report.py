"""Results as a report in Markdown, for people: how many, what their fields hold, and that by group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from batch_pipelines.delivery.tally import Figures, Group, Tally, tally
from batch_pipelines.domain.job import BatchJob, ItemResult
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.markdown import quoted, table

SIMULATED = "> **SIMULATED.** Answers came from the simulated provider: no model wrote what is counted here."
MOST_GROUPS = 50
MOST_FIELDS = 50
MOST_FIGURES = 4
"""Fields with numbers that are shown by group, each in two columns: a page is only so wide."""
MOST_REASONS = 10


def render_results(job: BatchJob, results: Iterable[ItemResult], group_by: str | None) -> tuple[str, int]:
    """The whole report, and how many items it is about."""
    counted = tally(results, group_by)
    sections = (
        f"# {quoted(job.name)}",
        f"Batch job `{job.id}`, pipeline `{job.pipeline.name}`, {job.created_at:%Y-%m-%d}.",
        SIMULATED if job.simulated else "",
        _counts(counted.all),
        _by_group(counted),
        _fields(counted.all),
        _reasons(counted),
    )
    return "\n\n".join(section for section in sections if section) + "\n", counted.all.items


def _counts(items: Group) -> str:
    figures = [("Items", items.items)] + [
        (status.value.capitalize(), items.statuses[status])
        for status in ItemStatus
        if items.statuses[status] or status is ItemStatus.COMPLETED
    ]
    return table([name for name, _ in figures], [[f"{figure:,}" for _, figure in figures]])


def _by_group(counted: Tally) -> str:
    """Groups, the largest first."""
    if counted.group_by is None:
        return ""
    title = f"## By {quoted(counted.group_by)}"
    if counted.groups and counted.group_by not in counted.all.filled and len(counted.groups) == 1:
        known = ", ".join(quoted(name) for name in list(counted.all.filled)[:MOST_FIELDS]) or "none"
        return f"{title}\n\nNo item has this field; fields of outputs: {known}."
    shown = [name for name in counted.all.figures if name != counted.group_by][:MOST_FIGURES]
    head = [quoted(counted.group_by), "Items", "Share", "Failed"]
    head += [f"{what} of {quoted(name)}" for name in shown for what in ("Sum", "Mean")]
    largest = sorted(counted.groups.items(), key=lambda group: (-group[1].items, group[0]))
    lines = [_group_line(label, group, counted.all.items, shown) for label, group in largest[:MOST_GROUPS]]
    left = len(largest) - MOST_GROUPS
    more = f"\n\nAnd {left:,} more groups, none of them larger." if left > 0 else ""
    return f"{title}\n\n{table(head, lines)}{more}"


def _group_line(label: str, group: Group, all_items: int, shown: Sequence[str]) -> list[str]:
    figures = [group.figures.get(name, Figures()) for name in shown]
    return [
        quoted(label),
        f"{group.items:,}",
        f"{100 * group.items / all_items:.1f} %",
        f"{group.statuses[ItemStatus.FAILED]:,}",
        *(number(value) for each in figures for value in (each.total if each.count else None, each.mean)),
    ]


def _fields(items: Group) -> str:
    """What the fields of outputs hold."""
    if not items.filled:
        return ""
    lines = []
    for name, filled in list(items.filled.items())[:MOST_FIELDS]:
        each = items.figures.get(name, Figures())
        total = each.total if each.count else None
        values = (number(value) for value in (each.least, each.mean, each.greatest, total))
        lines.append([quoted(name), f"{filled:,}", *values])
    return f"## Fields of outputs\n\n{table(('Field', 'Filled', 'Least', 'Mean', 'Greatest', 'Sum'), lines)}"


def _reasons(counted: Tally) -> str:
    if not counted.reasons:
        return ""
    lines = [(quoted(reason), f"{count:,}") for reason, count in counted.reasons.most_common(MOST_REASONS)]
    return f"## Why items failed\n\n{table(('Reason', 'Items'), lines)}"


def number(value: float | None) -> str:
    """A figure with two digits after the point at most, a small one with four; empty where there is none."""
    if value is None:
        return ""
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:,.{2 if abs(value) >= 1 else 4}f}".rstrip("0").rstrip(".")
    )
