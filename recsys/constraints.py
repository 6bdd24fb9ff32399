"""Compiled controls: masks and counters over a catalogue, and the report on a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from recsys.catalog import Catalog
from recsys.controls import (
    DEFAULT_COUNT,
    MAX_QUOTAS,
    ORDER_KEYS,
    Clause,
    ControlError,
    ControlIntent,
    Order,
    Popularity,
    Quota,
    Range,
    order_facet,
)

MAINSTREAM_SHARE, NICHE_SHARE = 0.1, 0.3  # by rank of the number of ratings


def compile_intent(intent: ControlIntent, catalog: Catalog, count: int | None = None) -> Constraints:
    """See :meth:`recsys.controls.ControlIntent.compile`."""
    hard: list[Control] = []
    if intent.popularity:
        hard.append(Control("popularity", intent.popularity, _popularity_mask(catalog, intent.popularity)))
    hard += [Control("range", r.label, range_mask(catalog, r.facet, r.min, r.max), r) for r in intent.ranges]
    hard += [Control("require", c.label, _clause_mask(catalog, c), c) for c in intent.require]
    hard += [Control("exclude", f"no {c.label}", ~_clause_mask(catalog, c), c) for c in intent.exclude]
    if intent.order:
        order_key(catalog, intent.order, slice(0))  # is there something to order by?
    if len(intent.quotas) > MAX_QUOTAS:
        raise ControlError(
            f"That is {len(intent.quotas)} shares at once; please ask for {MAX_QUOTAS} at most."
        )
    return Constraints(
        catalog=catalog,
        intent=intent,
        count=intent.count or count or DEFAULT_COUNT,
        controls=tuple(hard),
        quotas=tuple(CompiledQuota(q, _quota_mask(catalog, q)) for q in intent.quotas),
        seeds=tuple(find_title(catalog, t) for t in intent.like),
        unlike_seeds=tuple(find_title(catalog, t) for t in intent.unlike),
    )


@dataclass(frozen=True, eq=False)
class Control:
    """One hard control: the items that obey it, as a mask ``(n_items,)``."""

    kind: Literal["require", "exclude", "range", "popularity"]
    label: str
    mask: np.ndarray
    source: Clause | Range | None = None


@dataclass(frozen=True, eq=False)
class CompiledQuota:
    """A quota and the items that count for it, as a mask ``(n_items,)``."""

    quota: Quota
    mask: np.ndarray


class Compliance(BaseModel):
    """One control held against a list: the number asked for, the number found."""

    model_config = ConfigDict(frozen=True)

    control: str
    asked: int
    got: int
    met: bool


@dataclass(frozen=True, eq=False)
class Constraints:
    """A compiled intent. ``controls`` stand from the least to the most important, which is
    the order in which they give way when nothing satisfies them all."""

    catalog: Catalog
    intent: ControlIntent
    count: int
    controls: tuple[Control, ...]
    quotas: tuple[CompiledQuota, ...]
    seeds: tuple[int, ...]
    unlike_seeds: tuple[int, ...]

    @cached_property
    def mask(self) -> np.ndarray:
        """Items that obey every hard control and are no seed, bool ``(n_items,)``."""
        mask = np.ones(len(self.catalog), bool)
        for control in self.controls:
            mask &= control.mask
        mask[list(self.seeds + self.unlike_seeds)] = False
        return mask

    def report(self, rows: Sequence[int]) -> list[Compliance]:
        """Hold a list of catalogue rows against every control asked for.

        A row of -1 is an item outside the catalogue: it obeys nothing. Shares are of the
        list as it is; whether it has the length asked for is a control of its own.
        """
        items = np.asarray(rows, np.int64)
        real = items >= 0
        out = []
        for control in self.controls:
            got = int((control.mask[items] & real).sum())
            out.append(Compliance(control=control.label, asked=len(items), got=got, met=got == len(items)))
        for compiled in self.quotas:
            quota, got = compiled.quota, int((compiled.mask[items] & real).sum())
            low, high = quota.bounds(len(items))
            asked = quota.asked(len(items))
            out.append(Compliance(control=quota.label, asked=asked, got=got, met=low <= got <= high))
        if self.intent.order:
            out.append(self._order_report(items))
        if self.intent.count is not None:
            met = len(items) == self.count
            out.append(Compliance(control="count", asked=self.count, got=len(items), met=met))
        return out

    def _order_report(self, items: np.ndarray) -> Compliance:
        assert self.intent.order
        values = np.where(items >= 0, order_key(self.catalog, self.intent.order, items), -np.inf)
        placed = 1 + int((np.diff(values) <= 0).sum()) if len(items) else 0
        label = f"order {self.intent.order.replace('_', ' ')}"
        return Compliance(control=label, asked=len(items), got=placed, met=placed == len(items))


def order_key(catalog: Catalog, order: Order, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Sort key of ``rows`` (default: every item), float64: larger comes first, unknown last.
    :class:`ControlError` when the catalogue has nothing to order by."""
    found = order_facet(order, catalog.numeric)
    if found is None:
        raise ControlError(f"This catalogue has no {ORDER_KEYS[order][0][0]} to order by.")
    facet, sign = found
    column = catalog.numeric[facet][rows].astype(np.float64) * sign
    return np.where(np.isnan(column), -1e18, column)


def find_title(catalog: Catalog, title: str) -> int:
    """Row of a title as the catalogue (or a person) spells it; :class:`ControlError` if none."""
    for row in catalog.title_index.exact(title):
        if catalog.titles[row] == title:  # "Catan (Junior)" is another name of "Catan", too
            return row
    match = catalog.title_index.best(title)
    if match is None:
        if title in catalog.titles:  # one without a word to search by
            return list(catalog.titles).index(title)
        near = [catalog.titles[m.row] for m in catalog.title_index.search(title, n=3)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ControlError(f"I know no {catalog.noun[0]} called “{title}”.{hint}")
    return match.row


def _clause_mask(catalog: Catalog, clause: Clause) -> np.ndarray:
    masks = [_value_mask(catalog, clause.facet, value) for value in clause.values]
    combine = np.logical_or if clause.any_of else np.logical_and
    return combine.reduce(masks)


def _value_mask(catalog: Catalog, facet: str, value: str) -> np.ndarray:
    if facet not in catalog.categorical:
        known = ", ".join(catalog.categorical) or "none"
        raise ControlError(f"This catalogue has no facet “{facet}” with values; it has {known}.")
    column = catalog.categorical[facet]
    if column.spelling(value) is None:
        from rapidfuzz import process

        near = [v for v, *_ in process.extract(value, column.values, limit=3, score_cutoff=60)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ControlError(f"This catalogue has no {facet} “{value}”.{hint}")
    return column.mask(value)


def range_mask(catalog: Catalog, facet: str, low: float | None, high: float | None) -> np.ndarray:
    if facet not in catalog.numeric:
        known = ", ".join(catalog.numeric) or "none"
        raise ControlError(f"This catalogue has no number “{facet}”; it has {known}.")
    column = catalog.numeric[facet]
    mask = ~np.isnan(column)
    # float32 columns: compare in the column's own precision, so that 3.9 finds 3.9
    if low is not None:
        mask &= column >= np.float32(low)
    if high is not None:
        mask &= column <= np.float32(high)
    return mask


def _quota_mask(catalog: Catalog, quota: Quota) -> np.ndarray:
    if quota.value is not None:
        return _value_mask(catalog, quota.facet, quota.value)
    return range_mask(catalog, quota.facet, quota.min, quota.max)


def _popularity_mask(catalog: Catalog, popularity: Popularity) -> np.ndarray:
    """By the share of items that are strictly more popular, so that ties go together."""
    above = catalog.more_popular
    return above < MAINSTREAM_SHARE if popularity == "mainstream" else above >= NICHE_SHARE
