"""Evaluation cases: a person at the moment before the held-out interaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from recsys.candidates import Taste
from recsys.errors import TillerError
from recsys.interactions import Interactions, Split, five_core

Part = Literal["valid", "test"]


@dataclass(frozen=True, eq=False)
class Case:
    """One user at evaluation time: ``history`` (rows, in time order), the next item, and ``later``,
    what else is held out together with it."""

    user: int
    history: np.ndarray
    taste: Taste
    target: int
    later: tuple[int, ...]

    def shortened(self, likes: int | None, seed: int) -> Taste:
        """Only ``likes`` of the liked items, drawn at random; None: the whole history."""
        if likes is None:
            return self.taste
        rng = np.random.default_rng((seed, self.user))
        liked = rng.permutation(np.array(self.taste.liked, np.int64))[:likes]
        return Taste(liked=tuple(liked.tolist()))

    def earlier(self) -> Case:
        """The same user before everything that is held out."""
        back = len(self.later) - 1
        if not back:
            return self
        gone = set(self.history[-back:].tolist())

        def before(rows: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(row for row in rows if row not in gone)

        kept = self.taste
        lists = (before(kept.liked), before(kept.disliked), before(kept.seen), (), before(kept.order))
        return replace(self, history=self.history[:-back], taste=Taste(*lists))


def cases_of(interactions: Interactions, split: Split, part: Part) -> Iterator[Case]:
    """One case for each user with something held out."""
    valid, test = split.valid, split.test
    bounds = interactions.bounds()
    polarity = polarities(interactions)
    for user in np.flatnonzero(test >= 0).tolist():
        end = bounds[user + 1] - (1 if part == "test" else 2)
        span = slice(bounds[user], end)
        rows = interactions.item[span]
        taste = Taste.of_timeline(rows.tolist(), polarity[span].tolist())
        target = int(test[user] if part == "test" else valid[user])
        later = (int(valid[user]), int(test[user])) if part == "test" else (int(valid[user]),)
        yield Case(user, rows, taste, target, later)


def core_cases(
    interactions: Interactions, n_items: int, split: Split, part: Part
) -> tuple[list[Case], np.ndarray]:
    """The cases whose user and target are in the 5-core, and its items, bool ``(n_items,)``.

    Raises
    ------
    TillerError : when there is none.
    """
    users, core = five_core(interactions, n_items)
    every = cases_of(interactions, split, part)
    cases = [case for case in every if users[case.user] and core[case.target]]
    if not cases:
        raise TillerError("Too little data to evaluate: nobody and nothing has five interactions.")
    return cases, core


def sample(cases: list[Case], n: int | None, seed: int) -> list[Case]:
    """``n`` of the cases, drawn at random, in their order; all where n is None."""
    if n is None or len(cases) <= n:
        return cases
    chosen = np.random.default_rng(seed).choice(len(cases), n, replace=False)
    return [cases[i] for i in sorted(chosen)]


def polarities(interactions: Interactions) -> np.ndarray:
    """``"liked"``, ``"disliked"`` or ``"seen"``, one an interaction."""
    return np.select([interactions.disliked, interactions.liked], ["disliked", "liked"], "seen")
