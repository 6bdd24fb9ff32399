"""Prompts for RL: the same ones for the same seeds, and true to what they ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pytest

from alignment.grpo_prompts import LISTS, LONGEST, MOST, TaskPrompts
from alignment.rewards import control_term, faults
from alignment.tasks import TaskMaker
from alignment.training import TrainingError
from recsys.candidates import fit
from recsys.interactions import no_interactions
from recsys.likeness import Likeness
from recsys.lm.prompt import Prompts
from tests.alignment.test_grpo import END, small_tokenizer
from tests.recsys.made_use import made_dataset

DATA = made_dataset()
FIRST = 100


class ByRow:
    """The teacher ranks items by their row."""

    def __init__(self, n_items: int = 60) -> None:
        self.n_items = n_items

    def scores_at(self, history: Sequence[int], cuts: Sequence[int]) -> np.ndarray:
        return np.tile(-np.arange(self.n_items, dtype=np.float32), (len(cuts), 1))


@lru_cache
def made(
    n: int = 120, batch: int = 4, seed: int = 0, task: str | None = None, items: int = 60
) -> TaskPrompts:
    data = made_dataset(items)
    likeness = Likeness(data.catalog, fit(data.interactions, items))
    maker = TaskMaker(data.catalog, ByRow(items), likeness, mix={task: 1} if task else LISTS, seed=seed)
    return TaskPrompts(maker, Prompts(small_tokenizer(), FIRST), data.interactions, n, batch, seed)


def test_seeds_decide() -> None:
    one, same, other = made(20), made(20, batch=4), made(20, seed=1)
    assert [one(i).ids for i in range(20)] == [same(i).ids for i in range(20)]
    assert [one(i).ids for i in range(20)] != [other(i).ids for i in range(20)]
    assert one(3) is one(3) and len(one) == 20


def test_the_label_has_no_fault_and_obeys() -> None:
    prompts = made()
    for number, entry in enumerate(prompts._entries):
        wish = prompts(number).wish
        assert isinstance(entry.sample.answer, tuple)
        assert len(entry.sample.answer) == wish.count <= MOST
        assert not any(faults(entry.sample.answer, wish.count, wish.known))
        constraints = wish.constraints
        if constraints.controls or constraints.quotas or constraints.intent.order:
            assert control_term(entry.sample.answer, wish) == 1


def test_what_is_taught_for_an_order_beside_a_wish_is_what_pays_best() -> None:
    prompts, found = made(400, task="several", items=200), 0
    for number, entry in enumerate(prompts._entries):
        wish, answer = prompts(number).wish, entry.sample.answer
        asked = wish.constraints
        narrowed = asked.intent.order and (asked.seeds or asked.intent.theme) and not asked.quotas
        if narrowed and wish.target not in answer:
            assert sorted(wish.ranks[list(answer)]) == list(range(len(answer)))
            found += 1
    assert found > 3


def test_no_entry_keeps_what_is_as_long_as_the_catalogue() -> None:
    for entry in made()._entries:
        assert entry.sample.plan is entry.sample.scores is entry.sample.odds is None


def test_the_profile_is_told_and_may_not_come_back() -> None:
    prompts, short = made(), 0
    for number, entry in enumerate(prompts._entries):
        ids, wish = prompts(number).ids, prompts(number).wish
        told = entry.rows[:-1]
        assert [i - FIRST for i in ids if FIRST <= i < FIRST + 60][: len(told)] == list(told)
        assert set(told) <= wish.known and len(told) <= LONGEST
        assert wish.target is None or (wish.target == entry.rows[-1] and wish.target not in wish.known)
        short += len(told) <= 5
    assert 20 < short < 110


def test_a_batch_asks_for_lists_of_about_one_length() -> None:
    def spread(prompts: TaskPrompts) -> float:
        lengths = np.array([prompts(i).wish.count for i in range(120)]).reshape(-1, 4)
        return float(np.ptp(lengths, axis=1).mean())

    assert spread(made()) < spread(made(batch=1)) / 2
    lengths = [made()(i).wish.count for i in range(0, 120, 4)]
    assert lengths != sorted(lengths), "but not the batches in the order of their lengths"


def test_nobody_to_learn_from_is_said() -> None:
    maker = TaskMaker(DATA.catalog, ByRow(), Likeness(DATA.catalog, fit(DATA.interactions, 60)), mix=LISTS)
    with pytest.raises(TrainingError, match="Nobody here"):
        TaskPrompts(maker, Prompts(small_tokenizer(), FIRST), no_interactions(), 1)


def test_the_end_of_an_answer_is_the_tokenizer_s() -> None:
    assert Prompts(small_tokenizer(), FIRST).end == END
