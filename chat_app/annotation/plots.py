"""Pictures of the Insights: who wins, how votes fell, votes a day; what happens to controls in chats."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from chat_app.annotation.insights import PairCount, ProjectInsights
from chat_app.annotation.ranking import Standing
from chat_app.feedback import ChatInsights
from recsys.plots import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEITHER, BAD = "#bbbbbb", "#dddddd"
SIZE, DPI = (12, 4.2), 110


def votes_png(found: ProjectInsights) -> bytes:
    """The ranking with its intervals, how the votes on every pair fell, and votes over time."""
    figure = _figure()
    ranking, pairs, days = figure.subplots(1, 3)
    _ranking(ranking, found.ranking)
    _pairs(pairs, found.pairs)
    _days(days, found.days)
    return _png(figure)


def chat_png(found: ChatInsights, words: Sequence[str]) -> bytes:
    """What happened to each kind of control; ``words`` are the names of the kinds."""
    from matplotlib.ticker import MaxNLocator

    figure = _figure()
    axes = figure.subplots()
    places = np.arange(len(found.controls))
    for i, name in enumerate(("used", "met", "relaxed", "undone")):
        counts = [getattr(use, name) for use in found.controls]
        axes.bar(places + 0.2 * i - 0.3, counts, 0.19, label=name, color=COLORS[i])
    axes.set_xticks(places, words)
    axes.set_ylabel("times")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Controls: set, met in a list, relaxed in a list, undone")
    axes.legend(frameon=False)
    return _png(figure)


def _ranking(axes: Axes, ranking: Sequence[Standing]) -> None:
    for place, standing in enumerate(ranking[::-1]):
        at, color = standing.strength, COLORS[standing.group % len(COLORS)]
        axes.plot([at.low, at.high], [place, place], color=color, linewidth=2)
        axes.plot(at.mean, place, "o", color=color)
    axes.axvline(0, color="#bbbbbb", linewidth=1, linestyle="dotted")
    axes.set_yticks(range(len(ranking)), [standing.name for standing in ranking[::-1]], parse_math=False)
    axes.margins(y=0.3)
    axes.set_xlabel("strength (logarithm), 95 % interval")
    axes.set_title("Ranking (Bradley-Terry)")


def _pairs(axes: Axes, pairs: Sequence[PairCount]) -> None:
    """A bar a pair, from the votes for the first to those for the second."""
    fates = ("wins", "ties", "bad", "losses")
    labels = ("for the first", "tie", "both bad", "for the second")
    counts = np.array([[getattr(pair, fate) for fate in fates] for pair in pairs], float).reshape(-1, 4)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    left = np.zeros(len(pairs))
    for column, (label, color) in enumerate(zip(labels, (COLORS[0], NEITHER, BAD, COLORS[1]), strict=True)):
        axes.barh(range(len(pairs)), shares[:, column], 0.5, left=left, label=label, color=color)
        left += shares[:, column]
    names = [f"{pair.first}\nagainst {pair.second}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), names, parse_math=False)
    axes.margins(x=0, y=0.3)
    axes.set_xlabel("% of votes")
    axes.set_title("How the votes fell")
    axes.legend(frameon=False, ncols=2, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _days(axes: Axes, days: Sequence[tuple[str, int]]) -> None:
    from matplotlib.dates import ConciseDateFormatter, DateFormatter, DayLocator
    from matplotlib.ticker import MaxNLocator

    at = np.array([day for day, _ in days], "datetime64[D]")
    axes.bar(at, [count for _, count in days], color=COLORS[0])
    span = int((at.max() - at.min()).astype(int)) if len(at) else 0
    locator = DayLocator(interval=span // 6 + 1)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator) if span else DateFormatter("%Y-%m-%d"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Votes a day")


def _figure() -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=SIZE, layout="constrained")


def _png(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()
