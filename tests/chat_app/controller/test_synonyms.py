"""What is usual in English, behind a catalogue's own synonyms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chat_app.controller.rules import RuleReader, read_rules
from chat_app.controller.synonyms import synonyms_path
from chat_app.state import State
from recsys.catalog import Catalog, CategoricalFacet
from recsys.errors import TillerError

STYLES = [["Dub"], ["Cool Jazz"], ["Dream Pop"], ["Country"], ["Dub"], ["Folk Music"]]
ARTISTS = [["Ada Lund"], ["Bo Reyes"], ["Ada Lund"], ["Cy Okafor"], ["Di Marsh"], ["Taktlos"]]
COUNTRIES = [["Jamaica"], ["United States"], ["Germany"], ["United States"], ["Brazil"], ["Norway"]]


@pytest.fixture(scope="module")
def albums() -> Catalog:
    facets = {"style": STYLES, "artist": ARTISTS, "country": COUNTRIES}
    return Catalog(
        name="records",
        ids=list(range(6)),
        titles=["Low Tide", "Night Bus", "Glass Year", "Dirt Road", "Echo Hall", "Northern Lights"],
        categorical={name: CategoricalFacet.from_lists(name, rows) for name, rows in facets.items()},
        numeric={
            "year": np.array([1975, 1959, 1991, 2004, 2015, 2020], np.float32),
            "length": np.array([35, 42, 50, 61, 44, 38], np.float32),
            "price": np.array([12, 30, 18, 15, 22, 25], np.float32),
            "rating": np.array([6.1, 9.2, 7.0, 5.5, 8.8, 7.7], np.float32),
            "popularity": np.arange(6, dtype=np.float32),
        },
        noun=("album", "albums"),
    )


@pytest.fixture(scope="module")
def reader(albums: Catalog) -> RuleReader:
    return read_rules(albums)


def said(reader: RuleReader, text: str) -> dict:
    intent = State().apply(reader.read(State(), text)).intent
    return json.loads(intent.model_dump_json(exclude_defaults=True))


def span(facet: str, low: float | None = None, high: float | None = None) -> list[dict]:
    return [{"facet": facet, "min": low, "max": high}]


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("dub for less than $20", "ranges", span("price", high=20)),
        ("dub under 20 euros", "ranges", span("price", high=20)),
        ("my limit is 15 bucks", "ranges", span("price", high=15)),
        ("nothing over an hour", "ranges", span("length", high=60)),
        ("three quarters of an hour at most", "ranges", span("length", high=45)),
        ("more than 40 minutes is too long", "ranges", span("length", high=40)),
        ("rated 8 or better", "ranges", span("rating", low=8)),
        ("new albums", "ranges", span("year", low=2011)),
        ("something obscure", "popularity", "niche"),
        ("popular albums", "popularity", "mainstream"),
        ("the shortest first", "order", "shortest"),
        ("dub, newset first", "order", "newest"),
        ("top 3 albums", "order", "top_rated"),
        ("what is the most popular record by Ada Lund?", "order", "most_popular"),
        ("two records", "count", 2),
        ("american albums", "require", [{"facet": "country", "any_of": ["United States"]}]),
        ("albums from the US", "require", [{"facet": "country", "any_of": ["United States"]}]),
        ("dreampop", "require", [{"facet": "style", "any_of": ["Dream Pop"]}]),
        ("coll jazz", "require", [{"facet": "style", "any_of": ["Cool Jazz"]}]),
        ("folk", "require", [{"facet": "style", "any_of": ["Folk Music"]}]),
        ("a country album", "require", [{"facet": "style", "any_of": ["Country"]}]),
        ("anything by Okafor", "require", [{"facet": "artist", "any_of": ["Cy Okafor"]}]),
        ("dub, but skip Reyes", "exclude", [{"facet": "artist", "any_of": ["Bo Reyes"]}]),
        ("Night Bus is lovely, more like it please", "like", ["Night Bus"]),
    ],
)
def test_usual_words_need_no_synonyms(reader: RuleReader, text: str, field: str, expected: object) -> None:
    assert said(reader, text).get(field) == expected


def test_own_synonyms_come_first(albums: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "synonyms.toml"
    path.write_text(
        "[facets.price]\nunits = { crowns = 1 }\n"
        '[[meaning]]\nsay = ["new"]\nmeans = { year = { min = 2018 } }\n',
        "utf-8",
    )
    own = read_rules(albums, synonyms_path(albums, str(tmp_path)))
    assert said(own, "new albums")["ranges"] == span("year", low=2018)
    assert said(own, "at most 20 crowns")["ranges"] == span("price", high=20)
    assert said(own, "american albums")["require"]


def test_kinds_have_usual_words_and_own_ones(tmp_path: Path) -> None:
    kinds = CategoricalFacet.from_lists("category", [["Comedy"], ["Party Game"], ["Horror"]])
    games = Catalog(
        "games", [1, 2, 3], ["Ark", "Bid", "Cog"], {"category": kinds}, {}, noun=("game", "games")
    )
    usual = read_rules(games)
    assert said(usual, "something funny")["require"] == [{"facet": "category", "any_of": ["Comedy"]}]
    assert said(usual, "a party game")["require"] == [{"facet": "category", "any_of": ["Party Game"]}]
    path = tmp_path / "synonyms.toml"
    path.write_text('[values.category]\nHorror = ["funny"]\n', "utf-8")
    own = read_rules(games, path)
    assert said(own, "something funny")["require"] == [{"facet": "category", "any_of": ["Horror"]}]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nouns = [", "cannot be read"),
        ("[facets.price]\nunit = 3\n", "'unit' is none of"),
        ("[facets]\nprice = 3\n", "facets.price: input should be"),
        ('noun = ["lp"]\n', "noun: extra inputs"),
        ('[[meaning]]\nsay = ["cheap"]\n', "meaning.0.means: field required"),
        ('[[meaning]]\nsay = ["a"]\nmeans = { order = "cheapest" }\n', "none of the orders"),
    ],
)
def test_bad_synonyms_are_one_sentence(albums: Catalog, tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "synonyms.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TillerError, match=error):
        read_rules(albums, path)
