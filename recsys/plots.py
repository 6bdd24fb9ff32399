"""Pictures: an evaluation report (accuracy, and obedience free and guarded), a controllability curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.control_tasks import CATEGORY_TASKS
from recsys.curves import Curve, CurvePoint, Line
from recsys.errors import TillerError
from recsys.metrics import Estimate
from recsys.report import ControlRow, EvaluationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
#: Colours that can be told apart by everybody.
COLORS = ("#4477aa", "#ee7733", "#228833", "#aa3377", "#66ccee", "#777777")
FIRST, SECOND = COLORS[:2]


def plot_report(report: EvaluationReport, path: Path) -> None:
    """Write the picture to ``path`` (.png, .svg or .pdf), without a display.

    Raises
    ------
    TillerError : the file is of another kind, or cannot be written.
    """
    from matplotlib.figure import Figure

    check_path(path)
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    accuracy, control = figure.subplots(1, 2)
    _accuracy(accuracy, report)
    _control(control, report)
    figure.suptitle(f"{report.dataset}, {report.part}: {report.users:,} users; bars with 95 % intervals")
    _save(figure, path)


def plot_curve(curve: Curve, path: Path) -> None:
    """Write a curve's picture to ``path``; see :func:`plot_report`."""
    check_path(path)
    _save(_curve_figure(curve), path)


def curve_png(curve: Curve) -> bytes:
    """The same picture as PNG, in memory."""
    out = BytesIO()
    _curve_figure(curve).savefig(out, format="png", dpi=110)
    return out.getvalue()


def _save(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise TillerError(f"The picture cannot be written to {path} ({error}).") from None


def check_path(path: Path) -> None:
    """Raise :class:`TillerError` when a file of this name cannot be a picture."""
    if path.suffix.lower() not in FORMATS:
        raise TillerError(f"{path} is no picture's name: end it with {', '.join(FORMATS)}.")


def _curve_figure(curve: Curve) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    delivered, cost = figure.subplots(1, 2)
    asked = [point.asked for line in curve.lines[:1] for point in line.points]
    delivered.plot(asked, asked, color="#888888", linewidth=1, linestyle="dotted", label="as asked")
    _lines(delivered, curve.lines, lambda point: point.delivered)
    delivered.set_title("Delivered against asked")
    delivered.set_ylabel(f"delivered: {curve.sweep.label}")
    cost.axhline(0, color="#bbbbbb", linewidth=1, linestyle="dotted")
    _lines(cost, curve.lines, lambda point: point.cost)
    cost.set_title("What it costs in NDCG@10")
    cost.set_ylabel("plain list less this one")
    for axes in (delivered, cost):
        axes.set_xlabel(f"asked: {curve.sweep.label}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(f"{curve.catalog}: {curve.users:,} users; bands are 95 % intervals")
    return figure


def _lines(axes: Axes, lines: Sequence[Line], of: Callable[[CurvePoint], Estimate]) -> None:
    """A colour a model; what is decoded freely is dashed."""
    models = list(dict.fromkeys(line.model for line in lines))
    for line in lines:
        x = [point.asked for point in line.points]
        mean, low, high = np.array([(e.mean, e.low, e.high) for e in map(of, line.points)]).T
        color = COLORS[models.index(line.model) % len(COLORS)]
        style = "dashed" if line.decoding == "free" else "solid"
        axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
        axes.plot(x, mean, color=color, linestyle=style, marker="o", markersize=3.5, label=line.name)


def _accuracy(axes: Axes, report: EvaluationReport) -> None:
    rows = [row for row in report.accuracy if row.likes is None and row.items == "5-core"]
    _bars(
        axes,
        [row.model for row in rows],
        {"HR@10": [row.hr for row in rows], "NDCG@10": [row.ndcg for row in rows]},
    )
    axes.set_title("The next item, whole history, among the 5-core")


def _control(axes: Axes, report: EvaluationReport) -> None:
    """Mean obedience over the category tasks of the open protocol."""
    rows = [
        row
        for row in report.control
        if row.protocol == "open" and row.task in CATEGORY_TASKS and row.wording == "canonical"
    ]
    models = list(dict.fromkeys(row.model for row in rows))

    def obeyed(decoding: str) -> list[Estimate]:
        return [_mean([r for r in rows if (r.model, r.decoding) == (model, decoding)]) for model in models]

    _bars(axes, models, {"free": obeyed("free"), "guarded": obeyed("guarded")})
    axes.set_title("Control obeyed (TCP / CPA, open protocol)")
    axes.set_ylim(0, 1.05)


def _mean(rows: Sequence[ControlRow]) -> Estimate:
    """Mean over tasks; ends of the intervals are averaged too, which is wide rather than narrow."""
    if not rows:
        return Estimate(np.nan, np.nan, np.nan)
    values = np.array([(row.obeyed.mean, row.obeyed.low, row.obeyed.high) for row in rows]).mean(axis=0)
    return Estimate(*values.tolist())


def _bars(axes: Axes, names: Sequence[str], series: dict[str, list[Estimate]]) -> None:
    places = np.arange(len(names))
    for i, (label, estimates) in enumerate(series.items()):
        means = np.array([e.mean for e in estimates], float)
        ends = np.array([(e.mean - e.low, e.high - e.mean) for e in estimates], float).reshape(-1, 2).T
        color = (FIRST, SECOND)[i]
        axes.bar(places + 0.4 * i - 0.2, means, 0.38, yerr=np.maximum(ends, 0), label=label, color=color)
    axes.set_xticks(places, names, rotation=20, ha="right")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
