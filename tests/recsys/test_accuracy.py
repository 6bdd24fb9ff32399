import numpy as np
import pytest

from recsys.accuracy import BATCH, accuracy_ranks, cold_hit_ratio, scores_of
from recsys.candidates import Taste
from recsys.cases import Case, cases_of
from recsys.datasets import leave_last_out
from recsys.interactions import Interactions
from recsys.rankers import Static
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(80, 30)


class Counting(Static):
    """Scores an item by its row, and remembers the tastes and the size of the batches."""

    name = "counting"

    def __init__(self, n_items=80):
        self.n_items, self.batches, self.tastes = n_items, [], []

    def scores(self, taste):
        self.tastes.append(taste)
        return np.arange(self.n_items, dtype=np.float32)

    def scores_many(self, tastes):
        self.batches.append(len(tastes))
        return super().scores_many(tastes)


def test_scores_come_in_batches_and_in_order():
    ranker = Counting()
    assert len(list(scores_of(ranker, [Taste()] * (BATCH + 3)))) == BATCH + 3
    assert ranker.batches == [BATCH, 3] and not list(scores_of(ranker, []))


def test_ranks_by_hand():
    case = Case(0, np.array([79, 70]), Taste(liked=(79, 70)), 75, (75,))
    core = np.zeros(80, bool)
    core[[75, 76]] = True
    ranks = accuracy_ranks(Counting(), [case], core, None, 0)
    assert ranks == {"5-core": [1], "all": [3]}  # 78, 77 and 76 stand before, 79 is known


def test_short_profiles_hold_some_likes_and_nothing_else():
    taste = Taste.of_timeline([1, 2, 3, 4], ["liked", "disliked", "liked", "liked"])
    case = Case(0, np.array([1, 2, 3, 4]), taste, 5, (5,))
    for likes, size in ((0, 0), (1, 1), (3, 3), (5, 3)):
        short = case.shortened(likes, 0)
        assert len(short.liked) == size and set(short.liked) <= {1, 3, 4} and not short.disliked
    assert case.shortened(None, 0) is taste and case.shortened(1, 0) == case.shortened(1, 0)


def test_earlier_leaves_both_held_out_items_unknown():
    split = leave_last_out(DATASET.interactions)
    for case in cases_of(DATASET.interactions, split, "test"):
        before = case.earlier()
        assert before.history.tolist() == case.history[:-1].tolist()
        assert set(before.taste.known) == set(before.taste.timeline) == set(before.history.tolist())
        assert not set(case.later) & set(before.taste.known)
    valid = next(cases_of(DATASET.interactions, split, "valid"))
    assert valid.earlier() is valid


def made_interactions():
    """Two users; items 8 and 9 are hidden."""
    user, item = [0, 0, 0, 1, 1, 1, 1], [1, 8, 9, 2, 9, 3, 8]
    rating = [5, 5, 5, 5, 5, 5, 1]  # the last is no like, so it is no case
    return Interactions.sorted([0, 1], user, item, rating, range(7))


def test_cold_items_compete_among_themselves_and_are_in_no_profile():
    cold = np.zeros(10, bool)
    cold[[8, 9]] = True
    ranker = Counting(10)
    share, chance = cold_hit_ratio(ranker, made_interactions(), cold, k=1)
    assert [taste.known for taste in ranker.tastes] == [(1,), (1,), (2,)]
    assert share.mean == pytest.approx((0.5 + 1) / 2) and chance == 0.5  # user 0: of 8 and 9 only 9
    assert cold_hit_ratio(ranker, made_interactions(), cold, k=10)[0].mean == 1


def test_without_cold_items_nothing_is_measured():
    share, chance = cold_hit_ratio(Counting(10), made_interactions(), np.zeros(10, bool))
    assert np.isnan(share.mean) and chance == 1


def test_a_sample_of_the_cases_is_the_same_each_time():
    cold = np.zeros(80, bool)
    cold[::4] = True
    found = [cold_hit_ratio(Counting(), DATASET.interactions, cold, cases=20, seed=s) for s in (0, 0, 1)]
    assert found[0] == found[1]
    ranker = Counting()
    cold_hit_ratio(ranker, DATASET.interactions, cold, cases=20)
    assert len(ranker.tastes) == 20
