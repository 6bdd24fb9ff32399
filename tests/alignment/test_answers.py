"""The list that answers a request, and the same begun by the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alignment.answers import Places, best_list
from alignment.own_lists import own_lists
from alignment.packing import Branch, Window, pack
from recsys.controls import ControlIntent, Quota
from recsys.lm.prompt import Prompts
from recsys.slate import SlatePlan, plan_slate
from tests.made import catalog_of, catalogs, intents
from tests.made_lm import small_tokenizer, words_of

RED = 6  # items 0 to 5 are red, 6 to 11 are not


def plan_of(op: str, count: int, n: int = 5) -> SlatePlan:
    catalog = catalog_of([["Red"]] * RED + [["Blue"]] * RED, [[]] * 2 * RED, [2000.0] * 2 * RED)
    quota = Quota.model_validate({"facet": "color", "value": "Red", "op": op, "count": count})
    return plan_slate(ControlIntent(count=n, quotas=(quota,)).compile(catalog))


@pytest.mark.parametrize(
    ("op", "count", "red"),
    [
        ("about", 2, [1, 1, 0, 0, 0]),
        ("exactly", 3, [1, 1, 1, 0, 0]),
        ("at_least", 2, [1, 1, 0, 0, 0]),  # the others are better
        ("at_most", 2, [0, 0, 0, 0, 0]),
    ],
)
def test_first_comes_what_a_share_needs_then_what_it_needs_not_to_have(op, count, red):
    rows = best_list(plan_of(op, count), np.arange(2.0 * RED))
    assert [int(row < RED) for row in rows] == red


def test_what_a_share_leaves_open_goes_to_the_best():
    rows = best_list(plan_of("at_most", 2), -np.arange(2.0 * RED))
    assert rows == [6, 7, 8, 0, 1]
    assert best_list(plan_of("at_least", 2), -np.arange(2.0 * RED)) == [0, 1, 2, 3, 4]


def test_what_truly_came_next_comes_first_on_either_side_of_a_share():
    rows = best_list(plan_of("exactly", 2), -np.arange(2.0 * RED), target=9)
    assert rows == [9, 0, 1, 6, 7]


@st.composite
def branches(draw) -> Branch:
    """A request over a made catalogue, with the list that answers it."""
    catalog = draw(catalogs())
    plan = plan_slate(draw(intents(catalog)).compile(catalog))
    scores = np.array(draw(st.permutations(range(len(catalog)))), np.float32)
    return Branch(0, ("A list.",), tuple(best_list(plan, scores)), plan, scores)


@given(branches(), st.integers(0, 9))
def test_a_list_of_the_models_own_obeys_and_is_labelled_with_what_may_follow(branch, seed):
    assume(branch.answer)
    assert branch.plan is not None
    tokenizer = small_tokenizer()
    prompts = Prompts(tokenizer, words_of(tokenizer))
    text = Branch(0, ("Hello.",), "it")
    packed = pack(Window([], [], (text, branch)), prompts)
    labels = [place for place, label in enumerate(packed.answer) if label >= 0]
    said = np.random.default_rng(seed).normal(size=(len(labels), len(branch.plan.eligible)))
    (own,) = own_lists([packed], said.astype(np.float32), prompts.first)
    begin, made = own.lists[0]
    assert made.listed is not None and len(own.ids) == len(packed.ids)
    assert [own.ids[begin + 1 + i] - prompts.first for i in range(len(made.listed))] == [*made.listed]
    assert [own.answer[begin + i] - prompts.first for i in range(len(made.answer))] == [*made.answer]
    assert own.answer[begin + len(made.answer)] == prompts.end and own.lists[0][0] == packed.lists[0][0]
    first, places = labels.index(begin), Places(branch.plan)
    for place, (row, label) in enumerate(zip(made.listed, made.answer, strict=True)):
        permitted = places.permitted()
        assert permitted[row] and permitted[label]
        assert said[first + place][row] == pytest.approx(said[first + place][permitted].max())
        places.take(row)
    assert places.done


def test_one_token_labels_and_texts_stay_what_they_are():
    plan, scores = plan_of("about", 2), np.arange(2.0 * RED, dtype=np.float32)
    tokenizer = small_tokenizer()
    prompts = Prompts(tokenizer, words_of(tokenizer))
    answer = tuple(best_list(plan, scores))
    short, text = Branch(0, ("A.",), answer, plan, scores, whole=False), Branch(0, ("Hello.",), "it")
    packed = pack(Window([1], ["liked"], (short, text)), prompts)
    (own,) = own_lists([packed], np.zeros((9, 2 * RED), np.float32), prompts.first)
    assert own == packed
