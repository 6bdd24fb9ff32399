"""Who used what, when, and how much they liked it: columns, splits and statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsys.catalog import Catalog

#: Votes of the catalogue's mean that every item's rating is shrunk with.
PRIOR_VOTES = 10


@dataclass(frozen=True)
class Interactions:
    """Interactions, one an entry, sorted by user, then time; equal times keep the file's order.

    Parameters
    ----------
    users : external user ids.
    user : int32 ``(n,)``, index into ``users``.
    item : int32 ``(n,)``, catalogue row.
    rating : float32 ``(n,)`` on the file's own scale, NaN where none was given.
    timestamp : int64 ``(n,)``, seconds since 1970, 0 where unknown.
    top : the highest rating of the scale.
    """

    users: Sequence[str | int]
    user: np.ndarray
    item: np.ndarray
    rating: np.ndarray
    timestamp: np.ndarray
    top: float = 5.0

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def sorted(
        cls,
        users: Sequence[str | int],
        user: np.ndarray,
        item: np.ndarray,
        rating: np.ndarray,
        timestamp: np.ndarray,
        top: float = 5.0,
    ) -> Interactions:
        """Build from columns in file order."""
        user, timestamp = np.asarray(user, np.int32), np.asarray(timestamp, np.int64)
        item, rating = np.asarray(item, np.int32), np.asarray(rating, np.float32)
        same = user[1:] == user[:-1]
        if not ((user[1:] > user[:-1]) | (same & (timestamp[1:] >= timestamp[:-1]))).all():
            order = np.lexsort((timestamp, user))  # stable: ties keep the file's order
            user, item, rating, timestamp = user[order], item[order], rating[order], timestamp[order]
        return cls(users, user, item, rating, timestamp, top)

    @property
    def disliked(self) -> np.ndarray:
        """Boolean ``(n,)``: rated below 60 % of the scale (below 3 of 5 stars)."""
        return self.rating < 0.6 * self.top

    @property
    def liked(self) -> np.ndarray:
        """Boolean ``(n,)``: rated 70 % of the scale or more, or used without a rating."""
        return ~(self.rating < 0.7 * self.top)

    def select(self, mask: np.ndarray) -> Interactions:
        """The interactions where ``mask`` (boolean ``(n,)``) holds; users keep their indices."""
        return replace(
            self,
            user=self.user[mask],
            item=self.item[mask],
            rating=self.rating[mask],
            timestamp=self.timestamp[mask],
        )

    def bounds(self) -> np.ndarray:
        """Where each user's interactions start, int64 ``(n_users + 1,)``: user ``u`` has
        the entries ``bounds[u]:bounds[u + 1]``."""
        return np.searchsorted(self.user, np.arange(len(self.users) + 1))


def no_interactions() -> Interactions:
    """What a catalogue without any interactions has."""
    return Interactions(
        (), np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64)
    )


@dataclass(frozen=True)
class Split:
    """Leave-last-out: ``valid`` and ``test`` hold one catalogue row a user, -1 where there is none.

    ``hidden`` is a boolean array over the interactions that were split: the held-out ones.
    """

    train: Interactions
    valid: np.ndarray
    test: np.ndarray
    hidden: np.ndarray


def leave_last_out(interactions: Interactions) -> Split:
    """Hold out each user's last interaction (test) and the last but one (valid).

    The last is the last in time; of equal times the one that stands later in the file. A
    user with fewer than three interactions is left whole in ``train``.
    """
    bounds = interactions.bounds()
    ends = bounds[1:]
    long_enough = np.diff(bounds) >= 3
    hidden = np.zeros(len(interactions), bool)
    hidden[ends[long_enough] - 1] = True
    hidden[ends[long_enough] - 2] = True

    def held_out(back: int) -> np.ndarray:
        rows = np.full(len(interactions.users), -1, np.int64)
        rows[long_enough] = interactions.item[ends[long_enough] - back]
        return rows

    return Split(interactions.select(~hidden), valid=held_out(2), test=held_out(1), hidden=hidden)


def five_core(interactions: Interactions, n_items: int, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Users and items that keep at least ``k`` interactions with one another.

    Returns
    -------
    Boolean masks ``(n_users,)`` and ``(n_items,)``; both are empty of True when nothing is left.
    """
    users, items = np.ones(len(interactions.users), bool), np.ones(n_items, bool)
    while True:
        inside = users[interactions.user] & items[interactions.item]
        enough_users = np.bincount(interactions.user[inside], minlength=len(users)) >= k
        enough_items = np.bincount(interactions.item[inside], minlength=n_items) >= k
        if (enough_users == users).all() and (enough_items == items).all():
            return users, items
        users, items = enough_users, enough_items


def item_statistics(catalog: Catalog, interactions: Interactions) -> Catalog:
    """The catalogue with ``popularity`` and ``rating`` taken from these interactions only.

    ``popularity`` is the number of interactions. ``rating`` is the Bayesian mean
    ``(sum + m * mu) / (n + m)`` with ``m = PRIOR_VOTES`` and ``mu`` the mean of all ratings;
    it is unknown (NaN) for an item nobody rated, and absent where there are no ratings at all.
    """
    popularity = np.bincount(interactions.item, minlength=len(catalog))
    rated = np.isfinite(interactions.rating)
    if not rated.any():
        return catalog.with_numeric(popularity=popularity) if len(interactions) else catalog
    item, stars = interactions.item[rated], interactions.rating[rated].astype(np.float64)
    votes = np.bincount(item, minlength=len(catalog))
    sums = np.bincount(item, weights=stars, minlength=len(catalog))
    shrunk = (sums + PRIOR_VOTES * stars.mean()) / (votes + PRIOR_VOTES)
    return catalog.with_numeric(rating=np.where(votes > 0, shrunk, np.nan), popularity=popularity)
