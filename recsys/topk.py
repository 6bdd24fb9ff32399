"""The best of many."""

from __future__ import annotations

import numpy as np


def top(scores: np.ndarray, n: int) -> np.ndarray:
    """Positions of the ``n`` largest scores (or of all there are), largest first; ties by position."""
    if n <= 0:
        return np.empty(0, np.int64)
    pool = np.arange(len(scores))
    if n < len(scores):
        pool = np.flatnonzero(scores >= np.partition(scores, -n)[-n])
    return pool[np.argsort(-scores[pool], kind="stable")[:n]]
