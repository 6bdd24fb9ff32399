"""What only sounds like a request: praise by denial, remarks, choices, slips, impossible numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chat_app.controller.rules import RuleReader, read_rules
from chat_app.state import State
from recsys.controls import ControlEdit, ControlIntent, Quota
from recsys.datasets import load_dataset

BOARD_GAMES = Path(__file__).parents[2] / "data" / "board-games"


@pytest.fixture(scope="module")
def games() -> RuleReader:
    return read_rules(load_dataset(BOARD_GAMES).catalog)


@pytest.fixture(scope="module")
def shown(reader: RuleReader) -> State:
    ids = reader.catalog.ids
    return State(slate=(ids[0], ids[1], ids[2]), focus=ids[0])


PRAISE = [
    "you can't go wrong with Cary Grant",
    "you can't beat a good western",
    "can't beat Tom Hanks",
    "I can't get enough of thrillers",
    "you can never have too many comedies",
    "nothing beats a good thriller",
    "never gets old",
    "couldn't agree more",
    "not bad at all",
    "never a dull moment",
]


@pytest.mark.parametrize("text", PRAISE)
def test_praise_by_denial_keeps_nothing_out(reader: RuleReader, text: str) -> None:
    added = reader.read(State(), text).edit.add
    assert not added.exclude and not added.ranges and added.theme is None and added.avoid_theme is None


REMARKS = {
    "I wouldn't call that a western, more like a postcard": "feedback",
    "I would hardly call it a comedy": "feedback",
    "gorgeous costumes in that one": "feedback",
    "did not care for the music": "feedback",
    "The plot was silly": "feedback",
    "the second half dragged": "feedback",
    "I prefer the slow pace of the first, the second was too loud for my taste": "feedback",
    "I never found the time to see that": "feedback",
    "haven't had the time to see that one": "feedback",
    "Heat is a great crime movie, I want to see it again": "feedback",
    "about the crew getting eaten by the alien?": "lookup",
    "I thought it was a sequel?": "lookup",
    "is it a drama?": "lookup",
    "I've settled on Heat as my choice": "feedback",
    "I'm going with Heat": "feedback",
    "I'd rather not see the first one but Heat sounds good": "feedback",
    "not really up for Heat, anything else you can suggest?": "more",
    "not in the mood for Heat, something else?": "more",
    "I like a good laugh! Anything else?": "more",
    "we do not want anything further": "smalltalk",
    "we won't need any more": "smalltalk",
    "that's all": "smalltalk",
    "okay, that would be everything": "smalltalk",
    "what's a good site to watch movies online": "unclear",
    "can I rent it": "unclear",
    "how much is it to rent": "unclear",
    "can you book tickets": "unclear",
}


@pytest.mark.parametrize(("text", "act"), REMARKS.items())
def test_remarks_change_no_control(reader: RuleReader, shown: State, text: str, act: str) -> None:
    turn = reader.read(shown, text)
    assert (turn.act, turn.edit) == (act, ControlEdit())


def test_a_declined_title_is_no_dislike(reader: RuleReader) -> None:
    for text in ("not interested in Heat", "not really up for Heat", "I don't feel like watching Heat"):
        assert reader.read(State(), text).events == ()
    assert reader.read(State(), "nothing like Heat").edit.add.unlike == ("Heat (1995)",)


def test_events_of_what_is_on_the_table(reader: RuleReader, shown: State) -> None:
    seen = reader.read(shown, "i've seen all of those")
    assert [(e.kind, e.id) for e in seen.events] == [("seen", item) for item in shown.slate]
    assert reader.read(shown, "I haven't seen all of those").events == ()
    bad = reader.read(shown, "that one was shit, give me something better")
    assert [(e.kind, e.id) for e in bad.events] == [("disliked", shown.focus)]
    assert (bad.act, bad.edit) == ("recommend", ControlEdit())


SLIPS = {
    "recommend some comedys": "Comedy",
    "any good thrillars": "Thriller",
    "a romanse film": "Romance",
    "horrer movies please": "Horror",
    "a documentry": "Documentary",
    "animted films": "Animation",
    "some mysterys": "Mystery",
}


@pytest.mark.parametrize(("text", "genre"), SLIPS.items())
def test_slips_of_the_keyboard(reader: RuleReader, text: str, genre: str) -> None:
    added = reader.read(State(), text).edit.add
    assert [c.any_of for c in added.require] == [(genre,)] and added.theme is None


SPLIT = {
    "I don t want horror, something tense": "I don't want horror, something tense",
    "I ll have a tense thriller": "I'll have a tense thriller",
    "a drama that doesn t drag": "a drama that doesn't drag",
}


@pytest.mark.parametrize(("split", "whole"), SPLIT.items())
def test_split_contractions_are_read_as_whole_ones(reader: RuleReader, split: str, whole: str) -> None:
    assert reader.read(State(), split) == reader.read(State(), whole)


IMPOSSIBLE = {
    "movies from 3025": "3025",
    "zero movies": "zero",
    "-5 movies": "-5",
    "1000000 movies": "1000000",
    "shorter than 0 minutes": "0",
}


@pytest.mark.parametrize(("text", "named"), IMPOSSIBLE.items())
def test_impossible_numbers_change_nothing(reader: RuleReader, text: str, named: str) -> None:
    turn = reader.read(State(), text)
    assert turn.edit == ControlEdit() and turn.note is not None and named in turn.note


@pytest.mark.parametrize("text", ["it", "the second one", "that one", "the last one please"])
def test_nothing_to_point_at(reader: RuleReader, text: str) -> None:
    assert reader.read(State(), text).act == "unclear"


def test_reset_and_ask_again(reader: RuleReader) -> None:
    before = State(intent=ControlIntent(theme="tense"))
    turn = reader.read(before, "reset, something scary instead")
    assert (turn.act, turn.edit.clear, turn.edit.add.theme) == ("recommend", True, None)
    assert [c.any_of for c in turn.edit.add.require] == [("Horror",)]


def test_instead_replaces_a_quota_of_the_facet(reader: RuleReader) -> None:
    half = Quota(facet="language", value="French", op="about", share=0.5)
    turn = reader.read(State(intent=ControlIntent(quotas=(half,))), "what about italian instead")
    assert [(r.field, r.facet) for r in turn.edit.remove] == [("quotas", "language")]
    assert [c.any_of for c in turn.edit.add.require] == [("Italian",)]


GAMES: dict[str, dict[str, Any]] = {
    "cooperative games for 4 players under 60 minutes": {"minutes": (None, 60), "players": (4, 4)},
    "games under 60 minutes for 4 players": {"minutes": (None, 60), "players": (4, 4)},
    "at least 3 players, at most 45 minutes": {"minutes": (None, 45), "players": (3, None)},
    "short games": {"minutes": (None, 30)},
}


@pytest.mark.parametrize(("text", "ranges"), GAMES.items())
def test_a_number_binds_to_its_unit(games: RuleReader, text: str, ranges: dict[str, Any]) -> None:
    added = games.read(State(), text).edit.add
    assert {r.facet: (r.min, r.max) for r in added.ranges} == ranges and added.theme is None


def test_orders_need_no_synonyms(games: RuleReader) -> None:
    added = games.read(State(), "three newest games").edit.add
    assert (added.count, added.order, added.theme) == (3, "newest", None)
