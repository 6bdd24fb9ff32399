"""Rewards of a generated list, item by item and as a whole.

Formulas: METHOD 1.3, after "Aligning Large Language Models for Controllable Recommendations" (Lu et
al., ACL 2024), where ``n`` is the number of items asked for and positions count from 0. What a control
means is :mod:`recsys.constraints`' matter; here it is only turned into numbers. Beyond the paper:

- every control of a :class:`~recsys.constraints.Constraints` counts, several at once as their mean;
- a list that stops early is penalised like one that names what does not exist: each empty place is
  a fault, and the token that ends a list has a reward of its own;
- shares are held against the very numbers the prompt stands for (``Quota.bounds(n)``), and an item
  counts for a control only if it is no fault.

A list is a sequence of catalogue rows, -1 for what is no item.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys.constraints import CompiledQuota, Constraints, order_key
from recsys.slate import SlatePlan

Fault = Literal["excess", "non_exist", "repeat", "in_history"]
PENALTY = -1.0
LIST_SCALE = 10.0  # of the list's reward beside an item's


@dataclass(frozen=True, eq=False)
class Wish:
    """What one prompt asks, and what a good answer is.

    ``known`` are the rows that must not come back, ``ranks`` is :func:`ranking`, int ``(n_items,)``,
    ``target`` the item that the person did use next, where there is one, and ``available`` how long
    a list can be had where that is less than was asked for.
    """

    constraints: Constraints
    known: frozenset[int]
    ranks: np.ndarray
    target: int | None = None
    available: int | None = None

    @property
    def count(self) -> int:
        """The length that the list should have."""
        return self.constraints.count if self.available is None else self.available


def ranking(scores: np.ndarray, plan: SlatePlan | None = None) -> np.ndarray:
    """0-based rank of every item by ``scores`` ``(n_items,)``, the best being 0; ties by row.

    Under an ``order`` what the plan may list comes first, by its key; scores break ties. That is the
    list which :meth:`recsys.slate.SlatePlan.pick` makes.
    """
    order = plan.constraints.intent.order if plan else None
    if plan and order:
        behind = np.ones(len(scores), bool)
        behind[plan.table.rows] = False
        by = np.lexsort((-scores, -order_key(plan.constraints.catalog, order), behind))
    else:
        by = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), np.int32)
    ranks[by] = np.arange(len(scores), dtype=np.int32)
    return ranks


def faults(rows: Sequence[int] | np.ndarray, count: int, known: Collection[int] = ()) -> list[Fault | None]:
    """What is wrong with each item, the first that applies: beyond the number asked for, not in
    the catalogue, repeated, already known. None where nothing is."""
    out: list[Fault | None] = []
    listed: set[int] = set()
    for place, row in enumerate(rows):
        if place >= count:
            out.append("excess")
        elif row < 0:
            out.append("non_exist")
        elif row in listed:
            out.append("repeat")
        else:
            out.append("in_history" if row in known else None)
        listed.add(row)
    return out


def sound(rows: Sequence[int] | np.ndarray, wish: Wish) -> np.ndarray:
    """Which items are no fault, bool ``(len(rows),)``."""
    return np.array([fault is None for fault in faults(rows, wish.count, wish.known)], bool)


def rank_rewards(rows: Sequence[int] | np.ndarray, wish: Wish) -> np.ndarray:
    """``r``, float ``(len(rows),)``: 1 for the target, ``1 / log2(rank + 3)`` for other items, and
    :data:`PENALTY` for a fault."""
    items = np.asarray(rows, np.int64).reshape(-1)
    scores = 1 / np.log2(wish.ranks[items] + 3.0)
    scores[items == (-1 if wish.target is None else wish.target)] = 1.0
    return np.where(sound(items, wish), scores, PENALTY)


def control_scores(rows: Sequence[int] | np.ndarray, wish: Wish) -> np.ndarray:
    """Which item obeys which control, 0 or 1, float ``(len(rows), n_controls)``.

    Columns: hard controls, then shares, then the order. Faults obey nothing. For a share, an item
    inside obeys while the items inside are not too many, one outside while those outside are not
    too many: so the item that makes the share unreachable is the one to blame. For an order, an
    item obeys that comes no earlier than the one before it by the order's key.
    """
    constraints = wish.constraints
    items = np.asarray(rows, np.int64).reshape(-1)
    good = sound(rows, wish)
    columns = [control.mask[items] & good for control in constraints.controls]
    columns += [_reachable(items, good, quota, wish.count) & good for quota in constraints.quotas]
    if constraints.intent.order:
        columns.append(_in_place(items, good, constraints))
    return np.array(columns, float).reshape(len(columns), len(items)).T


def item_rewards(rows: Sequence[int], wish: Wish) -> np.ndarray:
    """Reward of each item, float ``(len(rows),)`` in [-1, 1]: :data:`PENALTY` for a fault, else
    ``r``, under controls ``0.5 r + 0.5 c`` with ``c`` the share of the controls that it obeys."""
    ranks, obeyed = rank_rewards(rows, wish), control_scores(rows, wish)
    if not obeyed.shape[1]:
        return ranks
    return np.where(sound(rows, wish), 0.5 * ranks + 0.5 * obeyed.mean(axis=1), PENALTY)


def end_reward(length: int, count: int) -> float:
    """Reward of the token that ends a list: 1 at the number asked for, else :data:`PENALTY`.
    (The paper's code has none, and so none for lists that are too short.)"""
    return 1.0 if length == count else PENALTY


def list_reward(rows: Sequence[int], wish: Wish) -> float:
    """``10 * (0.5 * DCG / IDCG + 0.5 * T)``.

    ``DCG = sum r_i / log2(i + 2)`` with penalties, also for the places left empty, and
    ``IDCG = sum 1 / log2(i + 2)^2`` over n places. ``T`` is :func:`control_term`.
    """
    empty = max(wish.count - len(rows), 0)
    gains = np.r_[rank_rewards(rows, wish), np.full(empty, PENALTY)]
    dcg = float((gains / np.log2(np.arange(len(gains)) + 2)).sum())
    ideal = float((1 / np.log2(np.arange(wish.count) + 2) ** 2).sum())
    return LIST_SCALE * (0.5 * dcg / ideal + 0.5 * control_term(rows, wish))


def control_term(rows: Sequence[int], wish: Wish) -> float:
    """``T`` of a list, in [0, 1]: the mean over the controls, of

    - a hard control or an order: ``1 / (missing + 1)`` with the places whose item does not obey it;
    - a share: 1 when it is met, else ``1 / (|inside - asked| + 1)``;

    and without controls ``1 / log2(place + 2)`` of the target, 0 when it is not listed.
    """
    items, count = np.asarray(rows[: wish.count], np.int64), wish.count
    obeyed = control_scores(items, wish)
    constraints = wish.constraints
    hard = len(constraints.controls)
    whole = [*range(hard), *range(hard + len(constraints.quotas), obeyed.shape[1])]
    terms = [1 / (count - obeyed[:, column].sum() + 1) for column in whole]
    good = sound(items, wish)
    for quota in constraints.quotas:
        inside = int((quota.mask[items] & good).sum())
        low, high = quota.quota.bounds(count)
        met = low <= inside <= high
        terms.append(1.0 if met else 1 / (abs(inside - quota.quota.asked(count)) + 1))
    if terms:
        return float(np.mean(terms))
    place = list(items).index(wish.target) if wish.target in items else None
    return 0.0 if place is None else float(1 / np.log2(place + 2))


def _reachable(items: np.ndarray, good: np.ndarray, quota: CompiledQuota, count: int) -> np.ndarray:
    low, high = quota.quota.bounds(count)
    is_in = quota.mask[items] & good
    inside = np.cumsum(is_in)
    outside = np.arange(1, len(items) + 1) - inside  # faults fill a place, too
    return np.where(is_in, inside <= high, outside <= count - low)


def _in_place(items: np.ndarray, good: np.ndarray, constraints: Constraints) -> np.ndarray:
    assert constraints.intent.order
    key = order_key(constraints.catalog, constraints.intent.order, items)
    placed, last = np.zeros(len(items), bool), np.inf
    for i in np.flatnonzero(good):
        placed[i], last = key[i] <= last, key[i]
    return placed
