import numpy as np
import pytest

from recsys.controls import Quota
from recsys.metrics import NOT_LISTED, bootstrap, cpa, form, hit_ratio, list_rank, ndcg, rank_of, tcp


def test_rank_counts_what_stands_before():
    scores = np.array([3.0, 1.0, 2.0, 1.0, 5.0])
    everything = np.ones(5, bool)
    assert [rank_of(scores, row, everything) for row in range(5)] == [1, 3, 2, 4, 0]
    assert rank_of(scores, 3, np.array([True, False, True, True, False])) == 2


def test_hits_and_gains_by_hand():
    ranks = np.array([0, 1, 9, 10])
    assert hit_ratio(ranks, 10).tolist() == [1, 1, 1, 0]
    assert ndcg(ranks, 10) == pytest.approx([1, 0.63093, 0.28906, 0], abs=1e-5)


def test_position_in_a_list():
    assert list_rank([4, 7], 7) == 1
    assert list_rank([4, 7], 5) == NOT_LISTED
    assert hit_ratio(np.array([list_rank([], 5)]), 10).tolist() == [0]


def test_tcp_by_hand():
    inside = np.array([True, False, True])
    assert tcp([0, 1, 2], inside, 3) == pytest.approx(2 / 3)
    assert tcp([0, 1, 2], inside, 1) == 1
    assert tcp([0, -1], inside, 10) == 0.5  # -1 is the last row only to numpy
    assert tcp([], inside, 3) == 0


@pytest.mark.parametrize(
    ("op", "share", "met_by"),
    [("at_most", 0.2, {0, 1, 2}), ("at_least", 0.3, set(range(3, 11))), ("about", 0.5, {4, 5, 6})],
)
def test_cpa_by_hand(op, share, met_by):
    quota = Quota(facet="color", value="Red", op=op, share=share)
    inside = np.arange(20) < 10
    for count in range(11):
        rows = [*range(count), *range(10, 20 - count)]
        assert cpa(rows, inside, quota, 10) == (count in met_by)


def test_each_entry_is_one_error_at_most():
    shape = form([5, 5, -1, -1, 7, 8], asked=6, history=[5, 7])
    assert (shape.correct_count, shape.repeat_item, shape.non_exist, shape.in_history) == (1, 1, 2, 2)
    assert form([1], asked=2, history=[]).correct_count == 0


def test_bootstrap_interval():
    estimate = bootstrap(np.array([0.0, 1.0] * 200))
    assert estimate.mean == 0.5
    assert 0.44 < estimate.low < 0.47 and 0.53 < estimate.high < 0.56  # 1.96 * sqrt(.25 / 400) = .049
    assert bootstrap(np.array([np.nan, 2.0])).mean == 2
    assert np.isnan(bootstrap(np.array([])).mean)
    assert bootstrap(np.arange(9.0), seed=1) == bootstrap(np.arange(9.0), seed=1)
