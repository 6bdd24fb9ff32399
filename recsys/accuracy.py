"""Accuracy: where the item that somebody chose next stands in a ranking of everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from recsys.candidates import Taste
from recsys.cases import Case, polarities
from recsys.interactions import Interactions
from recsys.metrics import Estimate, bootstrap, hit_ratio, rank_of
from recsys.rankers import Ranker

#: Profiles that are scored in one go.
BATCH = 64


def accuracy_ranks(
    ranker: Ranker, cases: Sequence[Case], core: np.ndarray, likes: int | None, seed: int
) -> dict[str, np.ndarray]:
    """Ranks of the targets, among the 5-core items (boolean ``core``, ``(n_items,)``) and among all;
    the whole history is taken out even where the profile is only ``likes`` of its liked items."""
    among = {"5-core": core, "all": np.ones(len(core), bool)}
    ranks: dict[str, list[int]] = {items: [] for items in among}
    scored = scores_of(ranker, [case.shortened(likes, seed) for case in cases])
    for case, scores in zip(cases, scored, strict=True):
        for items, mask in among.items():
            ranks[items].append(rank_of_target(case, scores, mask))
    return {items: np.array(values) for items, values in ranks.items()}


def rank_of_target(case: Case, scores: np.ndarray, among: np.ndarray) -> int:
    """The 0-based rank of a case's target by ``scores`` among the items of the mask ``among`` (bool
    ``(n_items,)``) that its user has not used."""
    rest = among.copy()
    rest[case.history] = False
    rest[case.target] = True
    return rank_of(scores, case.target, rest)


def scores_of(ranker: Ranker, tastes: Sequence[Taste]) -> Iterator[np.ndarray]:
    """Scores ``(n_items,)`` of one taste after the other, made in batches."""
    for start in range(0, len(tastes), BATCH):
        yield from ranker.scores_many(tastes[start : start + BATCH])


def hidden_items(n_items: int, share: float, seed: int) -> np.ndarray:
    """The items that a training with this seed never sees, bool ``(n_items,)``."""
    return np.random.default_rng(seed).random(n_items) < share


def cold_hit_ratio(
    ranker: Ranker,
    interactions: Interactions,
    cold: np.ndarray,
    k: int = 10,
    cases: int = 1000,
    seed: int = 0,
) -> tuple[Estimate, float]:
    """HR@k among items that were hidden from training, and what chance alone would hit.

    Every use of a hidden item is a case: the profile is what its user did before, hidden items left
    out; all hidden items compete. A sample of ``cases`` is taken; the interval is over users.

    Parameters
    ----------
    cold : boolean ``(n_items,)``, the hidden items. A fair ranker has seen none of their
        interactions; popularity counted from the data has, and is the harder to beat.
    """
    uses = np.flatnonzero(cold[interactions.item] & interactions.liked)
    if len(uses) > cases:
        uses = np.sort(np.random.default_rng(seed).choice(uses, cases, replace=False))
    starts, kinds = interactions.bounds(), polarities(interactions)
    tastes = []
    for use in uses.tolist():
        span = np.arange(starts[interactions.user[use]], use)
        span = span[~cold[interactions.item[span]]]
        tastes.append(Taste.of_timeline(interactions.item[span].tolist(), kinds[span].tolist()))
    targets = interactions.item[uses].tolist()
    ranks = [
        rank_of(scores, target, cold)
        for scores, target in zip(scores_of(ranker, tastes), targets, strict=True)
    ]
    hits, users = hit_ratio(np.array(ranks), k), interactions.user[uses]
    by_user = np.array([hits[users == user].mean() for user in np.unique(users)])
    return bootstrap(by_user, seed), min(k / max(int(cold.sum()), 1), 1.0)
