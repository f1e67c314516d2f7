"""The picture of a batch job: items finished over time, and estimated against actual cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO
from itertools import accumulate
from typing import TYPE_CHECKING

from batch_pipelines.analytics.values import Analytics, TierCost
from batch_pipelines.analytics.wording import money, tier_name
from batch_pipelines.domain.job import BatchJob

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (10.0, 4.1)
DOTS_PER_INCH = 130
PALETTE = 64
"""Colours; the lines and bars have five, the rest smooth their edges."""
# Of the Okabe-Ito palette, whose colours people with any kind of colour blindness can tell apart.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#BBBBBB"
INK, FAINT = "#222222", "#DDDDDD"
BAR_HEIGHT = 0.36
ROOM_FOR_AMOUNTS = 1.35
"""Width of the axis as a multiple of the longest bar, so that the amounts beside the bars fit in."""
MINUTE, HOUR = 60, 3600


def chart_png(job: BatchJob, analytics: Analytics) -> bytes:
    """A PNG of 1,300 by 533 pixels and at most 40 kB on white, good on light and dark pages."""
    # matplotlib takes 0.5 s, which every command and every step process would pay for nothing. Figures are made
    # without pyplot, which keeps global state and may ask for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    over_time, by_tier = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
    _draw_progress(over_time, job, analytics)
    _draw_costs(by_tier, job, analytics)
    pixels, size = canvas.print_to_buffer()  # type: ignore[no-untyped-call]  # matplotlib gives it no types
    picture = Image.frombuffer("RGBA", size, pixels)
    file = BytesIO()
    # A palette makes it a third of the size, and the report, with the image in it, is kept by Dagster.
    picture.convert("RGB").quantize(PALETTE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _draw_progress(axes: Axes, job: BatchJob, analytics: Analytics) -> None:
    """Cumulative items that succeeded and failed, over the time since the start."""
    points = analytics.timeline
    _style(axes, "Items finished over time")
    axes.set_ylabel("Items")
    axes.grid(axis="y", color=FAINT)
    axes.set_ylim(0, analytics.overview.total * 1.05)
    axes.locator_params(axis="y", integer=True)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    if not points or job.started_at is None:
        _say(axes, "It never ran.")
        return
    seconds = [(point.at - job.started_at).total_seconds() for point in points]
    unit, length = _unit(seconds[-1])
    times = [0.0, *(second / length for second in seconds)]
    axes.set_xlabel(f"{unit} since the start")
    axes.set_xlim(0, max(times[-1], 1e-3))
    axes.axhline(analytics.overview.total, color=INK, linewidth=1, linestyle=":", label="all items")
    axes.plot(times, [0, *(point.cumulative_completed for point in points)], color=BLUE, linewidth=2, label="succeeded")
    failed = [0, *accumulate(point.failed for point in points)]
    axes.plot(times, failed, color=VERMILION, linewidth=2, linestyle="--", label="failed")
    _name_colors(axes)


def _draw_costs(axes: Axes, job: BatchJob, analytics: Analytics) -> None:
    """A pair of bars for each tier."""
    tiers = analytics.cost.by_tier
    estimated = {tier.tier: tier.cost_usd for tier in job.estimate.by_tier} if job.estimate else {}
    title = "Cost by tier" if len(tiers) > 1 else "Cost"
    _style(axes, f"{title}: estimate and actual" if estimated else title)
    axes.set_xlabel("USD")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_yticks(range(len(tiers)), [tier_name(tier.tier) for tier in tiers])
    axes.tick_params(axis="y", length=0)
    margin = 1.0 if len(tiers) == 1 else 0.5  # a single pair of bars does not fill the height
    axes.set_ylim(len(tiers) - 1 + margin, -margin)  # downwards
    if estimated:
        _draw_bars(axes, [estimated.get(tier.tier) for tier in tiers], -BAR_HEIGHT / 2, "estimate", GREY)
    _draw_bars(axes, [tier.cost_usd for tier in tiers], BAR_HEIGHT / 2 if estimated else 0, "actual", BLUE)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlim(0, _longest(tiers, estimated) * ROOM_FOR_AMOUNTS)
    if estimated:
        _name_colors(axes)


def _draw_bars(axes: Axes, costs: list[Decimal | None], offset: float, label: str, color: str) -> None:
    rows = [row + offset for row in range(len(costs))]
    bars = axes.barh(rows, [float(cost or 0) for cost in costs], BAR_HEIGHT, label=label, color=color)
    axes.bar_label(bars, [money(cost) for cost in costs], padding=4, color=INK, fontsize=9)


def _longest(tiers: tuple[TierCost, ...], estimated: Mapping[str | None, Decimal]) -> float:
    costs = [*estimated.values(), *(tier.cost_usd for tier in tiers if tier.cost_usd is not None)]
    return float(max(costs, default=Decimal(0))) or 1.0


def _style(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold", pad=28)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)


def _name_colors(axes: Axes) -> None:
    """The legend, between the title and the axes, where it covers nothing."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        labelcolor=INK,
        borderaxespad=0.2,
        borderpad=0.2,
    )


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=INK)
    axes.set_xticks([])


def _unit(seconds: float) -> tuple[str, int]:
    """A unit in which the axis has handy figures, and its length in seconds."""
    if seconds < 2 * MINUTE:
        return "Seconds", 1
    return ("Minutes", MINUTE) if seconds < 2 * HOUR else ("Hours", HOUR)
