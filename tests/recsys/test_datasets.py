"""Loaders, bad rows, the split, statistics."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalog import Catalog
from recsys.datasets import (
    Dataset,
    DatasetError,
    Interactions,
    five_core,
    item_statistics,
    leave_last_out,
    load_dataset,
    training_catalog,
)
from recsys.interactions import PRIOR_VOTES, no_interactions
from recsys.own_data import read_map

GAMES = Path(__file__).parent.parent / "data" / "board-games"


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def made(entries: list[tuple[int, int, float, int]]) -> Interactions:
    """Interactions of (user, item, rating, time) in file order; users 0..max."""
    user, item, rating, time = (np.array(column) for column in zip(*entries, strict=True))
    return Interactions.sorted(range(user.max() + 1), user, item, rating, time)


# MovieLens

MOVIES = """movieId,title,genres
1,Toy Story (1995),Adventure|Animation|Children
2,"American President, The (1995) ",Comedy|Drama
3,"Quoted ""Words"" (2009– )",(no genres listed)
"""
RATINGS = """userId,movieId,rating,timestamp
2,1,4.0,100
1,2,2.5,300
1,1,5.0,200
1,9,5.0,400
"""


def test_grouplens_csv(tmp_path: Path) -> None:
    links = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0112346,\n3,12345678,9\n"
    tags = "userId,movieId,tag,timestamp\n1,1,  Pixar! ,5\n7,1,pixar,5\n1,9,lost,5\n1,2,,5\n"
    folder = write(tmp_path / "ml", movies_csv=MOVIES, ratings_csv=RATINGS, links_csv=links, tags_csv=tags)
    dataset = load_dataset(str(folder))
    catalog, interactions = dataset.catalog, dataset.interactions
    assert list(catalog.titles) == [
        "Toy Story (1995)",
        "American President, The (1995)",
        'Quoted "Words" (2009– )',
    ]
    assert catalog.numeric["year"].tolist() == [1995, 1995, 2009]
    assert catalog.categorical["genre"].values_of(2) == []
    assert catalog.links == {"imdb": ["tt0114709", "tt0112346", "tt12345678"], "tmdb": ["862", "", "9"]}
    assert catalog.categorical["tag"].values == ("pixar",)
    assert dataset.tags["user"].tolist() == [0, -1]
    assert list(interactions.users) == [1, 2]
    assert interactions.item.tolist() == [0, 1, 0] and interactions.timestamp.tolist() == [200, 300, 100]
    assert catalog.item(0).facets["director"] == ["John Lasseter"]  # a film the shipped facts know
    assert dataset.notes == (
        "The shipped catalogue knows cast and makers of 2 films of these.",
        "Dropped 1 interaction with items that are not in the catalogue.",
    )


def test_grouplens_csv_without_links_and_tags(tmp_path: Path) -> None:
    catalog = load_dataset(str(write(tmp_path, movies_csv=MOVIES, ratings_csv=RATINGS))).catalog
    assert catalog.links == {} and tuple(catalog.categorical) == ("genre",)


def test_grouplens_dat(tmp_path: Path) -> None:
    movies = "1::Toy Story (1995)::Animation|Children's\n2::Misérables, Les (1995)::Drama|Musical\n"
    (tmp_path / "movies.dat").write_bytes(movies.encode("latin-1"))
    write(tmp_path, ratings_dat="1::2::5::978300760\n1::1::3::978300760\n")
    dataset = load_dataset(str(tmp_path))
    assert dataset.catalog.titles[1] == "Misérables, Les (1995)"
    assert dataset.catalog.categorical["genre"].values == ("Animation", "Children", "Drama", "Musical")
    assert dataset.interactions.item.tolist() == [1, 0]  # equal times keep the file's order


def test_recbole(tmp_path: Path) -> None:
    item = (
        "item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\n"
        "Heat (1995)\tHeat\t1995\tAction Children's\nX\tX\t\t\n"
    )
    inter = (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "1m_1\tHeat (1995)\t5\t978300760\n1m_2\tX\t2\t978300761\n"
    )
    write(tmp_path)
    (tmp_path / "ml-1m.item").write_text(item)
    (tmp_path / "ml-1m.inter").write_text(inter)
    dataset = load_dataset(str(tmp_path))
    assert list(dataset.catalog.ids) == ["Heat (1995)", "X"]
    assert list(dataset.catalog.titles) == ["Heat (1995)", "X"]
    assert dataset.catalog.categorical["genre"].values_of(0) == ["Action", "Children"]
    assert dataset.catalog.numeric["year"][0] == 1995 and np.isnan(dataset.catalog.numeric["year"][1])
    assert list(dataset.interactions.users) == ["1m_1", "1m_2"]


@pytest.mark.parametrize(
    ("rating_line", "complaint"),
    [
        ("1,1,high,100", "ratings.csv, line 3, column rating: 'high' is not a number."),
        ("1,1.5,5,100", "ratings.csv, line 3, column movieId: '1.5' is not a whole number."),
        ("1,,5,100", "ratings.csv, line 3, column movieId: '' is missing."),
        ("1,1,5", "ratings.csv, line 3: 3 fields where 4 are expected."),
        ("1,1,5,100,9", "ratings.csv, line 3: 5 fields where 4 are expected."),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, rating_line: str, complaint: str) -> None:
    ratings = f"userId,movieId,rating,timestamp\n1,1,5,1\n{rating_line}\n2,2,5,1\n"
    write(tmp_path, movies_csv=MOVIES, ratings_csv=ratings)
    with pytest.raises(DatasetError) as error:
        load_dataset(str(tmp_path))
    assert str(error.value).endswith(complaint)


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    write(tmp_path, movies_csv=MOVIES)
    with pytest.raises(DatasetError, match=r"ratings\.csv is missing"):
        load_dataset(str(tmp_path))
    write(tmp_path, ratings_csv="userId,movieId,stars,timestamp\n1,1,5,1\n")
    with pytest.raises(
        DatasetError, match="no column 'rating'; the columns are userId, movieId, stars, timestamp"
    ):
        load_dataset(str(tmp_path))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    write(tmp_path, ratings_csv=RATINGS)
    (tmp_path / "movies.csv").write_bytes(b"movieId,title,genres\n1,Heat,Crime\n2,Mis\xe9rables,Drama\n")
    with pytest.raises(DatasetError, match=r"movies\.csv, line 3: byte 6 is not utf-8 text"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("content", ["", "\x00\x01\x02", "movieId,title,genres\n"])
def test_an_empty_or_binary_file_is_refused_or_empty(tmp_path: Path, content: str) -> None:
    write(tmp_path, movies_csv=content, ratings_csv="userId,movieId,rating,timestamp\n")
    if content.startswith("movieId"):
        assert len(load_dataset(str(tmp_path)).catalog) == 0
    else:
        with pytest.raises(DatasetError, match=r"movies\.csv"):
            load_dataset(str(tmp_path))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no catalogue 'nowhere'"):
        load_dataset("nowhere")
    with pytest.raises(DatasetError, match="holds no catalogue"):
        load_dataset(str(tmp_path))
    for name in ("", ".."):
        with pytest.raises(DatasetError):
            load_dataset(name)


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    write(tmp_path, items_parquet="PAR1 half a file", ratings_parquet="", tags_parquet="")
    with pytest.raises(DatasetError, match="damaged"):
        load_dataset(str(tmp_path))


# A catalogue of one's own


def test_a_catalogue_that_is_not_films() -> None:
    dataset = load_dataset(str(GAMES))
    catalog = dataset.catalog
    assert (catalog.name, catalog.noun, len(catalog)) == ("board-games", ("game", "games"), 60)
    assert tuple(catalog.categorical) == ("mechanic", "designer", "theme")
    assert set(catalog.numeric) == {"year", "minutes", "players", "rating", "popularity"}
    assert catalog.item(0).facets["mechanic"] == ["Hidden Roles", "Worker Placement"]
    assert catalog.texts[0].startswith("A calm game")
    assert catalog.title_index.best("harbor cards").row == catalog.row("g059")
    assert len(dataset.interactions) == 440 and dataset.interactions.top == 10
    assert 0.3 < dataset.interactions.liked.mean() < 0.6 < 1 - dataset.interactions.disliked.mean() + 0.2
    assert dataset.interactions.timestamp.min() > 1_500_000_000
    assert dataset.notes == ()


SHOP_MAP = """
name = "shop"
[items]
file = "shop.csv"
id = "sku"
title = "label"
separator = ";"
delimiter = "\\t"
categorical = { color = "colors" }
numeric = { price = "price" }
"""


def shop(folder: Path, rows: str, more: str = "", **files: str) -> Path:
    return write(folder, catalog_toml=SHOP_MAP + more, shop_csv="sku\tlabel\tcolors\tprice\n" + rows, **files)


def test_duplicates_and_gaps_are_counted(tmp_path: Path) -> None:
    rows = (
        "1\tBall\tred; blue;;red\t2.5\n1\tBall again\t\t\n\tNameless\tred\t1\n3\t\tN/A\tNA\n4\tCube\t\tinf\n"
    )
    buys = "who,what\nann,1\nann,1\nann,99\n,1\nbob,\nbob,3\n"
    more = '[interactions]\nfile = "buys.csv"\nuser = "who"\nitem = "what"\n'
    dataset = load_dataset(str(shop(tmp_path, rows, more, buys_csv=buys)))
    catalog = dataset.catalog
    assert list(catalog.ids) == [1, 3, 4] and list(catalog.titles) == ["Ball", "3", "Cube"]
    assert [catalog.categorical["color"].values_of(row) for row in range(3)] == [["blue", "red"], [], []]
    assert catalog.numeric["price"][0] == 2.5 and np.isnan(catalog.numeric["price"][1:]).all()
    assert "rating" not in catalog.numeric and catalog.popularity.tolist() == [1, 1, 0]
    assert len(dataset.interactions) == 2 and dataset.interactions.liked.all()
    assert set(dataset.notes) == {
        "Dropped 1 item without an id.",
        "Dropped 1 item with an id that was there before.",
        "Without a title, 1 item will go by the id.",
        "Dropped 2 interactions without a user or an item.",
        "Dropped 1 interaction with items that are not in the catalogue.",
        "Dropped 1 repeated interaction: the last of a user with an item stays.",
    }


def test_without_interactions_and_texts(tmp_path: Path) -> None:
    dataset = load_dataset(str(shop(tmp_path, "a\tBall\tred\t1\n007\tCube\tblue\t2\n")))
    assert list(dataset.catalog.ids) == ["a", "007"]
    assert len(dataset.interactions) == 0 and dataset.notes == ("There are no interactions.",)
    assert dataset.catalog.popularity.tolist() == [0, 0]
    split = leave_last_out(dataset.interactions)
    assert len(split.train) == 0 and len(split.test) == 0
    assert not five_core(dataset.interactions, 2)[1].any()


def test_long_ids_stay_exact_beside_unknown_items(tmp_path: Path) -> None:
    rows = "123456789012345677\tBall\t\t1\n123456789012345678\tCube\t\t2\n"
    more = '[interactions]\nfile = "buys.csv"\nuser = "who"\nitem = "what"\n'
    buys = "who,what\nann,123456789012345678\nbob,77\ncyd," + "9" * 5000 + "\n"
    dataset = load_dataset(str(shop(tmp_path, rows, more, buys_csv=buys)))
    assert dataset.catalog.ids[0] == 123456789012345677
    assert dataset.interactions.item.tolist() == [1]
    endless = load_dataset(str(shop(tmp_path, "9" * 5000 + "\tBall\t\t1\n")))
    assert endless.catalog.ids == ["9" * 5000]


def test_a_folder_without_films_is_an_empty_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        movies_csv="movieId,title,genres\n",
        ratings_csv="userId,movieId,rating,timestamp\n",
        links_csv="movieId,imdbId,tmdbId\n",
        tags_csv="userId,movieId,tag,timestamp\n",
    )
    monkeypatch.chdir(tmp_path)
    catalog = load_dataset(".").catalog
    assert len(catalog) == 0 and catalog.name == tmp_path.name


def test_the_last_rating_of_a_user_for_an_item_stays(tmp_path: Path) -> None:
    buys = "who,what,stars,day\nann,1,1,2024-05-02\nann,1,5,2024-05-03\nann,2,3,\nbob,2,,1700000000\n"
    more = '[interactions]\nfile = "buys.csv"\nuser = "who"\nitem = "what"\nrating = "stars"\n'
    more += 'timestamp = "day"\n'
    dataset = load_dataset(str(shop(tmp_path, "1\tBall\t\t1\n2\tCube\t\t2\n", more, buys_csv=buys)))
    interactions = dataset.interactions
    assert interactions.item.tolist() == [1, 0, 1]
    assert interactions.timestamp.tolist() == [0, 1714694400, 1700000000]
    assert interactions.rating[:2].tolist() == [3, 5] and np.isnan(interactions.rating[2])
    assert {"Without a rating: 1 interaction.", "Without a time: 1 interaction, taken as the oldest."} < set(
        dataset.notes
    )


@pytest.mark.parametrize(
    ("rows", "more", "buys", "complaint"),
    [
        ("1\tBall\tred\tcheap\n", "", "", "shop.csv, line 2, column price: 'cheap' is not a number."),
        ("1\tBall\tred\n", "", "", "shop.csv, line 2: 3 fields where 4 are expected."),
        ("", "", "", "shop.csv holds no items."),
        ("1\tBall\t\t1\n", "[interactions]\n", "", "catalog.toml, interactions.file: field required."),
        ("1\tBall\t\t1\n", "colour = 1\n", "", "catalog.toml, items.colour: extra inputs are not permitted."),
        ("1\tBall\t\t1\n", "MAP", "who,what,stars,day\nann,1,5,soon\n", "column day: 'soon' is not a time"),
        ("1\tBall\t\t1\n", "MAP", "who,what,stars,day\nann,1,5,inf\n", "column day: 'inf' is not a time"),
        ("1\tBall\t\t1\n", "MAP", "who,what,stars,day\nann,1,5,1e30\n", "column day: '1e30' is not a time"),
        ("1\tBall\t\t1\n", "SAME", "who,what\nann,1\n", "no two may be the same column."),
        ("1\tBall\t\t1\n", "MAP", "who,what,stars,day\nann,1,9,1\n", "is above the highest, 5:"),
    ],
)  # fmt: skip
def test_bad_input_is_named(tmp_path: Path, rows: str, more: str, buys: str, complaint: str) -> None:
    buys_map = '[interactions]\nfile="buys.csv"\nuser="who"\nitem="what"\nrating="stars"\ntimestamp="day"\n'
    maps = {"MAP": buys_map, "SAME": buys_map.replace("stars", "what")}
    folder = shop(tmp_path, rows, maps.get(more, more), buys_csv=buys)
    with pytest.raises(DatasetError) as error:
        load_dataset(str(folder))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["name = ", 'name = "../up"\n[items]\nfile="x"\nid="a"\ntitle="b"\n', "\x00"]
)
def test_a_bad_column_map_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"catalog\.toml"):
        load_dataset(str(write(tmp_path, catalog_toml=text)))


def test_a_facet_of_words_cannot_take_the_name_of_a_computed_number(tmp_path: Path) -> None:
    text = SHOP_MAP.replace("color =", "rating =")
    with pytest.raises(DatasetError, match="'rating' is a number computed"):
        read_map(write(tmp_path, catalog_toml=text) / "catalog.toml")


def test_the_column_map_in_the_readme_is_valid(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    text = readme.split("```toml\n")[1].split("```")[0]
    columns = read_map(write(tmp_path, catalog_toml=text) / "catalog.toml")
    assert columns.items.categorical["designer"] == "designers"
    assert columns.interactions is not None and columns.interactions.top == 10


def test_a_line_number_counts_lines_inside_quotes(tmp_path: Path) -> None:
    shutil.copytree(GAMES, tmp_path / "games")
    text = (GAMES / "games.csv").read_text().splitlines()
    text[1] = text[1].replace("A calm", '"A\ncalm').removesuffix(",") + '",'
    text[2] = text[2].replace(",2013,", ",MMXIII,")
    (tmp_path / "games" / "games.csv").write_text("\n".join(text))
    with pytest.raises(DatasetError, match="line 4, column published: 'MMXIII'"):
        load_dataset(str(tmp_path / "games"))


# Splits and statistics


def test_the_last_two_are_held_out() -> None:
    interactions = made(
        [(0, 5, 4, 30), (0, 6, 4, 10), (0, 7, 4, 30), (1, 1, 3, 1), (1, 2, 3, 2), (0, 8, 4, 20)]
    )
    split = leave_last_out(interactions)
    assert split.test.tolist() == [7, -1]  # of equal times the one later in the file
    assert split.valid.tolist() == [5, -1]
    assert split.train.item.tolist() == [6, 8, 1, 2]
    assert interactions.select(split.hidden).item.tolist() == [5, 7]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.just(3.0), st.integers(0, 5)), min_size=1))
def test_a_split_loses_nothing(entries: list[tuple[int, int, float, int]]) -> None:
    interactions = made(entries)
    split = leave_last_out(interactions)
    assert len(split.train) + 2 * (split.test >= 0).sum() == len(interactions)
    for user in range(len(interactions.users)):
        mine = [i for u, i, _, _ in sorted(entries, key=lambda e: (e[0], e[3])) if u == user]
        if len(mine) >= 3:
            *rest, valid, test = mine
            assert (split.valid[user], split.test[user]) == (valid, test)
        else:
            rest = mine
        start, end = split.train.bounds()[user : user + 2]
        assert split.train.item[start:end].tolist() == rest


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, unique=True), st.integers(1, 4))
def test_the_core_is_the_largest_that_holds(pairs: list[tuple[int, int]], k: int) -> None:
    users, items = five_core(made([(u, i, 3.0, 0) for u, i in pairs]), 8, k=k)
    alive = set(pairs)
    while True:  # take away one offender at a time
        count = {("u", u): sum(p[0] == u for p in alive) for u, _ in alive}
        count |= {("i", i): sum(p[1] == i for p in alive) for _, i in alive}
        weak = next((who for who, n in count.items() if n < k), None)
        if weak is None:
            break
        alive = {p for p in alive if p[0 if weak[0] == "u" else 1] != weak[1]}
    assert set(np.flatnonzero(users)) == {u for u, _ in alive}
    assert set(np.flatnonzero(items)) == {i for _, i in alive}


def test_the_default_core_is_the_one_in_the_literature(films: Dataset) -> None:
    users, items = five_core(films.interactions, len(films.catalog))
    assert (users.sum(), items.sum()) == (671, 3496)


def test_statistics() -> None:
    catalog = Catalog("x", [1, 2, 3], ["a", "b", "c"], {}, {})
    seen = made([(0, 0, 5.0, 0), (1, 0, 5.0, 0), (2, 1, 2.0, 0), (3, 1, np.nan, 0)])
    out = item_statistics(catalog, seen)
    assert out.popularity.tolist() == [2, 2, 0]
    assert out.numeric["rating"][0] == pytest.approx((10 + PRIOR_VOTES * 4) / (2 + PRIOR_VOTES))
    assert out.numeric["rating"][1] == pytest.approx((2 + PRIOR_VOTES * 4) / (1 + PRIOR_VOTES))
    assert np.isnan(out.numeric["rating"][2])
    assert item_statistics(catalog, no_interactions()) is catalog


def test_tags_of_people_without_interactions_stay() -> None:
    catalog = Catalog(name="toys", ids=[1], titles=["A"], texts=["A"], categorical={}, numeric={})
    tags = pd.DataFrame({"user": [-1], "item": [0], "tag": ["loud"], "timestamp": [0]})
    nobody = no_interactions()
    out = training_catalog(Dataset(catalog, nobody, tags=tags), leave_last_out(nobody))
    assert out.categorical["tag"].values_of(0) == ["loud"]


def test_the_training_catalogue_has_not_seen_the_last_two(films: Dataset) -> None:
    split = leave_last_out(films.interactions)
    catalog = training_catalog(films, split)
    assert catalog.popularity.sum() == 100_004 - 2 * 671
    assert catalog.hash != films.catalog.hash  # fewer tags
    tags, facet = films.tags, catalog.categorical["tag"]
    for user, row, tag in zip(tags["user"], tags["item"], tags["tag"], strict=True):
        held_out = user >= 0 and row in (split.valid[user], split.test[user])
        others = tags[(tags["item"] == row) & (tags["tag"] == tag) & (tags["user"] != user)]
        if held_out and others.empty:
            assert tag not in facet.values_of(row)
        elif not held_out:
            assert tag in facet.values_of(row)


def test_polarity() -> None:
    ratings = made([(0, 0, 2.5, 0), (0, 1, 3.0, 1), (0, 2, 3.5, 2), (0, 3, np.nan, 3)])
    assert ratings.disliked.tolist() == [True, False, False, False]
    assert ratings.liked.tolist() == [False, False, True, True]
