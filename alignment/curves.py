"""Curves of a training run, as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: Panels of a picture: title, and the columns drawn in it.
Panels = Sequence[tuple[str, Sequence[str]]]
SMOOTH = 0.05  # of the new value in the running mean that is drawn bold


def write_table(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One row a step; a column for every number that occurs."""
    columns = ["step", *sorted({key for record in records for key in record} - {"step"})]
    beside = path.with_suffix(".part")
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({k: _short(v) for k, v in record.items()} for record in records)
    beside.replace(path)


def draw(records: Sequence[Mapping[str, Any]], path: Path, panels: Panels) -> None:
    """The panels in two rows, over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    FigureCanvasAgg(figure)
    across = (len(panels) + 1) // 2
    for place, (title, columns) in enumerate(panels):
        axes = figure.add_subplot(2, across, place + 1, title=title, xlabel="step")
        for column in columns:
            points = [(r["step"], r[column]) for r in records if r.get(column) is not None]
            if points:
                steps, values = zip(*points, strict=True)
                (line,) = axes.plot(steps, values, alpha=0.25, linewidth=0.8)
                axes.plot(steps, _running_mean(values), color=line.get_color(), label=column.split("/")[-1])
        if len(columns) > 1 and axes.lines:
            axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def _running_mean(values: Sequence[float]) -> list[float]:
    out, total, weight = [], 0.0, 0.0
    for value in values:
        total, weight = total * (1 - SMOOTH) + value * SMOOTH, weight * (1 - SMOOTH) + SMOOTH
        out.append(total / weight)
    return out


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
