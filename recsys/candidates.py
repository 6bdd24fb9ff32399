"""Collaborative candidates: implicit ALS, a live profile folded in, and what speaks for an item.

Implicit ALS (Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets",
2008) fits ``x_u . y_i`` to 1 for what a person likes and to 0 for the rest, each cell weighted by a
confidence. A rating is no confidence by itself, and a low one is no like, so:

===============================  ==================================================
rated 70 % of the scale or more  a like: target 1, confidence ``alpha``
60 % to 70 %, or merely seen     a weak like: target 1, confidence ``alpha * WEAK``
below 60 %                       a dislike: target 0, confidence ``alpha * DISLIKE``
                                 (a negative confidence, in the library's notation)
===============================  ==================================================

The same weights are used in fitting and for a live profile. Somebody of whom nothing is known gets
zeros: what to recommend then is the matter of :func:`prior`.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from recsys.catalog import Catalog, ItemId
from recsys.interactions import Interactions
from recsys.profile import Profile

if TYPE_CHECKING:
    from implicit.cpu.als import AlternatingLeastSquares

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ALSParams:
    """Hyper-parameters, chosen on the validation item of ml-latest-small (leave-last-out, full
    ranking) by ``python -m recsys.tuning``."""

    factors: int = 64
    regularization: float = 30.0
    alpha: float = 10.0
    weak: float = 0.5
    dislike: float = -0.3
    iterations: int = 15
    seed: int = 0


@dataclass(frozen=True)
class Taste:
    """A profile in catalogue rows, each list in time order. Unknown ids are ignored.

    ``seeds`` are what the request at hand is to be like: likes that count for it alone. ``order``
    is all that is known in time order, where that is told (see :attr:`timeline`).
    """

    liked: tuple[int, ...] = ()
    disliked: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    order: tuple[int, ...] = ()

    @classmethod
    def of(cls, catalog: Catalog, profile: Profile, seeds: Sequence[int] = ()) -> Taste:
        def rows(ids: Sequence[ItemId]) -> tuple[int, ...]:
            return tuple(dict.fromkeys(catalog.rows(ids).tolist()))

        return cls(
            rows(profile.liked),
            rows(profile.disliked),
            rows(profile.seen),
            tuple(dict.fromkeys(seeds)),
            rows(profile.order),
        )

    @classmethod
    def of_timeline(cls, rows: Sequence[int], polarities: Sequence[str]) -> Taste:
        """From rows in time order, each ``"liked"``, ``"disliked"`` or ``"seen"``."""
        lists: dict[str, list[int]] = {"liked": [], "disliked": [], "seen": []}
        for row, polarity in zip(rows, polarities, strict=True):
            lists[polarity].append(int(row))
        liked, disliked, seen = (tuple(kind) for kind in lists.values())
        return cls(liked, disliked, seen, order=tuple(map(int, rows)))

    @property
    def known(self) -> tuple[int, ...]:
        return (*self.liked, *self.disliked, *self.seen)

    @property
    def timeline(self) -> tuple[int, ...]:
        """All known rows in time order; those of unknown time come first, likes last of them."""
        told = set(self.order)
        untold = (row for row in (*self.seen, *self.disliked, *self.liked) if row not in told)
        return (*untold, *self.order)

    @property
    def positive(self) -> tuple[int, ...]:
        """Likes and seeds."""
        return tuple(dict.fromkeys((*self.liked, *self.seeds)))


class CollaborativeModel:
    """Item factors and everything computed from them.

    Parameters
    ----------
    factors : float32 ``(n_items, n_factors)``; zeros for items nobody has used.
    params : what they were fitted with.
    """

    def __init__(self, factors: np.ndarray, params: ALSParams) -> None:
        self.factors = np.ascontiguousarray(factors, np.float32)
        self.params = params
        self._als = _als(params, self.factors.shape[1])
        self._als.item_factors = self.factors
        self._als._YtY = self.factors.T @ self.factors
        norms = np.linalg.norm(self.factors, axis=1)
        used = norms[norms > 0]
        # a vector fitted to a few ratings is short: adding a typical length to the divisor keeps
        # the little known from being everybody's nearest neighbour
        self._length = norms + (float(np.median(used)) if len(used) else 1.0)

    def __len__(self) -> int:
        return len(self.factors)

    def confidences(self, taste: Taste) -> sp.csr_matrix:
        """One row ``(1, n_items)`` of signed confidences, before ``alpha``; the latest word counts."""
        weights = dict.fromkeys(taste.seen, self.params.weak)
        weights |= dict.fromkeys(taste.disliked, self.params.dislike)
        weights |= dict.fromkeys(taste.positive, 1.0)
        rows = np.array(sorted(weights), np.int32)
        data = np.array([weights[row] for row in rows.tolist()], np.float32)
        return sp.csr_matrix((data, rows, [0, len(rows)]), (1, len(self)))

    def fold_in(self, taste: Taste) -> np.ndarray:
        """The taste as a user vector ``(n_factors,)``: the exact solution of the normal equations
        ``(Y'Y + Y'(|C| - I)Y + regularization I) x = Y'C p``."""
        return self._als.recalculate_user(0, self.confidences(taste))

    def scores(self, taste: Taste) -> np.ndarray:
        """Predicted preference for every item, float32 ``(n_items,)``, about 0 to 1."""
        if not (taste.positive or taste.seen):
            return np.zeros(len(self), np.float32)
        return self.factors @ self.fold_in(taste)

    def explain(self, taste: Taste, rows: Sequence[int]) -> list[dict[int, float]]:
        """For each of ``rows``: how much each liked, seen or seed item adds to its score.

        The parts sum to the score. Dislikes add nothing of their own (their target is 0): they
        lower what the others add. Section 5 of the paper.
        """
        confidences, weights, out = self.confidences(taste), None, []
        for row in rows:
            _, parts, weights = self._als.explain(0, confidences, row, weights, N=confidences.nnz)
            out.append({int(item): float(part) for item, part in parts})
        return out

    def similarity(self, row: int, rows: np.ndarray | None = None) -> np.ndarray:
        """How much the users of ``row`` are those of ``rows`` (default: of every item), -1 to 1."""
        factors = self.factors if rows is None else self.factors[rows]
        length = self._length if rows is None else self._length[rows]
        own = float(np.linalg.norm(self.factors[row]))
        return factors @ self.factors[row] / (length * own) if own else np.zeros(len(factors), np.float32)


def prior(catalog: Catalog) -> np.ndarray:
    """What to recommend to somebody unknown: ``log(1 + ratings) * mean rating``, ``(n_items,)``.

    The logarithm because the tenth rating says more than the thousandth; the mean is the shrunk one,
    taken from the lowest mean up, so that bad and well-known is not good. Where only one of the two is
    known, it decides alone.
    """
    known = np.log1p(catalog.popularity)
    rating = catalog.numeric.get("rating")
    if rating is None or not np.isfinite(rating).any():
        return known.astype(np.float32)
    liked = np.nan_to_num(rating - float(np.nanmin(rating)))
    return (known * liked if known.any() else liked).astype(np.float32)


def confidence_matrix(interactions: Interactions, n_items: int, params: ALSParams) -> sp.csr_matrix:
    """Signed confidences ``(n_users, n_items)``, before ``alpha``; see the table above."""
    data = np.full(len(interactions), params.weak, np.float32)
    data[interactions.liked] = 1.0
    data[interactions.disliked] = params.dislike
    shape = (len(interactions.users), n_items)
    matrix = sp.csr_matrix((data, (interactions.user, interactions.item)), shape)
    matrix.eliminate_zeros()
    return matrix


def fit(interactions: Interactions, n_items: int, params: ALSParams | None = None) -> CollaborativeModel:
    """Fit ALS. Without interactions every factor is 0."""
    params = params or ALSParams()
    matrix = confidence_matrix(interactions, n_items, params)
    if not matrix.nnz:
        return CollaborativeModel(np.zeros((n_items, params.factors), np.float32), params)
    als = _als(params, params.factors, threads=0)  # 0: all cores
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # or two kinds of threads fight over the cores
        als.fit(matrix, show_progress=False)
    factors = als.item_factors
    factors[np.diff(matrix.tocsc().indptr) == 0] = 0  # never used: whatever is there is noise
    return CollaborativeModel(factors, params)


def load_or_fit(
    interactions: Interactions,
    n_items: int,
    folder: Path,
    params: ALSParams | None = None,
    progress: Progress | None = None,
) -> CollaborativeModel:
    """The model for exactly this data, from the cache in ``folder`` or fitted and put there.

    A file that cannot be read is fitted again, and a folder that cannot be written to only costs
    the time of fitting; both are said through ``progress``.
    """
    params, say = params or ALSParams(), progress or (lambda message: None)
    path = folder / f"als-{_data_hash(interactions, n_items, params)}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            factors = file["item_factors"]
        if factors.shape == (n_items, params.factors) and np.isfinite(factors).all():
            return CollaborativeModel(factors, params)
        raise ValueError("wrong shape")
    except FileNotFoundError:
        say(f"Fitting ALS on {len(interactions):,} interactions.")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        say(f"The fitted model in {path} cannot be read ({error}): fitting it again.")
    model = fit(interactions, n_items, params)
    try:
        _write(path, model.factors)
    except OSError as error:
        say(f"The fitted model could not be kept ({error}): it will be fitted again next time.")
    return model


def _write(path: Path, factors: np.ndarray) -> None:
    """Write beside, then rename: a file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, item_factors=factors)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _data_hash(interactions: Interactions, n_items: int, params: ALSParams) -> str:
    digest = hashlib.sha256(repr((n_items, astuple(params), interactions.top)).encode())
    for column in (interactions.user, interactions.item, interactions.rating):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()[:16]


def _als(params: ALSParams, factors: int, threads: int = 1) -> AlternatingLeastSquares:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):  # the library warns otherwise
        return AlternatingLeastSquares(
            factors=factors,
            regularization=params.regularization,
            alpha=params.alpha,
            iterations=params.iterations,
            num_threads=threads,
            random_state=params.seed,
        )
