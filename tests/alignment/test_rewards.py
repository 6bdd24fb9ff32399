"""Rewards: numbers worked out by hand, and what must hold for every list."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.rewards import (
    Wish,
    control_scores,
    control_term,
    end_reward,
    faults,
    item_rewards,
    list_reward,
    rank_rewards,
    ranking,
)
from recsys.controls import Clause, ControlIntent, Quota, Range
from recsys.slate import plan_slate
from tests.recsys.made_use import made_dataset

CATALOG = (
    made_dataset().catalog
)  # 60 items: even rows Blue, odd ones Red; maker = row % 5; year 1970 + row % 40
BLUE = Clause(facet="color", any_of=("Blue",))
RED = Clause(facet="color", any_of=("Red",))


def wish(intent: ControlIntent, known: tuple[int, ...] = (), target: int | None = None) -> Wish:
    """The teacher ranks items by their row: row 0 first."""
    return Wish(intent.compile(CATALOG), frozenset(known), np.arange(60), target)


def blues(op: str, number: int, count: int = 4) -> ControlIntent:
    return ControlIntent(count=count, quotas=(Quota(facet="color", value="Blue", op=op, count=number),))


def r(rank: int) -> float:
    return 1 / math.log2(rank + 3)


def test_the_first_fault_of_an_item_counts() -> None:
    assert faults([5, -1, 5, 7, 8, -1], count=4, known={7}) == [
        None,
        "non_exist",
        "repeat",
        "in_history",
        "excess",
        "excess",
    ]


def test_rank_rewards_of_target_others_and_faults() -> None:
    asked = wish(ControlIntent(count=4), known=(3,), target=9)
    assert rank_rewards([9, 0, 3, -1, 1], asked) == pytest.approx([1, r(0), -1, -1, -1])
    assert rank_rewards([], asked).shape == (0,)


def test_without_controls_an_item_is_worth_its_rank() -> None:
    asked = wish(ControlIntent(count=3), target=9)
    assert item_rewards([9, 5, 5], asked) == pytest.approx([1, r(5), -1])


def test_a_required_value_is_half_of_the_reward() -> None:
    asked = wish(ControlIntent(count=3, require=(BLUE,)), target=2)
    assert item_rewards([2, 1, 4], asked) == pytest.approx([1, 0.5 * r(1), 0.5 * r(4) + 0.5])


def test_an_excluded_value_is_its_reverse() -> None:
    asked = wish(ControlIntent(count=2, exclude=(BLUE,)))
    assert item_rewards([2, 1], asked) == pytest.approx([0.5 * r(2), 0.5 * r(1) + 0.5])


def test_several_controls_count_by_their_share() -> None:
    from_1980 = Range(facet="year", min=1980)
    asked = wish(ControlIntent(count=3, require=(BLUE,), ranges=(from_1980,)))
    # row 10: Blue, 1980; row 11: Red, 1981; row 2: Blue, 1972; controls stand ranges first
    assert control_scores([10, 11, 2], asked).tolist() == [[1, 1], [1, 0], [0, 1]]
    assert item_rewards([11], asked) == pytest.approx([0.5 * r(11) + 0.25])


@pytest.mark.parametrize(
    ("op", "number", "rows", "obeys"),
    [
        ("at_most", 1, [0, 1, 2, 3], [1, 1, 0, 1]),  # the second Blue is one too many
        ("at_least", 3, [1, 3, 0, 2], [1, 0, 1, 1]),  # the second Red takes the last place
        ("exactly", 2, [0, 2, 4, 1], [1, 1, 0, 1]),
        ("about", 2, [0, 2, 4, 6], [1, 1, 1, 0]),  # one more than 2 is still about 2
        ("about", 2, [1, 3, 5, 7], [1, 1, 1, 0]),  # and so is one fewer
        ("at_least", 4, [0, 0, 2, 4], [1, 0, 1, 1]),  # a repeated Blue is no Blue
    ],
)
def test_the_item_that_makes_a_share_unreachable_is_to_blame(
    op: str, number: int, rows: list[int], obeys: list[int]
) -> None:
    assert control_scores(rows, wish(blues(op, number)))[:, 0].tolist() == obeys


def test_an_order_is_obeyed_in_place() -> None:
    asked = wish(ControlIntent(count=4, order="newest"))  # years 1980, 1975, 1978, 1970
    assert control_scores([10, 5, 8, 0], asked)[:, 0].tolist() == [1, 1, 0, 1]
    # a fault is no place to compare with
    assert control_scores([10, -1, 8, 5], asked)[:, 0].tolist() == [1, 0, 1, 1]


def test_the_end_belongs_at_the_number_asked_for() -> None:
    assert [end_reward(length, 3) for length in (2, 3, 4)] == [-1, 1, -1]


def test_list_reward_without_controls() -> None:
    asked = wish(ControlIntent(count=2), target=7)
    ideal = 1 + 1 / math.log2(3) ** 2
    dcg = r(0) + 1 / math.log2(3)
    assert list_reward([0, 7], asked) == pytest.approx(5 * dcg / ideal + 5 / math.log2(3))
    assert list_reward([7, 0], asked) > list_reward([0, 7], asked)


def test_list_reward_of_a_short_list_has_a_penalty_for_every_empty_place() -> None:
    asked = wish(ControlIntent(count=2))
    ideal = 1 + 1 / math.log2(3) ** 2
    assert list_reward([0], asked) == pytest.approx(5 * (r(0) - 1 / math.log2(3)) / ideal)
    assert list_reward([], asked) == list_reward([-1, -1], asked)


@pytest.mark.parametrize(
    ("intent", "rows", "term"),
    [
        (ControlIntent(count=3, require=(BLUE,)), [0, 2, 4], 1),
        (ControlIntent(count=3, require=(BLUE,)), [0, 2, 1], 1 / 2),
        (ControlIntent(count=3, require=(BLUE,)), [0], 1 / 3),  # two places are empty
        (ControlIntent(count=3, exclude=(BLUE,)), [0, 2, 1], 1 / 3),
        (blues("at_most", 1), [0, 1, 3, 5], 1),
        (blues("at_most", 1), [0, 2, 4, 1], 1 / 3),
        (blues("at_least", 3), [0, 2, 4, 6], 1),
        (blues("at_least", 3), [0, 1, 3, 5], 1 / 3),
        (blues("about", 2), [0, 2, 4, 1], 1),
        (blues("about", 2), [0, 2, 4, 6], 1 / 3),
        (blues("exactly", 2), [0, 2, 4, 1], 1 / 2),
        (ControlIntent(count=3, order="newest"), [10, 5, 8], 1 / 2),
        (ControlIntent(count=3, require=(BLUE,), exclude=(RED,)), [0, 2, 1], 1 / 2),
    ],
)
def test_the_control_term(intent: ControlIntent, rows: list[int], term: float) -> None:
    assert control_term(rows, wish(intent)) == pytest.approx(term)


def test_the_share_is_of_the_number_asked_for() -> None:
    half = ControlIntent(count=4, quotas=(Quota(facet="color", value="Blue", op="at_least", share=0.5),))
    assert control_term([0], wish(half)) == 1 / 2, "one Blue of a list of four, whatever was listed"


def test_ranking_by_scores_and_under_an_order() -> None:
    scores = np.zeros(60)
    scores[[7, 3]] = 2, 1
    assert ranking(scores)[[7, 3, 0]].tolist() == [0, 1, 2]
    newest = ControlIntent(order="newest", exclude=(Clause(facet="maker", any_of=("Eve",)),))
    scores[38] = 1
    ranks = ranking(scores, plan_slate(newest.compile(CATALOG)))
    assert ranks[38] == 0, "1-year-younger 39 is Eve's and not eligible"
    assert ranks[7] < ranks[6], "1977 before 1976"
    assert ranks[39] > ranks[0], "what is not eligible comes after all that is"


INTENTS = st.sampled_from(
    [
        ControlIntent(),
        ControlIntent(count=3, require=(BLUE,)),
        ControlIntent(count=6, exclude=(RED,), ranges=(Range(facet="year", max=1985),)),
        ControlIntent(count=4, order="oldest"),
        ControlIntent(count=5, require=(BLUE,), order="newest"),
        *(blues(op, number, 5) for op in ("at_least", "at_most", "about", "exactly") for number in (0, 2, 5)),
        blues("at_least", 9, 4),
    ]
)
LISTS = st.lists(st.integers(-1, 59), max_size=9)


@given(INTENTS, LISTS, st.sets(st.integers(0, 59), max_size=5), st.none() | st.integers(0, 59))
def test_bounds(intent: ControlIntent, rows: list[int], known: set[int], target: int | None) -> None:
    asked = wish(intent, tuple(known), target)
    rewards = item_rewards(rows, asked)
    assert rewards.shape == (len(rows),)
    assert ((rewards >= -1) & (rewards <= 1)).all()
    assert ((rewards == -1) == [fault is not None for fault in faults(rows, asked.count, known)]).all()
    assert 0 <= control_term(rows, asked) <= 1
    assert list_reward(rows, asked) <= 12


@given(LISTS, st.sets(st.integers(0, 59), max_size=5), st.booleans())
def test_one_more_good_item_is_better_than_an_early_end(
    rows: list[int], known: set[int], controlled: bool
) -> None:
    asked = wish(ControlIntent(count=10, require=(BLUE,) if controlled else ()), tuple(known))
    good = next(row for row in range(0, 60, 2) if row not in known and row not in rows)
    assert list_reward([*rows, good], asked) > list_reward(rows, asked)
    assert list_reward([*rows, -1], asked) == pytest.approx(list_reward(rows, asked))


@given(INTENTS, LISTS, st.sets(st.integers(0, 59), max_size=5))
def test_the_full_term_is_what_the_report_calls_met(
    intent: ControlIntent, rows: list[int], known: set[int]
) -> None:
    """``T`` is 1 exactly when every control is met by a list without faults that has its length."""
    asked = wish(intent, tuple(known))
    if not (asked.constraints.controls or asked.constraints.quotas or intent.order):
        return
    if len(rows) == asked.count and not any(faults(rows, asked.count, known)):
        met = all(line.met for line in asked.constraints.report(rows))
        assert (control_term(rows, asked) == 1) == met
