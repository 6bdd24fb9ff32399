"""Rankers: one number an item for a person. All stand behind one protocol and one suite of tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from recsys.candidates import CollaborativeModel, Taste, prior
from recsys.catalog import Catalog


class Ranker(Protocol):
    """Scores every item for a taste; knows nothing of controls."""

    name: str

    def scores(self, taste: Taste) -> np.ndarray:
        """Relevance of every item, float32 ``(n_items,)``; larger is better, always finite."""

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        """For each of ``rows``: the known items that speak for it, and how much of its score
        each one adds. Empty where no single item does."""


class Popularity:
    """The same list for everybody: :func:`recsys.candidates.prior`."""

    name = "popularity"

    def __init__(self, catalog: Catalog) -> None:
        self._prior = prior(catalog)

    def scores(self, taste: Taste) -> np.ndarray:
        return self._prior

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return [{} for _ in rows]


class ALS:
    """Implicit ALS with the taste folded in; somebody unknown gets the prior."""

    name = "als"

    def __init__(self, catalog: Catalog, model: CollaborativeModel) -> None:
        self._prior = prior(catalog)
        self._model = model

    def scores(self, taste: Taste) -> np.ndarray:
        scores = self._model.scores(taste)
        # no evidence, or only on items that nobody else has used
        return scores if scores.any() else self._prior

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return self._model.explain(taste, rows)


#: What a setting may name: makes the ranker from the catalogue and the collaborative model.
RANKERS: dict[str, Callable[[Catalog, CollaborativeModel], Ranker]] = {
    "als": ALS,
    "popularity": lambda catalog, model: Popularity(catalog),
}
