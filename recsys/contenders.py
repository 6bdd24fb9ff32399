"""Who takes part in an evaluation: rankers by name, fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recsys.candidates import ALSParams, CollaborativeModel, fit
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.interactions import Interactions
from recsys.rankers import RANKERS, Decoding, Ranker

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contender:
    """A ranker, and what can be asked of it."""

    ranker: Ranker
    decodings: tuple[Decoding, ...] = ("free", "guarded")
    reads_words: bool = False  # a language model: it may be asked in other words
    scored: bool = True  # whether it gives every item a score
    users: int | None = None  # make lists for so many users only: it is slow

    @property
    def name(self) -> str:
        return self.ranker.name


def contenders(
    models: Sequence[str | Contender],
    catalog: Catalog,
    train: Interactions,
    params: ALSParams | None = None,
    progress: Progress | None = None,
) -> list[Contender]:
    """The contenders of these names, fitted on ``train``; contenders are taken as they are. Unknown
    names are refused before anything slow happens."""
    say = progress or (lambda message: None)
    for name in models:
        if isinstance(name, str) and name not in RANKERS:
            raise TillerError(f"There is no ranker “{name}”: choose {' or '.join(RANKERS)}.")
    say(f"Fitting on {len(train):,} interactions.")
    als: CollaborativeModel = fit(train, len(catalog), params)
    return [
        model if isinstance(model, Contender) else Contender(RANKERS[model](catalog, als)) for model in models
    ]
