"""Who takes part in an evaluation: rankers by name, fitted on the training part alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from recsys.accuracy import hidden_items
from recsys.candidates import ALSParams, CollaborativeModel, Progress, fit
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.interactions import Interactions
from recsys.models import find_adapter
from recsys.rankers import ALS, RANKERS, Decoding, Ranker, Request
from recsys.semantic import text_vectors
from recsys.settings import Settings, get_settings

if TYPE_CHECKING:
    from recsys.lm.model import ItemTokenModel

TEACHER = re.compile(r"teacher(?:-seed(\d+))?")
ZERO_SHOT = "zero-shot"
#: Behind the name of an adapter: fused with ALS.
FUSED = "+als"
#: Users whom the model that writes titles makes lists for: each takes it seconds.
ZERO_SHOT_USERS, ZERO_SHOT_USERS_QUICK = 10, 2


class MakesLists(Protocol):
    """The least that can be evaluated."""

    name: str

    def lists(self, requests: Sequence[Request], decoding: Decoding) -> list[list[int]]: ...


@dataclass(frozen=True)
class Contender:
    """A ranker, and what can be asked of it."""

    ranker: MakesLists
    decodings: tuple[Decoding, ...] = ("free", "guarded")
    reads_words: bool = False  # a language model: it is asked in other words too
    users: int | None = None  # make lists for so many users only: it is slow
    cold: np.ndarray | None = None  # bool (n_items,): items hidden from its training

    @property
    def name(self) -> str:
        return self.ranker.name

    @property
    def scorer(self) -> Ranker | None:
        """The ranker, when it gives every item a score."""
        return cast(Ranker, self.ranker) if hasattr(self.ranker, "scores_many") else None


@dataclass(frozen=True)
class Grounds:
    """What the contenders are made from: the catalogue and the interactions of the training part."""

    catalog: Catalog
    train: Interactions
    params: ALSParams | None = None
    fusion: float | None = None  # weight of ALS in the fused ones; default: what each was tuned to
    quick: bool = False
    progress: Progress = lambda message: None
    settings: Settings = field(default_factory=get_settings)
    models: dict[Path, ItemTokenModel] = field(default_factory=dict)  # by folder: fused or not, one model

    @cached_property
    def als(self) -> CollaborativeModel:
        self.progress(f"Fitting ALS on {len(self.train):,} interactions.")
        return fit(self.train, len(self.catalog), self.params)

    def model(self, folder: Path) -> ItemTokenModel:
        """The item-token model of an adapter."""
        from recsys.lm.adapter import load_model

        if folder not in self.models:
            self.progress(f"Loading {folder.name}.")
            data_dir = self.settings.data_dir
            self.models[folder] = load_model(
                folder, self.catalog, data_dir, partial(text_vectors, self.catalog), self.progress
            )
        return self.models[folder]


def contenders(models: Sequence[str | Contender], grounds: Grounds) -> list[Contender]:
    """The contenders of these names; those given ready are taken as they are.

    An adapter goes by its folder's name, or where another takes part of that name, as it was given.

    Raises
    ------
    TillerError : an unknown name, or one twice, before anything slow happens.
    """
    short = [model.name if isinstance(model, Contender) else Path(model).name for model in models]
    given = [model.name if isinstance(model, Contender) else model for model in models]
    names = [own if short.count(own) == 1 else whole for own, whole in zip(short, given, strict=True)]
    for name in names:
        if names.count(name) > 1:
            raise TillerError(f"{name} takes part twice: name it once, and folders of one name by path.")
    makers = [_maker(model, name, grounds.settings) for model, name in zip(models, names, strict=True)]
    return [make(grounds) for make in makers]


def _maker(model: str | Contender, name: str, settings: Settings) -> Callable[[Grounds], Contender]:
    if isinstance(model, Contender):
        return lambda grounds: model
    if found := TEACHER.fullmatch(model):
        return lambda grounds: _teacher(model, int(found[1] or 0), grounds)
    if model == ZERO_SHOT:
        return _zero_shot
    if model in RANKERS:
        return lambda grounds: _ranker(model, grounds)
    folder = find_adapter(model.removesuffix(FUSED), settings)
    if folder is not None:
        return lambda grounds: _language_model(folder, name, grounds)
    names = ", ".join((*RANKERS, "teacher", ZERO_SHOT))
    raise TillerError(f"There is no ranker “{model}”: choose {names}, or an adapter by name or folder.")


def _ranker(name: str, grounds: Grounds) -> Contender:
    return Contender(RANKERS[name](grounds.catalog, grounds.als))


def _teacher(name: str, seed: int, grounds: Grounds) -> Contender:
    from recsys.sequence import Teacher, load_or_fit_sequence, params_for

    params = replace(params_for(grounds.catalog.name), seed=seed)
    folder = grounds.settings.data_dir / "models"
    model = load_or_fit_sequence(grounds.train, len(grounds.catalog), folder, params, grounds.progress)
    teacher = Teacher(grounds.catalog, model)
    teacher.name = name
    return Contender(teacher)


def _language_model(folder: Path, name: str, grounds: Grounds) -> Contender:
    """An adapter by itself, or with ALS beside it: with the weight asked for, or that of its manifest."""
    fused = name.endswith(FUSED)
    from recsys.lm.adapter import read_manifest
    from recsys.lm.ranker import LanguageModel

    manifest = read_manifest(folder)
    weight, brief, listed = 0.0, None, None
    if fused and grounds.fusion is not None:
        weight = grounds.fusion
    elif fused:
        weight, brief, listed = manifest.fusion, manifest.fusion_brief, manifest.list_fusion
    als = ALS(grounds.catalog, grounds.als)
    ranker = LanguageModel(grounds.model(folder), name, als, weight, manifest.foresight, brief, listed)
    training = manifest.training
    cold = hidden_items(len(grounds.catalog), training.get("hidden", 0.0), training.get("seed", 0))
    decodings: tuple[Decoding, ...] = ("guarded",) if fused else ("free", "distinct", "guarded")
    return Contender(ranker, decodings, reads_words=True, cold=cold if cold.any() else None)


def _zero_shot(grounds: Grounds) -> Contender:
    from recsys.lm.base import base_folder, load_base, load_tokenizer
    from recsys.zero_shot import ZeroShot

    settings = grounds.settings
    folder = base_folder(settings.base_model, settings.data_dir, grounds.progress)
    ranker = ZeroShot(grounds.catalog, load_base(folder), load_tokenizer(folder))
    users = ZERO_SHOT_USERS_QUICK if grounds.quick else ZERO_SHOT_USERS
    return Contender(ranker, decodings=("free",), users=users)
