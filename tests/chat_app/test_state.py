"""States: what a turn changes."""

from chat_app.controller.turn import Event, TurnIntent
from chat_app.state import State
from recsys.controls import ControlIntent
from recsys.profile import Profile


def test_starting_over_keeps_what_was_said_of_taste_in_the_same_breath():
    state = State(intent=ControlIntent(count=3), slate=(1,), profile=Profile(liked=(5,)))
    turn = TurnIntent(act="reset", events=(Event(kind="liked", item="Heat (1995)", id=6),))
    assert state.apply(turn) == State(profile=Profile(liked=(5, 6)))
