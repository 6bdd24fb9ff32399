"""The state of a conversation: immutable, one new state a turn."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from chat_app.controller.turn import TurnIntent
from recsys.catalog import ItemId
from recsys.controls import ControlIntent
from recsys.profile import Profile


class State(BaseModel):
    """Who the person is (``profile``), what is asked for (``intent``), what was shown.

    ``slate`` is the list on the table, ``shown`` all that was listed under the controls in
    force ("more" never repeats it), ``focus`` the item last spoken of ("it").
    """

    model_config = ConfigDict(frozen=True)

    profile: Profile = Profile()
    intent: ControlIntent = ControlIntent()
    slate: tuple[ItemId, ...] = ()
    shown: tuple[ItemId, ...] = ()
    focus: ItemId | None = None

    def apply(self, turn: TurnIntent) -> State:
        """The state after reading a turn, before anything is recommended."""
        profile = self.profile
        for event in turn.events:
            profile = profile.add(event.kind, event.id)
        if turn.act == "reset":
            return State(profile=profile)
        intent = turn.edit.apply(self.intent)
        focus = turn.target if turn.target is not None else self.focus
        if turn.events:
            focus = turn.events[-1].id
        return self.model_copy(update={"profile": profile, "intent": intent, "focus": focus})

    def listed(self, items: tuple[ItemId, ...], more: bool) -> State:
        """The state after a slate was shown; ``more`` keeps what was listed before."""
        shown = tuple(dict.fromkeys((*self.shown, *items))) if more else items
        return self.model_copy(update={"slate": items, "shown": shown, "focus": None})


class History:
    """The states of a conversation that is only read, not answered: every turn appends one,
    and ``undo`` takes back the turn before it."""

    def __init__(self) -> None:
        self._states = [State()]

    @property
    def state(self) -> State:
        """The state now."""
        return self._states[-1]

    def read(self, turn: TurnIntent) -> None:
        """Take in one turn."""
        if turn.act != "undo":
            self._states.append(self.state.apply(turn))
        elif len(self._states) > 1:
            self._states.pop()
