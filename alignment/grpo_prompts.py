"""Prompts for RL: requests of all kinds, after histories of all lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from alignment.grpo_trainer import Prompt
from alignment.rewards import Wish, ranking
from alignment.tasks import MIX, Sample, TaskMaker
from alignment.training import TrainingError
from recsys.candidates import Taste
from recsys.cases import polarities
from recsys.interactions import Interactions
from recsys.lm.prompt import Prompts

#: The tasks whose answer is a list.
LISTS = {task: weight for task, weight in MIX.items() if task not in ("chat", "reverse")}
#: What somebody new has told: so many items, in any order.
SHORT, SHORT_SHARE = (0, 1, 3, 5), 0.3
LONGEST = 40  # entries of a profile; each costs time
MOST = 20  # items of a list
SHELF = 20  # batches that are sorted by length together


@dataclass(frozen=True, eq=False)
class Entry:
    """A history up to and with the item that came next, and a request after all but that; what is as
    long as the catalogue is left out of the sample."""

    rows: tuple[int, ...]
    polarities: tuple[str, ...]
    sample: Sample


class TaskPrompts:
    """``n`` prompts, the same ones for the same seeds; call with a number from 0 to ``n - 1``.

    Parameters
    ----------
    maker : makes requests (with the mix :data:`LISTS`).
    prompts : writes them.
    interactions : of the training part.
    batch : so many prompts are answered together: they ask for lists of about one length, since
        all wait for the longest.

    Raises
    ------
    TrainingError : when nobody has two interactions.
    """

    def __init__(
        self,
        maker: TaskMaker,
        prompts: Prompts,
        interactions: Interactions,
        n: int,
        batch: int = 1,
        seed: int = 0,
    ) -> None:
        self._maker, self._prompts = maker, prompts
        rng = np.random.default_rng(seed)
        entries = draw_entries(maker, interactions, n, rng)
        self._entries = _alike(entries, batch, rng)
        self._cached = lru_cache(maxsize=256)(self._made)

    def __len__(self) -> int:
        return len(self._entries)

    def __call__(self, number: int) -> Prompt:
        """The prompt of a number."""
        return self._cached(number)

    def _made(self, number: int) -> Prompt:
        entry = self._entries[number]
        told, sample = entry.rows[:-1], entry.sample
        plan, scores = self._maker.remade(sample, entry.rows)
        constraints = plan.constraints
        known = frozenset((*told, *sample.shown, *constraints.seeds, *constraints.unlike_seeds))
        target = None if entry.rows[-1] in known else entry.rows[-1]
        taste = Taste.of_timeline(told, entry.polarities[:-1])
        profile = self._prompts.profile(taste)
        wish = Wish(constraints, known, ranking(scores, plan), target, plan.count)
        return Prompt((*profile, *self._prompts.request(sample.words)), wish, len(profile))


def draw_entries(
    maker: TaskMaker, interactions: Interactions, n: int, rng: np.random.Generator
) -> list[Entry]:
    """``n`` histories of people of ``interactions`` with requests for lists of at most :data:`MOST`.

    Raises
    ------
    TrainingError : when nobody has two interactions.
    """
    bounds = interactions.bounds()
    users = np.flatnonzero(np.diff(bounds) >= 2)
    if not len(users):
        raise TrainingError("Nobody here has used two items: there is nothing to learn an order from.")
    rows = interactions.item.tolist()
    polarity = polarities(interactions)
    entries: list[Entry] = []
    while len(entries) < n:
        user = rng.choice(users)
        start, stop = int(bounds[user]), int(bounds[user + 1])
        target = int(rng.integers(start + 1, stop))
        shown = _shown(rng, start, target)
        places = [*shown, target]
        history = tuple(rows[place] for place in places)
        [sample] = maker.samples(history, 1, cuts=[len(shown)])
        if sample.intent is not None and len(sample.answer) <= MOST:
            small = replace(sample, plan=None, scores=None, odds=None)  # there are thousands
            entries.append(Entry(history, tuple(map(str, polarity[places])), small))
    return entries


def _alike(entries: list[Entry], batch: int, rng: np.random.Generator) -> list[Entry]:
    """The entries in another order, so that those of a batch ask for lists of about one length."""
    out: list[Entry] = []
    for start in range(0, len(entries), SHELF * batch):
        shelf = sorted(entries[start : start + SHELF * batch], key=lambda entry: len(entry.sample.answer))
        batches = [shelf[i : i + batch] for i in range(0, len(shelf), batch)]
        whole = batches[:-1] if len(batches[-1]) < batch else batches
        for i in rng.permutation(len(whole)):
            out += whole[i]
        out += batches[-1] if len(whole) < len(batches) else []
    return out


def _shown(rng: np.random.Generator, start: int, target: int) -> Sequence[int]:
    """Which of the entries before ``target`` are told."""
    before = np.arange(start, target)
    if rng.random() < SHORT_SHARE:
        return rng.permutation(before)[: rng.choice(SHORT)].tolist()
    return before[-rng.integers(1, LONGEST + 1) :].tolist()
