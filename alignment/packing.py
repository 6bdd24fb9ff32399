"""Training sequences: one history, and many requests that branch off it.

A history of a hundred items is long and a request short, so several requests share one history.
Each branches off after the entries that its prompt shows: it sees those and itself, and its
positions go on from there, exactly as if it stood behind them alone.

    head  A  B-  C  D  E            the history: at each entry the next item is to be found
             |      └ "5 items." D' E' end
             └ "Only Comedy." F G end
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor

from recsys.lm.prompt import Prompts
from recsys.rankers import Words
from recsys.slate import SlatePlan

IGNORED = -100


@dataclass(frozen=True)
class Branch:
    """A request after ``cut`` entries of the history, and its answer: rows, or text. ``plan``, ``scores``,
    ``odds``: see :class:`~alignment.tasks.Sample`. ``whole``: whether more than the answer's first token is
    learned; without the rest, a request is short. ``listed``: what stands before each label, where that is
    another list than the answer."""

    cut: int
    words: Words
    answer: tuple[int, ...] | str
    plan: SlatePlan | None = None
    scores: np.ndarray | None = None
    odds: np.ndarray | None = None
    whole: bool = True
    listed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Window:
    """Part of somebody's history with the requests that branch off it.

    ``ordered``: whether the entries stand in time order, so that each tells of the next.
    """

    rows: Sequence[int]
    polarities: Sequence[str]
    branches: Sequence[Branch] = ()
    ordered: bool = True


@dataclass
class Packed:
    """A window as token ids ``(l,)`` with positions, the labels of the two losses, and for each
    token the branch it belongs to (0: the history) and how much of the history it sees. ``lists``: where
    the labels of answers that are lists begin, and their branches."""

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    visible: list[int] = field(default_factory=list)
    next_item: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    lists: list[tuple[int, Branch]] = field(default_factory=list)

    def add(self, ids: Sequence[int], start: int, branch: int, visible: int) -> None:
        """Append tokens without labels."""
        self.ids += ids
        self.positions += range(start, start + len(ids))
        self.branch += [branch] * len(ids)
        self.visible += [visible] * len(ids)
        self.next_item += [IGNORED] * len(ids)
        self.answer += [IGNORED] * len(ids)


def pack(window: Window, prompts: Prompts) -> Packed:
    """Lay a window out."""
    out = Packed()
    out.add(prompts.head, 0, 0, 0)
    ends = [len(out.ids)]
    for row, polarity in zip(window.rows, window.polarities, strict=True):
        if window.ordered:
            out.next_item[-1] = int(row)
        out.add(prompts.entry(int(row), polarity), ends[-1], 0, 0)
        ends.append(len(out.ids))
    for number, branch in enumerate(window.branches, start=1):
        shown = ends[branch.cut]
        if isinstance(branch.answer, str):
            answer = list(prompts.text(branch.answer))
        else:
            answer = [prompts.first + row for row in branch.answer]
        labels = [*answer, prompts.end] if branch.whole else answer[:1]
        request = prompts.request(branch.words)
        begin = len(out.ids) + len(request) - 1
        out.add([*request, *labels[:-1]], shown, number, shown)
        out.answer[begin : begin + len(labels)] = labels
        if not isinstance(branch.answer, str):
            out.lists.append((begin, branch))
    return out


@dataclass
class Batch:
    """Windows side by side: ids and positions ``(b, l)``, mask bool ``(b, 1, l, l)`` (True:
    visible), labels ``(b, l)`` with :data:`IGNORED` where there is none."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    next_item: Tensor
    answer: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(*(getattr(self, part.name).to(device) for part in fields(self)))


def collate(windows: Sequence[Packed]) -> Batch:
    """Pad to the longest."""
    length = max(len(w.ids) for w in windows)

    def padded(name: str, filler: int) -> Tensor:
        rows = [getattr(w, name) for w in windows]
        return torch.tensor([row + [filler] * (length - len(row)) for row in rows])

    mask = torch.zeros(len(windows), 1, length, length, dtype=torch.bool)
    for i, w in enumerate(windows):
        mask[i, 0] = torch.from_numpy(_visible(w, length))
    return Batch(
        padded("ids", 0),
        padded("positions", 0),
        mask,
        padded("next_item", IGNORED),
        padded("answer", IGNORED),
    )


def _visible(packed: Packed, length: int) -> np.ndarray:
    """Which token sees which, bool ``(length, length)``; padding sees itself."""
    n = len(packed.ids)
    branch, visible = np.array(packed.branch), np.array(packed.visible)
    place = np.arange(n)
    same = branch[:, None] == branch[None, :]
    history = (branch[None, :] == 0) & (place[None, :] < visible[:, None])
    out = np.eye(length, dtype=bool)
    out[:n, :n] = (same | history) & (place[None, :] <= place[:, None])
    return out
