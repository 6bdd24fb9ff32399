import numpy as np
import pytest

from recsys.candidates import (
    ALSParams,
    CollaborativeModel,
    Taste,
    confidence_matrix,
    fit,
    load_or_fit,
    prior,
)
from recsys.catalog import Catalog
from recsys.interactions import Interactions, no_interactions
from recsys.profile import Profile
from tests.recsys.made_use import made_dataset

PARAMS = ALSParams(factors=3, regularization=0.5, alpha=4, weak=0.5, dislike=-0.75)


@pytest.fixture(scope="module")
def model():
    factors = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    return CollaborativeModel(factors, PARAMS)


def solve(factors, targets, confidences, regularization):
    """Dense normal equations of implicit ALS: (Y'CY + rI) x = Y'Cp with C = 1 where unknown."""
    c = np.ones(len(factors))
    p = np.zeros(len(factors))
    for row, (target, confidence) in zip(targets, confidences, strict=True):
        p[row], c[row] = target, confidence
    a = factors.T @ np.diag(c) @ factors + regularization * np.eye(factors.shape[1])
    return np.linalg.solve(a, factors.T @ (c * p))


def test_a_live_profile_solves_the_normal_equations(model):
    taste = Taste(liked=(0, 1), disliked=(2,), seen=(3,))
    expected = solve(
        model.factors.astype(float), [0, 1, 2, 3], [(1, 4), (1, 4), (0, 3), (1, 2)], PARAMS.regularization
    )
    assert model.fold_in(taste) == pytest.approx(expected, abs=1e-4)
    assert model.scores(taste) == pytest.approx(model.factors @ expected, abs=1e-4)


def test_explanations_sum_to_the_score(model):
    taste = Taste(liked=(0, 1), disliked=(2,), seen=(3,), seeds=(4,))
    parts = model.explain(taste, [5, 2])
    assert [sum(part.values()) for part in parts] == pytest.approx(model.scores(taste)[[5, 2]], abs=1e-4)
    assert all(set(part) == {0, 1, 3, 4} for part in parts)


def test_a_dislike_lowers_what_is_like_it():
    model = fit(made_dataset().interactions, 60)
    reds = np.arange(5, 60, 2)
    before, after = model.scores(Taste(liked=(0, 1))), model.scores(Taste(liked=(0, 1), disliked=(3,)))
    assert after[3] < before[3]
    assert after[reds].mean() < before[reds].mean()


def test_taste_decides():
    model = fit(made_dataset().interactions, 60)
    scores = model.scores(Taste(liked=(0, 2, 4)))
    assert (scores[6::2].mean() > scores[7::2].mean()) and np.isfinite(scores).all()


def test_a_low_rating_is_no_like():
    interactions = Interactions.sorted(
        ["u"], [0, 0, 0, 0], [0, 1, 2, 3], [5.0, 3.0, 1.0, np.nan], [1, 2, 3, 4]
    )
    weights = confidence_matrix(interactions, 4, PARAMS).toarray()[0]
    assert weights.tolist() == [1.0, 0.5, -0.75, 1.0]


def test_the_latest_lists_and_unknown_ids():
    catalog = made_dataset().catalog
    taste = Taste.of(catalog, Profile(liked=(1003, 7, "1005"), disliked=("none",)), seeds=[3])
    assert taste == Taste(liked=(3, 5), seeds=(3,), order=(3, 5))
    assert taste.positive == (3, 5)


@pytest.mark.parametrize("n_items", [0, 1, 7])
def test_without_interactions_everything_is_zero(n_items):
    model = fit(no_interactions(), n_items)
    taste = Taste(liked=(0,) if n_items else ())
    assert model.scores(taste).tolist() == [0.0] * n_items


def test_thousands_of_likes():
    model = CollaborativeModel(
        np.random.default_rng(0).normal(size=(6000, 8)).astype(np.float32), ALSParams()
    )
    assert np.isfinite(model.scores(Taste(liked=tuple(range(5000))))).all()


def test_items_nobody_used_have_no_say():
    interactions = Interactions.sorted(["u", "v"], [0, 0, 1, 1], [0, 1, 0, 1], [5, 5, 5, 5], [1, 2, 3, 4])
    model = fit(interactions, 3)
    assert not model.factors[2].any() and model.factors[:2].any()
    assert model.similarity(2).tolist() == [0, 0, 0]


def test_nearest_neighbours_share_users():
    model = fit(made_dataset().interactions, 60)
    near = model.similarity(0)
    near[0] = -1
    assert (np.argsort(-near)[:10] % 2 == 0).mean() > 0.8
    assert model.similarity(0, np.array([5, 6])) == pytest.approx(near[[5, 6]], abs=1e-6)


def test_prior_is_popularity_times_rating():
    catalog = Catalog(
        "c",
        [1, 2, 3],
        ["a", "b", "c"],
        {},
        {"popularity": np.array([9, 9, 0], np.float32), "rating": np.array([2.0, 4.0, np.nan], np.float32)},
    )
    assert prior(catalog).tolist() == pytest.approx([0, np.log(10) * 2, 0])
    assert prior(Catalog("c", [1], ["a"], {}, {})).tolist() == [0]


class TestCache:
    def test_fitted_once_for_the_same_data(self, tmp_path):
        data, said = made_dataset().interactions, []
        first = load_or_fit(data, 60, tmp_path, progress=said.append)
        again = load_or_fit(data, 60, tmp_path, progress=said.append)
        assert len(said) == 1 and np.array_equal(first.factors, again.factors)
        load_or_fit(data.select(np.arange(len(data)) > 0), 60, tmp_path, progress=said.append)
        assert len(said) == 2
        assert not list(tmp_path.glob("*.part"))

    @pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 half", None])
    def test_a_damaged_file_is_fitted_again(self, tmp_path, damage):
        data, said = made_dataset().interactions, []
        good = load_or_fit(data, 60, tmp_path)
        (path,) = tmp_path.glob("*.npz")
        path.write_bytes(path.read_bytes()[:-300] if damage is None else damage)
        mended = load_or_fit(data, 60, tmp_path, progress=said.append)
        assert "cannot be read" in said[0] and np.array_equal(good.factors, mended.factors)
        said.clear()
        load_or_fit(data, 60, tmp_path, progress=said.append)
        assert not said

    def test_where_nothing_can_be_written_it_is_only_fitted(self, tmp_path):
        said = []
        (tmp_path / "file").write_text("")
        model = load_or_fit(
            made_dataset().interactions, 60, tmp_path / "file" / "models", progress=said.append
        )
        assert model.factors.any() and "could not be kept" in said[-1]


def test_the_timeline_is_everything_known_in_time_order():
    taste = Taste.of_timeline([4, 1, 3], ["disliked", "liked", "seen"])
    assert (taste.liked, taste.disliked, taste.seen, taste.timeline) == ((1,), (4,), (3,), (4, 1, 3))
    assert Taste(liked=(1, 2), disliked=(0,)).timeline == (0, 1, 2)
    assert Taste(liked=(1, 2), seen=(5,), order=(2, 5)).timeline == (1, 2, 5)
