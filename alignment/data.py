"""The training data of SFT: windows of histories, with requests and answers made of them.

An epoch has every history once, in pieces, and beside them short profiles: a handful of likes in no
order, as a chat begins with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alignment.packing import Branch, Window
from alignment.tasks import Sample, TaskMaker
from recsys.cases import polarities
from recsys.interactions import Interactions

#: Likes of a short profile, drawn evenly; and how often a dislike is among them.
SHORT = (0, 1, 1, 2, 3, 3, 4, 5, 6, 8, 10)
WITH_DISLIKE = 0.3


@dataclass(frozen=True)
class WindowParams:
    """Pieces of at most ``history`` entries; with ``shortest``, of from so many to so many, half of them
    below the geometric mean. ``branches`` requests a window, and beside them ``firsts`` of whose answers
    only the first token is learned; ``short``: short profiles for each piece of a history."""

    history: int = 100
    shortest: int | None = None
    branches: int = 3
    firsts: int = 3
    short: float = 0.3

    def with_requests(self, requests: int) -> WindowParams:
        """The same with so many requests a window: half as many whole answers, half as many beginnings."""
        return replace(self, branches=(requests + 1) // 2, firsts=requests // 2)


class Windows:
    """Draws the windows of an epoch.

    Parameters
    ----------
    train : interactions of the training part.
    maker : makes requests and answers.
    trained : bool ``(n_items,)``: items that training may see; others are left out everywhere.
    """

    def __init__(
        self, train: Interactions, maker: TaskMaker, trained: np.ndarray, params: WindowParams, seed: int
    ) -> None:
        self._train = train.select(trained[train.item])
        self._kinds = polarities(self._train)
        self._bounds = self._train.bounds()
        self._maker, self._trained, self.params, self._seed = maker, trained, params, seed

    def spans(self, epoch: int) -> list[tuple[int, int]]:
        """Begin and end of each piece of history in an epoch; a long one is cut elsewhere each time."""
        rng = np.random.default_rng((self._seed, epoch))
        out = []
        for begin, end in zip(self._bounds.tolist(), self._bounds[1:].tolist(), strict=False):
            cuts = [begin, *self._cuts(begin, end, rng), end]
            out += [(a, b) for a, b in zip(cuts, cuts[1:], strict=False) if b - a >= 2]
        return [out[i] for i in rng.permutation(len(out))]

    def _cuts(self, begin: int, end: int, rng: np.random.Generator) -> list[int]:
        longest, shortest = self.params.history, self.params.shortest
        if shortest is None:
            first = begin + (int(rng.integers(1, longest + 1)) if end - begin > longest else longest)
            return list(range(first, end, longest))
        sizes = np.exp(rng.uniform(np.log(shortest), np.log(longest), (end - begin) // shortest + 1))
        cuts = begin + sizes.astype(int).cumsum()
        return cuts[cuts < end].tolist()

    def histories(self, epoch: int) -> Iterator[Window]:
        """The pieces of history of an epoch, without requests."""
        for begin, end in self.spans(epoch):
            yield Window(self._train.item[begin:end].tolist(), self._kinds[begin:end].tolist())

    def __call__(self, epoch: int) -> Iterator[Window]:
        rng = np.random.default_rng((self._seed, epoch, 1))
        self._maker.reseed(self._seed, epoch)
        for begin, end in self.spans(epoch):
            yield self._long(begin, end)
            if rng.random() < self.params.short:
                user = int(rng.integers(len(self._bounds) - 1))
                window = self._short(user, rng)
                if window:
                    yield window

    def _long(self, begin: int, end: int) -> Window:
        rows = self._train.item[begin:end]
        samples = self._maker.samples(rows.tolist(), self.params.branches + self.params.firsts)
        return Window(rows.tolist(), self._kinds[begin:end].tolist(), self._branches(samples))

    def _short(self, user: int, rng: np.random.Generator) -> Window | None:
        span = slice(self._bounds[user], self._bounds[user + 1])
        rows, kinds = self._train.item[span], self._kinds[span]
        liked = rng.permutation(rows[kinds == "liked"])
        if len(liked) < 2:
            return None
        known = liked[: min(int(rng.choice(SHORT)), len(liked) - 1)]
        polarities = ["liked"] * len(known)
        disliked = rows[kinds == "disliked"]
        if len(known) and len(disliked) and rng.random() < WITH_DISLIKE:
            known = np.append(known, rng.choice(disliked))
            polarities.append("disliked")
        rest = [*known, liked[-1]]
        samples = self._maker.samples(rest, self.params.branches + self.params.firsts, cuts=(len(known),))
        return Window(known.tolist(), polarities, self._branches(samples), ordered=False)

    def _branches(self, samples: list[Sample]) -> list[Branch]:
        whole = self.params.branches
        return [
            Branch(s.cut, s.words, s.answer, s.plan, self._seen(s.scores), s.odds, number < whole)
            for number, s in enumerate(samples)
            if s.answer and self._may_be_seen(s.words) and self._may_be_seen(s.answer)
        ]

    def _seen(self, scores: np.ndarray | None) -> np.ndarray | None:
        """The scores with what training may not see last."""
        return scores if scores is None or self._trained.all() else np.where(self._trained, scores, -np.inf)

    def _may_be_seen(self, words: Sequence[str | int]) -> bool:
        """Whether all items among these, asked about or answered, are trained."""
        return all(self._trained[word] for word in words if not isinstance(word, str))
