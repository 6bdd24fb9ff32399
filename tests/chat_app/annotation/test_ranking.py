"""Bradley-Terry: what is stronger, by how much, and how sure that is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_app.annotation.ranking import PRIOR, Outcomes, bradley_terry, rank, wilson

COUNTS = st.integers(0, 50)


@st.composite
def outcomes(draw, most: int = 4) -> dict[tuple[str, str], Outcomes]:
    names = "abcd"[: draw(st.integers(2, most))]
    made = {
        pair: Outcomes(draw(COUNTS), draw(COUNTS), draw(COUNTS)) for pair in itertools.combinations(names, 2)
    }
    return made | {("a", "b"): Outcomes(draw(COUNTS) + 1, draw(COUNTS), draw(COUNTS))}


@settings(max_examples=20)
@given(outcomes(), st.permutations("abcd"))
def test_names_and_the_order_of_a_pair_do_not_matter(made, others):
    new = dict(zip("abcd", others, strict=True))
    turned = {
        (new[second], new[first]): Outcomes(o.second, o.first, o.neither)
        for (first, second), o in made.items()
    }
    one = {new[s.name]: s for s in rank(made)}
    two = {s.name: s for s in rank(turned)}
    assert one.keys() == two.keys()
    for name, standing in one.items():
        assert standing.strength.mean == pytest.approx(two[name].strength.mean, abs=1e-6)
        assert standing.share.mean == pytest.approx(two[name].share.mean)
        assert standing.comparisons == two[name].comparisons


@settings(max_examples=20)
@given(outcomes())
def test_two_alone_have_the_odds_of_their_wins_and_estimates_lie_in_their_intervals(made):
    for s in rank(made):
        assert s.strength.low - 1e-6 <= s.strength.mean <= s.strength.high + 1e-6 or s.comparisons < 30
        assert 0 <= s.share.low <= s.share.high <= 1
    o = made["a", "b"]
    a, b = sorted(rank({("a", "b"): o}), key=lambda s: s.name)
    odds = (o.first + o.neither / 2 + PRIOR) / (o.second + o.neither / 2 + PRIOR)
    assert a.strength.mean - b.strength.mean == pytest.approx(math.log(odds), abs=1e-6)


@settings(max_examples=10)
@given(st.integers(1, 30), st.integers(2, 4))
def test_ties_alone_leave_all_equal(ties, n):
    names = "abcd"[:n]
    found = rank({pair: Outcomes(neither=ties) for pair in itertools.combinations(names, 2)})
    assert [s.strength.mean for s in found] == pytest.approx([0] * n, abs=1e-9)
    assert {s.share.mean for s in found} == {0.5}


def test_many_votes_recover_the_order_and_the_strengths():
    true = np.array([1.2, 0.4, -0.3, -1.3])
    rng = np.random.default_rng(3)
    made = {}
    for i, j in itertools.combinations(range(4), 2):
        wins = int(rng.binomial(2000, 1 / (1 + math.exp(true[j] - true[i]))))
        made["abcd"[j], "abcd"[i]] = Outcomes(2000 - wins, wins)
    found = rank(made)
    assert [s.name for s in found] == ["a", "b", "c", "d"]
    for standing, strength in zip(found, true, strict=True):
        assert standing.strength.mean == pytest.approx(strength, abs=0.1)
        assert standing.strength.low < strength < standing.strength.high
        assert standing.strength.high - standing.strength.low < 0.2


def test_who_never_lost_is_finite_and_who_never_met_is_not_compared():
    found = rank({("a", "b"): Outcomes(first=9), ("c", "d"): Outcomes(first=3, second=1)})
    assert [(s.name, s.group) for s in found] == [("a", 0), ("b", 0), ("c", 1), ("d", 1)]
    assert all(math.isfinite(s.strength.mean) for s in found)
    assert sum(s.strength.mean for s in found[:2]) == pytest.approx(0, abs=1e-9)
    assert rank({}) == [] and rank({("a", "b"): Outcomes()}) == []


def test_a_chain_of_wins_ranks_those_who_never_met():
    wins = np.array([[0, 8, 0], [2, 0, 8], [0, 2, 0]], float)
    a, b, c = bradley_terry(wins)
    assert a > b > c and b == pytest.approx(0, abs=1e-9)


def test_the_interval_of_a_share():
    found = wilson(8, 10)  # Wilson's interval as Newcombe (1998) and others tabulate it: .490, .943
    assert (found.mean, round(found.low, 3), round(found.high, 3)) == (0.8, 0.49, 0.943)
    assert (
        wilson(0, 4).low == pytest.approx(0)
        and wilson(4, 4).high == pytest.approx(1)
        and math.isnan(wilson(0, 0).mean)
    )
