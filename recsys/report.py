"""An evaluation report as text tables (Markdown)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recsys.evaluation import EvaluationReport
    from recsys.metrics import Estimate

SCORES = ("HR@10", "NDCG@10")
FORM = ("CorrectCount", "RepeatItem", "NonExist", "InHistory")


def report_text(report: EvaluationReport) -> str:
    """Three tables: accuracy, differences between rankers, control."""
    head = (
        f"{report.dataset}, leave-last-out ({report.part}), {report.users:,} users, {report.items:,} items "
        f"({report.core_items:,} in the 5-core), seed {report.seed}; [95 % interval over users]"
    )
    accuracy = [
        (r.model, r.items, "history" if r.likes is None else f"{r.likes} likes", _show(r.hr), _show(r.ndcg))
        for r in report.accuracy
    ]
    differences = [
        (f"{r.model} - {r.against}", r.items, _show(r.hr), _show(r.ndcg)) for r in report.differences
    ]
    control = [
        (
            r.model if r.decoding == "free" else f"{r.model} + quota slate",
            r.protocol,
            r.task,
            f"{r.lists:,}",
            _show(r.hr),
            _show(r.ndcg),
            _show(r.obeyed),
            *(_number(n) for n in (r.correct_count, r.repeat_item, r.non_exist, r.in_history)),
        )
        for r in report.control
    ]
    parts = [
        head,
        _table(["model", "items", "profile", *SCORES], accuracy),
        _table(["difference", "items", *SCORES], differences),
        _table(["model", "protocol", "task", "lists", *SCORES, "TCP / CPA", *FORM], control),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = [tuple(row) for row in rows]
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in (tuple(heads), *rows)) for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join((line(heads), line(["-" * width for width in widths]), *map(line, rows)))


def _show(estimate: Estimate) -> str:
    if not isfinite(estimate.mean):
        return "-"
    return f"{_number(estimate.mean)} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if isfinite(value) and abs(value) < 1 else f"{value:.2f}"
