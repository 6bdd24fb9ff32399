"""Requests to train on, drawn so that something satisfies them.

A request takes its values from an *anchor* item, which obeys it: half of the time the item that comes
next for the user (so a list that obeys can hold it), half of the time any item of some renown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from alignment.wishes import Wishes, is_free_words
from recsys.catalog import Catalog
from recsys.controls import (
    Clause,
    ControlEdit,
    ControlIntent,
    Op,
    Order,
    Quota,
    Range,
    Removal,
    order_facet,
)
from recsys.topk import top

MOST_ASKED, MANY, MOST_COUNT = 10, 20, 50  # usual longest list, of the task count, and at times
UNASKED = 0.1  # how often no number is named
FAVOURITES = 20  # of the teacher's own list, where hard negatives come from
NEIGHBOURS = 20  # among so many nearest, one is taken for a seed
SHARES = {
    "at_most": (0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5),
    "at_least": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9),
    "about": (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8),
    "exactly": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1),
}


@dataclass(frozen=True, eq=False)
class Moment:
    """A user at a point in time.

    Parameters
    ----------
    known : rows so far; ``target`` the row that comes next, None where that is not known.
    scores : the teacher's, ``(n_items,)``; ``anchor`` is the item that requests are made from.
    """

    known: Sequence[int]
    target: int | None
    scores: np.ndarray
    anchor: int


Draw = Callable[[Moment], ControlIntent | None]


class Intents:
    """Draws a :class:`ControlIntent` for a moment, or None where the catalogue has no such control.
    One method a task; ``rng`` makes it deterministic."""

    def __init__(self, catalog: Catalog, wishes: Wishes, rng: np.random.Generator) -> None:
        self._catalog, self._wishes, self.rng = catalog, wishes, rng
        self._renown = np.cumsum(np.sqrt(catalog.popularity.astype(np.float64) + 0.1))
        facets = [name for name, facet in catalog.categorical.items() if facet.values]
        self.main = facets[0] if facets else None
        self._others = [name for name in facets[1:] if not is_free_words(catalog.categorical[name])]
        self._numeric = [name for name, column in catalog.numeric.items() if len(np.unique(column)) > 3]
        self._orders = [o for o in get_args(Order) if order_facet(o, catalog.numeric)]

    def some_item(self) -> int:
        """Any item, the well known more often."""
        at = np.searchsorted(self._renown, self.rng.random() * self._renown[-1])
        return int(min(at, len(self._renown) - 1))

    def anchor(self, target: int | None) -> int:
        return target if target is not None and self.rng.random() < 0.5 else self.some_item()

    # -- the tasks of the paper ---------------------------------------------------------------

    def seqrec(self, moment: Moment) -> ControlIntent:
        return ControlIntent(count=self._count())

    def count(self, moment: Moment) -> ControlIntent:
        return ControlIntent(count=self._between(1, MOST_COUNT if self._chance(0.15) else MANY))

    def plus(self, moment: Moment) -> ControlIntent | None:
        first, other = self._main_value(moment.anchor), self._main_value(moment.anchor)
        if first is None or self.main is None:
            return None
        clauses: tuple[Clause, ...] = (Clause(facet=self.main, any_of=(first,)),)
        how = self.rng.random()
        if how < 0.15 and other and other != first:  # "romantic comedy"
            clauses = (*clauses, Clause(facet=self.main, any_of=(other,)))
        elif how < 0.3 and (other := self._main_value(self.some_item())) and other != first:
            clauses = (Clause(facet=self.main, any_of=(first, other)),)
        return ControlIntent(count=self._count(), require=clauses)

    def minus(self, moment: Moment) -> ControlIntent | None:
        value = self._hard_value(moment) if self._chance(0.7) else self._main_value(self.some_item())
        if value is None or self.main is None:
            return None
        return ControlIntent(count=self._count(), exclude=(Clause(facet=self.main, any_of=(value,)),))

    def at_most(self, moment: Moment) -> ControlIntent | None:
        return self._quota(moment, "at_most")

    def at_least(self, moment: Moment) -> ControlIntent | None:
        return self._quota(moment, "at_least")

    def about(self, moment: Moment) -> ControlIntent | None:
        return self._quota(moment, "about")

    def exactly(self, moment: Moment) -> ControlIntent | None:
        return self._quota(moment, "exactly")

    def search(self, moment: Moment) -> ControlIntent | None:
        value = self._main_value(moment.anchor)
        if value is None or self.main is None:
            return None
        return ControlIntent(count=1, require=(Clause(facet=self.main, any_of=(value,)),))

    # -- what the product has beyond it -------------------------------------------------------

    def facet(self, moment: Moment) -> ControlIntent | None:
        """Any facet but the main one: people, language, country, …"""
        if not self._others:
            return None
        name = self._one(self._others)
        value = self._value(name, moment.anchor)
        if value is None:
            return None
        clause = Clause(facet=name, any_of=(value,))
        if self._chance(0.25):
            favourite = self._value(name, self._one(self._favourites(moment)))
            out = clause if favourite is None else Clause(facet=name, any_of=(favourite,))
            return ControlIntent(count=self._count(), exclude=(out,))
        return ControlIntent(count=self._count(), require=(clause,))

    def range(self, moment: Moment) -> ControlIntent | None:
        if not self._numeric:
            return None
        bounds = self._bounds(self._one(self._numeric), moment.anchor)
        return ControlIntent(count=self._count(), ranges=(bounds,)) if bounds else None

    def popularity(self, moment: Moment) -> ControlIntent | None:
        if not self._catalog.popularity.any():
            return None
        return ControlIntent(count=self._count(), popularity=self._one(("mainstream", "niche")))

    def like(self, moment: Moment) -> ControlIntent | None:
        seeds = self._seeds(moment.anchor)
        return ControlIntent(count=self._count(), like=seeds) if seeds else None

    def unlike(self, moment: Moment) -> ControlIntent | None:
        seeds = self._seeds(self._one(self._favourites(moment)))[:1]
        return ControlIntent(count=self._count(), unlike=seeds) if seeds else None

    def theme(self, moment: Moment) -> ControlIntent | None:
        theme = self._theme(moment.anchor)
        return ControlIntent(count=self._count(), theme=theme) if theme else None

    def avoid_theme(self, moment: Moment) -> ControlIntent | None:
        theme = self._theme(self._one(self._favourites(moment)))
        return ControlIntent(count=self._count(), avoid_theme=theme) if theme else None

    def order(self, moment: Moment) -> ControlIntent | None:
        if not self._orders:
            return None
        intent = ControlIntent(count=self._count(), order=self._one(self._orders))
        if self._chance(0.7):
            beside = self._one((self.plus, self.range, self.facet, self.popularity))(moment)
            intent = _both(beside, intent) if beside else intent
        return intent

    def several(self, moment: Moment) -> ControlIntent | None:
        """Two to four controls that the anchor obeys together."""
        kinds: list[Draw] = [self.plus, self.minus, self.range, self.facet, self.popularity, self.order]
        kinds += (self.at_most, self.at_least, self.about, self.like, self.theme, self.range, self.plus)
        intent = ControlIntent()
        for i in self.rng.permutation(len(kinds))[: self._between(2, 4)]:
            one = kinds[i](moment)
            intent = _both(intent, one) if one else intent
        counts = [quota.count for quota in intent.quotas if quota.count is not None]
        count = self._between(max(3, *counts), MOST_ASKED) if counts else self._count(least=3)
        return intent.model_copy(update={"count": count})

    def refine(self, moment: Moment) -> list[ControlEdit] | None:
        """Two or three turns of a conversation."""
        first = self._one((self.plus, self.minus, self.range, self.facet, self.about, self.several))(moment)
        if first is None:
            return None
        edits, intent = [ControlEdit(add=first)], first
        for _ in range(self._between(1, 2)):
            edit = self._edit(moment, intent)
            if edit and edit.apply(intent) != intent:
                edits.append(edit)
                intent = edit.apply(intent)
        return edits if len(edits) > 1 else None

    def _edit(self, moment: Moment, intent: ControlIntent) -> ControlEdit:
        how = self.rng.random()
        if how < 0.3:
            return ControlEdit(add=ControlIntent(count=self._between(1, MOST_ASKED)))
        if how < 0.5 and (removal := self._removal(intent)):
            return ControlEdit(remove=(removal,))
        kinds = (self.plus, self.minus, self.range, self.facet, self.popularity, self.order, self.like)
        add = self._one(kinds)(moment) or ControlIntent()
        if not self._chance(0.2):
            add = add.model_copy(update={"count": None})
        if add.require and intent.require:  # "thrillers instead"
            return ControlEdit(remove=(Removal(field="require"),), add=add)
        return ControlEdit(clear=self._chance(0.05), add=add)

    def _removal(self, intent: ControlIntent) -> Removal | None:
        removals = [Removal(field="exclude", facet=c.facet, value=c.values[0]) for c in intent.exclude]
        removals += [Removal(field="require", entry=clause) for clause in intent.require]
        removals += [Removal(field="ranges", facet=r.facet) for r in intent.ranges]
        removals += [Removal(field="quotas", entry=quota) for quota in intent.quotas]
        return self._one(removals) if removals else None

    # -- draws --------------------------------------------------------------------------------

    def _chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def _between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def _one(self, some: Any) -> Any:
        return some[int(self.rng.integers(len(some)))]

    def _count(self, least: int = 1) -> int | None:
        return None if self._chance(UNASKED) else self._between(least, MOST_ASKED)

    def _value(self, facet: str, row: int) -> str | None:
        """A value of an item, the more common the more often."""
        column = self._catalog.categorical[facet]
        codes = column.by_item.indices[column.by_item.indptr[row] : column.by_item.indptr[row + 1]]
        if not len(codes):
            return None
        weight = np.cumsum(column.counts[codes])
        return column.values[codes[int(np.searchsorted(weight, self.rng.random() * weight[-1]))]]

    def _main_value(self, row: int) -> str | None:
        """A value of the main facet, each as often."""
        values = self._catalog.categorical[self.main].values_of(row) if self.main else []
        return self._one(values) if values else None

    def _favourites(self, moment: Moment) -> np.ndarray:
        """The teacher's own list: what the user does not know yet."""
        best = top(moment.scores, FAVOURITES + len(moment.known))
        new = best[~np.isin(best, moment.known)][:FAVOURITES]
        return new if len(new) else best

    def _hard_value(self, moment: Moment) -> str | None:
        """The value most frequent in the teacher's own list that the target does not have."""
        if self.main is None:
            return None
        column = self._catalog.categorical[self.main]
        frequent = np.asarray(column.by_item[self._favourites(moment)].sum(axis=0)).ravel()
        if moment.target is not None:
            frequent[column.by_item[moment.target].indices] = 0
        return column.values[int(frequent.argmax())] if frequent.any() else None

    def _quota(self, moment: Moment, op: Op) -> ControlIntent | None:
        """A share or a count of a value of the main facet; at times of another, or of a range."""
        n = self._between(2, MOST_ASKED)
        how = self.rng.random()
        what: dict[str, object] | None = None
        if how < 0.15 and self._numeric:
            bounds = self._bounds(self._one(self._numeric), moment.anchor)
            if bounds:
                what = {"facet": bounds.facet, "min": bounds.min, "max": bounds.max}
        elif how < 0.25 and self._others:
            facet = self._one(self._others)
            what = {"facet": facet, "value": self._value(facet, moment.anchor)}
        elif self.main:
            hard = op == "at_most" and self._chance(0.6)
            value = self._hard_value(moment) if hard else self._main_value(moment.anchor)
            what = {"facet": self.main, "value": value}
        if what is None or ("value" in what and what["value"] is None):
            return None
        if self._chance(0.6):
            size: dict[str, float | int] = {"share": float(self._one(SHARES[op]))}
        else:
            size = {"count": self._between(0 if op == "at_most" else 1, n - (op == "at_most"))}
        return ControlIntent(count=n, quotas=(Quota.model_validate({**what, "op": op, **size}),))

    def _bounds(self, facet: str, row: int) -> Range | None:
        """Round bounds that hold the item's number."""
        column = self._catalog.numeric[facet]
        number = float(column[row])
        if not np.isfinite(number):
            return None
        spread = float(np.nanquantile(column, 0.95) - np.nanquantile(column, 0.05))
        if not spread:
            return None
        step = 10.0 ** np.floor(np.log10(spread / 4))
        if self._chance(0.3):
            step /= 2 if step > 1 else 1
        low = np.floor(number / step) * step
        high = low + step * self._between(1, 2)
        if float(step).is_integer() and self._chance(0.7):
            high -= 1  # a decade: 1990 to 1999
        low -= step * self._between(0, 1)
        low, high = (float(f"{bound:.6g}") for bound in (low, max(high, number)))
        kind = self.rng.random()
        open_below = kind < 0.3 or low <= np.nanmin(column)
        return Range(
            facet=facet, min=None if open_below else low, max=high if open_below or kind > 0.6 else None
        )

    def _seeds(self, row: int) -> tuple[str, ...]:
        """Titles of one or two items that ``row`` is like."""
        near = self._wishes.like(row)
        nearest = [r for r in top(near, NEIGHBOURS + 1).tolist() if r != row]
        titled = [r for r in nearest if self._titled(r)]
        some = self.rng.permutation(len(titled))[: 1 + self._chance(0.25)]
        return tuple(self._catalog.titles[titled[i]] for i in some)

    def _titled(self, row: int) -> bool:
        """Whether the title means this item: of two of one title only the first does."""
        rows = self._catalog.title_index.exact(self._catalog.titles[row])
        same = [r for r in rows if self._catalog.titles[r] == self._catalog.titles[row]]
        return bool(same) and same[0] == row

    def _theme(self, row: int) -> str | None:
        themes = (self._chance(0.5) and self._wishes.themes_of(row)) or self._wishes.themes
        return str(self._one(themes)) if themes else None


def _both(one: ControlIntent, other: ControlIntent) -> ControlIntent:
    return ControlEdit(add=other).apply(one)
