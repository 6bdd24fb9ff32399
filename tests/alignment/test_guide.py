"""What the teacher says of each label, and what may stand there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from alignment.guide import guide
from alignment.packing import Branch, Window, pack
from recsys.controls import ControlIntent
from recsys.lm.prompt import Prompts
from recsys.slate import plan_slate
from tests.made import catalog_of, catalogs, intents
from tests.made_lm import small_tokenizer, words_of

N = 6


class Favours:
    """A teacher that gives item i a score of i, and as many more as entries are known."""

    def scores_at(self, history, cuts) -> np.ndarray:
        return np.array([[row + cut * (row == 0) for row in range(N)] for cut in cuts], np.float32)


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    tokenizer = small_tokenizer()
    return Prompts(tokenizer, words_of(tokenizer))


def odds(*possible: int) -> np.ndarray:
    return np.array([float(row) if row in possible else -np.inf for row in range(N)], np.float32)


def window(*branches: Branch, rows=(1, 2, 3)) -> Window:
    return Window(list(rows), ["liked"] * len(rows), branches)


def test_every_entry_of_a_history_has_the_teachers_probabilities(prompts) -> None:
    told = guide([pack(window(), prompts)], Favours(), np.ones(N, bool))
    expected = torch.tensor(Favours().scores_at([], range(3))).softmax(1)
    assert torch.allclose(told.next_item, expected)
    assert not len(told.places) and told.answer.shape == (0, N)


def test_answers_may_hold_what_is_possible_and_not_listed_yet(prompts) -> None:
    free, bound = Branch(1, ("2 items.",), (4, 2)), Branch(3, ("2 items.",), (5, 3), odds=odds(3, 4, 5))
    told = guide([pack(window(free, bound), prompts)], Favours(), np.ones(N, bool))
    assert told.places.tolist() == [3, 4]  # behind two items and the end of the free one
    assert (told.answer[0] > 0).nonzero()[:, 0].tolist() == [3, 4, 5]
    assert (told.answer[1] > 0).nonzero()[:, 0].tolist() == [3, 4]
    assert torch.allclose(told.answer.sum(1), torch.ones(2))


def test_places_count_over_the_windows_of_a_batch(prompts) -> None:
    text, bound = Branch(0, ("Hello.",), "it"), Branch(2, ("1 item.",), (5,), odds=odds(4, 5))
    first = pack(window(text, bound), prompts)
    told = guide([first, pack(window(bound), prompts)], Favours(), np.ones(N, bool))
    labels = [label for packed in (first, first) for label in packed.answer if label >= 0]
    of_text = len(labels) // 2 - 2
    assert told.places.tolist() == [of_text, of_text + 2]


def test_what_may_not_be_learned_has_no_probability(prompts) -> None:
    trained = np.arange(N) != 5
    alone = Branch(1, ("1 item.",), (4,), odds=odds(5))  # the teacher knows nothing else
    told = guide([pack(window(alone), prompts)], Favours(), trained)
    assert not told.next_item[:, 5].any() and torch.allclose(told.next_item.sum(1), torch.ones(3))
    assert not len(told.places)


def test_short_profiles_have_no_next_item(prompts) -> None:
    unordered = Window([1, 2], ["liked"] * 2, (Branch(2, ("1 item.",), (3,), odds=odds(3)),), ordered=False)
    told = guide([pack(unordered, prompts)], Favours(), np.ones(N, bool))
    assert told.next_item.shape == (0, N) and told.places.tolist() == [0]


@st.composite
def planned(draw) -> Branch:
    """A request over a made catalogue and a list that obeys it."""
    catalog = draw(catalogs())
    plan = plan_slate(draw(intents(catalog)).compile(catalog))
    scores = np.array(draw(st.permutations(range(len(catalog)))), np.float32)
    return Branch(0, ("A list.",), tuple(plan.pick(scores)), plan, whole=draw(st.booleans()))


@given(planned())
def test_what_may_stand_at_a_label_goes_on_to_a_list_that_obeys(branch) -> None:
    assume(branch.answer)
    plan, n_items = branch.plan, len(branch.plan.eligible)
    tokenizer = small_tokenizer()
    packed = pack(Window([], [], (branch,)), Prompts(tokenizer, words_of(tokenizer)))
    told = guide([packed], Favours(), np.ones(n_items, bool), planned=True)
    labels = [label for label in packed.answer if label >= 0]
    assert told.planned.tolist() == list(range(len(labels)))
    for place, row in enumerate(branch.answer[: len(told.permitted)]):
        assert told.permitted[place, row]
        for other in told.permitted[place].nonzero()[:, 0].tolist():
            guard = plan.guard()
            for taken in (*branch.answer[:place], other):  # each of them leaves a way to the end
                guard.take(taken)
    assert not branch.whole or not told.permitted[-1].any()


def test_an_order_says_which_of_the_permitted_comes_first() -> None:
    catalog = catalog_of([[]] * 4, [[]] * 4, [1990, 2000, 2000, np.nan])
    plan = plan_slate(ControlIntent(order="newest", count=3).compile(catalog))
    branch = Branch(0, ("The newest.",), tuple(plan.pick(np.arange(4.0))), plan)
    tokenizer = small_tokenizer()
    packed = pack(Window([], [], (branch,)), Prompts(tokenizer, words_of(tokenizer)))
    told = guide([packed], Favours(), np.ones(4, bool), planned=True)
    assert branch.answer == (2, 1, 0)
    permitted = [mask.nonzero()[:, 0].tolist() for mask in told.permitted]
    assert permitted == [[1, 2], [1], [0], []]
