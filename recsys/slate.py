"""The slate: a list of recommended items, how it is built under controls, and what gives way.

``plan_slate`` decides what can be built (which controls, what length, which quotas);
``SlatePlan.pick`` builds it from scores, ``SlatePlan.guard`` step by step for a decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from recsys.catalog import Catalog, ItemId
from recsys.constraints import Compliance, Constraints, Control, order_key, range_mask
from recsys.controls import Clause, Quota, Range
from recsys.feasibility import Bounds, Guard, PatternTable

VARIETY = 0.5  # what a perfect double of a listed item loses, in standard deviations of the score
Similarity = Callable[[int, np.ndarray], np.ndarray]
After = Callable[[int], np.ndarray]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SlateItem(_Frozen):
    """One recommended item."""

    id: ItemId
    title: str
    year: int | None = None
    facets: dict[str, Any] = {}
    score: float = 0.0
    reasons: tuple[str, ...] = ()


class Relaxation(_Frozen):
    """A control that gave way: its label, what was done instead, and why (a sentence)."""

    control: str
    to: str | None = None
    reason: str


class FunnelStep(_Frozen):
    """How many items were left after a step."""

    step: str
    items: int


class Slate(_Frozen):
    """A list under controls. The JSON form is a public contract.

    ``relaxations`` is empty exactly when every control is met and the list has the length
    asked for. ``timings`` are in seconds.
    """

    items: tuple[SlateItem, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    timings: dict[str, float] = {}
    model: str = ""
    adapter: str | None = None
    catalog: str = ""
    decoding: str = "guarded"


def plan_slate(
    constraints: Constraints, known: Collection[int] = (), shown: Collection[int] = ()
) -> SlatePlan:
    """Decide what can be built, before anything is ranked.

    ``known`` rows (the profile) and seeds never come back; ``shown`` rows are left out too, but
    having seen every match is no reason to relax a control. Controls are taken from the most to
    the least important, and each is kept as long as something satisfies all that are kept, so
    what gives way is the least important. The length comes last: a short list that obeys beats a
    long one that does not. Quotas are then held against the length that is left.
    """
    catalog, noun = constraints.catalog, constraints.catalog.noun[1]
    unseen = np.ones(len(catalog), bool)
    unseen[[*known, *constraints.seeds, *constraints.unlike_seeds]] = False
    kept, relaxations = _keep_controls(constraints, unseen)
    eligible, funnel = _narrow(kept, catalog, unseen, shown)

    available = int(eligible.sum())
    count = min(constraints.count, available)
    if count < constraints.count:
        again = " that you have not had yet" if shown else ""
        number = f"Only {count}" if count else "No"
        reason = f"{number} {catalog.noun[0] if count == 1 else noun}{again} fit{'s' * (count == 1)}."
        relaxations.append(Relaxation(control="count", to=str(count), reason=reason))
    table = PatternTable(np.flatnonzero(eligible), [q.mask for q in constraints.quotas])
    bounds, bent = _fit_quotas(table, [q.quota for q in constraints.quotas], count)
    return SlatePlan(constraints, count, eligible, (*relaxations, *bent), funnel, table, bounds)


@dataclass(frozen=True, eq=False)
class SlatePlan:
    """What will be built: ``count`` items of ``eligible`` (bool ``(n_items,)``) under
    ``bounds``, one pair a quota. ``constraints`` are the ones asked for."""

    constraints: Constraints
    count: int
    eligible: np.ndarray
    relaxations: tuple[Relaxation, ...]
    funnel: tuple[FunnelStep, ...]
    table: PatternTable
    bounds: tuple[Bounds, ...]

    def guard(self) -> Guard:
        """A fresh guard for building the list step by step."""
        return Guard(self.table, self.count, self.bounds, len(self.eligible))

    def pick(
        self,
        scores: np.ndarray,
        similarity: Similarity | None = None,
        pool: np.ndarray | None = None,
        after: After | None = None,
    ) -> list[int]:
        """The list, best first: at each step the best item that keeps every quota reachable.

        ``scores`` is ``(n_items,)``, in units of standard deviations, larger is better.
        ``similarity(row, rows)`` gives 0..1 for each of ``rows``: a candidate loses
        :data:`VARIETY` times its similarity to the nearest item already listed (maximal
        marginal relevance, Carbonell and Goldstein 1998). An ``order`` selects by its key;
        scores then only break ties. ``pool`` names the rows to choose from, where they are known:
        of each pattern as many as the list has places, or all; default, the best of each pattern.
        ``after(row)`` gives the scores ``(n_items,)`` for the next place once ``row`` is listed;
        default, they stay what they were.
        """
        order = self.constraints.intent.order
        key = order_key(self.constraints.catalog, order) if order else None
        pool = self._pool(scores, key) if pool is None else pool
        value, taken = _finite(scores[pool]), np.zeros(len(pool), bool)
        if key is not None:
            by_key = np.lexsort((-value, -key[pool]))
            value[by_key] = np.arange(len(pool), 0, -1)
            similarity = None
        nearest = np.zeros(len(pool))
        guard, picked = self.guard(), []
        while not guard.done:
            ranked = np.argsort(-(value - VARIETY * nearest), kind="stable")
            best = next(i for i in ranked if guard.permits(int(pool[i])))
            guard.take(int(pool[best]))
            picked.append(int(pool[best]))
            if after is not None and not guard.done:
                value = _finite(after(picked[-1])[pool])
                taken[best] = True
                value[taken] = -np.inf
            value[best] = -np.inf
            if similarity is not None:
                nearest = np.maximum(nearest, similarity(picked[-1], pool))
        return picked

    def _pool(self, scores: np.ndarray, key: np.ndarray | None) -> np.ndarray:
        """The best rows of each pattern, more than the list can use of any."""
        size = 2 * self.count + 50
        pools = [_best(rows, size, scores, key) for rows in self.table.groups()]
        return np.sort(np.concatenate(pools)) if pools else np.empty(0, np.int64)


def _finite(scores: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(scores), scores, -1e9).astype(np.float64)


def _best(rows: np.ndarray, size: int, scores: np.ndarray, key: np.ndarray | None) -> np.ndarray:
    """The ``size`` rows of the largest key, of equal keys those of the largest score."""
    if len(rows) <= size:
        return rows
    if key is None:
        return rows[np.argpartition(-scores[rows], size)[:size]]
    values = key[rows]
    least = np.partition(values, len(values) - size)[len(values) - size]
    above = rows[values > least]
    return np.concatenate([above, _best(rows[values == least], size - len(above), scores, None)])


def _keep_controls(constraints: Constraints, unseen: np.ndarray) -> tuple[list[Control], list[Relaxation]]:
    """The controls in force, least important first, and what gave way."""
    mask = unseen.copy()
    kept: list[Control] = []
    relaxations: list[Relaxation] = []
    noun = constraints.catalog.noun[0]
    for control in reversed(constraints.controls):
        if not (mask & control.mask).any():
            wider = None
            if isinstance(control.source, Range):
                wider = _widen(control.source, constraints.catalog, mask, constraints.count)
            rest = " and ".join(_short(c) for c in reversed(kept))
            reason = f"No {noun} has {_short(control)}{f' together with {rest}' if rest else ''}."
            relaxations.append(
                Relaxation(control=control.label, to=wider.label if wider else None, reason=reason)
            )
            if wider is None:
                continue
            control = wider
        kept.append(control)
        mask &= control.mask
    return kept[::-1], relaxations[::-1]


def _short(control: Control) -> str:
    """A control's label, without its facet where the values speak for themselves."""
    facet = control.source.facet if isinstance(control.source, Clause) else ""
    return control.label.replace(f"{facet} ", "", 1) if facet else control.label


def _widen(asked: Range, catalog: Catalog, mask: np.ndarray, n: int) -> Control | None:
    """The range stretched just far enough to hold n of the items in ``mask``."""
    column = catalog.numeric[asked.facet]
    low = -np.inf if asked.min is None else asked.min
    high = np.inf if asked.max is None else asked.max
    distance = np.maximum(np.maximum(low - column, column - high), 0)
    found = np.sort(distance[mask & ~np.isnan(column)])
    if not len(found):
        return None
    inside = mask & (distance <= found[min(n, len(found)) - 1])
    # by way of text: 4.3, not 4.300000190734863
    values = [float(str(value)) for value in (column[inside].min(), column[inside].max())]
    wider = Range(
        facet=asked.facet,
        min=None if asked.min is None else min(asked.min, values[0]),
        max=None if asked.max is None else max(asked.max, values[1]),
    )
    return Control("range", wider.label, range_mask(catalog, wider.facet, wider.min, wider.max), wider)


def _narrow(
    kept: Sequence[Control], catalog: Catalog, unseen: np.ndarray, shown: Collection[int]
) -> tuple[np.ndarray, tuple[FunnelStep, ...]]:
    """The eligible items, and how many were left after each control, most important first."""
    mask = np.ones(len(catalog), bool)
    steps = [FunnelStep(step="catalogue", items=len(catalog))]
    for control in reversed(kept):
        mask &= control.mask
        steps.append(FunnelStep(step=control.label, items=int(mask.sum())))
    mask &= unseen
    mask[list(shown)] = False
    steps.append(FunnelStep(step="new to you", items=int(mask.sum())))
    return mask, tuple(steps)


def _fit_quotas(
    table: PatternTable, quotas: Sequence[Quota], n: int
) -> tuple[tuple[Bounds, ...], list[Relaxation]]:
    """Bounds for a list of n: what was asked, exact where ``about`` allows it, bent to the
    closest possible number (the earlier-stated quota first) where the items do not suffice."""
    anything = (0, n)
    bounds: list[Bounds] = [anything] * len(quotas)
    bent: list[Relaxation] = []
    for q in reversed(range(len(quotas))):
        quota = quotas[q]
        bounds[q] = quota.bounds(n)
        if table.solve(n, bounds) is None:
            number = table.closest(n, bounds, q)
            bounds[q] = (number, number)
            reason = f"{number} of {n} is the nearest possible within the rest of the request."
            bent.append(Relaxation(control=quota.label, to=f"{number} of {n}", reason=reason))
    for q in reversed(range(len(quotas))):
        aimed = [*bounds[:q], quotas[q].bounds(n, aim=True), *bounds[q + 1 :]]
        if quotas[q].op == "about" and table.solve(n, aimed) is not None:
            bounds = aimed
    return tuple(bounds), bent[::-1]
