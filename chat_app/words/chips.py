"""Chips: every control in force, each with what takes it out."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from chat_app.words.phrases import ORDERS, POPULARITY
from recsys.controls import ControlIntent, Removal
from recsys.titles import display_title


class Chip(BaseModel):
    """A control in force, and what takes it out. The label is plain text, not Markdown."""

    model_config = ConfigDict(frozen=True)

    label: str
    removal: Removal


def chips(intent: ControlIntent) -> tuple[Chip, ...]:
    """One chip for every control in force, and for each value of an "or"."""
    return tuple(Chip(label=label, removal=removal) for label, removal in _controls(intent))


def _controls(intent: ControlIntent) -> Iterator[tuple[str, Removal]]:
    if intent.count is not None:
        yield f"{intent.count} in the list", Removal(field="count")
    for clause in intent.require:
        for i, value in enumerate(clause.any_of):
            yield ("or " if i else "") + value, Removal(field="require", facet=clause.facet, value=value)
        if clause.all_of:
            label = " + ".join(clause.all_of)
            yield label, Removal(field="require", entry=clause)
    for clause in intent.exclude:
        for value in clause.any_of:
            yield f"no {value}", Removal(field="exclude", facet=clause.facet, value=value)
        if clause.all_of:
            label = "not " + " + ".join(clause.all_of)
            yield label, Removal(field="exclude", entry=clause)
    for span in intent.ranges:
        yield span.label, Removal(field="ranges", facet=span.facet)
    for quota in intent.quotas:
        yield quota.label, Removal(field="quotas", entry=quota)
    for name in intent.like:
        yield f"like {display_title(name)}", Removal(field="like", value=name)
    for name in intent.unlike:
        yield f"unlike {display_title(name)}", Removal(field="unlike", value=name)
    if intent.theme:
        yield f"“{intent.theme}”", Removal(field="theme")
    if intent.avoid_theme:
        yield f"nothing “{intent.avoid_theme}”", Removal(field="avoid_theme")
    if intent.popularity:
        yield POPULARITY[intent.popularity], Removal(field="popularity")
    if intent.order:
        yield ORDERS[intent.order], Removal(field="order")
