"""One suite that every ranker must pass, alone and behind the recommender."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.candidates import Taste, fit
from recsys.controls import MAX_COUNT, Clause, ControlIntent, Quota
from recsys.lm.decoding import SLACK
from recsys.lm.ranker import LanguageModel
from recsys.profile import Profile
from recsys.rankers import ALS, RANKERS, Static
from recsys.recommender import Recommender
from recsys.semantic import SemanticIndex
from recsys.sequence import SequenceParams, Teacher, fit_sequence
from tests.made_lm import small_model
from tests.recsys.made_use import COLORS, MAKERS, THEMES, embed_words, made_dataset

DATASET = made_dataset(260, 80)
CATALOG = DATASET.catalog
IDS = st.sampled_from(CATALOG.ids)


def language_model(catalog, model):
    return LanguageModel(small_model(catalog), "made-sft", ALS(catalog, model), 0.3)


def teacher(catalog, model):
    params = SequenceParams(width=16, layers=1, heads=1, window=30, epochs=3, learning_rate=0.02)
    return Teacher(catalog, fit_sequence(DATASET.interactions, len(catalog), params))


MAKERS_OF = {**RANKERS, "teacher": teacher, "made-sft": language_model}


@pytest.fixture(scope="module", params=sorted(MAKERS_OF))
def ranker(request, model):
    return MAKERS_OF[request.param](CATALOG, model)


@pytest.fixture(scope="module")
def model():
    return fit(DATASET.interactions, len(CATALOG))


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with SemanticIndex(CATALOG, tmp_path_factory.mktemp("index"), embed=embed_words) as index:
        yield index


@pytest.fixture(scope="module")
def recommender(ranker, model, index):
    return Recommender(CATALOG, ranker, model, index)


TASTES = [
    Taste(),
    Taste(liked=(0, 2, 4)),
    Taste(disliked=(1,)),
    Taste(seen=(9,)),
    Taste((0,), (1,), (2,), (3,)),
]


class TestRanker:
    @pytest.mark.parametrize("taste", TASTES)
    def test_one_finite_number_an_item(self, ranker, taste):
        scores = ranker.scores(taste)
        assert scores.shape == (len(CATALOG),) and np.isfinite(scores).all()
        assert np.array_equal(scores, ranker.scores(taste))

    @pytest.mark.parametrize("taste", TASTES)
    def test_explanations_name_only_what_is_known(self, ranker, taste):
        parts = ranker.explain(taste, [10, 11])
        assert len(parts) == 2
        assert all(set(part) <= {*taste.known, *taste.seeds} for part in parts)

    def test_many_are_scored_as_one_by_one(self, ranker):
        together = ranker.scores_many(TASTES)
        for taste, scores in zip(TASTES, together, strict=True):
            assert np.allclose(scores, ranker.scores(taste), atol=1e-4)

    def test_a_stranger_gets_the_well_liked(self, ranker):
        if ranker.name not in RANKERS:
            pytest.skip("what it knows is random here")
        scores, catalog = ranker.scores(Taste()), CATALOG
        assert catalog.popularity[np.argsort(-scores)[:10]].mean() > catalog.popularity.mean()

    def test_what_it_returns_may_be_changed(self, ranker):
        before = ranker.scores(Taste()).copy()
        with contextlib.suppress(ValueError):  # read-only is as good
            ranker.scores(Taste())[:] = 0
        assert np.array_equal(ranker.scores(Taste()), before)


class TestList:
    @pytest.mark.parametrize("count", [1, 2, 7, MAX_COUNT])
    def test_length_order_and_form(self, recommender, count):
        slate = recommender.recommend(Profile(liked=(1000,)), ControlIntent(count=count))
        ids = [item.id for item in slate.items]
        assert len(set(ids)) == len(ids) == count and 1000 not in ids
        assert all(item.reasons for item in slate.items)
        assert slate.model == recommender.name and not slate.relaxations

    @pytest.mark.parametrize(
        "profile",
        [
            Profile(),
            Profile(liked=(1004, 1006)),
            Profile(disliked=(1001,)),
            Profile(seen=(1000,)),
            Profile(liked=("nobody", 1003), disliked=(-5,), seen=("",)),
            Profile(liked=tuple(CATALOG.ids[:200])),
            Profile(liked=(*(f"nobody {i}" for i in range(4900)), *CATALOG.ids[:100])),
        ],
    )
    def test_any_profile(self, recommender, profile):
        slate = recommender.recommend(profile, ControlIntent())
        assert len(slate.items) == 5
        assert not {item.id for item in slate.items} & set(profile.known)
        again = recommender.recommend(profile, ControlIntent())
        assert again.items == slate.items

    def test_everything_known_is_an_empty_list_with_a_reason(self, recommender):
        slate = recommender.recommend(Profile(seen=tuple(CATALOG.ids)), ControlIntent())
        assert slate.items == () and slate.relaxations

    @pytest.mark.parametrize("left", [0, 1])
    @pytest.mark.parametrize("decoding", ["guarded", "free"])
    def test_controls_that_leave_hardly_anything(self, recommender, left, decoding):
        red = [id for row, id in enumerate(CATALOG.ids) if row % 2]
        intent = ControlIntent(count=3, require=(Clause(facet="color", any_of=("Red",)),))
        profile = Profile(seen=tuple(red[left:]))
        slate = recommender.recommend(profile, intent, decoding=decoding)
        if decoding == "free":
            assert len(slate.items) <= 3 + SLACK
        elif left:
            assert [item.id for item in slate.items] == red[:1] and slate.relaxations
        else:
            assert slate.relaxations and not {item.id for item in slate.items} & set(red)

    def test_excluded_items_stay_away(self, recommender):
        first = recommender.recommend(Profile(), ControlIntent())
        more = recommender.recommend(Profile(), ControlIntent(), exclude=[item.id for item in first.items])
        assert not {item.id for item in first.items} & {item.id for item in more.items}

    @given(data=st.data())
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_every_control_holds_unless_it_is_said(self, recommender, data):
        intent = data.draw(intents())
        known = data.draw(st.lists(IDS, max_size=8, unique=True))
        cut = data.draw(st.integers(0, len(known)))
        profile = Profile(liked=tuple(known[:cut]), disliked=tuple(known[cut:]))
        slate = recommender.recommend(profile, intent)
        ids = [item.id for item in slate.items]
        seeds = {CATALOG.ids[row] for row in intent.compile(CATALOG).seeds}
        assert len(set(ids)) == len(ids) and not set(ids) & (set(known) | seeds)
        assert all(control.met for control in slate.compliance) or slate.relaxations
        if not slate.relaxations:
            assert len(ids) == (intent.count or 5)
        assert [step.items for step in slate.funnel][-1] == len(ids)

    def test_free_is_the_rankers_own_list(self, recommender, ranker):
        if not isinstance(ranker, Static):
            pytest.skip("it decodes")
        intent = ControlIntent(count=7, require=(Clause(facet="color", any_of=("Red",)),))
        slate = recommender.recommend(Profile(liked=(1000, 1002)), intent, decoding="free")
        best = np.argsort(-ranker.scores(Taste(liked=(0, 2))), kind="stable")[:7]
        assert [item.id for item in slate.items] == [CATALOG.ids[row] for row in best]
        assert slate.decoding == "free" and len(slate.compliance) == 2
        broken = [control.control for control in slate.compliance if not control.met]
        assert broken == [relaxation.control for relaxation in slate.relaxations] == ["color Red"]


@st.composite
def intents(draw):
    clause = lambda: Clause(facet="color", any_of=(draw(st.sampled_from(COLORS)),))  # noqa: E731
    quotas = ()
    if draw(st.booleans()):
        op = draw(st.sampled_from(["at_least", "at_most", "about", "exactly"]))
        share = draw(st.sampled_from([0, 0.2, 0.5, 1]))
        quotas = (Quota(facet="maker", value=draw(st.sampled_from(MAKERS)), op=op, share=share),)
    titles = st.lists(st.sampled_from(CATALOG.titles), max_size=2, unique=True)
    return ControlIntent(
        count=draw(st.sampled_from([None, 1, 3, 40])),
        require=(clause(),) if draw(st.booleans()) else (),
        exclude=(clause(),) if draw(st.booleans()) else (),
        quotas=quotas,
        like=tuple(draw(titles)),
        unlike=tuple(draw(titles)),
        theme=draw(st.sampled_from([None, *THEMES, "🙂", "x" * 10_000])),
        avoid_theme=draw(st.sampled_from([None, *THEMES])),
        popularity=draw(st.sampled_from([None, None, "mainstream", "niche"])),
        order=draw(st.sampled_from([None, None, "newest", "most_popular"])),
    )
