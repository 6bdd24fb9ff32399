"""What the controller reads out of one message."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from recsys.catalog import ItemId
from recsys.controls import ControlEdit

Act = Literal["recommend", "more", "undo", "reset", "explain", "lookup", "feedback", "smalltalk", "unclear"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Event(_Frozen):
    """Something said about an item: ``item`` is the catalogue's title."""

    kind: Literal["liked", "disliked", "seen"]
    item: str
    id: ItemId


class Unknown(_Frozen):
    """A title or name that the catalogue does not have, and the nearest that it has."""

    text: str
    kind: str  # "title", or a facet such as "director"
    nearest: tuple[str, ...] = ()


class TurnIntent(_Frozen):
    """One user turn. It can ask for something, edit the controls and carry events at once.

    ``target`` is the item that an ``explain`` or ``lookup`` is about; ``asks`` the facet asked
    for ("year", "director", …), None for everything. ``unknown`` lists the names that were not
    found, ``note`` a sentence for the person about how the turn was read (a contradiction,
    which of several films was meant).
    """

    act: Act
    edit: ControlEdit = ControlEdit()
    events: tuple[Event, ...] = ()
    target: ItemId | None = None
    asks: str | None = None
    unknown: tuple[Unknown, ...] = ()
    note: str | None = None
    reader: str = "rules"
