"""Building slates under controls, held against brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys.controls import Clause, ControlIntent, Quota, Range
from recsys.slate import plan_slate
from tests.made import catalog_of, catalogs, intents


def possible(constraints, forbidden) -> bool:
    """Brute force: does any list of the length asked for hold every control?"""
    rows = [r for r in range(len(constraints.catalog)) if r not in forbidden]
    hard = [r for r in rows if all(c.mask[r] for c in constraints.controls)]
    for chosen in combinations(hard, constraints.count):
        if all(
            low <= sum(q.mask[list(chosen)]) <= high
            for q in constraints.quotas
            for low, high in [q.quota.bounds(constraints.count)]
        ):
            return True
    return False


def obeys(constraints, rows) -> bool:
    return len(rows) == constraints.count and all(c.met for c in constraints.report(rows))


@settings(max_examples=300)
@given(st.data())
def test_slate_agrees_with_brute_force(data):
    catalog = data.draw(catalogs())
    intent = data.draw(intents(catalog))
    known = set(data.draw(st.lists(st.integers(0, len(catalog) - 1), max_size=3)))
    scores = np.array(data.draw(st.lists(st.floats(-3, 3), min_size=len(catalog), max_size=len(catalog))))
    constraints = intent.compile(catalog)
    plan = plan_slate(constraints, known)
    rows = plan.pick(scores)

    assert len(rows) == plan.count == len(set(rows))
    assert not known & set(rows)
    assert (not plan.relaxations) == possible(constraints, known)
    assert (not plan.relaxations) == obeys(constraints, rows)
    assert rows or len(known) == len(catalog), "an empty list only when nothing is left at all"
    assert all(r.reason for r in plan.relaxations)


@settings(max_examples=150)
@given(st.data())
def test_guard_allows_exactly_what_can_still_be_completed(data):
    catalog = data.draw(catalogs(min_size=3, max_size=7))
    intent = data.draw(intents(catalog, max_count=4)).model_copy(update={"order": None})
    constraints = intent.compile(catalog)
    plan = plan_slate(constraints)
    assume(plan.count > 0)
    bounds, rows = plan.bounds, np.flatnonzero(plan.eligible)
    guard, taken = plan.guard(), []
    while not guard.done:
        allowed = set(np.flatnonzero(guard.allowed()))
        completable = set()
        for chosen in combinations(rows, plan.count):
            counts = [sum(q.mask[list(chosen)]) for q in constraints.quotas]
            in_bounds = all(lo <= c <= hi for c, (lo, hi) in zip(counts, bounds, strict=True))
            if set(taken) <= set(chosen) and in_bounds:
                completable |= set(chosen) - set(taken)
        assert allowed == completable
        row = data.draw(st.sampled_from(sorted(allowed)))
        guard.take(row)
        taken.append(row)
    assert not guard.allowed().any()


def test_guard_refuses_what_it_does_not_permit():
    catalog = catalog_of([["Red"], ["Blue"]], [[], []], [1970, 1970])
    guard = plan_slate(
        ControlIntent(count=1, exclude=[Clause(facet="color", any_of=["Red"])]).compile(catalog)
    ).guard()
    with pytest.raises(ValueError, match="not permitted"):
        guard.take(0)


@settings(max_examples=60)
@given(st.integers(1, 200), st.integers(0, 10), st.integers(0, 10))
def test_overlapping_quotas_for_every_length(n, red, round_):
    """Items that are both Red and Round count for both quotas; 200 of each kind suffice."""
    colors = [["Red"] if i % 2 else ["Blue"] for i in range(800)]
    shapes = [["Round"] if i % 4 < 2 else ["Square"] for i in range(800)]
    catalog = catalog_of(colors, shapes, [1980] * 800)
    quotas = [
        Quota(facet="color", value="Red", op="exactly", share=red / 10),
        Quota(facet="shape", value="Round", op="at_least", share=round_ / 10),
    ]
    constraints = ControlIntent(count=n, quotas=quotas).compile(catalog)
    plan = plan_slate(constraints)
    assert not plan.relaxations
    assert obeys(constraints, plan.pick(np.linspace(1, 0, 800)))


def test_about_aims_at_the_exact_number_even_against_the_scores():
    catalog = catalog_of([["Red"]] * 10 + [["Blue"]] * 10, [[]] * 20, [1980] * 20)
    constraints = ControlIntent(count=10, quotas=[Quota(facet="color", value="Red", share=0.5)]).compile(
        catalog
    )
    rows = plan_slate(constraints).pick(np.linspace(1, 0, 20))  # every Red beats every Blue
    assert sum(row < 10 for row in rows) == 5


def test_order_selects_and_relevance_breaks_ties():
    catalog = catalog_of([["Red"]] * 4, [[]] * 4, [1980, 1990, 1990, np.nan])
    constraints = ControlIntent(count=3, order="newest").compile(catalog)
    assert plan_slate(constraints).pick(np.array([9.0, 1.0, 2.0, 99.0])) == [2, 1, 0]


def test_the_least_important_control_gives_way_and_a_range_widens_only_as_far_as_needed():
    catalog = catalog_of([["Red"], ["Red"], ["Blue"]], [[]] * 3, [1970, 1980, 2000])
    intent = ControlIntent(
        count=1, require=[Clause(facet="color", any_of=["Red"])], ranges=[Range(facet="year", min=1995)]
    )
    plan = plan_slate(intent.compile(catalog))
    assert plan.pick(np.array([5.0, 1.0, 9.0])) == [1]
    [relaxation] = plan.relaxations
    assert (relaxation.control, relaxation.to) == ("year from 1995", "year from 1980")


def test_a_widened_range_is_written_as_people_write_numbers():
    catalog = catalog_of([[]] * 2, [[]] * 2, [1970, 1980]).with_numeric(rating=np.array([3.9, 4.3]))
    plan = plan_slate(ControlIntent(count=1, ranges=[Range(facet="rating", min=4.5)]).compile(catalog))
    assert plan.relaxations[0].to == "rating from 4.3" and plan.pick(np.zeros(2)) == [1]


def test_contradiction_keeps_the_exclusion_and_says_so():
    catalog = catalog_of([["Red"], ["Blue"]], [[]] * 2, [1970, 1980])
    red = Clause(facet="color", any_of=["Red"])
    plan = plan_slate(ControlIntent(count=1, require=[red], exclude=[red]).compile(catalog))
    assert plan.pick(np.zeros(2)) == [1]
    assert plan.relaxations[0].control == "color Red"


def test_having_been_shown_everything_relaxes_nothing_but_the_length():
    catalog = catalog_of([["Red"], ["Blue"]], [[]] * 2, [1970, 1980])
    intent = ControlIntent(require=[Clause(facet="color", any_of=["Red"])])
    plan = plan_slate(intent.compile(catalog), shown=[0])
    assert plan.pick(np.zeros(2)) == []
    assert [r.control for r in plan.relaxations] == ["count"]


def test_variety_breaks_up_a_series_but_only_when_the_next_is_nearly_as_good():
    catalog = catalog_of([["Red"]] * 4, [[]] * 4, [1980] * 4)
    series = lambda row, rows: np.array([1.0 if {row, r} <= {0, 1} else 0.0 for r in rows])  # noqa: E731
    plan = plan_slate(ControlIntent(count=2).compile(catalog))
    assert plan.pick(np.array([1.0, 0.9, 0.8, 0.0]), series) == [0, 2]
    assert plan.pick(np.array([5.0, 4.0, 1.0, 0.0]), series) == [0, 1]


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_order_in_a_catalogue_larger_than_any_pool(seed, count):
    random = np.random.default_rng(seed)
    years = random.integers(1950, 1956, 600)  # many ties
    catalog = catalog_of([["Red"]] * 600, [[]] * 600, years)
    scores = random.normal(size=600)
    rows = plan_slate(ControlIntent(count=count, order="newest").compile(catalog)).pick(scores)
    assert rows == np.lexsort((-scores, -years))[:count].tolist()


def test_one_quota_is_solved_as_the_programme_solves_it():
    rng = np.random.default_rng(0)
    for _ in range(300):
        inside = int(rng.integers(0, 6))
        catalog = catalog_of([["Red"]] * inside + [["Blue"]] * 4, [[]] * (inside + 4), [1990] * (inside + 4))
        if not inside:
            continue
        count, n = int(rng.integers(0, 7)), int(rng.integers(1, 9))
        op = rng.choice(["at_least", "at_most", "about", "exactly"])
        quota = Quota(facet="color", value="Red", op=op, count=count)
        twice = ControlIntent(count=n, quotas=(quota, Quota(facet="year", min=1900, op="at_least", count=0)))
        one = plan_slate(ControlIntent(count=n, quotas=(quota,)).compile(catalog))
        two = plan_slate(twice.compile(catalog))
        assert one.bounds[0] == two.bounds[0]
        scores = np.arange(len(catalog), dtype=np.float32)
        assert one.pick(scores) == two.pick(scores)
