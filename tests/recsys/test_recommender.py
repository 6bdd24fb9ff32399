import numpy as np
import pytest

from recsys.controls import Clause, ControlError, ControlIntent
from recsys.errors import TillerError
from recsys.likeness import Likeness, series_key
from recsys.profile import Profile
from recsys.recommender import load_recommender
from recsys.settings import Settings
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(120, 60)
CATALOG = DATASET.catalog


@pytest.fixture(scope="module")
def vectors():
    from recsys.semantic import item_texts
    from tests.recsys.made_use import embed_words

    return embed_words(item_texts(CATALOG))


@pytest.fixture(scope="module")
def recommender(tmp_path_factory, vectors):
    from tests.recsys.made_use import embed_words

    home = tmp_path_factory.mktemp("home")
    with load_recommender(DATASET, Settings(home=home, model="als"), vectors=vectors) as recommender:
        recommender._index._embed = embed_words
        yield recommender


def titles(slate):
    return [item.title for item in slate.items]


def test_a_theme_steers_the_list(recommender):
    slate = recommender.recommend(Profile(liked=(1000, 1002)), ControlIntent(theme="robot"))
    assert all(any(reason == "matches: robot" for reason in item.reasons) for item in slate.items)


def test_an_avoided_theme_goes_down(recommender):
    slate = recommender.recommend(Profile(), ControlIntent(count=10, avoid_theme="robot"))
    assert not any("Robot" in title for title in titles(slate))


def test_a_seed_steers_the_list_and_stays_out(recommender):
    seed = CATALOG.titles[1]
    slate = recommender.recommend(Profile(liked=(1000, 1002, 1004)), ControlIntent(like=(seed,)))
    assert seed not in titles(slate)
    assert sum(item.facets["color"] == ["Red"] for item in slate.items) >= 4


def test_reasons_are_true(recommender):
    profile = Profile(liked=(1000, 1006))
    slate = recommender.recommend(profile, ControlIntent(count=20))
    liked = {CATALOG.titles[CATALOG.row(i)] for i in profile.liked}
    for item in slate.items:
        for reason in item.reasons:
            if reason.startswith("because you liked "):
                named = reason.removeprefix("because you liked ").split(" and ")
                assert set(named) <= liked
    assert any(reason.startswith("because you liked") for item in slate.items for reason in item.reasons)
    only = recommender.explain(profile, ControlIntent(), slate.items[0].id)
    assert only == slate.items[0].reasons


def test_similar_items(recommender):
    near = recommender.similar(1001, n=6)
    assert len(set(near)) == 6 and 1001 not in near
    assert sum(CATALOG.item(CATALOG.row(i)).facets["color"] == ["Red"] for i in near) >= 5
    assert recommender.similar("nobody") == []
    assert recommender.explain(Profile(), ControlIntent(), "nobody") == ()


def test_steps_are_told_and_what_the_listener_raises_passes(recommender):
    steps = []
    recommender.recommend(Profile(), ControlIntent(), progress=steps.append)
    assert steps == ["candidates", "ranking", "explaining"]

    class Stop(Exception):
        pass

    def stop(step):
        if step == "ranking":
            raise Stop

    with pytest.raises(Stop):
        recommender.recommend(Profile(), ControlIntent(), progress=stop)
    assert len(recommender.recommend(Profile(), ControlIntent()).items) == 5


def test_what_the_catalogue_does_not_know_is_said(recommender):
    with pytest.raises(ControlError):
        recommender.recommend(Profile(), ControlIntent(require=(Clause(facet="color", any_of=("Mauve",)),)))


def test_an_unknown_ranker_is_refused(tmp_path):
    with pytest.raises(TillerError, match="choose among auto, als, popularity"):
        load_recommender(DATASET, Settings(home=tmp_path), model="magic")


@pytest.mark.parametrize("n_items", [0, 1, 3])
def test_tiny_catalogues_without_use(tmp_path, n_items):
    dataset = made_dataset(n_items, 0)
    vectors = np.ones((n_items, 4), np.float32)
    with load_recommender(dataset, Settings(home=tmp_path), vectors=vectors) as recommender:
        slate = recommender.recommend(Profile(liked=(1000,)), ControlIntent(count=2))
        assert len(slate.items) == max(0, min(2, n_items - 1))
        assert all(item.reasons for item in slate.items)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Godfather, The (1972)", "Godfather: Part II, The (1974)", True),
        ("Harry Potter and the Sorcerer's Stone (2001)", "Harry Potter and the Goblet of Fire (2005)", True),
        ("Star Wars: Episode IV - A New Hope (1977)", "Star Wars: Episode V - The Empire (1980)", True),
        ("Toy Story (1995)", "Toy Story 3 (2010)", True),
        ("Rocky (1976)", "Rocky IV (1985)", True),
        ("Star Wars (1977)", "Star Trek (1979)", False),
        ("American Pie (1999)", "American Beauty (1999)", False),
        ("2001: A Space Odyssey (1968)", "2010: The Year We Make Contact (1984)", False),
        ("", "Heat (1995)", False),
    ],
)
def test_series_share_a_key(one, other, same):
    assert (series_key(one) == series_key(other)) == same


def test_doubles_are_between_0_and_1(recommender):
    rows = np.arange(120)
    alike = recommender._fusion.likeness.doubles(3, rows)
    assert isinstance(recommender._fusion.likeness, Likeness)
    assert alike.shape == (120,) and alike.min() >= 0 and alike[3] == alike.max() == 1
