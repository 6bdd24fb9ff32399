"""The reader on catalogues that are not films: the catalogue's own words, with and without synonyms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chat_app.controller.rules import RuleReader, read_rules
from chat_app.state import State
from recsys.catalog import Catalog, CategoricalFacet

SYNONYMS = """
nouns = ["recipe", "dish", "meal"]
fillers = ["cook", "cooking", "eat"]

[facets.cuisine]
kind = true
names = ["cuisine", "kitchen"]
any_of = true

[facets.author]
names = ["author", "cook", "chef"]
cues = ["written by", "by", "from"]

[facets.minutes]
names = ["time", "preparation time"]
units = { minutes = 1, minute = 1, hours = 60, hour = 60 }
more = ["slower"]
less = ["quicker", "faster"]

[values.diet]
Vegan = ["plant based"]

[[meaning]]
say = ["quick", "weekday"]
means = { minutes = { max = 20 } }
"""


@pytest.fixture(scope="module")
def recipes() -> Catalog:
    cuisine = [["Italian"], ["Indian"], ["Thai"], ["Italian"], ["Mexican"], ["Thai"]]
    diet = [["Vegetarian"], ["Vegan"], [], ["Vegan"], [], ["Vegetarian"]]
    author = [["Maria Rossi"], ["Asha Rao"], ["Niran Suk"], ["Maria Rossi"], ["Lucia Gomez"], ["Asha Rao"]]
    facets = {"cuisine": cuisine, "diet": diet, "author": author}
    return Catalog(
        name="recipes",
        ids=[f"r{i}" for i in range(6)],
        titles=["Lasagne", "Dal Makhani", "Green Curry", "Minestrone", "Fish Tacos", "Mango Salad"],
        categorical={name: CategoricalFacet.from_lists(name, rows) for name, rows in facets.items()},
        numeric={
            "minutes": np.array([60, 45, 30, 40, 25, 10], np.float32),
            "popularity": np.arange(6, dtype=np.float32),
        },
        noun=("recipe", "recipes"),
    )


def said(reader: RuleReader, text: str, state: State | None = None) -> dict:
    state = state or State()
    return json.loads(state.apply(reader.read(state, text)).intent.model_dump_json(exclude_defaults=True))


@pytest.fixture(scope="module")
def plain(recipes: Catalog) -> RuleReader:
    return read_rules(recipes)


@pytest.fixture(scope="module")
def reader(recipes: Catalog, tmp_path_factory: pytest.TempPathFactory) -> RuleReader:
    path: Path = tmp_path_factory.mktemp("recipes") / "synonyms.toml"
    path.write_text(SYNONYMS, "utf-8")
    return read_rules(recipes, path)


def clause(facet: str, *values: str) -> dict:
    return {"facet": facet, "any_of": list(values)}


def test_own_values_without_synonyms(plain: RuleReader) -> None:
    assert said(plain, "three vegan recipes, not thai") == {
        "count": 3,
        "require": [clause("diet", "Vegan")],
        "exclude": [clause("cuisine", "Thai")],
    }
    assert said(plain, "under 30 minutes") == {"ranges": [{"facet": "minutes", "min": None, "max": 30}]}
    assert said(plain, "something by Asha Rao") == {"require": [clause("author", "Asha Rao")]}
    assert said(plain, "ten recipes, half vegan") == {
        "count": 10,
        "quotas": [{"facet": "diet", "value": "Vegan", "op": "about", "share": 0.5, "count": None}],
    }


def test_synonyms_of_a_catalogue(reader: RuleReader) -> None:
    assert said(reader, "a quick plant-based dish") == {
        "count": 1,
        "require": [clause("diet", "Vegan")],
        "ranges": [{"facet": "minutes", "min": None, "max": 20}],
    }
    assert said(reader, "Italian or Thai meals") == {"require": [clause("cuisine", "Italian", "Thai")]}
    assert said(reader, "recipes written by Asha Rao, at most an hour") == {
        "require": [clause("author", "Asha Rao")],
        "ranges": [{"facet": "minutes", "min": None, "max": 60}],
    }


def test_titles_events_and_questions(reader: RuleReader) -> None:
    assert said(reader, "something like Green Curry") == {"like": ["Green Curry"]}
    loved = reader.read(State(), "I loved the Minestrone")
    assert [(e.kind, e.item, e.id) for e in loved.events] == [("liked", "Minestrone", "r3")]
    asked = reader.read(State(), "how long is Lasagne?")
    assert (asked.act, asked.target) == ("lookup", "r0")


def test_comparatives_come_from_the_synonyms(reader: RuleReader) -> None:
    state = State(slate=("r1", "r2", "r3"))  # 45, 30, 40 minutes
    assert said(reader, "something faster", state)["ranges"] == [{"facet": "minutes", "min": None, "max": 39}]


def test_no_film_words(plain: RuleReader) -> None:
    turn = plain.read(State(), "scary movies from the 90s")
    assert not turn.edit.add.require and not turn.edit.add.ranges


def test_a_large_catalogue_is_read_alike() -> None:
    """A hundred thousand items with titles that are all alike."""
    n = 100_000
    rng = np.random.default_rng(0)
    kinds = [f"Kind{i}" for i in range(40)]
    makers = [f"First{i} Maker{i % 20000}" for i in range(30_000)]
    catalog = Catalog(
        name="made",
        ids=range(n),
        titles=[f"Thing {i}" for i in range(n)],
        categorical={
            "kind": CategoricalFacet.from_lists("kind", [[kinds[i]] for i in rng.integers(0, 40, n)]),
            "maker": CategoricalFacet.from_lists("maker", [[makers[i]] for i in rng.integers(0, 30_000, n)]),
        },
        numeric={"year": rng.integers(1900, 2020, n).astype(np.float32)},
    )
    reader = read_rules(catalog)
    texts = [
        "five kind7 items by First12 Maker12 from the 90s",
        "no kind3 please",
        "something like Thing 77",
        "more",
    ]
    assert [reader.read(State(), text).act for text in texts] == [
        "recommend",
        "recommend",
        "recommend",
        "more",
    ]
