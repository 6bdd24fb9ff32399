"""The aligned model as a ranker: it reads the profile and the request, and decodes the list.

A prompt tells twice what may come next: at the end of the profile, before anything is asked (the
model's *foresight*), and behind the request. The first is what the model says when nothing is asked.
Free decoding follows the second alone; where a guard sees to the controls, both count.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np

from recsys.candidates import Taste
from recsys.controls import ControlIntent
from recsys.lm.decoding import free_lists, guarded_lists, with_beside
from recsys.lm.model import ItemTokenModel, State
from recsys.lm.wording import canonical
from recsys.rankers import Decoding, Ranker, Request, Words

#: Entries of a profile that is brief, and of one that is not any more.
BRIEF, LONG = 10, 20


class LanguageModel:
    """A ranker made of an item-token model, with shares of its foresight and of another ranker.

    Under a guard: ``logit + deviation(logits) * (foresight * standardised logit at the profile's end +
    weight * standardised score of the other)``. Scores, where nothing is asked, are those at the profile's
    end with the other beside them. The weights are chosen on the validation item and may be 0; that of the
    other is ``brief`` for profiles of up to :data:`BRIEF` entries, ``weight`` from :data:`LONG` on, and
    changes evenly between; in lists, the two of ``listed`` where these are given. Reasons are the other's:
    they are facts of the data.
    """

    def __init__(
        self,
        model: ItemTokenModel,
        name: str,
        other: Ranker,
        weight: float = 0.0,
        foresight: float = 0.0,
        brief: float | None = None,
        listed: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self.adapter: str | None = name
        self.model, self._other, self._foresight = model, other, foresight
        self._weights = (weight if brief is None else brief, weight)
        self._listed = self._weights if listed is None else listed

    def scores(self, taste: Taste) -> np.ndarray:
        return self.scores_many([taste])[0]

    def scores_many(self, tastes: Sequence[Taste]) -> np.ndarray:
        return with_beside(self.foresee(tastes), self._others(tastes, self._weights))

    def foresee(self, tastes: Sequence[Taste]) -> np.ndarray:
        """Logits of the next item at the end of each profile, ``(n, n_items)``; seeds stand there as the
        latest likes."""
        model = self.model
        seeds = [[model.first + row for row in taste.seeds] for taste in tastes]
        if len(tastes) == 1:  # a conversation: what was read of its profile is kept
            state = model.read_profile(tastes[0])
            return model.item_scores(model.read(seeds, deepcopy(state)) if seeds[0] else state)
        prompts = [(*model.prompts.profile(taste), *own) for taste, own in zip(tastes, seeds, strict=True)]
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        return model.scores_many(list(places))[[places[prompt] for prompt in prompts]]

    def steps(self, taste: Taste, intent: ControlIntent) -> Walk:
        beside = self._beside([taste])
        return Walk(self.model, taste, canonical(intent, self.model.catalog), beside)

    def lists(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]:
        if not requests:
            return []
        prompts = [self.model.prompt_ids(request.taste, self._words(request)) for request in requests]
        plans = [request.plan for request in requests]
        if decoding != "guarded":
            counts = [plan.constraints.count for plan in plans]
            return free_lists(self.model, prompts, counts, decoding == "distinct")
        return guarded_lists(self.model, prompts, plans, self._beside([r.taste for r in requests]))

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        return self._other.explain(taste, rows)

    def _words(self, request: Request) -> Words:
        constraints = request.plan.constraints
        intent = constraints.intent.model_copy(update={"count": constraints.count})
        return request.words or canonical(intent, self.model.catalog)

    def _beside(self, tastes: Sequence[Taste]) -> np.ndarray | None:
        """What is added to the logits behind a request, in their deviations, ``(n, n_items)``."""
        if not self._foresight and not any(self._listed):
            return None
        foreseen = self._foresight * standard(self.foresee(tastes)) if self._foresight else 0
        return foreseen + self._others(tastes, self._listed)

    def _others(self, tastes: Sequence[Taste], weights: tuple[float, float]) -> np.ndarray:
        """The other's standardised scores, weighted, ``(n, n_items)``."""
        return weights_of(tastes, *weights) * standard(self._other.scores_many(tastes))


def weights_of(tastes: Sequence[Taste], brief: float, long: float) -> np.ndarray:
    """The other ranker's weight beside each profile, ``(n, 1)``."""
    entries = [len(taste.timeline) for taste in tastes]
    return np.interp(entries, (BRIEF, LONG), (brief, long))[:, None]


def standard(scores: np.ndarray) -> np.ndarray:
    """Scores ``(n, n_items)`` with mean 0 and deviation 1 in every row."""
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9)


class Walk:
    """A list in the making: after each item the model is asked for the next."""

    def __init__(self, model: ItemTokenModel, taste: Taste, words: Words, beside: np.ndarray | None) -> None:
        self._model, self._beside = model, beside
        self._read(model.read_one(taste, words))

    def take(self, row: int) -> None:
        """Put an item on the list."""
        self._read(self._model.step(self._state, [self._model.first + row]))

    def _read(self, state: State) -> None:
        self._state = state
        scores = self._model.item_scores(state)[0]
        self.scores = scores if self._beside is None else with_beside(scores, self._beside[0])
