"""Suggestions: sent as a message, each does what it says, on films and on other catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chat_app.controller.rules import RuleReader, read_rules
from chat_app.state import State
from chat_app.words.phrases import KINDS
from chat_app.words.suggestions import next_steps, openers, telling_facet, ways_out
from recsys.catalog import Catalog
from recsys.controls import Clause, ControlIntent, Quota, Range
from recsys.datasets import load_dataset
from recsys.titles import display_title

CATALOGS = sorted(Path("tests/data/catalogs").iterdir())
UNREAD = {"tag"}  # what people wrote on films is searched as a theme, not read as a facet


@pytest.fixture(scope="module", params=["films", *CATALOGS], ids=["films", *(c.name for c in CATALOGS)])
def rules(request) -> RuleReader:
    if request.param == "films":
        return request.getfixturevalue("reader")
    return read_rules(load_dataset(str(request.param)).catalog)


def facets(catalog: Catalog) -> list[str]:
    return [facet for facet in catalog.categorical if facet not in UNREAD]


def sample(catalog: Catalog, facet: str) -> list[str]:
    """Values of a facet: common ones, and those that are easily taken for something else."""
    column = catalog.categorical[facet]
    common = [column.values[i] for i in np.argsort(-column.counts, kind="stable")[:4]]
    titles = {display_title(title).rsplit(" (", 1)[0].lower() for title in catalog.titles}
    named = [v for v in column.values if v.lower() in titles or v.lower() in catalog.categorical]
    odd = [v for v in column.values if re.search(r"[&'.,]| of | and ", v)]
    values = column.values if facet in KINDS else [*common, *named[:4], *odd[:4]]
    return list(dict.fromkeys(values))


def without(intent: ControlIntent, facet: str) -> ControlIntent:
    """The intent without its controls on a facet."""
    kept = {
        name: tuple(c for c in getattr(intent, name) if c.facet != facet)
        for name in ("require", "exclude", "ranges", "quotas")
    }
    return intent.model_copy(update=kept | ({"popularity": None} if facet == "popularity" else {}))


def promised(catalog: Catalog, intent: ControlIntent, text: str) -> ControlIntent:
    """What is in force once a suggestion was followed, by its words."""
    kind = telling_facet(catalog)
    if text == "start over":
        return ControlIntent()
    if text == "something less known":
        return intent.model_copy(update={"popularity": "niche"})
    if match := re.fullmatch(r"any (.+) is fine", text):
        return without(intent, match[1])
    if match := re.fullmatch(r"(.+) is fine", text):
        kept = tuple(c for c in intent.exclude if match[1] not in [v.lower() for v in c.values])
        return intent.model_copy(update={"exclude": kept})
    if match := re.fullmatch(r"no (.+)", text):
        [value] = [v for v in catalog.categorical[kind].values if v.lower() == match[1]]
        more = Clause(facet=kind, any_of=(value,))
        return intent.model_copy(update={"exclude": (*intent.exclude, more)})
    if match := re.fullmatch(r"only from the (\d+)s", text):
        first = int(match[1])
        return intent.model_copy(update={"ranges": (Range(facet="year", min=first, max=first + 9),)})
    assert text in ("more", "why the first one?"), text
    return intent


ACTS = {"more": "more", "why the first one?": "explain", "start over": "reset"}


def check(rules: RuleReader, state: State, text: str) -> None:
    turn = rules.read(state, text)
    assert turn.act == ACTS.get(text, "recommend") and not turn.unknown, (text, turn)
    after = state.apply(turn).intent
    assert after == promised(rules.catalog, state.intent, text), (text, state.intent, after)
    assert after != state.intent or text in ("more", "why the first one?"), text
    assert text != "why the first one?" or turn.target == state.slate[0]


def dead_ends(catalog: Catalog) -> Iterator[ControlIntent]:
    """Controls of every sort that a way out may have to lead out of."""
    names = facets(catalog)
    for i, facet in enumerate(names):
        values, elsewhere = sample(catalog, facet), names[i - 1]
        kept = Clause(facet=elsewhere, any_of=(catalog.categorical[elsewhere].values[0],))
        for j, value in enumerate(values):
            mine, other = (Clause(facet=facet, any_of=(v,)) for v in (value, values[j - 1]))
            yield ControlIntent(count=7, exclude=(mine,), require=(kept,))
            yield ControlIntent(exclude=(mine, other))
        yield ControlIntent(count=7, require=(mine, other), exclude=(kept,), popularity="mainstream")
        both = Clause(facet=facet, all_of=tuple(values[:2]))
        yield ControlIntent(exclude=(both,), quotas=(Quota(facet=facet, value=values[0], share=0.5),))
    for facet in catalog.numeric:
        yield ControlIntent(count=7, ranges=(Range(facet=facet, min=5),), require=(kept,))


def test_ways_out_let_go_what_they_name_and_nothing_else(rules):
    said = {(text, intent) for intent in dead_ends(rules.catalog) for text in ways_out(intent)}
    assert {text for text, _ in said} >= {f"any {f} is fine" for f in facets(rules.catalog)}
    for text, intent in said:
        if text != "start over" or intent.popularity:  # it reads alike under all controls
            check(rules, State(intent=intent), text)


def test_next_steps_go_where_they_say(rules):
    catalog, seen = rules.catalog, set()
    column = catalog.categorical[telling_facet(catalog)]
    years = Range(facet="year", min=1900, max=2100)
    for value in column.values:
        rows = [*column.items_with(value)[:4], int(np.argmin(column.mask(value)))]
        slate = tuple(catalog.ids[row] for row in rows)
        for intent in (ControlIntent(), ControlIntent(count=3, popularity="niche", ranges=(years,))):
            state = State(intent=intent, slate=slate, shown=slate)
            for text in next_steps(catalog, state, len(slate)):
                check(rules, state, text)
                seen.add(text)
    assert {"more", "something less known", "why the first one?"} <= seen
    assert sum(text.startswith("no ") for text in seen) >= 5
    assert any(text.startswith("only from the ") for text in seen)


def test_openers_ask_for_what_they_say(rules):
    catalog = rules.catalog
    kind, texts = telling_facet(catalog), openers(rules.catalog)
    assert len(texts) >= 3
    for text in texts:
        turn = rules.read(State(), text)
        intent = State().apply(turn).intent
        assert turn.act == "recommend" and not turn.unknown and intent.theme is None, (text, turn)
        assert intent.compile(catalog).mask.sum() >= 5
        assert (intent.popularity == "niche") == text.startswith("little-known")
        if match := re.fullmatch(r"something like (.+)", text):
            assert [display_title(t) for t in intent.like] == [match[1]] and not intent.require
        elif match := re.fullmatch(r"\w+ (?:directed )?by (.+)", text):
            assert [c.values for c in intent.require] == [(match[1],)]
        else:
            [clause] = intent.require
            assert clause.facet == kind and clause.values[0].lower()[:-1] in text
            decade = re.search(r"from the (\d+)s", text)
            assert [r.min for r in intent.ranges] == ([int(decade[1])] if decade else [])


def test_a_kind_that_is_a_facet_by_name_is_not_suggested():
    """ "Country" is a style here, and "no country" says nothing of it."""
    albums = load_dataset("tests/data/catalogs/albums").catalog
    rows = albums.categorical["style"].items_with("Country")[:4]
    slate = tuple(albums.ids[row] for row in [*rows, 0])
    texts = next_steps(albums, State(slate=slate, shown=slate), 9)
    assert "no country" not in texts and any(text.startswith("no ") for text in texts)
