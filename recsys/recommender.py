"""The recommender: from a profile and controls to a slate. One instance serves every session.

    controls -> plan (what can be built) -> candidates -> fused score -> list -> reasons, report

Only the candidates are compared in full (``recsys/ranking.py``); everything else stands behind them, by
taste, and is used when they do not suffice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from recsys.candidates import CollaborativeModel, Progress, Taste, load_or_fit
from recsys.catalog import Catalog, ItemId
from recsys.constraints import Constraints
from recsys.controls import ControlIntent
from recsys.datasets import Dataset
from recsys.models import check_model, load_ranker
from recsys.profile import Profile
from recsys.rankers import Decoding, Fixed, Ranker, Request
from recsys.ranking import Fusion, ordered
from recsys.reasons import Reasons
from recsys.semantic import ItemTexts, SemanticIndex, load_embedder
from recsys.settings import ASSETS, Settings
from recsys.slate import FunnelStep, Relaxation, Slate, SlateItem, SlatePlan, plan_slate
from recsys.themes import Themes
from recsys.vectors import remembering

#: How far behind the candidates everything else stands.
BEHIND = 1e3


class Recommender:
    """See the module. ``index`` may be missing (no theme search then)."""

    def __init__(
        self,
        catalog: Catalog,
        ranker: Ranker,
        model: CollaborativeModel,
        index: SemanticIndex,
        themes: Themes | None = None,
    ) -> None:
        self.name = ranker.name
        self.catalog = catalog
        self._ranker = ranker
        self._model = model
        self._index = index
        self._themes = themes or Themes()
        texts = ItemTexts(catalog)
        self._fusion = Fusion(catalog, model, index, texts, self._themes)
        self._reasons = Reasons(catalog, ranker, texts, self._themes)

    def close(self) -> None:
        """Give the index's directory back."""
        self._index.close()

    def with_ranker(self, ranker: Ranker, model: CollaborativeModel, catalog: Catalog) -> Recommender:
        """The same around another ranker and collaborative model, over ``catalog`` (these items, perhaps
        with other statistics). Both share the index: close only this one."""
        return Recommender(catalog, ranker, model, self._index, self._themes)

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
            included as they come: what it does by itself; ``"distinct"`` the same, nothing twice.
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
        if decoding != "guarded":
            return self._free(taste, plan, decoding, clock)
        with clock("candidates"):
            walk = self._ranker.steps(taste, _counted(constraints))
            base = walk.scores
            ranking = self._fusion.rank(taste, plan, base)
        say("ranking")
        with clock("ranking"):
            scores = base - base.max(initial=0) - BEHIND if intent.order else base.astype(np.float64)
            scores[ranking.rows] = ranking.scores
            if intent.order:
                plan = ordered(plan, ranking)
            if intent.order:
                rows = plan.pick(scores)
            else:
                fixed = isinstance(walk, Fixed)
                after = None if fixed else partial(self._fusion.after, walk, plan, ranking)
                rows = plan.pick(scores, self._fusion.likeness.doubles, ranking.rows, after)
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

    def _free(self, taste: Taste, plan: SlatePlan, decoding: Decoding, clock: _Clock) -> Slate:
        constraints = plan.constraints
        with clock("ranking"):
            rows = self._ranker.lists([Request(taste, plan)], decoding)[0]
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
            decoding=decoding,
        )

    def similar(self, item_id: ItemId, n: int = 5) -> list[ItemId]:
        """The ``n`` items most like one, nearest first; empty for an unknown id."""
        row = self.catalog.row(item_id)
        return [] if row is None else [self.catalog.ids[i] for i in self._fusion.similar(row, n)]

    def explain(self, profile: Profile, intent: ControlIntent, item_id: ItemId) -> tuple[str, ...]:
        """What speaks for an item, as facts; empty for an unknown id."""
        row = self.catalog.row(item_id)
        if row is None:
            return ()
        constraints = intent.compile(self.catalog)
        taste = Taste.of(self.catalog, profile, constraints.seeds)
        return self._reasons.of([row], taste, constraints)[0]

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


class _Clock:
    """Seconds spent in each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 4)
