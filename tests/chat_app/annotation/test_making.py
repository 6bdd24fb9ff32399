"""Comparisons: blind lists of two rankers, checks that have an answer, and what pages may say."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.annotation import making
from chat_app.annotation.making import (
    AnnotationError,
    Asked,
    average_overlap,
    chat_contexts,
    made_request,
    make_comparisons,
    read_ballot,
    sample_contexts,
)
from chat_app.annotation.projects import Plan, Side
from chat_app.annotation.votes import VoteRefused
from chat_app.controller.turn import Event, TurnIntent
from chat_app.conversation import Conversation
from chat_app.personal import Personal
from recsys.controls import ControlIntent
from recsys.datasets import leave_last_out
from recsys.profile import Profile
from recsys.slate import Slate, SlateItem
from tests.made import catalog_of

COLORS = [["Red"], ["Blue"], ["Red", "Blue"], ["Green"]]
RED = ControlIntent(count=3, require=[{"facet": "color", "any_of": ["Red"]}])


@pytest.fixture(scope="module")
def toys():
    return catalog_of(COLORS * 10, [["Round"]] * 40, [1970 + i for i in range(40)])


class Shelf:
    """A ranker that lists what obeys, from some row on."""

    def __init__(self, catalog, start: int) -> None:
        self.catalog, self.start = catalog, start

    def recommend(self, profile, intent, *, decoding):
        constraints = intent.compile(self.catalog)
        known = set(self.catalog.rows(profile.known).tolist())
        rows = [row for row in np.flatnonzero(constraints.mask).tolist() if row not in known]
        rows = (rows[self.start :] + rows[: self.start])[: constraints.count]
        items = tuple(SlateItem(id=self.catalog.ids[r], title=self.catalog.titles[r]) for r in rows)
        return Slate(items=items, compliance=tuple(constraints.report(rows)))


def plan(**values) -> Plan:
    pairs = ((Side(ranker="near"), Side(ranker="far", decoding="free")),)
    return Plan(**{"pairs": pairs, "count": 6, **values})


def contexts(intent=RED):
    while True:
        for liked in (100, 101, 102):
            yield Asked(Profile(liked=(liked,), disliked=(110,), seen=(120,)), ("red toys", intent))


def test_a_comparison_says_who_asked_what_and_both_lists_in_full(toys):
    rankers = {"near": Shelf(toys, 0), "far": Shelf(toys, 3)}
    made = make_comparisons(plan(), toys, contexts(), rankers, {"far": "abc"})
    assert len(made) == 6 and all(c.known is None for c in made)
    one = made[0]
    assert one.context == {
        "profile": [[120, "seen"], [110, "disliked"], [100, "liked"]],
        "request": "red toys",
        "intent": RED.model_dump(mode="json"),
        "catalog": "toys",
        "source": "data",
        "conversation": None,
    }
    assert one.first["ranker"] == "near" and one.first["adapter"] is None
    assert {k: one.second[k] for k in ("ranker", "adapter", "decoding", "seed")} == {
        "ranker": "far",
        "adapter": "abc",
        "decoding": "free",
        "seed": 0,
    }
    for slate in (one.first, one.second):
        assert len(slate["items"]) == 3 and all(c["met"] for c in slate["compliance"])
        assert all(toys.titles[toys.row(i["id"])] == i["title"] for i in slate["items"])
    assert "3" in one.words and "Red" in one.words


def test_every_pair_comes_as_often(toys):
    pairs = ((Side(ranker="near"), Side(ranker="far")), (Side(ranker="far"), Side(ranker="third")))
    rankers = {"near": Shelf(toys, 0), "far": Shelf(toys, 3), "third": Shelf(toys, 6)}
    made = make_comparisons(plan(pairs=pairs, count=8), toys, contexts(), rankers)
    assert [c.first["ranker"] for c in made].count("near") == 4


def test_what_agrees_least_is_most_informative(toys):
    class Moody(Shelf):  # agrees more or less, by whom it is for
        def recommend(self, profile, intent, *, decoding):
            self.start = {100: 1, 101: 2, 102: 3}[profile.liked[0]]
            return super().recommend(profile, intent, decoding=decoding)

    rankers = {"near": Shelf(toys, 0), "far": Moody(toys, 0)}
    made = make_comparisons(plan(sampling="informative"), toys, contexts(), rankers)
    in_order = [c.context["profile"][-1][0] for c in sorted(made, key=lambda c: c.rank)]
    assert in_order == [102, 102, 101, 101, 100, 100]
    ranks = [c.rank for c in make_comparisons(plan(), toys, contexts(), rankers)]
    assert ranks != sorted(ranks) and max(ranks) < 1e-5


def test_a_check_has_an_answer_that_anybody_can_see(toys):
    rankers = {"near": Shelf(toys, 0), "far": Shelf(toys, 3)}
    made = make_comparisons(plan(checks=0.4), toys, contexts(), rankers)
    checks = [c for c in made if c.known]
    assert len(made) == 8 and len(checks) == 2
    mask = RED.compile(toys).mask
    for check in checks:
        good, bad = (
            [toys.row(i["id"]) for i in slate["items"]]
            for slate in (
                (check.first, check.second) if check.known == "first" else (check.second, check.first)
            )
        )
        known = {toys.row(item) for item, _ in check.context["profile"]}
        assert mask[good].all() and not mask[bad].any() and not known & set(bad)


def test_where_nothing_differs_or_nothing_can_be_broken_it_is_said(toys):
    same = {"near": Shelf(toys, 0), "far": Shelf(toys, 0)}
    with pytest.raises(AnnotationError, match="0 of 6"):
        make_comparisons(plan(), toys, contexts(), same)
    rankers = {"near": Shelf(toys, 0), "far": Shelf(toys, 3)}
    with pytest.raises(AnnotationError, match="no check"):
        make_comparisons(plan(checks=0.2), toys, contexts(ControlIntent(count=3)), rankers)


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_average_overlap_is_one_for_the_same_and_none_for_nothing_shared(first, second):
    assert average_overlap(first, first) == 1.0
    assert average_overlap(first, [n + 5 for n in second]) == 0.0
    assert 0 < average_overlap(first, second) == average_overlap(second, first) <= 1
    assert (average_overlap(first, second) == 1) == (first == second)


def test_average_overlap_by_hand():
    assert average_overlap("abc", "abd") == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert average_overlap("abc", "bac") == pytest.approx((0 + 1 + 1) / 3)
    assert average_overlap("ab", "") == 0 and average_overlap("", "") == 1


def test_contexts_are_people_of_the_data_with_requests_that_can_be_read(small_recommender):
    dataset, _ = small_recommender
    drawn = list(islice(sample_contexts(dataset, (), seed=3), 30))
    assert drawn == list(islice(sample_contexts(dataset, (), seed=3), 30))
    assert drawn != list(islice(sample_contexts(dataset, (), seed=4), 30))
    for profile, (words, intent), conversation in drawn:
        assert conversation is None
        assert len(profile.liked) >= making.LIKES and intent.count == making.COUNT
        assert words[0].isupper() and words.endswith(".") and intent.compile(dataset.catalog)
    train = leave_last_out(dataset.interactions).train  # adapters must not learn what is held out
    spans = zip(train.bounds(), train.bounds()[1:], strict=False)
    ids = dataset.catalog.ids
    known = {tuple(dict.fromkeys(ids[row] for row in train.item[a:b])) for a, b in spans}
    assert all(profile.order in known for profile, *_ in drawn)
    given_ = (("red toys", RED),)
    assert {asked.request for asked in islice(sample_contexts(dataset, given_, 0), 5)} == set(given_)


def test_chats_of_people_who_consent_can_be_compared(services):
    sides = (Side(ranker="als"), Side(ranker="popularity"))
    wanted = Plan(pairs=(sides,), count=1, source="chat")
    talks = {name: Conversation.new(services, name) for name in ("ann", "bob")}
    Personal(services.store, lambda: 1e9).set_consent("ann", True)
    with pytest.raises(AnnotationError, match="Nobody who lets their chats be used"):
        making.make_for(services, wanted)
    for name, talk in talks.items():
        talk.turn("genre Comedy" if name == "ann" else "genre Drama")
        liked = Event(kind="liked", item="the first", id=talk.state.slate[0])
        talk.act(TurnIntent(act="feedback", events=(liked,)), "click")
        talk.turn("count 3")
    drawn = list(chat_contexts(services.store, seed=0))
    assert {"genre Comedy", "count 3"} <= {asked.request[0] for asked in drawn}
    assert {asked.conversation for asked in drawn} == {talks["ann"].id}
    (made,) = making.make_for(services, wanted)
    assert made.context["source"] == "chat" and made.context["conversation"] == talks["ann"].id
    assert made.context["intent"]["require"][0]["any_of"] == ["Comedy"]  # in force then, too
    with pytest.raises(AnnotationError, match="their own requests"):
        making.make_for(services, wanted, ["genre Comedy"])


def test_a_catalogue_without_categories_asks_for_nothing(toys):
    from dataclasses import replace

    assert made_request(replace(toys, categorical={}), np.random.default_rng(0)) == (None, ControlIntent())


def test_a_project_is_made_with_what_the_app_has(services):
    sides = (Side(ranker="als"), Side(ranker="popularity"))
    wanted = Plan(pairs=(sides,), count=4, checks=0.25)
    made = making.make_for(services, wanted, ["genre Comedy"])
    assert len(made) == 5 and {c.context["request"] for c in made} == {"genre Comedy"}
    clause = {"facet": "genre", "any_of": ["Comedy"], "all_of": []}
    assert all(clause == {**clause, **c.context["intent"]["require"][0]} for c in made)
    assert making.read_request(services, " ") == (None, ControlIntent())
    with pytest.raises(AnnotationError, match="say it differently"):
        making.read_request(services, "gibberish")


def test_what_a_page_says_is_read_and_nothing_else():
    ballot = read_ballot(
        {"choice": "B", "strength": 3, "reasons": ["novelty", "x", "relevance"], "comment": " a\0b ",
         "seconds": 4}
    )  # fmt: skip
    assert (ballot.choice, ballot.strength, ballot.reasons) == ("B", 3, ("relevance", "novelty"))
    assert ballot.comment == "ab" and ballot.seconds == 4.0
    assert read_ballot({"choice": "tie", "strength": 3}).strength is None  # how much better is what?


@pytest.mark.parametrize(
    "odd",
    [{"strength": "3"}, {"strength": 9}, {"strength": True}, {"reasons": "novelty"}, {"seconds": -1},
     {"seconds": float("nan")}, {"seconds": "1"}, {"comment": None}],
)  # fmt: skip
def test_odd_values_are_left_out(odd):
    ballot = read_ballot({"choice": "A", **odd})
    assert (ballot.strength, ballot.reasons, ballot.comment, ballot.seconds) == (None, (), "", None)


@pytest.mark.parametrize("choice", [None, "", "C", "a", 1, ["A"], {"$ne": 1}])
def test_a_vote_needs_a_choice(choice):
    with pytest.raises(VoteRefused, match="Choose"):
        read_ballot({"choice": choice})


def test_a_comment_of_50_kb_is_refused_in_one_sentence():
    with pytest.raises(VoteRefused, match="50,000 characters") as error:
        read_ballot({"choice": "A", "comment": "x" * 50_000})
    assert "\n" not in str(error.value)
