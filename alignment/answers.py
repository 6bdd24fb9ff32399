"""The list that answers a request, place by place: what may stand there, and what does best.

Where in a list those items stand that count for a share matters to nobody, but a model that is to keep
the share by itself must know at each place how many there are already. So one rule decides: first
those that the share needs, then those that it needs not to have, then whatever is best.
"""

from __future__ import annotations

import numpy as np

from recsys.constraints import order_key
from recsys.slate import SlatePlan


class Places:
    """The places of a list under a plan, one after the other; ``listed`` are the rows before the one at
    hand."""

    def __init__(self, plan: SlatePlan) -> None:
        order = plan.constraints.intent.order
        self._plan, self._guard = plan, plan.guard()
        self._key = order_key(plan.constraints.catalog, order) if order else None
        self.listed: list[int] = []

    @property
    def done(self) -> bool:
        """Whether the list has its length."""
        return self._guard.done

    def permitted(self) -> np.ndarray:
        """What may stand at this place, bool ``(n_items,)``: what keeps the plan within reach, and of
        that what an order puts first; nothing at the end."""
        mask = self._guard.allowed()
        if self._key is not None and mask.any():
            mask &= self._key == self._key[mask].max()
        return mask

    def best(self, scores: np.ndarray, target: int | None = None) -> int:
        """The row for this place: ``target`` wherever it is permitted, else the one of the largest of the
        ``scores`` ``(n_items,)`` among those that the shares want here."""
        mask = self.permitted()
        if target is not None and mask[target]:
            return target
        rows = np.flatnonzero(self._wanted(mask))
        return int(rows[scores[rows].argmax()])

    def take(self, row: int) -> None:
        """Put ``row`` here. Raises ValueError when that leaves the plan out of reach."""
        self._guard.take(row)
        self.listed.append(row)

    def _wanted(self, mask: np.ndarray) -> np.ndarray:
        """Of the permitted items those that each share in turn wants at this place."""
        plan, here = self._plan, len(self.listed)
        for quota, (low, high) in zip(plan.constraints.quotas, plan.bounds, strict=True):
            inside = int(quota.mask[self.listed].sum())
            if inside < low:
                some = mask & quota.mask
            elif here - inside < plan.count - high:
                some = mask & ~quota.mask
            else:
                continue
            mask = some if some.any() else mask
        return mask


def best_list(plan: SlatePlan, scores: np.ndarray, target: int | None = None) -> list[int]:
    """The best list that obeys: ``plan`` applied to ``scores`` ``(n_items,)``, with ``target`` (the row that
    truly comes next) before all others wherever the plan permits it."""
    places = Places(plan)
    while not places.done:
        places.take(places.best(scores, target))
    return places.listed
