"""A ranking from comparisons: the Bradley-Terry model, with bootstrap intervals.

The model: i wins against j with probability ``s_i / (s_i + s_j)``. Comparisons that nobody won count
as half a win for each side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from recsys.metrics import Estimate

#: Wins added on both sides of every pair that met, so that who never lost is strong, not infinitely so.
PRIOR = 0.1
DRAWS = 1000
STEPS, TOLERANCE = 10_000, 1e-9
Z = 1.959964  # the normal distribution's 97.5 %


@dataclass(frozen=True)
class Outcomes:
    """What came of the comparisons of two: wins of the first, of the second, and of neither."""

    first: int = 0
    second: int = 0
    neither: int = 0


@dataclass(frozen=True)
class Standing:
    """One contender. ``strength`` is logarithmic and 0 on average over its ``group``: those whom
    comparisons connect. Strengths of different groups say nothing of each other."""

    name: str
    group: int
    comparisons: int
    share: Estimate
    strength: Estimate


def bradley_terry(wins: np.ndarray, met: np.ndarray | None = None) -> np.ndarray:
    """Log strengths ``(..., n)`` that make the wins likeliest, of mean 0 in every group.

    By the MM algorithm (Hunter 2004, Annals of Statistics 32, section 3), many tables at once.

    Parameters
    ----------
    wins : ``(..., n, n)``, how often i won against j.
    met : bool ``(n, n)``, who met; by default all pairs that ``wins`` has anything on.
    """
    n = wins.shape[-1]
    if met is None:
        met = (wins + np.swapaxes(wins, -1, -2)).reshape(-1, n, n).any(axis=0)
    wins = wins + PRIOR * (met & ~np.eye(n, dtype=bool))
    total, games = wins.sum(axis=-1), wins + np.swapaxes(wins, -1, -2)
    strength = np.ones(wins.shape[:-1])
    for _ in range(STEPS):
        pull = (games / (strength[..., :, None] + strength[..., None, :])).sum(axis=-1)
        new = np.where(pull > 0, total / np.where(pull > 0, pull, 1), 1.0)
        moved = np.abs(np.log(new / strength)).max(initial=0)
        strength = new
        if moved < TOLERANCE:
            break
    logs, of = np.log(strength), _groups(met)
    for group in set(of.tolist()):
        logs[..., of == group] -= logs[..., of == group].mean(axis=-1, keepdims=True)
    return logs


def rank(outcomes: Mapping[tuple[str, str], Outcomes], seed: int = 0) -> list[Standing]:
    """The contenders of some comparisons, the strongest first in every group.

    Intervals hold 95 % of ``DRAWS`` draws of as many comparisons from those there were (a multinomial
    draw over all outcomes), so they take every vote as if it stood for itself.
    """
    names = sorted({name for pair in outcomes for name in pair})
    cells = np.array([[o.first, o.second, o.neither] for o in outcomes.values()], float).reshape(-1, 3)
    size = int(cells.sum())
    if not size:
        return []
    draws = np.random.default_rng(seed).multinomial(size, cells.ravel() / size, DRAWS)
    tables = np.concatenate([cells[None], draws.reshape(DRAWS, -1, 3)])
    wins = _wins(names, list(outcomes), tables)
    met = (wins[0] + wins[0].T) > 0
    strengths, games = bradley_terry(wins, met), wins.sum(axis=2) + wins.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = wins.sum(axis=2) / games
    of = _groups(met)
    found = [
        Standing(name, int(of[i]), int(games[0, i]), _estimate(shares[:, i]), _estimate(strengths[:, i]))
        for i, name in enumerate(names)
        if games[0, i]
    ]
    return sorted(found, key=lambda s: (s.group, -s.strength.mean, s.name))


def wilson(hits: int, of: int) -> Estimate:
    """A share and its 95 % interval (Wilson 1927); of nothing, everything is NaN."""
    if not of:
        return Estimate(math.nan, math.nan, math.nan)
    share, z2 = hits / of, Z * Z / of
    middle = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of)) / (1 + z2)
    return Estimate(share, max(middle - half, 0.0), min(middle + half, 1.0))


def _wins(names: Sequence[str], pairs: Sequence[tuple[str, str]], tables: np.ndarray) -> np.ndarray:
    """``(tables, n, n)`` of ``(tables, pairs, 3)``."""
    at = {name: i for i, name in enumerate(names)}
    wins = np.zeros((len(tables), len(names), len(names)))
    for p, (first, second) in enumerate(pairs):
        wins[:, at[first], at[second]] += tables[:, p, 0] + tables[:, p, 2] / 2
        wins[:, at[second], at[first]] += tables[:, p, 1] + tables[:, p, 2] / 2
    return wins


def _groups(met: np.ndarray) -> np.ndarray:
    return connected_components(met, directed=False)[1]


def _estimate(values: np.ndarray) -> Estimate:
    """The first value, with an interval from the others."""
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
