"""Rankers: one number an item for a person. All stand behind one protocol and one suite of tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from recsys.candidates import CollaborativeModel, Taste, prior
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.slate import SlatePlan
from recsys.topk import top

#: How lists are made: see :mod:`recsys.lm.decoding`.
Decoding = Literal["guarded", "distinct", "free"]
#: An instruction in pieces: words, and items (rows) that stand among them.
Words = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class Request:
    """A list to make: for whom, and what can be built (``plan.constraints`` is what was asked).
    ``words`` say it to a language model in other words than the usual ones."""

    taste: Taste
    plan: SlatePlan
    words: Words | None = None


class Steps(Protocol):
    """A list in the making, one item a step."""

    scores: np.ndarray  # of every item as the next one, float32 (n_items,)

    def take(self, row: int) -> None:
        """Put an item on the list; ``scores`` are then those of the item after it."""


class Ranker(Protocol):
    """Scores every item for a taste, and makes lists."""

    name: str
    adapter: str | None  # of a trained model

    def scores(self, taste: Taste) -> np.ndarray:
        """Relevance of every item when nothing else is asked, float32 ``(n_items,)``; larger is
        better, always finite."""

    def scores_many(self, tastes: Sequence[Taste]) -> np.ndarray:
        """The same for many, ``(n, n_items)``."""

    def steps(self, taste: Taste, intent: ControlIntent) -> Steps:
        """Begin a list. What the ranker knows of ``intent`` is in the scores; that the list obeys
        is the caller's to see to."""

    def lists(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        """One list of rows a request. *Free*: what the ranker does by itself, -1 where it names
        something that is no item. *Distinct*: the same, but nothing twice. *Guarded*: under the
        request's plan."""

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        """For each of ``rows``: the known items that speak for it, and how much of its score
        each one adds. Empty where no single item does."""


class Fixed:
    """Steps of a ranker whose scores do not depend on what is listed."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores = scores

    def take(self, row: int) -> None:
        pass


class Static(ABC):
    """A ranker that knows nothing of controls: free it lists its own best, guarded the best that
    the plan lets through."""

    name: str
    adapter: str | None = None

    @abstractmethod
    def scores(self, taste: Taste) -> np.ndarray: ...

    def scores_many(self, tastes: Sequence[Taste]) -> np.ndarray:
        return np.stack([self.scores(taste) for taste in tastes])

    def steps(self, taste: Taste, intent: ControlIntent) -> Steps:
        return Fixed(self.scores(taste))

    def lists(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        tastes = {id(request.taste): request.taste for request in requests}
        scored = self.scores_many(list(tastes.values())) if tastes else ()
        scores = dict(zip(tastes, scored, strict=True))
        if decoding != "guarded":
            return [top(scores[id(r.taste)], r.plan.constraints.count).tolist() for r in requests]
        return [request.plan.pick(scores[id(request.taste)]) for request in requests]

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return [{} for _ in rows]


class Popularity(Static):
    """The same list for everybody: :func:`recsys.candidates.prior`."""

    name = "popularity"

    def __init__(self, catalog: Catalog) -> None:
        self._prior = prior(catalog)
        self._prior.flags.writeable = False

    def scores(self, taste: Taste) -> np.ndarray:
        return self._prior


#: The prior's share beside ALS, and the number of likes at which half of it is left.
PRIOR_SHARE, PRIOR_HALF = 0.3, 3


class ALS(Static):
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
