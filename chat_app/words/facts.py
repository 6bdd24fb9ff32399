"""Answers about an item, from the catalogue and the recommender alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat_app.state import State
from chat_app.words.markup import escape, shorten
from chat_app.words.phrases import (
    KINDS,
    POPULARITY,
    WORDS,
    clause_words,
    fact,
    kind,
    listing,
    range_words,
    title,
)
from recsys.catalog import Catalog, ItemId
from recsys.constraints import Control
from recsys.controls import Clause, Range

if TYPE_CHECKING:
    from recsys.recommender import Recommender

PLOT = 500  # characters of an item's text
UNASKED = ("tag", "country")  # said when asked for, not in "tell me about it"


def about(catalog: Catalog, row: int, asks: str | None = None) -> str:
    """What the catalogue knows of an item, or the one facet asked for, in sentences."""
    name = title(catalog.titles[row])
    if asks is None:
        facts = [_fact(catalog, row, f) for f in _order(catalog)]
        said = [f for f in facts if f]
        text = " ".join([f"{name} {said[0]}.", *(f"It {f}." for f in said[1:])]) if said else name
        return f"{text} {_plot(catalog, row)}".strip()
    if asks in catalog.facets:
        said_one = _fact(catalog, row, asks)
        if said_one is None:
            return f"The {escape(asks)} of {name} is not known here."
        return f"{name} {said_one}."
    plot = _plot(catalog, row)
    if plot:
        return f"{name}: {plot}"
    return f"I have no description of {name}. What I know: {about(catalog, row)}"


def reasons(recommender: Recommender, state: State, item: ItemId) -> str:
    """Why an item is, or would be, on the list: what speaks for it, and what it meets."""
    catalog = recommender.catalog
    row = catalog.row(item)
    assert row is not None
    why = [escape(r).rstrip(".") for r in recommender.explain(state.profile, state.intent, item)]
    constraints = state.intent.compile(catalog)
    met = [_control(c) for c in constraints.controls[::-1] if c.mask[row]]
    broken = [_control(c) for c in constraints.controls[::-1] if not c.mask[row]]
    said = "; ".join(why) or "nothing in your taste speaks for it"
    text = f"{title(catalog.titles[row])}: {said}"
    if met:
        text += f". It fits what you asked for: {', '.join(met)}"
    if broken:
        text += f". It does not fit: {', '.join(broken)}"
    return text + "."


def _control(control: Control) -> str:
    """A hard control in running text."""
    source = control.source
    if isinstance(source, Range):
        return range_words(source)
    if isinstance(source, Clause):
        return clause_words(source, WORDS, without=control.kind == "exclude")
    return POPULARITY.get(control.label, escape(control.label))


def _order(catalog: Catalog) -> list[str]:
    """Facets in the order of telling: what kind it is first."""
    first = [f for f in catalog.categorical if f in KINDS]
    left_out = {*first, *UNASKED} | ({"popularity"} if "rating" in catalog.numeric else set())
    return [*first, *(f for f in catalog.facets if f not in left_out)]


def _fact(catalog: Catalog, row: int, facet: str) -> str | None:
    if facet in KINDS and facet in catalog.categorical:
        values = [kind(v) for v in catalog.categorical[facet].values_of(row)]
        article = "an" if values and values[0][0].lower() in "aeiou" else "a"
        return f"is {article} {listing(values)} {escape(catalog.noun[0])}" if values else None
    said = fact(catalog, row, facet)
    votes = fact(catalog, row, "popularity") if facet == "rating" else None
    return f"{said} and {votes}" if said and votes else said


def _plot(catalog: Catalog, row: int) -> str:
    text = catalog.texts[row] if len(catalog.texts) else ""
    return escape(shorten(text, PLOT))
