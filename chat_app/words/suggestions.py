"""What a person could say next: short sentences that the reader understands, about things that
the catalogue really has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from chat_app.state import State
from chat_app.words.phrases import KINDS, NOUNS, plural
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.titles import display_title

MOST = 4


def openers(catalog: Catalog, known: Sequence = ()) -> tuple[str, ...]:
    """Ways to begin, from what the catalogue has most of."""
    noun = catalog.noun[1]
    out = []
    facet = telling_facet(catalog)
    kinds = [v for v in _common(catalog, facet, 3) if _is_clear(catalog, v)] if facet else []
    if kinds:
        decade = _common_decade(catalog)
        out.append(f"{_kinds_as_nouns(kinds[-1], noun)}" + (f" from the {decade}s" if decade else ""))
    if (best := _best_known(catalog, known)) is not None:
        out.append(f"something like {display_title(catalog.titles[best])}")
    for facet in ("director", "author", "artist"):
        if facet in catalog.categorical and (names := _common(catalog, facet, 1)):
            out.append(f"{noun} {'directed ' if facet == 'director' else ''}by {names[0]}")
    if len(kinds) > 1:
        out.append(f"little-known {_kinds_as_nouns(kinds[1], noun)}")
    return tuple(out[:MOST])


def telling_facet(catalog: Catalog) -> str | None:
    """The facet that says what kind of thing an item is: one called so, else the first."""
    return next((f for f in (*KINDS, *catalog.categorical) if f in catalog.categorical), None)


def next_steps(catalog: Catalog, state: State, count: int) -> tuple[str, ...]:
    """Ways to go on from the list on the table: more, narrower, elsewhere."""
    intent, rows = state.intent, catalog.rows(state.slate)
    if not len(rows):
        return ways_out(intent) or openers(catalog, state.profile.known)
    out = ["more"] if len(rows) >= count else []
    facets_ranged = {r.facet for r in intent.ranges} | {q.facet for q in intent.quotas}
    if "year" in catalog.numeric and "year" not in facets_ranged:
        decades = Counter(int(y) // 10 * 10 for y in catalog.numeric["year"][rows] if np.isfinite(y))
        if len(decades) > 1:
            out.append(f"only from the {decades.most_common(1)[0][0]}s")
    facet = telling_facet(catalog)
    if facet:
        settled = {v for c in (*intent.require, *intent.exclude) if c.facet == facet for v in c.values}
        settled |= {q.value for q in intent.quotas if q.value}
        kinds = Counter(v for row in rows for v in catalog.categorical[facet].values_of(row))
        settled |= {v for v in kinds if not _is_clear(catalog, v)}
        others = [v for v, n in kinds.most_common() if v not in settled and n < len(rows)]
        if others:
            out.append(f"no {others[0].lower()}")
    if intent.popularity is None and np.any(catalog.popularity):
        out.append("something less known")
    out.append("why the first one?")
    return tuple(out[:MOST])


def ways_out(intent: ControlIntent) -> tuple[str, ...]:
    """What could be let go when nothing is left, the least important first.

    Only kinds are let go by value: other values are also titles ("Australia is fine"), and to say
    that any value of their facet is fine is never taken for something else.
    """
    out = []
    if intent.popularity:
        out.append("any popularity is fine")
    out += [f"any {span.facet} is fine" for span in intent.ranges]
    for clause in intent.exclude:
        by_value = clause.facet in KINDS and clause.any_of
        out.append(f"{clause.values[0].lower() if by_value else f'any {clause.facet}'} is fine")
    out += [f"any {clause.facet} is fine" for clause in intent.require]
    return tuple(dict.fromkeys(out))[: MOST - 1] + (("start over",) if out else ())


def _is_clear(catalog: Catalog, value: str) -> bool:
    """Whether a value means itself when it is said: the style "Country" does not beside countries."""
    return value.lower() not in (*catalog.categorical, *catalog.numeric)


def _common(catalog: Catalog, facet: str, n: int) -> list[str]:
    column = catalog.categorical[facet]
    return [column.values[i] for i in np.argsort(-column.counts, kind="stable")[:n]]


def _common_decade(catalog: Catalog) -> int | None:
    years = catalog.numeric.get("year")
    if years is None or not np.isfinite(years).any():
        return None
    decades, counts = np.unique(years[np.isfinite(years)] // 10 * 10, return_counts=True)
    return int(decades[np.argmax(counts)])


def _best_known(catalog: Catalog, known: Sequence) -> int | None:
    popularity = catalog.popularity.copy()
    popularity[catalog.rows(known)] = -1
    return int(np.argmax(popularity)) if len(popularity) and popularity.max() >= 0 else None


def _kinds_as_nouns(value: str, noun: str) -> str:
    return plural(NOUNS[value]) if value in NOUNS else f"{value.lower()} {noun}"
