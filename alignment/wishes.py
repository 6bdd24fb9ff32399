"""Wishes that no mask can hold: to be like some item, to be about something, or not to be.

Labels fuse them with the teacher's score by the weights that the product's recommender uses
(:class:`recsys.recommender.Weights`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recsys.candidates import prior
from recsys.catalog import Catalog, CategoricalFacet
from recsys.constraints import Constraints
from recsys.likeness import Likeness
from recsys.ranking import CLEARLY, Weights
from recsys.recommender import BEHIND
from recsys.semantic import item_texts
from recsys.themes import Themes
from recsys.topk import top

#: A theme is a word that so many items have: at least, and at most as a share of the catalogue.
FEWEST, MOST = 5, 0.05
#: So near (in standard deviations) to what is to be avoided is too near.
NEAR = 1.0
#: What is like a seed, or on a theme, are so many of the nearest: per place on the list, and at least.
POOL, LEAST_POOL = 5, 30


@dataclass(frozen=True, eq=False)
class Steered:
    """Scores ``(n_items,)`` with the wishes in them; ``fits`` (bool) are the items that clearly obey,
    and stand before all others."""

    scores: np.ndarray
    fits: np.ndarray


class Wishes:
    """Parameters
    ----------
    likeness : of items to one another.
    vectors : unit vectors of the items' texts ``(n_items, d)``, where there are any.
    themes : what words of mood stand for.
    """

    def __init__(
        self,
        catalog: Catalog,
        likeness: Likeness,
        vectors: np.ndarray | None = None,
        themes: Themes | None = None,
    ) -> None:
        self._catalog, self._likeness = catalog, likeness
        self._vectors = None if vectors is None else np.asarray(vectors, np.float32)
        self._themes = themes or Themes()
        self._prior = prior(catalog)
        self._texts = [text.casefold() for text in item_texts(catalog)]
        self._rows_of = _theme_words(catalog)
        self._words_of: dict[int, list[str]] = defaultdict(list)
        for word, rows in self._rows_of.items():
            for row in rows:
                self._words_of[row].append(word)
        self.themes = (*self._rows_of, *self._themes.words)
        self.like = lru_cache(maxsize=1024)(self._like)
        self.theme = lru_cache(maxsize=1024)(self._theme)

    def themes_of(self, row: int) -> list[str]:
        """The theme words that an item has."""
        return self._words_of.get(row, [])

    def steer(self, constraints: Constraints, eligible: np.ndarray, scores: np.ndarray) -> Steered:
        """The teacher's ``scores`` with the request's wishes.

        Parameters
        ----------
        eligible : bool ``(n_items,)``: what may be listed at all.
        """
        intent, w = constraints.intent, Weights()
        wished = bool(intent.theme or constraints.seeds)
        if not (wished or intent.avoid_theme or constraints.unlike_seeds):
            return Steered(scores, eligible)
        fits, wanted = eligible.copy(), np.zeros(len(self._catalog), np.float32)
        if constraints.seeds:
            wanted += w.seeds * self._nearest(constraints.seeds)
        if intent.theme:
            near, said = self.theme(intent.theme)
            wanted += w.theme * np.minimum(near, CLEARLY) + w.theme_words * said
        if constraints.unlike_seeds:
            near = self._nearest(constraints.unlike_seeds)
            wanted += w.unlike * np.maximum(near, 0)
            fits &= near < NEAR
        if intent.avoid_theme:
            near, said = self.theme(intent.avoid_theme)
            wanted += w.avoid_theme * np.clip(near, 0, CLEARLY) + w.avoid_words * said
            fits &= (near < NEAR) & (said == 0)
        rows = np.flatnonzero(fits if fits.any() else eligible)
        if wished:
            rows = rows[top(wanted[rows], max(POOL * constraints.count, LEAST_POOL))]
        steered = wanted - BEHIND  # of what does not fit, that which is nearest to it
        steered[rows] = wanted[rows] + (w.taste_beside if wished else w.taste) * standard(scores[rows])
        if wished:
            steered[rows] += w.prior * standard(self._prior[rows])
        fits[:] = False
        fits[rows] = True
        return Steered(steered, fits)

    def _nearest(self, seeds: Sequence[int]) -> np.ndarray:
        """Likeness to the nearest of some items, ``(n_items,)``."""
        return np.max([self.like(row) for row in seeds], axis=0)

    def _like(self, row: int) -> np.ndarray:
        """Likeness of every item to one: audience, facets and texts in equal parts, ``(n_items,)``."""
        parts = [self._likeness.audience(row), self._likeness.facets(row)]
        if self._vectors is not None:
            parts.append(self._vectors @ self._vectors[row])
        return np.mean([standard(part) for part in parts], axis=0).astype(np.float32)

    def _theme(self, theme: str) -> tuple[np.ndarray, np.ndarray]:
        """How near every item is by text to those that say the theme, and how much it says itself."""
        said = np.zeros(len(self._catalog), np.float32)
        if theme in self._rows_of:
            said[self._rows_of[theme]] = 1
        else:
            said[:] = [self._themes.share(theme, text) for text in self._texts]
        if self._vectors is None or not said.any():
            return np.zeros_like(said), said
        return standard(self._vectors @ (said @ self._vectors)), said


def _theme_words(catalog: Catalog) -> dict[str, list[int]]:
    """Free words on items (the values of facets in small letters, such as tags) and the words of
    their texts, with the rows that have them."""
    found: dict[str, list[int]] = {}
    for facet in list(catalog.categorical.values())[1:]:  # the first says what kind an item is
        if is_free_words(facet):
            for value in facet.values:
                found[value] = facet.items_with(value).tolist()
    said: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(catalog.texts):
        for word in Counter(re.findall(r"[a-z]{4,}", text.casefold())):
            said[word].append(row)
    most = max(FEWEST, MOST * len(catalog))
    return {word: rows for word, rows in {**said, **found}.items() if FEWEST <= len(rows) <= most}


def is_free_words(facet: CategoricalFacet) -> bool:
    """Whether the values are words that people put on items (in small letters), such as tags: a
    request for them is a theme, no hard control."""
    lower = sum(value == value.casefold() for value in facet.values)
    return lower > 0.9 * len(facet.values)


def standard(values: np.ndarray | Sequence[float]) -> np.ndarray:
    """Mean 0, deviation 1; all 0 where all are equal."""
    values = np.asarray(values, np.float32)
    deviation = float(values.std()) if len(values) else 0.0
    return (values - values.mean()) / deviation if deviation > 1e-9 else np.zeros_like(values)
