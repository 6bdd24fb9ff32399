"""What is known of each label beside the item that came: the teacher's odds, and what may be listed.

One item a place says little when a thousand would have done nearly as well. The teacher's probabilities
for all of them say much more (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015), so
that few passes over the data are enough. And a list that obeys could have gone on with any item that its
plan permits: which ones these are tells what the request means better than the one that was taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from alignment.answers import Places
from alignment.packing import Branch, Packed
from alignment.tasks import Teacher

NEVER = float("-inf")


@dataclass
class Guide:
    """Probabilities of the items: ``next_item`` ``(labels, n_items)`` for the labels of the history, and
    ``answer`` ``(k, n_items)`` for the labels ``places`` ``(k,)`` among those of the answers. ``permitted``
    (bool ``(m, n_items)``): the items that may stand at the labels ``planned`` ``(m,)``; none where the
    list is at its end."""

    next_item: Tensor
    answer: Tensor
    places: Tensor
    permitted: Tensor
    planned: Tensor

    def to(self, device: torch.device) -> Guide:
        """The same on a device."""
        return Guide(*(getattr(self, part.name).to(device) for part in fields(self)))


def guide(windows: Sequence[Packed], teacher: Teacher, trained: np.ndarray, planned: bool = False) -> Guide:
    """The guide of a batch. ``trained`` (bool ``(n_items,)``): the items that may be learned. ``planned``:
    whether what may be listed is worked out too."""
    untrained = torch.from_numpy(~trained)
    next_items, answers = [torch.empty(0, len(trained))], [torch.empty(0, len(trained))]
    permitted: list[np.ndarray] = []
    places: list[int] = []
    of_plans: list[int] = []
    passed = 0
    for window in windows:
        rows = [row for row in window.next_item if row >= 0]
        if rows:
            next_items.append(torch.from_numpy(teacher.scores_at(rows, range(len(rows)))))
        labels = [place for place, label in enumerate(window.answer) if label >= 0]
        for begin, branch in window.lists:
            first = passed + labels.index(begin)
            if branch.odds is not None:
                scores = _odds(branch)
                possible = (scores.masked_fill(untrained, NEVER) > NEVER).any(1)
                answers.append(scores[possible])
                places += [first + place for place in range(len(scores)) if possible[place]]
            if planned and branch.plan is not None:
                masks = list(_permitted(branch))
                permitted += masks
                of_plans += range(first, first + len(masks))
        passed += len(labels)
    return Guide(
        torch.cat(next_items).masked_fill(untrained, NEVER).softmax(1),
        torch.cat(answers).masked_fill(untrained, NEVER).softmax(1),
        torch.tensor(places, dtype=torch.long),
        torch.from_numpy(np.array(permitted, bool).reshape(-1, len(trained))),
        torch.tensor(of_plans, dtype=torch.long),
    )


def _odds(branch: Branch) -> Tensor:
    """The teacher's scores at the items of an answer, ``(labels, n_items)``."""
    assert branch.odds is not None and not isinstance(branch.answer, str)
    answer = branch.answer if branch.whole else branch.answer[:1]
    scores = torch.from_numpy(branch.odds).repeat(len(answer), 1)
    for place, row in enumerate(branch.listed or answer):
        scores[place + 1 :, row] = NEVER
    return scores


def _permitted(branch: Branch) -> Iterator[np.ndarray]:
    """What may stand at each label of an answer, bool ``(n_items,)``; nothing at the end."""
    assert branch.plan is not None
    places = Places(branch.plan)
    for row in branch.listed or branch.answer:
        yield places.permitted()
        if not branch.whole:
            return
        places.take(int(row))
    yield places.permitted()
