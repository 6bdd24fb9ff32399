"""States: what a turn and a list change, and histories that are only read."""

from __future__ import annotations

import pytest

from chat_app.controller.turn import Event, TurnIntent
from chat_app.state import History, State
from recsys.controls import ControlEdit, ControlIntent
from recsys.profile import Profile

HEAT = Event(kind="liked", item="Heat (1995)", id=6)
JAWS = Event(kind="disliked", item="Jaws (1975)", id=7)
LISTED = State(intent=ControlIntent(count=3), slate=(1, 2), shown=(8, 1, 2), focus=2)


def count(n: int) -> TurnIntent:
    return TurnIntent(act="recommend", edit=ControlEdit(add=ControlIntent(count=n)))


class TestApply:
    def test_starting_over_keeps_what_was_said_of_taste_in_the_same_breath(self):
        state = State(intent=ControlIntent(count=3), slate=(1,), focus=1, profile=Profile(liked=(5,)))
        turn = TurnIntent(act="reset", events=(HEAT,))
        assert state.apply(turn) == State(profile=Profile(liked=(5, 6)))

    def test_a_turn_changes_what_it_speaks_of_and_nothing_else(self):
        assert LISTED.apply(count(5)) == LISTED.model_copy(update={"intent": ControlIntent(count=5)})
        noted = LISTED.apply(TurnIntent(act="feedback", events=(HEAT, JAWS)))
        assert (noted.profile.liked, noted.profile.disliked) == ((6,), (7,))
        assert (noted.intent, noted.slate, noted.shown) == (LISTED.intent, LISTED.slate, LISTED.shown)

    @pytest.mark.parametrize(
        ("turn", "focus"),
        [
            (TurnIntent(act="smalltalk"), 2),  # nothing spoken of: "it" is what it was
            (TurnIntent(act="lookup", target=9), 9),
            (TurnIntent(act="lookup", target=0), 0),  # an id like others
            (TurnIntent(act="feedback", events=(HEAT, JAWS)), 7),
            (TurnIntent(act="lookup", target=9, events=(HEAT,)), 6),  # what was judged, not what was asked
        ],
    )
    def test_it_is_the_item_last_spoken_of(self, turn, focus):
        assert LISTED.apply(turn).focus == focus


class TestListed:
    def test_a_new_list_forgets_the_one_before_and_what_it_is(self):
        assert LISTED.listed((4, 5), more=False) == State(intent=LISTED.intent, slate=(4, 5), shown=(4, 5))

    def test_more_is_added_to_what_was_shown_each_item_once(self):
        state = LISTED.listed((2, 4), more=True)
        assert (state.slate, state.shown, state.focus) == ((2, 4), (8, 1, 2, 4), None)


class TestHistory:
    def test_every_turn_goes_on_from_the_one_before(self):
        history = History()
        assert history.state == State()
        history.read(count(5))
        history.read(TurnIntent(act="feedback", events=(HEAT,)))
        assert history.state == State(intent=ControlIntent(count=5), profile=Profile(liked=(6,)), focus=6)

    def test_undo_takes_back_one_turn_at_a_time_down_to_the_first(self):
        history, undo = History(), TurnIntent(act="undo")
        history.read(count(5))
        history.read(count(7))
        for left in (5, None, None):
            history.read(undo)
            assert history.state.intent.count == left
        history.read(count(2))
        assert history.state.intent.count == 2
