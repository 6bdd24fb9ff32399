"""What the teacher says of each label: whole distributions beside the items that came.

One item a place says little when a thousand would have done nearly as well. The teacher's probabilities
for all of them say much more (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015), so
that few passes over the data are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alignment.packing import Packed
from alignment.tasks import Teacher

NEVER = float("-inf")


@dataclass
class Guide:
    """Probabilities of the items: ``next_item`` ``(labels, n_items)`` for the labels of the history, and
    ``answer`` ``(k, n_items)`` for the labels ``places`` ``(k,)`` among those of the answers."""

    next_item: Tensor
    answer: Tensor
    places: Tensor

    def to(self, device: torch.device) -> Guide:
        """The same on a device."""
        return Guide(self.next_item.to(device), self.answer.to(device), self.places.to(device))


def guide(windows: Sequence[Packed], teacher: Teacher, trained: np.ndarray) -> Guide:
    """The guide of a batch. ``trained`` (bool ``(n_items,)``): the items that may be learned."""
    untrained = torch.from_numpy(~trained)
    next_items, answers = [torch.empty(0, len(trained))], [torch.empty(0, len(trained))]
    places: list[int] = []
    passed = 0
    for window in windows:
        rows = [row for row in window.next_item if row >= 0]
        if rows:
            next_items.append(torch.from_numpy(teacher.scores_at(rows, range(len(rows)))))
        labels = [place for place, label in enumerate(window.answer) if label >= 0]
        for begin, answer, odds in window.guides:
            scores = torch.from_numpy(odds).repeat(len(answer), 1)
            for place, row in enumerate(answer):
                scores[place + 1 :, row] = NEVER
            possible = (scores.masked_fill(untrained, NEVER) > NEVER).any(1)
            answers.append(scores[possible])
            first = passed + labels.index(begin)
            places += [first + place for place in range(len(answer)) if possible[place]]
        passed += len(labels)
    return Guide(
        torch.cat(next_items).masked_fill(untrained, NEVER).softmax(1),
        torch.cat(answers).masked_fill(untrained, NEVER).softmax(1),
        torch.tensor(places, dtype=torch.long),
    )
