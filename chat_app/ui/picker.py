"""What an empty conversation offers: examples to try and well-known items to pick from."""

from __future__ import annotations

from collections.abc import Collection
from itertools import cycle

import numpy as np

from chat_app.words.suggestions import openers
from recsys.catalog import Catalog, ItemId

POOL, FOUND = 48, 12
FILM_EXAMPLES = (
    "Five tense thrillers from the 90s, nothing gory",
    "Ten films, half of them comedies, none longer than two hours",
    "Something like Heat, but older than 1980",
    "A feel-good French film for tonight",
)


def well_known(catalog: Catalog, known: Collection[ItemId] = (), n: int = POOL) -> list[int]:
    """Rows of ``n`` popular items outside ``known``, mixed over the values of the first facet:
    each of its values in turn gives the most popular item that is left."""
    left = np.argsort(-catalog.popularity, kind="stable")[: 12 * n].tolist()
    skip = set(catalog.rows(known).tolist())
    left = [row for row in left if row not in skip]
    facet = next(iter(catalog.categorical.values()), None)
    if facet is None:
        return left[:n]
    kinds = {row: facet.values_of(row) for row in left}
    order = list(dict.fromkeys(value for row in left for value in kinds[row]))
    picked: list[int] = []
    for value in cycle(order or [""]):
        if not left or len(picked) == n:
            break
        # a value that has run out gives its turn to the most popular item of all
        row = next((r for r in left if value in kinds[r]), left[0])
        left.remove(row)
        picked.append(row)
    return picked


def search(catalog: Catalog, query: str, n: int = FOUND) -> list[int]:
    """Rows of the items whose titles are nearest to what was typed."""
    return [match.row for match in catalog.title_index.search(query[:200], n=n)]


def examples(catalog: Catalog, known: Collection[ItemId] = ()) -> tuple[str, ...]:
    """Requests to try."""
    films = {"genre", "year", "runtime", "language"} <= set(catalog.facets)
    return FILM_EXAMPLES if films else openers(catalog, tuple(known))
