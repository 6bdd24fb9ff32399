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
        self._prior.flags.writeable = False

    def scores(self, taste: Taste) -> np.ndarray:
        return self._prior

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return [{} for _ in rows]


#: The prior's share beside ALS, and the number of likes at which half of it is left.
PRIOR_SHARE, PRIOR_HALF = 0.3, 3


class ALS:
    """Implicit ALS with the taste folded in, shrunk towards the prior while little is known.

    ``als / max(als) + PRIOR_SHARE * h / (h + likes) * prior / max(prior)``; somebody unknown gets
    the prior alone. On the validation item this lifts profiles of one like and leaves whole
    histories as they were.
    """

    name = "als"

    def __init__(self, catalog: Catalog, model: CollaborativeModel) -> None:
        self._prior = prior(catalog)
        self._prior /= max(float(self._prior.max(initial=0)), 1e-9)
        self._prior.flags.writeable = False
        self._model = model

    def scores(self, taste: Taste) -> np.ndarray:
        personal = self._model.scores(taste)
        best = float(personal.max(initial=0))
        if best <= 0:  # no likes, or only ones that nobody else has used
            return self._prior
        share = PRIOR_SHARE * PRIOR_HALF / (PRIOR_HALF + len(taste.positive))
        return personal / best + np.float32(share) * self._prior

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return self._model.explain(taste, rows)


#: What a setting may name: makes the ranker from the catalogue and the collaborative model.
RANKERS: dict[str, Callable[[Catalog, CollaborativeModel], Ranker]] = {
    "als": ALS,
    "popularity": lambda catalog, model: Popularity(catalog),
}
