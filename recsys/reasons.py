"""Why an item is on a list: facts only, the most telling first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.candidates import Taste
from recsys.catalog import Catalog, CategoricalFacet
from recsys.constraints import Constraints
from recsys.rankers import Ranker
from recsys.semantic import ItemTexts
from recsys.themes import Themes
from recsys.title_forms import YEAR, display_title

RECENT = 50  # likes that are looked through for what an item shares with them
MOST = 3  # reasons an item
#: A liked item is named when it makes up this share of the score.
TELLING = 0.2
#: A shared value is worth telling when few items have it (this share of the catalogue, or so many)
#: and, in a facet of many values an item (a cast), when it stands out: among the commonest there.
RARE_SHARE, RARE_ITEMS = 0.02, 5
MANY_VALUES, STANDS_OUT = 5, 0.02


class Reasons:
    """Finds the reasons for items of one catalogue."""

    def __init__(self, catalog: Catalog, ranker: Ranker, texts: ItemTexts, themes: Themes) -> None:
        self._catalog, self._ranker, self._texts, self._themes = catalog, ranker, texts, themes
        self._telling = {name: _telling(facet) for name, facet in catalog.categorical.items()}

    def of(self, rows: Sequence[int], taste: Taste, constraints: Constraints) -> list[tuple[str, ...]]:
        """For each row one to three reasons."""
        parts = self._ranker.explain(taste, rows)
        out = []
        for row, part in zip(rows, parts, strict=True):
            found = [
                *self._matches(row, constraints.intent.theme),
                *(self._in_common(row, seed) for seed in taste.seeds[:2]),
                *self._because(part, taste),
                *self._shared(row, tuple(reversed(taste.liked[-RECENT:]))),
            ]
            told = [reason for reason in found if reason][:MOST]
            out.append(tuple(told) or (self._standing(row),))
        return out

    def _matches(self, row: int, theme: str | None) -> list[str]:
        """The words of the theme that stand in its text."""
        words = self._themes.matching(theme, self._texts[row]) if theme else []
        return [f"matches: {', '.join(words)}"] if words else []

    def _in_common(self, row: int, seed: int) -> str:
        """What it has in common with a seed, the rare first."""
        told = []
        for name, facet in self._catalog.categorical.items():
            common = _codes(facet, row) & _codes(facet, seed)
            if len(facet.values) <= 30 and common:
                told.append(", ".join(sorted(facet.values[code] for code in common)))
            elif common := common & self._telling[name]:
                told.insert(0, f"{name} {self._names(facet, common)}")
        return f"like {self._name(seed)}: {'; '.join(told[:2])}" if told else ""

    def _because(self, parts: dict[int, float], taste: Taste) -> list[str]:
        """The liked items that speak loudest for it."""
        liked = {row: parts[row] for row in taste.liked if parts.get(row, 0) > 0}
        total = sum(value for value in parts.values() if value > 0)
        loud = [row for row in sorted(liked, key=lambda r: -liked[r]) if liked[row] >= TELLING * total][:2]
        return [f"because you liked {' and '.join(map(self._name, loud))}"] if loud else []

    def _shared(self, row: int, known: Sequence[int]) -> list[str]:
        """A rare facet value that it has in common with something liked."""
        for name, facet in self._catalog.categorical.items():
            own = _codes(facet, row) & self._telling[name]
            for other in known if own else ():
                if common := own & _codes(facet, other):
                    return [f"{name} {self._names(facet, common)}, like {self._name(other)}"]
        return []

    def _standing(self, row: int) -> str:
        """How well it is known and liked, or else what it is."""
        catalog = self._catalog
        votes, rating = int(catalog.popularity[row]), catalog.numeric.get("rating")
        said = f"{votes:,} rating{'s' if votes != 1 else ''}"
        if votes and rating is not None and np.isfinite(rating[row]):
            said = f"{rating[row]:.1f} on average of {said}"
        if votes and catalog.more_popular[row] < 0.05:
            most = "the" if catalog.more_popular[row] < 0.01 else "the 5 %"
            return f"one of {most} most rated {catalog.noun[1]}, {said}"
        if votes:
            return said
        for name, facet in catalog.categorical.items():
            if values := facet.values_of(row):
                return f"{name} {', '.join(values[:3])}"
        return "in the catalogue, rated by nobody yet"

    def _names(self, facet: CategoricalFacet, codes: set[int]) -> str:
        best = sorted(codes, key=lambda code: (-facet.counts[code], code))[:2]
        return " and ".join(facet.values[code] for code in best)

    def _name(self, row: int) -> str:
        return YEAR.sub("", display_title(self._catalog.titles[row]))


def _codes(facet: CategoricalFacet, row: int) -> set[int]:
    start, end = facet.by_item.indptr[row : row + 2]
    return set(facet.by_item.indices[start:end].tolist())


def _telling(facet: CategoricalFacet) -> set[int]:
    """The values worth telling when shared; see the constants above."""
    n_items = facet.by_item.shape[0]
    rare = (facet.counts > 1) & (facet.counts <= max(RARE_SHARE * n_items, RARE_ITEMS))
    filled = max(int((np.diff(facet.by_item.indptr) > 0).sum()), 1)
    if facet.by_item.nnz / filled > MANY_VALUES:
        rare &= facet.counts >= np.quantile(facet.counts, 1 - STANDS_OUT)
    return set(np.flatnonzero(rare).tolist())
