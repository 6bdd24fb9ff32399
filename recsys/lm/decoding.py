"""Decoding lists of items, many side by side, in one of three ways.

*Free*: the likeliest token of the whole vocabulary, up to the end token: what the model does by
itself. *Distinct*: the same, but of the items only those not listed yet, as a ranking is drawn
(Plackett, "The analysis of permutations", 1975); nothing holds it to the request. *Guarded*: the
likeliest item that the plan's guard lets through, so that the list obeys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recsys.lm.model import BATCH, ItemTokenModel
from recsys.slate import SlatePlan

#: The next row of list i (below 0: no item), from the scores and what is listed; None at the end.
Choose = Callable[[int, np.ndarray, list[int]], int | None]
#: Tokens a free answer may be longer than what was asked for.
SLACK = 5


def free_lists(
    model: ItemTokenModel,
    prompts: Sequence[Sequence[int]],
    counts: Sequence[int],
    distinct: bool = False,
) -> list[list[int]]:
    """Greedy answers as rows, -1 for a token that is no item; with ``distinct``, no item twice."""

    def choose(i: int, scores: np.ndarray, taken: list[int]) -> int | None:
        if distinct:
            scores[[model.first + row for row in taken if row >= 0]] = -np.inf
        token = int(scores.argmax())
        return None if token == model.end or len(taken) >= counts[i] + SLACK else token - model.first

    return _decode(model, prompts, choose, whole=True)


def guarded_lists(
    model: ItemTokenModel,
    prompts: Sequence[Sequence[int]],
    plans: Sequence[SlatePlan],
    beside: np.ndarray | None,
) -> list[list[int]]:
    """Lists under plans; ``beside``: see :func:`with_beside`. An ``order`` is the plan's to keep: the
    model then only breaks ties."""
    guards = [plan.guard() for plan in plans]
    ordered = {i for i, plan in enumerate(plans) if plan.constraints.intent.order}
    ready: dict[int, list[int]] = {}

    def choose(i: int, scores: np.ndarray, taken: list[int]) -> int | None:
        if beside is not None:
            scores = with_beside(scores, beside[i])
        if i in ordered:
            ready.setdefault(i, plans[i].pick(scores))
            return ready[i][len(taken)] if len(taken) < len(ready[i]) else None
        if guards[i].done:
            return None
        row = int(np.where(guards[i].allowed(), scores, -np.inf).argmax())
        guards[i].take(row)
        return row

    return _decode(model, prompts, choose, whole=False)


def with_beside(scores: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Items' logits ``(..., n_items)`` with other scores beside them, which are standardised and
    weighted: they are stretched to the logits' own deviation."""
    return scores + scores.std(axis=-1, keepdims=True) * beside


def _decode(
    model: ItemTokenModel, prompts: Sequence[Sequence[int]], choose: Choose, whole: bool
) -> list[list[int]]:
    """Step all lists until ``choose(i, scores, taken)`` ends each with None."""
    lists: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), BATCH):
        chunk = order[start : start + BATCH]
        state = model.read([prompts[i] for i in chunk])
        open_ = set(chunk)
        while True:
            scores = model.token_scores(state) if whole else model.item_scores(state)
            tokens = []
            for i, own in zip(chunk, scores, strict=True):
                row = choose(i, own, lists[i]) if i in open_ else None
                if row is None:
                    open_.discard(i)
                    tokens.append(model.end)
                else:
                    lists[i].append(row if row >= 0 else -1)
                    tokens.append(row + model.first)
            if not open_:
                break
            state = model.step(state, tokens)
    return lists
