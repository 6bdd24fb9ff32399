"""Can a list of n items still meet every quota? Exact, for overlapping quotas too.

Items that count for the same quotas are interchangeable, so the question is asked of
*patterns* (sets of quotas) rather than items: how many items x_p to take of each pattern, with
``sum x_p = n`` and ``low_q <= sum of x_p over the patterns in q <= high_q``. That is an
integer programme of a handful of variables, whatever the size of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Bounds = tuple[int, int]


class PatternTable:
    """Eligible items grouped by the quotas they count for.

    Parameters
    ----------
    rows : int array ``(m,)`` of eligible catalogue rows, ascending.
    masks : one boolean array ``(n_items,)`` a quota, at most ``MAX_QUOTAS``
        (patterns are bit sets).
    """

    def __init__(self, rows: np.ndarray, masks: Sequence[np.ndarray]) -> None:
        self.rows: np.ndarray = rows
        if not masks:  # one pattern: no need to look at every row
            self.pattern: np.ndarray = np.zeros(len(rows), np.int32)
            self.sizes = np.array([len(rows)] if len(rows) else [], np.int64)
            self.member = np.zeros((len(self.sizes), 0), np.int64)
            return
        codes = np.zeros(len(rows), np.int32)
        for bit, mask in enumerate(masks):
            codes |= mask[rows].astype(np.int32) << bit
        sizes = np.bincount(codes, minlength=1)
        found = np.flatnonzero(sizes)
        place = np.zeros(len(sizes), np.int32)
        place[found] = np.arange(len(found))
        self.pattern = place[codes]  # (m,) index of each row's pattern
        self.sizes = sizes[found]
        self.member = (found[:, None] >> np.arange(len(masks))) & 1  # (patterns, quotas)

    def groups(self) -> list[np.ndarray]:
        """The rows of each pattern."""
        if len(self.sizes) == 1:
            return [self.rows]
        return [self.rows[self.pattern == p] for p in range(len(self.sizes))]

    def pattern_of(self, row: int) -> int:
        """The pattern of a row, -1 when it is not eligible."""
        place = int(np.searchsorted(self.rows, row))
        eligible = place < len(self.rows) and self.rows[place] == row
        return int(self.pattern[place]) if eligible else -1

    def solve(
        self,
        n: int,
        bounds: Sequence[Bounds],
        least: np.ndarray | None = None,
        sizes: np.ndarray | None = None,
    ) -> np.ndarray | None:
        """Numbers to take of each pattern, or None when the bounds cannot be met together.

        ``least`` asks for at least so many of each pattern; ``sizes`` are the items left.
        """
        sizes = self.sizes if sizes is None else sizes
        least = np.zeros(len(sizes), int) if least is None else least
        if (least > sizes).any() or n < least.sum() or n > sizes.sum():
            return None
        if any(low > high or low > n or high < 0 for low, high in bounds):
            return None
        if not bounds or not len(sizes):
            return _fill(n, sizes, least)
        if len(bounds) == 1:
            return _split(n, bounds[0], self.member[:, 0] > 0, sizes, least)
        rows = np.vstack([np.ones(len(sizes)), self.member.T])
        return _programme(np.zeros(len(sizes)), least, np.minimum(sizes, n), rows, [(n, n), *bounds])

    def closest(self, n: int, bounds: Sequence[Bounds], quota: int) -> int:
        """The count of one quota nearest to its own bounds that the other bounds allow.

        Raises ValueError when the other bounds cannot be met together.
        """
        if n == 0:
            return 0
        k = len(self.sizes)  # variables: x_p, then the distance from the bounds, which is minimised
        counted = self.member[:, quota]
        low, high = bounds[quota]
        rows = [np.r_[np.ones(k), 0], np.r_[counted, 1], np.r_[counted, -1]]
        limits: list[tuple[float, float]] = [(n, n), (low, np.inf), (-np.inf, high)]
        for q, other in enumerate(bounds):
            if q != quota:
                rows.append(np.r_[self.member[:, q], 0])
                limits.append(other)
        most = np.r_[np.minimum(self.sizes, n), 2 * n + low]
        taken = _programme(np.r_[np.zeros(k), 1], np.zeros(k + 1), most, np.array(rows), limits)
        if taken is None:
            raise ValueError("the other quotas cannot be met together")
        return int(taken[:k] @ counted)


def _programme(
    cost: np.ndarray,
    least: np.ndarray,
    most: np.ndarray,
    rows: np.ndarray,
    limits: Sequence[tuple[float, float]],
) -> np.ndarray | None:
    """Integers x with the least ``cost @ x``, ``least <= x <= most`` and ``rows @ x`` within
    ``limits``; None when there are none."""
    from scipy.optimize import Bounds as Box
    from scipy.optimize import LinearConstraint, milp

    low, high = np.array(limits, float).T
    result = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Box(least, most),
        constraints=LinearConstraint(rows, low, high),
    )
    return None if result.x is None else np.rint(result.x).astype(int)


def _fill(n: int, sizes: np.ndarray, least: np.ndarray) -> np.ndarray:
    take = least.copy()
    for p in range(len(sizes)):
        take[p] += min(n - take.sum(), sizes[p] - take[p])
    return take


def _split(
    n: int, bounds: Bounds, inside: np.ndarray, sizes: np.ndarray, least: np.ndarray
) -> np.ndarray | None:
    """One quota: two patterns at most, so the number inside decides, and the smallest will do."""
    low = max(bounds[0], int(least[inside].sum()), n - int(sizes[~inside].sum()))
    high = min(bounds[1], int(sizes[inside].sum()), n - int(least[~inside].sum()))
    return np.where(inside, low, n - low) if low <= high else None


class Guard:
    """Builds a list step by step and lets through only what keeps every quota reachable.

    ``allowed`` is the mask for the next step; ``take`` puts an item on the list. Once a pattern
    is blocked it stays blocked, since a list that can be completed after more steps could have
    been completed before them.
    """

    def __init__(self, table: PatternTable, n: int, bounds: Sequence[Bounds], n_items: int) -> None:
        witness = table.solve(n, bounds)
        if witness is None:
            raise ValueError("the quotas cannot be met together")
        self._table = table
        self._left = n
        self._bounds = list(bounds)
        self._sizes = table.sizes.copy()
        self._witness = witness  # one way to complete the list
        self._blocked = self._sizes == 0
        self._taken: set[int] = set()
        self._n_items = n_items

    @property
    def done(self) -> bool:
        """Whether the list has its length."""
        return self._left == 0

    def permits(self, row: int) -> bool:
        """Whether ``row`` may come next."""
        pattern = self._table.pattern_of(row)
        return pattern >= 0 and row not in self._taken and self._permits_pattern(pattern)

    def allowed(self) -> np.ndarray:
        """Items that may come next, bool ``(n_items,)``."""
        mask = np.zeros(self._n_items, bool)
        permitted = np.array([self._permits_pattern(p) for p in range(len(self._sizes))], bool)
        mask[self._table.rows] = permitted[self._table.pattern]
        mask[list(self._taken)] = False
        return mask

    def take(self, row: int) -> None:
        """Put ``row`` on the list. Raises ValueError when it is not permitted."""
        if not self.permits(row):
            raise ValueError(f"row {row} is not permitted here")
        pattern = self._table.pattern_of(row)
        self._witness[pattern] -= 1
        self._sizes[pattern] -= 1
        self._blocked[pattern] |= self._sizes[pattern] == 0
        self._left -= 1
        self._taken.add(row)
        for q, (low, high) in enumerate(self._bounds):
            if self._table.member[pattern, q]:
                self._bounds[q] = (max(low - 1, 0), high - 1)

    def _permits_pattern(self, pattern: int) -> bool:
        if self.done or self._blocked[pattern]:
            return False
        if self._witness[pattern] == 0:  # the known completion has none of these: find another
            least = np.zeros(len(self._sizes), int)
            least[pattern] = 1
            other = self._table.solve(self._left, self._bounds, least, self._sizes)
            if other is None:
                self._blocked[pattern] = True
                return False
            self._witness = other
        return True
