"""A click is the same as words: what each button of a card or chip says and means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from pydantic import ValidationError

from chat_app.controller.turn import Event, TurnIntent
from recsys.catalog import Catalog
from recsys.controls import ControlEdit, ControlIntent, Removal
from recsys.errors import TillerError
from recsys.profile import Profile
from recsys.titles import display_title

Kind = Literal["liked", "disliked", "seen"]
SAID: dict[str, str] = {"liked": "I like", "disliked": "I do not like", "seen": "I have seen"}
MOST_PICKED = 100


class BadClick(TillerError):
    """A click on something that is not there."""


def read_click(catalog: Catalog, data: Mapping[str, Any]) -> tuple[TurnIntent, str]:
    """The turn that a button stands for, and its words. ``data`` comes from the page, so
    nothing in it is trusted; :class:`BadClick` when it makes no sense."""
    do = data.get("do")
    for kind in get_args(Kind):
        if do == kind:
            return events(catalog, kind, [data.get("id")])
    if do == "picked":
        ids = data.get("ids")
        return events(catalog, "liked", ids[:MOST_PICKED] if isinstance(ids, list) else [])
    if do == "similar":
        title = catalog.titles[_row(catalog, data.get("id"))]
        edit = ControlEdit(remove=(Removal(field="like"),), add=ControlIntent(like=(title,)))
        return TurnIntent(act="recommend", edit=edit), f"More like {display_title(title)}"
    if do == "why":
        row = _row(catalog, data.get("id"))
        return TurnIntent(
            act="explain", target=catalog.ids[row]
        ), f"Why {display_title(catalog.titles[row])}?"
    if do == "remove":
        try:
            removal = Removal.model_validate_json(str(data.get("removal")))
        except ValidationError:
            raise BadClick("That control is no longer there.") from None
        edit = ControlEdit(remove=(removal,))
        return TurnIntent(act="recommend", edit=edit), f"Drop “{str(data.get('label', removal.field))[:80]}”"
    raise BadClick("I do not know that button; please reload the page.")


def events(catalog: Catalog, kind: Kind, ids: Iterable[Any]) -> tuple[TurnIntent, str]:
    """The turn that says the same of several items."""
    rows = list(dict.fromkeys(_row(catalog, item_id) for item_id in ids))
    if not rows:
        raise BadClick("Nothing was chosen.")
    names = [display_title(catalog.titles[row]) for row in rows]
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    said = tuple(Event(kind=kind, item=catalog.titles[row], id=catalog.ids[row]) for row in rows)
    return TurnIntent(act="feedback", events=said), f"{SAID[kind]} {listed}"


def remember(catalog: Catalog, profile: Profile) -> tuple[TurnIntent, str]:
    """The turn that brings a profile along from another conversation."""
    said = [
        Event(kind=kind, item=catalog.titles[row], id=catalog.ids[row])
        for kind, ids in (("seen", profile.seen), ("disliked", profile.disliked), ("liked", profile.liked))
        for row in catalog.rows(ids)
    ]
    if not said:
        raise BadClick("There is nothing to bring along yet.")
    return TurnIntent(act="feedback", events=tuple(said)), "Remember what I told you before"


def _row(catalog: Catalog, item_id: Any) -> int:
    row = catalog.row(item_id) if isinstance(item_id, int | str) else None
    if row is None:
        raise BadClick(f"I know no such {catalog.noun[0]}; please reload the page.")
    return row
