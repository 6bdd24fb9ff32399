"""What training draws on: the data's training part, the teacher, ALS, texts, and the base model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignment.tasks import TaskMaker
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
from recsys.metrics import hit_ratio, ndcg, rank_of
from recsys.rankers import ALS
from recsys.semantic import text_vectors
from recsys.sequence import SequenceModel, load_or_fit_sequence, params_for
from recsys.settings import ASSETS, Settings
from recsys.themes import Themes

Progress = Callable[[str], None]
K = 10
#: Weights that validation chooses among: of ALS, and of the model's foresight.
FUSION = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
FORESIGHT = (0.0, 0.5, 1.0, 2.0, 4.0)
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

    def measure(self, adapter: Path) -> dict[str, float]:
        """HR@10 and NDCG@10 of an adapter on the validation item, by its scores (``hr``, ``ndcg``), these
        with the best weight of ALS (``fusion``, ``fused_ndcg``), and by the first place of a plain list
        (``list_hr``, ``list_ndcg``) with the best weight of its ``foresight``; also, where only a few
        likes are told, with the best weight of ALS for that (``fusion_brief``, ``brief_hr``,
        ``brief_ndcg``). Empty where there is nobody to measure it on."""
        if not self.cases:
            return {}
        alone = self.ranker(adapter)
        tastes = [case.taste for case in self.cases]
        briefly = self._fused(alone, [case.shortened(FEW, seed=0) for case in self.cases])
        brief = max(briefly, key=lambda w: _ndcg(briefly[w]))
        fused = self._fused(alone, tastes, brief)
        foreseen = alone.scores_many(tastes)
        ranks, standing = self._ranks(foreseen), standard(foreseen)
        words = canonical(ControlIntent(count=K), self.catalog)
        asked = alone.model.scores_many([alone.model.prompt_ids(taste, words) for taste in tastes])
        listed = {w: self._ranks(with_beside(asked, w * standing)) for w in FORESIGHT}
        fusion, foresight = (max(by, key=lambda w: _ndcg(by[w])) for by in (fused, listed))
        return {
            "hr": float(hit_ratio(ranks, K).mean()),
            "ndcg": _ndcg(ranks),
            "fusion": fusion,
            "fused_ndcg": _ndcg(fused[fusion]),
            "fusion_brief": brief,
            "brief_hr": float(hit_ratio(briefly[brief], K).mean()),
            "brief_ndcg": _ndcg(briefly[brief]),
            "foresight": foresight,
            "list_hr": float(hit_ratio(listed[foresight], K).mean()),
            "list_ndcg": _ndcg(listed[foresight]),
        }

    def _fused(
        self, model: LanguageModel, tastes: Sequence[Taste], brief: float | None = None
    ) -> dict[float, np.ndarray]:
        """Ranks by weight of ALS; ``brief``: its weight beside short profiles, else the same."""
        foreseen = model.foresee(tastes)
        other = standard(ALS(self.catalog, self.als).scores_many(tastes))
        weights = {w: weights_of(tastes, w if brief is None else brief, w) for w in FUSION}
        return {w: self._ranks(with_beside(foreseen, own * other)) for w, own in weights.items()}

    def _ranks(self, scores: np.ndarray) -> np.ndarray:
        """Ranks of the validation items among what their users have not used, ``(n_cases,)``."""
        ranks = []
        for case, own in zip(self.cases, scores, strict=True):
            rest = self.core.copy()
            rest[case.history] = False
            rest[case.target] = True
            ranks.append(rank_of(own, case.target, rest))
        return np.array(ranks)


def _ndcg(ranks: np.ndarray) -> float:
    return float(ndcg(ranks, K).mean())


def load_sources(dataset: Dataset, settings: Settings, progress: Progress | None = None) -> Sources:
    """Fit or load what training needs; nothing of it has seen the last two interactions.

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
    als = load_or_fit(split.train, len(catalog), folder, progress=progress)
    teacher = load_or_fit_sequence(
        split.train, len(catalog), folder, params_for(catalog.name), progress=progress
    )
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
