"""Training samples for the aligned model: requests in words, with lists that obey them.

The tasks are those of "Aligning Large Language Models for Controllable Recommendations" (Lu et al.,
ACL 2024) and of what a :class:`~recsys.controls.ControlIntent` can say beyond them. Every list comes
from one place, :mod:`alignment.answers`: the compiled controls applied to the teacher's ranking, the item
that truly came next first when it qualifies.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from alignment.answers import best_list
from alignment.intents import Intents, Moment
from alignment.wishes import Steered, Wishes
from recsys.catalog import Catalog
from recsys.controls import ControlEdit, ControlIntent
from recsys.errors import TillerError
from recsys.feasibility import PatternTable
from recsys.likeness import Likeness
from recsys.lm import wording
from recsys.lm.wording import Words
from recsys.settings import REPO
from recsys.slate import SlatePlan, plan_slate
from recsys.themes import Themes

CHAT = Path(REPO) / "prompts" / "chat.toml"
#: How often each task is drawn, relative to one another.
MIX: Mapping[str, float] = {
    "seqrec": 20,
    "count": 6,
    "plus": 10,
    "minus": 8,
    "at_most": 5,
    "at_least": 5,
    "about": 6,
    "exactly": 3,
    "search": 3,
    "reverse": 2,
    "facet": 5,
    "range": 5,
    "popularity": 2,
    "like": 4,
    "unlike": 1,
    "theme": 3,
    "avoid_theme": 1,
    "order": 3,
    "several": 9,
    "refine": 4,
    "more": 2,
    "chat": 3,
}
#: The same where answering is practised: little that needs no control, and what is hard more often.
PRACTICE: Mapping[str, float] = {
    **MIX,
    "seqrec": 8,
    "count": 5,
    "plus": 12,
    "minus": 10,
    "at_most": 7,
    "at_least": 7,
    "about": 8,
    "range": 8,
    "popularity": 3,
    "several": 10,
    "refine": 5,
    "chat": 2,
}
CANONICAL = 0.3  # how often a request is worded as the product words it
ENOUGH = 3  # eligible items for each place, usually
SCARCE = 0.1  # how often fewer will do
TRIES = 4


class Teacher(Protocol):
    """A sequential recommender; see :class:`recsys.sequence.SequenceModel`."""

    def scores_at(self, history: Sequence[int], cuts: Sequence[int]) -> np.ndarray:
        """Scores of every item after the first ``cut`` items, ``(len(cuts), n_items)``."""


@dataclass(frozen=True)
class Sample:
    """One training example: the prompt shows the first ``cut`` items of the history and says
    ``words``; the answer are catalogue rows in order, or a text.

    ``intent`` is what the words ask of a list (None where they ask for none), ``shown`` are rows
    listed before, which are not wanted again. ``plan`` is what may be listed, and ``scores`` ``(n_items,)``
    rank it; ``odds`` float32 ``(n_items,)``: the teacher's scores where they alone do (-inf: what may not),
    else None.
    """

    task: str
    cut: int
    words: Words
    answer: tuple[int, ...] | str
    intent: ControlIntent | None = None
    shown: tuple[int, ...] = ()
    plan: SlatePlan | None = field(default=None, compare=False, repr=False)
    scores: np.ndarray | None = field(default=None, compare=False, repr=False)
    odds: np.ndarray | None = field(default=None, compare=False, repr=False)


class TaskMaker:
    """Makes samples of histories.

    Parameters
    ----------
    catalog : as far as the training interactions tell (``training_catalog``).
    teacher : ranks what comes next.
    likeness : of items to one another, for requests by example.
    vectors : unit vectors of the items' texts ``(n_items, d)``, where there are any.
    themes : what words of mood stand for.
    mix : weights of the tasks; default :data:`MIX`.
    unseen : word requests as training never does (to measure, not to train).
    seed : the same seed makes the same samples.

    Raises
    ------
    TillerError : when ``mix`` names a task that does not exist.
    """

    def __init__(
        self,
        catalog: Catalog,
        teacher: Teacher,
        likeness: Likeness,
        *,
        vectors: np.ndarray | None = None,
        themes: Themes | None = None,
        mix: Mapping[str, float] | None = None,
        unseen: bool = False,
        seed: int = 0,
    ) -> None:
        mix = MIX if mix is None else mix
        if unknown := sorted(set(mix) - set(MIX)):
            raise TillerError(f"There is no task “{unknown[0]}”: choose among {', '.join(MIX)}.")
        self._tasks = [task for task, weight in mix.items() if weight > 0]
        self._odds = np.array([mix[task] for task in self._tasks], float)
        self._odds /= self._odds.sum()
        self._catalog, self._teacher, self._unseen = catalog, teacher, unseen
        self._rng = np.random.default_rng(seed)
        self._wishes = Wishes(catalog, likeness, vectors, themes)
        self._intents = Intents(catalog, self._wishes, self._rng)
        self._chats = read_chat()

    def reseed(self, *seed: int) -> None:
        """Begin another series of samples, the same one whatever was drawn before."""
        self._rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state

    def samples(self, rows: Sequence[int], n: int, cuts: Sequence[int] | None = None) -> list[Sample]:
        """``n`` samples of one user.

        Parameters
        ----------
        rows : the history in time order (of the training part).
        cuts : how much of it may be known; drawn from these. Default: anything but all of it, so
            that the item after it is the one that truly comes next. A cut at the end has none.
        """
        possible = np.arange(max(len(rows), 1)) if cuts is None else np.asarray(cuts)
        drawn = self._rng.choice(possible, n)
        unique, place = np.unique(drawn, return_inverse=True)
        scores = self._teacher.scores_at(rows, unique.tolist())
        return [
            self._sample(rows, int(cut), scores[at]) for cut, at in zip(drawn, place.tolist(), strict=True)
        ]

    def remade(self, sample: Sample, rows: Sequence[int]) -> tuple[SlatePlan, np.ndarray]:
        """The ``plan`` and the ``scores`` of a sample of these ``rows``, made again: they are as long as the
        catalogue, too much to keep of many samples."""
        assert sample.intent is not None
        plan = plan_slate(sample.intent.compile(self._catalog), rows[: sample.cut], sample.shown)
        plan, steered = self._steered(plan, self._teacher.scores_at(rows, [sample.cut])[0])
        return plan, steered.scores

    def _sample(self, rows: Sequence[int], cut: int, scores: np.ndarray) -> Sample:
        known = tuple(map(int, rows[:cut]))
        target = int(rows[cut]) if cut < len(rows) and rows[cut] not in known else None
        task = self._tasks[int(self._rng.choice(len(self._tasks), p=self._odds))]
        for _ in range(TRIES):
            moment = Moment(known, target, scores, self._intents.anchor(target))
            made = self._make(task, moment)
            if made is not None:
                return made
        intent = self._intents.seqrec(moment)
        plan = plan_slate(intent.compile(self._catalog), known)
        return self._answered("seqrec", self._worded(intent), intent, plan, moment)

    # -- one task -----------------------------------------------------------------------------

    def _make(self, task: str, moment: Moment) -> Sample | None:
        """A sample of the task, or None when this draw of it cannot be answered."""
        cut = len(moment.known)
        if task == "chat":
            said, reply = self._chats[int(self._rng.integers(len(self._chats)))]
            return Sample(task, cut, (said,), reply)
        if task == "reverse":
            return self._reverse(moment)
        if task == "refine":
            return self._refine(moment)
        if task == "more":
            return self._more(moment)
        intent = getattr(self._intents, task)(moment)
        planned = intent and self._planned(intent, moment)
        if not planned:
            return None
        intent, plan = planned
        words = None
        if task == "search" and self._rng.random() < 0.5:
            words = wording.search(intent.require[0], self._catalog, self._rng, self._unseen)
        return self._answered(task, words or self._worded(intent), intent, plan, moment)

    def _reverse(self, moment: Moment) -> Sample | None:
        facet = self._intents.main
        values = self._catalog.categorical[facet].values_of(moment.anchor) if facet else []
        if not (facet and values):
            return None
        rng = self._rng if self._unseen or self._rng.random() >= CANONICAL else None
        words = wording.reverse(facet, moment.anchor, self._catalog, rng, self._unseen)
        return Sample("reverse", len(moment.known), words, ", ".join(values))

    def _refine(self, moment: Moment) -> Sample | None:
        edits = self._intents.refine(moment)
        if not edits:
            return None
        intent = ControlIntent()
        for edit in edits:
            intent = edit.apply(intent)
        plan = self._plan(intent, moment.known)
        if plan is None:
            return None
        return self._answered("refine", self._refined(edits), intent, plan, moment)

    def _more(self, moment: Moment) -> Sample | None:
        intent = self._intents.plus(moment) if self._rng.random() < 0.5 else self._intents.seqrec(moment)
        planned = intent and self._planned(intent, moment)
        if not planned:
            return None
        intent, plan = planned
        shown = tuple(row for row in best_list(plan, moment.scores) if row != moment.target)
        rest = self._plan(intent, moment.known, shown) if shown else None
        if rest is None:
            return None
        return self._answered("more", self._worded(intent, shown), intent, rest, moment, shown)

    # -- planning and answering ---------------------------------------------------------------

    def _planned(self, intent: ControlIntent, moment: Moment) -> tuple[ControlIntent, SlatePlan] | None:
        """The plan of an intent, shortened to what leaves a choice (mostly)."""
        plan = self._plan(intent, moment.known)
        if plan is None:
            return None
        if self._rng.random() < SCARCE:
            return intent, plan
        available = int(plan.eligible.sum())
        if available >= ENOUGH * plan.count:
            return intent, plan
        shorter = intent.model_copy(update={"count": max(available // ENOUGH, 1)})
        plan = self._plan(shorter, moment.known)
        return (shorter, plan) if plan else None

    def _plan(
        self, intent: ControlIntent, known: Sequence[int], shown: Sequence[int] = ()
    ) -> SlatePlan | None:
        """What can be built, when that obeys everything but perhaps the number asked for."""
        plan = plan_slate(intent.compile(self._catalog), known, shown)
        obeys = all(relaxation.control == "count" for relaxation in plan.relaxations)
        return plan if obeys and plan.count else None

    def _answered(
        self,
        task: str,
        words: Words,
        intent: ControlIntent,
        plan: SlatePlan,
        moment: Moment,
        shown: tuple[int, ...] = (),
    ) -> Sample:
        """A sample with its list."""
        plan, steered = self._steered(plan, moment.scores)
        target = moment.target
        if target is not None and not steered.fits[target]:
            target = None
        answer, odds = tuple(best_list(plan, steered.scores, target)), None
        if not (plan.bounds or plan.constraints.intent.order) and steered.scores is moment.scores:
            odds = np.where(plan.eligible, moment.scores, -np.inf).astype(np.float32)
        return Sample(task, len(moment.known), words, answer, intent, shown, plan, steered.scores, odds)

    def _steered(self, plan: SlatePlan, scores: np.ndarray) -> tuple[SlatePlan, Steered]:
        """The teacher's ``scores`` with the plan's wishes, and the plan as far as these narrow it."""
        constraints = plan.constraints
        steered = self._wishes.steer(constraints, plan.eligible, scores)
        wished = constraints.seeds or constraints.intent.theme
        if constraints.intent.order and wished and not plan.bounds and steered.fits.sum() >= plan.count:
            # the newest of those that fit, not the newest of all
            plan = replace(plan, table=PatternTable(np.flatnonzero(steered.fits), []))
        return plan, steered

    def _worded(self, intent: ControlIntent, shown: Sequence[int] = ()) -> Words:
        if not self._unseen and self._rng.random() < CANONICAL:
            return wording.canonical(intent, self._catalog, shown)
        return wording.phrased(intent, self._catalog, self._rng, self._unseen, shown)

    def _refined(self, edits: Sequence[ControlEdit]) -> Words:
        rng = self._rng if self._unseen or self._rng.random() >= CANONICAL else None
        return wording.refined(edits, self._catalog, rng, self._unseen)


def read_chat(path: Path = CHAT) -> list[tuple[str, str]]:
    """Everyday exchanges, what is said and the answer. Raises TillerError when the file is damaged."""
    try:
        exchanges = tomllib.loads(path.read_text("utf-8"))["exchanges"]
        return [(str(said), str(answer)) for said, answer in exchanges]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise TillerError(f"{path} cannot be read ({error}): get the file again.") from None
