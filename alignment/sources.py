"""What training draws on: the data's training part, the teacher, ALS, texts, and the base model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignment.tasks import TaskMaker
from recsys.accuracy import hidden_items, rank_of_target
from recsys.candidates import CollaborativeModel, Taste, load_or_fit
from recsys.cases import Case, cases_of
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.datasets import Dataset, five_core, leave_last_out, training_catalog
from recsys.errors import TillerError
from recsys.interactions import Interactions
from recsys.likeness import Likeness
from recsys.lm.adapter import load_model, read_manifest
from recsys.lm.base import base_folder
from recsys.lm.decoding import with_beside
from recsys.lm.ranker import LanguageModel, standard, weights_of
from recsys.lm.wording import canonical
from recsys.metrics import hit_ratio, ndcg
from recsys.rankers import ALS
from recsys.semantic import text_vectors
from recsys.sequence import SequenceModel, load_or_fit_sequence, params_for
from recsys.settings import ASSETS, Settings
from recsys.themes import Themes

Progress = Callable[[str], None]
K = 10
#: Weights that validation chooses among: of ALS, and of the model's foresight.
FUSION = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
FORESIGHT = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
#: Likes that somebody has told who has just come.
FEW = 5
#: Users that validation measures, at most.
VALIDATED = 1000


@dataclass(frozen=True, eq=False)
class Sources:
    """Everything that training reads. ``vectors`` are unit vectors of the items' texts."""

    catalog: Catalog
    train: Interactions
    als: CollaborativeModel
    teacher: SequenceModel
    vectors: np.ndarray
    themes: Themes
    base: Path
    base_name: str
    data_dir: Path
    cases: list[Case]
    core: np.ndarray

    def maker(self, seed: int, **options: Any) -> TaskMaker:
        """Makes requests and answers."""
        likeness = Likeness(self.catalog, self.als)
        return TaskMaker(
            self.catalog,
            self.teacher,
            likeness,
            vectors=self.vectors,
            themes=self.themes,
            seed=seed,
            **options,
        )

    def ranker(self, adapter: Path) -> LanguageModel:
        """An adapter as a ranker, alone."""
        model = load_model(adapter, self.catalog, self.data_dir, lambda rows: self.vectors[list(rows)])
        return LanguageModel(model, read_manifest(adapter).name, ALS(self.catalog, self.als))

    def measure(self, adapter: Path) -> dict[str, Any]:
        """What an adapter does on the validation item, and the weights that are best there. Empty where
        there is nobody to measure it on.

        HR@10 and NDCG@10: ``hr`` and ``ndcg`` of its scores alone; ``fused_`` of these with ALS, beside
        whole histories, and ``brief_`` beside a few likes; ``list_`` and ``list_brief_`` of the first place
        of a plain guarded list, as it is served. Weights: of ALS in the scores, ``fusion`` and
        ``fusion_brief``; in lists, ``foresight``, which is chosen first, without ALS, and of ALS
        ``list_fusion``, beside few likes and beside whole histories.
        """
        if not self.cases:
            return {}
        ranker = self.ranker(adapter)
        whole = self._read(ranker, [case.taste for case in self.cases])
        brief = self._read(ranker, [case.shortened(FEW, seed=0) for case in self.cases])
        few, ranks_few = self._best(FUSION, lambda w: brief.scores(w, w))
        many, ranks_many = self._best(FUSION, lambda w: whole.scores(few, w))
        foresight, _ = self._best(FORESIGHT, lambda w: whole.listed(w, 0.0, 0.0))
        beside = list_weights(foresight)
        list_few, listed_few = self._best(beside, lambda w: brief.listed(foresight, w, w))
        list_many, listed_many = self._best(beside, lambda w: whole.listed(foresight, list_few, w))
        weights = {"fusion": many, "fusion_brief": few, "foresight": foresight}
        return {
            **_figures("", self._ranks(whole.foreseen)),
            **_figures("fused_", ranks_many),
            **_figures("brief_", ranks_few),
            **_figures("list_", listed_many),
            **_figures("list_brief_", listed_few),
            **weights,
            "list_fusion": (list_few, list_many),
        }

    def _read(self, ranker: LanguageModel, tastes: Sequence[Taste]) -> Read:
        words = canonical(ControlIntent(count=K), self.catalog)
        asked = ranker.model.scores_many([ranker.model.prompt_ids(taste, words) for taste in tastes])
        other = standard(ALS(self.catalog, self.als).scores_many(tastes))
        return Read(tastes, ranker.foresee(tastes), asked, other)

    def _best(
        self, weights: Sequence[float], scores: Callable[[float], np.ndarray]
    ) -> tuple[float, np.ndarray]:
        """The weight with the best NDCG, of several the smallest, and the ranks with it."""
        ranks = {w: self._ranks(scores(w)) for w in weights}
        best = max(weights, key=lambda w: _ndcg(ranks[w]))
        return best, ranks[best]

    def _ranks(self, scores: np.ndarray) -> np.ndarray:
        """Ranks of the validation items among what their users have not used, ``(n_cases,)``."""
        pairs = zip(self.cases, scores, strict=True)
        return np.array([rank_of_target(case, own, self.core) for case, own in pairs])


def list_weights(foresight: float) -> list[float]:
    """The weights of ALS that are tried in lists: it stands beside what counts ``foresight`` times."""
    return [max(foresight, 1.0) * weight for weight in FUSION]


@dataclass(frozen=True, eq=False)
class Read:
    """What was read of some profiles, each ``(n, n_items)``: the model's logits at their ends, and behind a
    request for ten items, and the standardised scores of ALS. The methods are what
    :class:`~recsys.lm.ranker.LanguageModel` makes of them."""

    tastes: Sequence[Taste]
    foreseen: np.ndarray
    asked: np.ndarray
    other: np.ndarray

    def scores(self, brief: float, long: float) -> np.ndarray:
        """Scores, with these weights of ALS."""
        return with_beside(self.foreseen, weights_of(self.tastes, brief, long) * self.other)

    def listed(self, foresight: float, brief: float, long: float) -> np.ndarray:
        """What decides the first place of a list, with these weights."""
        other = weights_of(self.tastes, brief, long) * self.other
        return with_beside(self.asked, foresight * standard(self.foreseen) + other)


def _figures(name: str, ranks: np.ndarray) -> dict[str, float]:
    return {f"{name}hr": float(hit_ratio(ranks, K).mean()), f"{name}ndcg": _ndcg(ranks)}


def _ndcg(ranks: np.ndarray) -> float:
    return float(ndcg(ranks, K).mean())


def load_sources(
    dataset: Dataset,
    settings: Settings,
    progress: Progress | None = None,
    hidden: float = 0.0,
    seed: int = 0,
) -> Sources:
    """Fit or load what training needs; nothing of it has seen the last two interactions, and ALS and teacher
    not the :func:`~recsys.accuracy.hidden_items` of a training with this share and seed.

    Raises
    ------
    TillerError : the catalogue has no interactions to learn from, or the base cannot be had.
    """
    if not len(dataset.interactions):
        raise TillerError("There is nothing to learn from: this catalogue has no interactions.")
    folder = settings.data_dir / "models"
    split = leave_last_out(dataset.interactions)
    catalog = training_catalog(dataset, split)
    base = base_folder(settings.base_model, settings.data_dir, progress)
    trained = ~hidden_items(len(catalog), hidden, seed)
    learned = split.train.select(trained[split.train.item]) if hidden else split.train
    als = load_or_fit(learned, len(catalog), folder, progress=progress)
    teacher = load_or_fit_sequence(learned, len(catalog), folder, params_for(catalog.name), progress=progress)
    users, core = five_core(dataset.interactions, len(catalog))
    cases = [c for c in cases_of(dataset.interactions, split, "valid") if users[c.user] and core[c.target]]
    if len(cases) > VALIDATED:
        chosen = np.random.default_rng(0).choice(len(cases), VALIDATED, replace=False)
        cases = [cases[i] for i in sorted(chosen)]
    return Sources(
        catalog=catalog,
        train=split.train,
        als=als,
        teacher=teacher,
        vectors=text_vectors(catalog),
        themes=Themes.load(ASSETS / catalog.name / "themes.toml"),
        base=base,
        base_name=settings.base_model,
        data_dir=settings.data_dir,
        cases=cases,
        core=core,
    )
