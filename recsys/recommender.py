"""The recommender: from a profile and controls to a slate. One instance serves every session.

    controls -> plan (what can be built) -> candidates -> fused score -> list -> reasons, report

Candidates are, of each group of items that the quotas tell apart, the best by taste, by theme and
by likeness to the seeds. Only they are compared in full; everything else stands behind them, by
taste, and is used when they do not suffice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from recsys.candidates import CollaborativeModel, Progress, Taste, load_or_fit, prior
from recsys.catalog import Catalog, ItemId
from recsys.constraints import Constraints
from recsys.controls import ControlIntent
from recsys.datasets import Dataset
from recsys.feasibility import PatternTable
from recsys.likeness import Likeness
from recsys.models import check_model, load_ranker
from recsys.profile import Profile
from recsys.rankers import PRIOR_HALF, RANKERS, Decoding, Fixed, Ranker, Request, Steps
from recsys.reasons import Reasons
from recsys.semantic import ItemTexts, SemanticIndex, load_embedder
from recsys.settings import ASSETS, Settings
from recsys.slate import FunnelStep, Relaxation, Slate, SlateItem, SlatePlan, plan_slate
from recsys.themes import Themes
from recsys.topk import top
from recsys.vectors import remembering

__all__ = ["RANKERS", "Recommender", "Weights", "load_recommender"]

#: Candidates taken from each source, of each group; at least three for each place on the list.
CANDIDATES = 200
#: How far behind the candidates everything else stands.
BEHIND = 1e3
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


class Recommender:
    """See the module. ``index`` may be missing (no theme search then)."""

    def __init__(
        self,
        catalog: Catalog,
        ranker: Ranker,
        model: CollaborativeModel,
        index: SemanticIndex,
        weights: Weights | None = None,
        themes: Themes | None = None,
    ) -> None:
        self.name = ranker.name
        self.catalog = catalog
        self._ranker = ranker
        self._model = model
        self._index = index
        self._weights = weights or Weights()
        self._likeness = Likeness(catalog, model)
        self._prior = prior(catalog)
        self._texts = ItemTexts(catalog)
        self._themes = themes or Themes()
        self._reasons = Reasons(catalog, ranker, self._texts, self._themes)

    def close(self) -> None:
        """Give the index's directory back."""
        self._index.close()

    def with_ranker(self, ranker: Ranker, model: CollaborativeModel, catalog: Catalog) -> Recommender:
        """The same around another ranker and collaborative model, over ``catalog`` (these items, perhaps
        with other statistics). Both share the index: close only this one."""
        return Recommender(catalog, ranker, model, self._index, self._weights, self._themes)

    def with_model(self, name: str, settings: Settings) -> Recommender:
        """The same around another ranker, by a name that :func:`recsys.models.load_ranker` knows."""
        ranker = load_ranker(name, self.catalog, self._model, settings, self._index.vectors)
        return self.with_ranker(ranker, self._model, self.catalog)

    def warm_up(self) -> None:
        """Do what the first request would wait for: load the text embedder, run the ranker once."""
        self._index.embed("something new")
        self._ranker.scores(Taste())

    def __enter__(self) -> Recommender:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def recommend(
        self,
        profile: Profile,
        intent: ControlIntent,
        *,
        exclude: Collection[ItemId] = (),
        decoding: Decoding = "guarded",
        progress: Progress | None = None,
    ) -> Slate:
        """A list for a person under controls.

        Parameters
        ----------
        exclude : items listed before, which are not wanted again.
        decoding : ``"free"`` is the ranker's own list, without mask and quotas, known items
            included as they come: what it does by itself.
        progress : told each step; what it raises passes through.

        Raises
        ------
        ControlError : when the catalogue does not know what is asked for.
        """
        say, clock = progress or (lambda step: None), _Clock()
        with clock("plan"):
            constraints = intent.compile(self.catalog)
            taste = Taste.of(self.catalog, profile, constraints.seeds)
            shown = self.catalog.rows(exclude).tolist()
            plan = plan_slate(constraints, taste.known, shown)
        say("candidates")
        if decoding == "free":
            return self._free(taste, plan, clock)
        with clock("candidates"):
            walk = self._ranker.steps(taste, _counted(constraints))
            base = walk.scores
            ranking = self._rank(taste, plan, base)
        say("ranking")
        with clock("ranking"):
            scores = base - base.max(initial=0) - BEHIND if intent.order else base.astype(np.float64)
            scores[ranking.rows] = ranking.scores
            if intent.order:
                plan = _ordered(plan, ranking)
            if intent.order:
                rows = plan.pick(scores)
            else:
                after = None if isinstance(walk, Fixed) else partial(self._after, walk, taste, plan, ranking)
                rows = plan.pick(scores, self._likeness.doubles, ranking.rows, after)
        say("explaining")
        with clock("explaining"):
            reasons = self._reasons.of(rows, taste, constraints)
        funnel = (
            *plan.funnel,
            FunnelStep(step="candidates", items=len(ranking.rows)),
            FunnelStep(step="slate", items=len(rows)),
        )
        return Slate(
            items=tuple(self._item(row, scores[row], why) for row, why in zip(rows, reasons, strict=True)),
            compliance=tuple(constraints.report(rows)),
            relaxations=plan.relaxations,
            funnel=funnel,
            timings=clock.seconds,
            model=self.name,
            adapter=self._ranker.adapter,
            catalog=self.catalog.name,
        )

    def _free(self, taste: Taste, plan: SlatePlan, clock: _Clock) -> Slate:
        constraints = plan.constraints
        with clock("ranking"):
            rows = self._ranker.lists([Request(taste, plan)], "free")[0]
            scores = self._ranker.scores(taste)
        report = constraints.report(rows)
        why = f"This is the model's own list: {{}} of {len(rows)} by itself."
        broken = [c for c in report if not c.met and c.control != "count"]
        relaxations = [Relaxation(control=c.control, reason=why.format(c.got)) for c in broken]
        items = [row for row in rows if row >= 0]
        if len(items) != constraints.count:
            why = f"The model listed {len(items)} {self.catalog.noun[len(items) != 1]} by itself."
            relaxations.append(Relaxation(control="count", to=str(len(items)), reason=why))
        return Slate(
            items=tuple(self._item(row, scores[row], ()) for row in items),
            compliance=tuple(report),
            relaxations=tuple(relaxations),
            timings=clock.seconds,
            model=self.name,
            adapter=self._ranker.adapter,
            catalog=self.catalog.name,
            decoding="free",
        )

    def similar(self, item_id: ItemId, n: int = 5) -> list[ItemId]:
        """The ``n`` items most like one, nearest first; empty for an unknown id."""
        row = self.catalog.row(item_id)
        if row is None:
            return []
        wanted = np.ones(len(self.catalog), bool)
        wanted[row] = False
        if not wanted.any():
            return []
        rows = self._nearest_to(
            (row,), self._measures((row,)), wanted, np.flatnonzero(wanted), max(n, CANDIDATES)
        )
        near = self._like((row,), rows, self._index.vectors(rows)) + self._weights.prior * _standard(
            self._prior[rows]
        )
        return [self.catalog.ids[i] for i in rows[top(near, n)].tolist()]

    def explain(self, profile: Profile, intent: ControlIntent, item_id: ItemId) -> tuple[str, ...]:
        """What speaks for an item, as facts; empty for an unknown id."""
        row = self.catalog.row(item_id)
        if row is None:
            return ()
        constraints = intent.compile(self.catalog)
        taste = Taste.of(self.catalog, profile, constraints.seeds)
        return self._reasons.of([row], taste, constraints)[0]

    # -- ranking ------------------------------------------------------------------------------

    def _rank(self, taste: Taste, plan: SlatePlan, base: np.ndarray) -> Ranking:
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

    def _after(self, walk: Steps, taste: Taste, plan: SlatePlan, ranking: Ranking, row: int) -> np.ndarray:
        """Scores ``(n_items,)`` for the next place, once ``row`` is on the list: only what the ranker
        itself says changes."""
        walk.take(row)
        scores = np.full(len(self.catalog), -np.inf)
        own = self._taste_weight(plan) * _standard(walk.scores[ranking.rows])
        scores[ranking.rows] = ranking.scores - ranking.parts["taste"] + own
        return scores

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
            mask = np.zeros(len(self.catalog), bool)
            mask[rows] = True
            if theme:
                found.append(self._index.search(self._themes.query(theme), mask, n)[0])
            if taste.seeds:
                found.append(self._nearest_to(taste.seeds, measures, mask, rows, n))
        return np.unique(np.concatenate(found))

    def _measures(self, seeds: tuple[int, ...]) -> list[np.ndarray]:
        """How near every item is to each seed, by facets and by audience, ``(n_items,)`` each."""
        return [
            measure(seed) for seed in seeds for measure in (self._likeness.facets, self._likeness.audience)
        ]

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
            _standard(self._likeness.audience(seed, rows))
            + _standard(self._likeness.facets(seed, rows))
            + _standard(texts[:, i])
            for i, seed in enumerate(seeds)
        ]
        return np.max(parts, axis=0) / 3

    def _item(self, row: int, score: float, reasons: tuple[str, ...]) -> SlateItem:
        item = self.catalog.item(row)
        return SlateItem(
            id=item.id,
            title=item.title,
            year=item.year,
            facets=item.facets,
            score=round(float(score + BEHIND if score < -BEHIND / 2 else score), 4),
            reasons=reasons,
        )


def load_recommender(
    dataset: Dataset,
    settings: Settings,
    model: str | None = None,
    *,
    vectors: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Recommender:
    """The recommender for a dataset: ALS and index from the data directory, or made and kept there.

    Parameters
    ----------
    model : see :func:`recsys.models.load_ranker`; default ``settings.model``.
    vectors : ``(n_items, d)`` item vectors made elsewhere, in place of embedded texts.
    progress : told, in sentences, what is being prepared and what was found damaged.
    """
    name = model or settings.model
    check_model(name, settings)  # before anything slow
    catalog, folder = dataset.catalog, settings.data_dir
    shipped = ASSETS / catalog.name / "vectors.npz"
    embed = remembering(shipped, load_embedder) if shipped.exists() else None
    index = SemanticIndex(catalog, folder / "index", settings.chroma_url, vectors, embed, progress)
    try:
        als = load_or_fit(dataset.interactions, len(catalog), folder / "models", progress=progress)
        themes = Themes.load(ASSETS / catalog.name / "themes.toml")
        ranker = load_ranker(name, catalog, als, settings, index.vectors, progress)
        return Recommender(catalog, ranker, als, index, themes=themes)
    except BaseException:
        index.close()
        raise


def _counted(constraints: Constraints) -> ControlIntent:
    """The intent with the number that is meant where none was asked for."""
    return constraints.intent.model_copy(update={"count": constraints.count})


def _ordered(plan: SlatePlan, ranking: Ranking) -> SlatePlan:
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


class _Clock:
    """Seconds spent in each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 4)
