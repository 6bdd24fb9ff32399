"""The shipped catalogue, and the catalogue as a structure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalog import Catalog, CategoricalFacet, Item
from recsys.datasets import Dataset, load_dataset
from recsys.default_catalog import join_facts, original_language, people
from recsys.settings import ASSETS

SHIPPED = ASSETS / "ml-latest-small"


@pytest.fixture(scope="module")
def catalog(films: Dataset) -> Catalog:
    return films.catalog


def test_shipped_files_are_small_and_carry_their_terms() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.glob("*.parquet")) < 2_000_000
    terms = (SHIPPED / "README.md").read_text() + (SHIPPED / "MOVIELENS-README.txt").read_text()
    for due in ("Harper", "redistribut", "commercial", "CC0", "Wikidata"):
        assert due in terms


def test_heat(catalog: Catalog) -> None:
    row = catalog.row(6)
    item = catalog.item(row)
    assert (item.title, item.year) == ("Heat (1995)", 1995)
    assert item.facets["genre"] == ["Action", "Crime", "Thriller"]
    assert item.facets["director"] == ["Michael Mann"]
    assert {"Al Pacino", "Robert De Niro"} <= set(item.facets["cast"])
    assert (item.facets["language"], item.facets["country"]) == (["English"], ["United States"])
    assert (item.facets["runtime"], item.facets["popularity"]) == (170, 104)
    assert (catalog.link("imdb", row), catalog.link("tmdb", row)) == ("tt0113277", "949")
    assert catalog.noun == ("film", "films")


def test_facets_are_clean(catalog: Catalog) -> None:
    assert tuple(catalog.categorical) == ("genre", "director", "cast", "language", "country", "tag")
    assert set(catalog.numeric) == {"year", "runtime", "rating", "popularity"}
    for facet in catalog.categorical.values():
        assert all(value and value == value.strip() for value in facet.values), facet.name
        assert len({value.casefold() for value in facet.values}) == len(facet.values)
    assert "(no genres listed)" not in catalog.categorical["genre"].values
    assert not {"Jr.", "Sr.", "None", ""} & set(catalog.categorical["cast"].values)
    assert not any(", " in name for name in catalog.categorical["cast"].values)
    assert all(tag == tag.casefold() for tag in catalog.categorical["tag"].values)
    assert all(len(catalog.categorical["language"].values_of(row)) <= 1 for row in range(len(catalog)))


def test_numbers_are_plausible_or_unknown(catalog: Catalog) -> None:
    year, runtime = catalog.numeric["year"], catalog.numeric["runtime"]
    assert np.isnan(year).sum() <= 4
    assert np.nanmin(year) >= 1900 and np.nanmax(year) <= 2017
    assert np.nanmin(runtime) > 0 and np.isnan(runtime).any()
    rating, popularity = catalog.numeric["rating"], catalog.numeric["popularity"]
    assert popularity.sum() == 100_004
    assert (np.isnan(rating) == (popularity == 0)).all()
    assert np.nanmin(rating) >= 0.5 and np.nanmax(rating) <= 5


def test_one_enthusiastic_vote_does_not_win(catalog: Catalog) -> None:
    top = np.argsort(-np.nan_to_num(catalog.numeric["rating"]))[:20]
    assert catalog.popularity[top].min() >= 10


def test_odd_titles(catalog: Catalog) -> None:
    assert all(title == " ".join(title.split()) for title in catalog.titles)
    years = dict(zip(catalog.titles, catalog.numeric["year"], strict=True))
    assert years["Fawlty Towers (1975-1979)"] == 1975
    assert years["Big Bang Theory, The (2007-)"] == 2007
    assert np.isnan(years["Hyena Road"])


def test_every_item_links_to_imdb_and_no_text_is_shipped(catalog: Catalog) -> None:
    assert all(link.startswith("tt") and len(link) == 9 for link in catalog.links["imdb"])
    assert not any(catalog.texts)
    assert "text" not in pd.read_parquet(SHIPPED / "items.parquet").columns


@pytest.mark.parametrize(
    ("languages", "countries", "original"),
    [
        (["Arabic", "English"], ["United States"], ["English"]),
        (["Catalan", "English", "Spanish"], ["France", "Spain"], ["Spanish"]),
        (["Arabic", "English", "French"], ["Algeria", "Italy"], ["Arabic"]),
        (["English", "French"], [], ["English"]),
        (["American English", "English"], ["United States"], ["English"]),
        (["Yue Chinese"], ["Hong Kong"], ["Cantonese"]),
        (["Kurdish language"], ["Turkey"], ["Kurdish"]),
        (["artistic language"], ["France"], []),
        ([], ["France"], []),
    ],
)
def test_the_original_language(languages: list[str], countries: list[str], original: list[str]) -> None:
    assert original_language(languages, countries) == original


def test_names_of_people() -> None:
    assert people("Sammy Davis, Jr., Dean Martin") == ["Dean Martin", "Sammy Davis Jr."]
    assert people("Peter Lawford, 12th Earl of Portland") == ["Peter Lawford"]
    assert people("50 Cent, Đuro Utješanović (1940-2013)") == ["50 Cent", "Đuro Utješanović"]
    assert people("") == people(", ,") == []


def test_of_two_facts_the_one_nearest_in_year() -> None:
    movies = pd.DataFrame({"id": [1, 2], "imdb": [78788, 5], "year": [1979.0, np.nan]})
    facts = {
        "imdb": [78788, 78788, 5],
        "facts_year": [2001, 1979, 1950],
        "runtime": [202.0, 183.0, 90.0],
        **{facet: [[], [], []] for facet in ("director", "cast", "language", "country")},
    }
    joined = join_facts(movies, pd.DataFrame(facts))
    assert joined["runtime"].tolist() == [183.0, 90.0]
    assert joined["year"].tolist() == [1979.0, 1950.0]


def test_lookup_by_id(catalog: Catalog) -> None:
    assert catalog.row("6") == catalog.row(6) == catalog.rows([6, "nothing"])[0]
    assert catalog.row("nothing") is None and catalog.row(-1) is None
    assert catalog.row("006") is None and catalog.row("9" * 5000) is None
    assert catalog.link("nowhere", 0) is None


def test_popularity_is_a_number_of_ratings_whatever_stands_there() -> None:
    column = np.array([-1, np.nan, 3], np.float32)
    assert Catalog("x", [1, 2, 3], ["a", "b", "c"], {}, {"popularity": column}).popularity.tolist() == [
        0,
        0,
        3,
    ]


def test_unknown_facets_are_absent_from_an_item() -> None:
    catalog = Catalog(
        "toys",
        ["a"],
        ["Ball"],
        {"color": CategoricalFacet.from_lists("color", [[]])},
        {"year": np.array([np.nan])},
    )
    assert catalog.item(0) == Item("a", "Ball", None, {})


def test_the_hash_depends_on_facts_and_not_on_ratings(catalog: Catalog) -> None:
    assert catalog.with_numeric(rating=np.zeros(len(catalog))).hash == catalog.hash
    assert load_dataset("ml-latest-small").catalog.hash == catalog.hash
    other = Catalog("x", catalog.ids, [*catalog.titles[:-1], "Other"], catalog.categorical, catalog.numeric)
    assert other.hash != catalog.hash


@given(st.lists(st.lists(st.sampled_from(["Red", "Blue", "Été", "X y"]), max_size=6), max_size=8))
def test_a_categorical_facet_keeps_what_it_is_given(rows: list[list[str]]) -> None:
    facet = CategoricalFacet.from_lists("color", rows)
    assert [facet.values_of(row) for row in range(len(rows))] == [sorted(set(row)) for row in rows]
    for value in facet.values:
        expected = [row for row, values in enumerate(rows) if value in values]
        assert (
            facet.items_with(value.upper()).tolist() == expected == np.flatnonzero(facet.mask(value)).tolist()
        )
        assert facet.counts[facet.values.index(value)] == len(expected)
    assert facet.items_with("Mauve").size == 0 and facet.spelling("mauve") is None


def test_spellings_that_differ_in_case_are_one_value() -> None:
    facet = CategoricalFacet.from_lists("color", [["red"], ["Red", "RED"], ["Red"], ["Blue"]])
    assert facet.values == ("Blue", "Red")
    assert facet.items_with("red").tolist() == [0, 1, 2]
