"""Why an item is on a list: facts only, the most telling first."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from recsys.candidates import Taste
from recsys.catalog import Catalog
from recsys.constraints import Constraints
from recsys.rankers import Ranker
from recsys.title_forms import YEAR, display_title

MOST = 3  # reasons an item
#: A liked item is named when it makes up so much of the score, or nearly as much as the strongest.
TELLING = 0.15
#: A shared facet value is worth telling when at most so many items have it.
RARE_SHARE, RARE_ITEMS = 0.01, 5


class Reasons:
    """Finds the reasons for items of one catalogue."""

    def __init__(self, catalog: Catalog, ranker: Ranker) -> None:
        self._catalog, self._ranker = catalog, ranker

    def of(self, rows: Sequence[int], taste: Taste, constraints: Constraints) -> list[tuple[str, ...]]:
        """For each row one to three reasons."""
        known = [*taste.seeds, *reversed(taste.liked)]
        parts = self._ranker.explain(taste, rows)
        out = []
        for row, part in zip(rows, parts, strict=True):
            found = [
                *self._matches(row, constraints),
                *self._shared(row, known),
                *self._because(part, taste),
                *self._ratings(row),
            ]
            out.append(tuple(found[:MOST]) or (self._plain(row),))
        return out

    def _because(self, parts: dict[int, float], taste: Taste) -> list[str]:
        """The liked items that speak loudest for it."""
        liked = {row: parts[row] for row in taste.liked if parts.get(row, 0) > 0}
        total = sum(value for value in parts.values() if value > 0)
        loud = [row for row in sorted(liked, key=lambda r: -liked[r]) if liked[row] >= TELLING * total][:2]
        return [f"because you liked {' and '.join(map(self._name, loud))}"] if loud else []

    def _shared(self, row: int, known: Sequence[int]) -> list[str]:
        """Rare facet values that it has in common with a seed or a liked item."""
        most = max(RARE_SHARE * len(self._catalog), RARE_ITEMS)
        for facet in self._catalog.categorical.values():
            own = set(facet.by_item.indices[facet.by_item.indptr[row] : facet.by_item.indptr[row + 1]].tolist())
            own = {code for code in own if facet.counts[code] <= most}
            for other in known if own else ():
                start, end = facet.by_item.indptr[other : other + 2]
                common = own.intersection(facet.by_item.indices[start:end].tolist())
                if common:
                    values = sorted(common, key=lambda code: -facet.counts[code])[:2]
                    names = " and ".join(facet.values[code] for code in values)
                    return [f"{facet.name} {names}, like {self._name(other)}"]
        return []

    def _matches(self, row: int, constraints: Constraints) -> list[str]:
        """The words of the theme that stand in its texts."""
        theme = constraints.intent.theme
        if not theme:
            return []
        text = self._text(row)
        words = [w for w in re.findall(r"\w{3,}", theme.casefold()) if re.search(rf"\b{re.escape(w[:6])}", text)]
        return [f"matches: {', '.join(dict.fromkeys(words))}"] if words else []

    def _ratings(self, row: int) -> list[str]:
        """How well it is known and liked, where that is remarkable."""
        catalog, out = self._catalog, []
        noun = catalog.noun[1]
        rank = catalog.more_popular[row]
        if catalog.popularity[row] > 0 and rank < 0.05:
            out.append(f"one of the {'most' if rank < 0.01 else 'more'} rated {noun}")
        rating = catalog.numeric.get("rating")
        if rating is not None and np.isfinite(rating[row]):
            out.append(f"rated {rating[row]:.1f} by {int(catalog.popularity[row]):,}")
        return out

    def _plain(self, row: int) -> str:
        """A fact when there is nothing better."""
        for facet in self._catalog.categorical.values():
            if values := facet.values_of(row):
                return f"{facet.name} {', '.join(values[:3])}"
        return f"in the catalogue of {self._catalog.noun[1]}"

    def _text(self, row: int) -> str:
        catalog = self._catalog
        values = (", ".join(facet.values_of(row)) for facet in catalog.categorical.values())
        text = catalog.texts[row] if len(catalog.texts) else ""
        return " ".join((catalog.titles[row], *values, text)).casefold()

    def _name(self, row: int) -> str:
        return YEAR.sub("", display_title(self._catalog.titles[row]))
