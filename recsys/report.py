"""An evaluation report: its rows, as data and as text tables (Markdown)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from recsys.metrics import Estimate
from recsys.rankers import Decoding

SCORES = ("HR@10", "NDCG@10")
#: How a model is named whose lists are made so.
AS: dict[Decoding, str] = {"free": "", "distinct": ", distinct", "guarded": " + quota slate"}
FORM = ("CorrectCount", "RepeatItem", "NonExist", "InHistory")


@dataclass(frozen=True)
class AccuracyRow:
    """One ranker on one kind of profile and one set of competing items, by the scores that it gives
    every item in one pass. (By the position in its lists: task SeqRec of the control rows.)"""

    model: str
    items: str  # "5-core" or "all"
    likes: int | None  # None: the whole history
    hr: Estimate
    ndcg: Estimate


@dataclass(frozen=True)
class DifferenceRow:
    """HR and NDCG of one ranker less another's, user by user (paired bootstrap), whole histories."""

    model: str
    against: str
    items: str
    hr: Estimate
    ndcg: Estimate


@dataclass(frozen=True)
class ControlRow:
    """One ranker on one control task (``recsys.control_tasks`` says what ``obeyed`` is there); errors
    are mean counts a list. ``wording`` is "canonical", or "unseen" for instructions in words that no
    training had."""

    model: str
    decoding: Decoding
    protocol: str
    task: str
    lists: int
    hr: Estimate
    ndcg: Estimate
    obeyed: Estimate
    correct_count: float
    repeat_item: float
    non_exist: float
    in_history: float
    wording: str = "canonical"


@dataclass(frozen=True)
class ControlDifferenceRow:
    """HR and NDCG given the control, both guarded, user by user (paired bootstrap); ``gain`` is the
    difference in NDCG as a share of the other's."""

    model: str
    against: str
    protocol: str
    task: str
    users: int
    hr: Estimate
    ndcg: Estimate
    gain: float


@dataclass(frozen=True)
class ColdRow:
    """One ranker on items hidden from its training, among themselves."""

    model: str
    items: int
    hr: Estimate
    chance: float


@dataclass(frozen=True)
class EvaluationReport:
    """Everything measured. Intervals are 95 %, over users; ``list_users`` of the users were asked the
    control tasks."""

    dataset: str
    part: str
    users: int
    items: int
    core_items: int
    seed: int
    accuracy: list[AccuracyRow] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)
    control: list[ControlRow] = field(default_factory=list)
    control_differences: list[ControlDifferenceRow] = field(default_factory=list)
    cold: list[ColdRow] = field(default_factory=list)
    list_users: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; what could not be measured is None."""
        return plain(asdict(self))

    def table(self) -> str:
        """The tables as text."""
        head = (
            f"{self.dataset}, leave-last-out ({self.part}), {self.users:,} users, {self.items:,} items "
            f"({self.core_items:,} in the 5-core), seed {self.seed}; lists for {self.list_users:,} users; "
            "[95 % interval over users]"
        )
        accuracy = [(r.model, r.items, _profile(r.likes), show(r.hr), show(r.ndcg)) for r in self.accuracy]
        differences = [
            (f"{r.model} - {r.against}", r.items, show(r.hr), show(r.ndcg)) for r in self.differences
        ]
        compared = [
            (
                f"{r.model} - {r.against}",
                r.protocol,
                r.task,
                f"{r.users:,}",
                show(r.hr),
                show(r.ndcg),
                f"{r.gain:+.1%}" if isfinite(r.gain) else "-",
            )
            for r in self.control_differences
        ]
        cold = [(r.model, f"{r.items:,}", show(r.hr), number(r.chance)) for r in self.cold]
        parts = [
            head,
            table(["model", "items", "profile", *SCORES], accuracy),
            table(["difference", "items", *SCORES], differences),
            table(
                ["model", "protocol", "task", "lists", *SCORES, "TCP / CPA", *FORM],
                map(_control_cells, self.control),
            ),
            table(["difference, guarded", "protocol", "task", "users", *SCORES, "NDCG gain"], compared),
            table(["model", "cold items", "HR@10", "chance"], cold),
        ]
        return "\n\n".join(part for part in parts if part)


def _profile(likes: int | None) -> str:
    return "history" if likes is None else f"{likes} likes"


def _control_cells(row: ControlRow) -> tuple[str, ...]:
    model = row.model + AS[row.decoding]
    errors = (row.correct_count, row.repeat_item, row.non_exist, row.in_history)
    return (
        model if row.wording == "canonical" else f"{model}, {row.wording} words",
        row.protocol,
        row.task,
        f"{row.lists:,}",
        show(row.hr),
        show(row.ndcg),
        show(row.obeyed),
        *map(number, errors),
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, "" without rows."""
    rows = [tuple(row) for row in rows]
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in (tuple(heads), *rows)) for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join((line(heads), line(["-" * width for width in widths]), *map(line, rows)))


def show(estimate: Estimate) -> str:
    """A mean with its interval."""
    if not isfinite(estimate.mean):
        return "-"
    return f"{number(estimate.mean)} [{number(estimate.low)}, {number(estimate.high)}]"


def number(value: float) -> str:
    """Three decimals without the leading zero."""
    if not isfinite(value):
        return "-"
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def plain(value: Any) -> Any:
    """Nested values for JSON: rounded, None where a number is none."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value
