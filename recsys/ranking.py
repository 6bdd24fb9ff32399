"""The ranking of a request: its candidates, and what speaks for each of them in one score.

Candidates are, of each group of items that the quotas tell apart, the best by taste, by theme and
by likeness to the seeds. Only they are compared in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recsys.candidates import CollaborativeModel, Taste, prior
from recsys.catalog import Catalog
from recsys.feasibility import PatternTable
from recsys.likeness import Likeness
from recsys.rankers import PRIOR_HALF, Steps
from recsys.semantic import ItemTexts, SemanticIndex
from recsys.slate import SlatePlan
from recsys.themes import Themes
from recsys.topk import top

#: Candidates taken from each source, of each group; at least three for each place on the list.
CANDIDATES = 200
#: Likeness is taken to so many of the latest likes and dislikes.
RECENT = 10


@dataclass(frozen=True)
class Weights:
    """What counts how much: each part is standardised over the candidates (mean 0, deviation 1)
    and multiplied by its weight. What one asks for now outweighs what one liked before; of what
    clearly fits the request (``CLEARLY`` deviations), the well-liked comes first."""

    taste: float = 1.0
    taste_beside: float = 0.5  # where a theme or seed is given
    theme: float = 1.5
    theme_words: float = 1.5  # the share of the theme's words that the item's text has
    avoid_theme: float = -1.5
    avoid_words: float = -3.0
    seeds: float = 2.0
    unlike: float = -1.5
    liked: float = 1.0  # likeness to what one liked, while that is little: halved at three likes
    disliked: float = -0.3
    prior: float = 0.6  # where a theme or seed is given


CLEARLY = 2.5


@dataclass(frozen=True, eq=False)
class Ranking:
    """The candidates (rows ``(m,)``), their fused scores, and the parts these are made of."""

    rows: np.ndarray
    scores: np.ndarray
    parts: dict[str, np.ndarray]


class Fusion:
    """Fuses taste with what else is asked for: theme, seeds, likeness to what was liked."""

    def __init__(
        self,
        catalog: Catalog,
        model: CollaborativeModel,
        index: SemanticIndex,
        texts: ItemTexts,
        themes: Themes,
        weights: Weights | None = None,
    ) -> None:
        self.likeness = Likeness(catalog, model)
        self._size, self._prior = len(catalog), prior(catalog)
        self._index, self._texts, self._themes = index, texts, themes
        self._weights = weights or Weights()

    def rank(self, taste: Taste, plan: SlatePlan, base: np.ndarray) -> Ranking:
        """Fused scores of the candidates."""
        intent, w = plan.constraints.intent, self._weights
        rows = self._candidates(taste, plan, base)
        if not len(rows):
            return Ranking(rows, np.empty(0), {})
        unlike, seeds = plan.constraints.unlike_seeds, taste.seeds
        liked, disliked = taste.liked[-RECENT:], taste.disliked[-RECENT:]
        steered = bool(intent.theme or seeds)
        parts = {"taste": self._taste_weight(plan) * _standard(base[rows])}
        if steered:
            parts["prior"] = w.prior * _standard(self._prior[rows])
        if not (steered or intent.avoid_theme or unlike or liked or disliked):
            return Ranking(rows, parts["taste"], parts)
        vectors = self._index.vectors(rows)
        if intent.theme:
            parts["theme"] = self._fit(intent.theme, rows, vectors, w.theme, w.theme_words)
        if intent.avoid_theme:
            parts["avoid_theme"] = self._fit(intent.avoid_theme, rows, vectors, w.avoid_theme, w.avoid_words)
        if seeds:
            parts["seeds"] = w.seeds * self._like(seeds, rows, vectors)
        elif liked:
            weight = w.liked * PRIOR_HALF / (PRIOR_HALF + len(taste.liked))
            parts["liked"] = weight * self._like(liked, rows, vectors)
        if unlike:
            parts["unlike"] = w.unlike * np.maximum(self._like(unlike, rows, vectors), 0)
        if disliked:
            parts["disliked"] = w.disliked * np.maximum(self._like(disliked, rows, vectors), 0)
        return Ranking(rows, np.sum(list(parts.values()), axis=0), parts)

    def after(self, walk: Steps, plan: SlatePlan, ranking: Ranking, row: int) -> np.ndarray:
        """Scores ``(n_items,)`` for the next place, once ``row`` is on the list: only what the ranker
        itself says changes."""
        walk.take(row)
        scores = np.full(self._size, -np.inf)
        own = self._taste_weight(plan) * _standard(walk.scores[ranking.rows])
        scores[ranking.rows] = ranking.scores - ranking.parts["taste"] + own
        return scores

    def similar(self, row: int, n: int) -> list[int]:
        """The ``n`` rows most like one, nearest first."""
        wanted = np.ones(self._size, bool)
        wanted[row] = False
        if not wanted.any():
            return []
        rows = self._nearest_to(
            (row,), self._measures((row,)), wanted, np.flatnonzero(wanted), max(n, CANDIDATES)
        )
        near = self._like((row,), rows, self._index.vectors(rows)) + self._weights.prior * _standard(
            self._prior[rows]
        )
        found: list[int] = rows[top(near, n)].tolist()
        return found

    def _taste_weight(self, plan: SlatePlan) -> float:
        steered = plan.constraints.intent.theme or plan.constraints.seeds
        return self._weights.taste_beside if steered else self._weights.taste

    def _fit(
        self, theme: str, rows: np.ndarray, vectors: np.ndarray, nearness: float, words: float
    ) -> np.ndarray:
        """How well ``rows`` fit a theme, by meaning and by its very words."""
        near = _standard(vectors @ self._index.embed(self._themes.query(theme)))
        if nearness < 0:  # being far from what is avoided is no merit
            near = np.maximum(near, 0)
        said = np.array([self._themes.share(theme, self._texts[row]) for row in rows.tolist()], np.float32)
        return nearness * np.minimum(near, CLEARLY) + words * said

    def _candidates(self, taste: Taste, plan: SlatePlan, base: np.ndarray) -> np.ndarray:
        theme = plan.constraints.intent.theme
        n = max(CANDIDATES, 3 * plan.count)
        found = [np.empty(0, np.int64)]
        measures = self._measures(taste.seeds)
        for rows in plan.table.groups():
            found.append(rows[top(base[rows], n)])
            if not (theme or taste.seeds):
                continue
            mask = np.zeros(self._size, bool)
            mask[rows] = True
            if theme:
                found.append(self._index.search(self._themes.query(theme), mask, n)[0])
            if taste.seeds:
                found.append(self._nearest_to(taste.seeds, measures, mask, rows, n))
        return np.unique(np.concatenate(found))

    def _measures(self, seeds: tuple[int, ...]) -> list[np.ndarray]:
        """How near every item is to each seed, by facets and by audience, ``(n_items,)`` each."""
        return [measure(seed) for seed in seeds for measure in (self.likeness.facets, self.likeness.audience)]

    def _nearest_to(
        self, seeds: tuple[int, ...], measures: list[np.ndarray], mask: np.ndarray, rows: np.ndarray, n: int
    ) -> np.ndarray:
        """Items of ``rows`` (``mask`` is the same set) most like the seeds by text or any measure."""
        found = [self._index.similar(seeds, mask, n)[0]]
        found += [rows[top(near[rows], n)] for near in measures]
        return np.unique(np.concatenate(found))

    def _like(self, seeds: tuple[int, ...], rows: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Likeness of ``rows`` to the nearest of ``seeds``: audience, facets and texts (``vectors`` of
        the rows) in equal parts."""
        texts = vectors @ self._index.vectors(seeds).T
        parts = [
            _standard(self.likeness.audience(seed, rows))
            + _standard(self.likeness.facets(seed, rows))
            + _standard(texts[:, i])
            for i, seed in enumerate(seeds)
        ]
        return np.max(parts, axis=0) / 3


def ordered(plan: SlatePlan, ranking: Ranking) -> SlatePlan:
    """ "The newest about robots" are the newest of those that fit, not the newest of all: with an
    order beside a theme or seed, the best fitting are what it orders."""
    request = [ranking.parts[part] for part in ("theme", "seeds") if part in ranking.parts]
    size = max(5 * plan.count, 30)
    if not request or plan.bounds or len(ranking.rows) <= size:
        return plan
    rows = np.sort(ranking.rows[top(np.sum(request, axis=0), size)])
    return replace(plan, table=PatternTable(rows, []))


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0, deviation 1; all 0 where all are equal."""
    if not len(values):
        return values
    deviation = float(values.std())
    return (values - values.mean()) / deviation if deviation > 1e-9 else np.zeros_like(values)
