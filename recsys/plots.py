"""An evaluation report as a picture: accuracy, and obedience free and guarded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recsys.control_tasks import CATEGORY_TASKS
from recsys.errors import TillerError
from recsys.metrics import Estimate
from recsys.report import ControlRow, EvaluationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".png", ".svg", ".pdf")
#: Two colours that can be told apart by everybody.
FIRST, SECOND = "#4477aa", "#ee7733"


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise TillerError(f"The picture cannot be written to {path} ({error}).") from None


def check_path(path: Path) -> None:
    """Raise :class:`TillerError` when a file of this name cannot be a picture."""
    if path.suffix.lower() not in FORMATS:
        raise TillerError(f"{path} is no picture's name: end it with {', '.join(FORMATS)}.")


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
