"""Answers as the model itself would begin them, labelled with how they should go on.

A model that learns only from good lists never meets what it would list itself, nor learns what to do
then: so it says its favourite twice. Here it lists, and is told at each place what would have been best
after that (Ross et al., "A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
Learning", 2011). What it would list is read off one pass over the labelled lists, all places at once
(Duckworth et al., "Parallel Scheduled Sampling", 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alignment.answers import Places
from alignment.packing import Branch, Packed


def own_lists(windows: Sequence[Packed], said: np.ndarray, first: int) -> list[Packed]:
    """The windows of a batch once more, with lists of the model's own.

    Parameters
    ----------
    said : what the model said of the items at each label of the answers, ``(labels, n_items)``: at each
        place, its own list goes on with the likeliest of those that are permitted there.
    first : the token of the first item.
    """
    out, passed = [], 0
    for window in windows:
        places = np.cumsum([label >= 0 for label in window.answer]) - 1 + passed
        own = replace(window, ids=list(window.ids), answer=list(window.answer), lists=[])
        for begin, branch in window.lists:
            if branch.plan is not None and branch.scores is not None and branch.whole:
                branch = _own_list(branch, said[places[begin] :])
                assert branch.listed is not None
                end = begin + len(branch.listed)
                own.answer[begin:end] = [first + int(row) for row in branch.answer]
                own.ids[begin + 1 : end + 1] = [first + row for row in branch.listed]
            own.lists.append((begin, branch))
        passed = int(places[-1]) + 1
        out.append(own)
    return out


def _own_list(branch: Branch, said: np.ndarray) -> Branch:
    assert branch.plan is not None and branch.scores is not None
    places, best = Places(branch.plan), [int(branch.answer[0])]
    for scores in said[: len(branch.answer)]:
        if places.listed:
            best.append(places.best(branch.scores))
        places.take(int(np.where(places.permitted(), scores, -np.inf).argmax()))
    return replace(branch, answer=tuple(best), listed=tuple(places.listed))
