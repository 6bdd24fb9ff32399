"""Metrics of accuracy, control and form. Formulas: METHOD, or the sources named here.

A *rank* is the 0-based position of the one held-out item. A *list* is a sequence of catalogue rows,
-1 for something that is not in the catalogue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.controls import Quota

NOT_LISTED = 1_000_000_000


def rank_of(scores: np.ndarray, target: int, candidates: np.ndarray) -> int:
    """Rank of ``target`` among ``candidates`` (boolean ``(n_items,)``, the target counts as one):
    how many score higher, or equally and stand earlier in the catalogue."""
    own = scores[target]
    before = candidates & (scores > own)
    tied = candidates[:target] & (scores[:target] == own)
    return int(before.sum() + tied.sum())


def hit_ratio(ranks: np.ndarray, k: int) -> np.ndarray:
    """HR@k, one number a user: 1 where the rank is below k."""
    return (np.asarray(ranks) < k).astype(float)


def ndcg(ranks: np.ndarray, k: int) -> np.ndarray:
    """NDCG@k with one relevant item, one number a user: ``1 / log2(rank + 2)``, 0 from rank k on."""
    ranks = np.asarray(ranks, float)
    return np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)


def list_rank(rows: Sequence[int], target: int) -> int:
    """Position of the target in a list; :data:`NOT_LISTED` when it is not there."""
    return list(rows).index(target) if target in rows else NOT_LISTED


def tcp(rows: Sequence[int], inside: np.ndarray, k: int) -> float:
    """TCP@k, target category proportion: share of the first k that are in the category.

    ``inside`` is boolean ``(n_items,)``. Of a list shorter than k, the share of what there is;
    0 for an empty list.
    """
    items = np.asarray(rows[:k], np.int64)
    return float((inside[items] & (items >= 0)).mean()) if len(items) else 0.0


def cpa(rows: Sequence[int], inside: np.ndarray, quota: Quota, k: int) -> float:
    """CPA@k, category proportion accuracy: 1 when the quota is met by the first k, else 0.

    ``at_most`` m: count <= m; ``at_least`` m: count >= m; ``about`` m: ``|count - m| <= 1``, with m
    the quota's number in a list of k.
    """
    items = np.asarray(rows[:k], np.int64)
    count = int((inside[items] & (items >= 0)).sum())
    low, high = quota.bounds(k)
    return float(low <= count <= high)


@dataclass(frozen=True)
class Form:
    """How well-formed a list is: whether it has its length, and counts of three errors."""

    correct_count: float
    repeat_item: int
    non_exist: int
    in_history: int


def form(rows: Sequence[int], asked: int, history: Collection[int]) -> Form:
    """Form of a list of which ``asked`` items were asked. Each entry counts for one error at
    most, the first that applies: not in the catalogue, repeated, in the history."""
    seen: set[int] = set()
    past = set(history)
    repeat = missing = known = 0
    for row in rows:
        if row < 0:
            missing += 1
        elif row in seen:
            repeat += 1
        elif row in past:
            known += 1
        seen.add(row)
    return Form(float(len(rows) == asked), repeat, missing, known)


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap(values: np.ndarray, seed: int = 0, resamples: int = 1000) -> Estimate:
    """Mean of one number a user, with a percentile bootstrap interval over users
    (Efron 1979). NaN entries are left out; of nothing, everything is NaN."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return Estimate(np.nan, np.nan, np.nan)
    draws = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high))
