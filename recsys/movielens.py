"""MovieLens builds in GroupLens' own files, and ML-1M as RecBole packs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from recsys.tables import DatasetError, read_table

YEAR = r"\((\d{4})(?:\s?[-–]\s?(?:\d{4})?)?\)\s*$"
NO_GENRES = {"", "(no genres listed)", "unknown"}
#: ML-1M and RecBole write one genre as "Children's", the other builds as "Children".
GENRE_NAMES = {"Children's": "Children"}


@dataclass(frozen=True)
class RawMovieLens:
    """The files of a build as frames, rows in file order.

    ``movies`` has ``id``, ``title``, ``genre`` (lists) and, where known, ``imdb`` (number)
    and ``tmdb`` (digits); ``ratings`` has ``user``, ``item``, ``rating``, ``timestamp``;
    ``tags`` has ``user``, ``item``, ``tag``, ``timestamp`` and may be empty.
    """

    movies: pd.DataFrame
    ratings: pd.DataFrame
    tags: pd.DataFrame


def clean_titles(titles: pd.Series) -> pd.Series:
    """Titles without stray spaces; the spelling is left alone."""
    return titles.str.strip().str.replace(r"\s+", " ", regex=True)


def year_of(titles: pd.Series) -> pd.Series:
    """The year at the end of each title, the first of a span ("(2007-)"); NaN without one."""
    return titles.str.extract(YEAR, expand=False).astype(float)


def genre_lists(genres: pd.Series, separator: str) -> list[list[str]]:
    """Genre names of each item, without the words for "none"."""
    return [[GENRE_NAMES.get(g, g) for g in text.split(separator) if g not in NO_GENRES] for text in genres]


def no_tags() -> pd.DataFrame:
    """An empty tag table."""
    return pd.DataFrame({"user": [], "item": [], "tag": [], "timestamp": []})


def read_grouplens(folder: Path) -> RawMovieLens:
    """Read a build with CSV files: latest-small (2016, 2018), latest, 20M, 25M, 32M."""
    movies = read_table(folder / "movies.csv", {"movieId": "id", "title": "text", "genres": "text"})
    movies = movies.rename(columns={"movieId": "id", "genres": "genre"})
    movies["genre"] = genre_lists(movies["genre"], "|")
    if (folder / "links.csv").exists():
        links = read_table(folder / "links.csv", {"movieId": "id", "imdbId": "int", "tmdbId": "text"})
        links = links.rename(columns={"movieId": "id", "imdbId": "imdb", "tmdbId": "tmdb"}).drop_duplicates(
            "id"
        )
        movies = movies.merge(links, on="id", how="left")
    tags = no_tags()
    if (folder / "tags.csv").exists():
        tags = _rename(
            read_table(
                folder / "tags.csv", {"userId": "id", "movieId": "id", "tag": "text", "timestamp": "int"}
            )
        )
    types = {"userId": "id", "movieId": "id", "rating": "float", "timestamp": "int"}
    return RawMovieLens(movies, _rename(read_table(folder / "ratings.csv", types)), tags)


def _rename(frame: pd.DataFrame) -> pd.DataFrame:
    """Common names and narrow columns (32 million rows must fit)."""
    frame = frame.rename(columns={"userId": "user", "movieId": "item"})
    frame["timestamp"] = frame["timestamp"].fillna(0)
    narrow = {"user": np.int32, "item": np.int32, "rating": np.float32, "timestamp": np.int64}
    for column in frame.columns.intersection(list(narrow)):
        frame[column] = frame[column].astype(narrow[column])
    return frame


def read_dat(folder: Path) -> RawMovieLens:
    """Read ML-1M in GroupLens' files: ``movies.dat`` and ``ratings.dat``, "::" and Latin-1."""
    form = {"delimiter": "::", "encoding": "latin-1", "quoted": False}
    columns = {"id": "id", "title": "text", "genre": "text"}
    movies = read_table(folder / "movies.dat", columns, names=list(columns), **form)  # type: ignore[arg-type]
    movies["genre"] = genre_lists(movies["genre"], "|")
    types = {"user": "id", "item": "id", "rating": "float", "timestamp": "int"}
    ratings = read_table(folder / "ratings.dat", types, names=list(types), **form)  # type: ignore[arg-type]
    return RawMovieLens(movies, _rename(ratings), no_tags())


def read_recbole(folder: Path) -> RawMovieLens:
    """Read the atomic files of RecBole: tab-separated, typed header ("item_id:token").

    Items there are keyed by their title, users as "1m_1"; both stay the external ids.
    """
    inter, item = (next(iter(sorted(folder.glob(f"*.{kind}"))), None) for kind in ("inter", "item"))
    if inter is None or item is None:
        raise DatasetError(f"{folder} has no .inter and .item file.")
    columns = _recbole_columns(item)
    title = next((name for name in columns if name.split(":")[0] in ("movie_title", "title")), None)
    genre = next((name for name in columns if name.split(":")[0] in ("class", "genre", "genres")), None)
    year = next((name for name in columns if name.split(":")[0] in ("release_year", "year")), None)
    wanted = {name: "text" for name in ("item_id:token", title, genre, year) if name}
    movies = read_table(item, wanted, delimiter="\t", quoted=False)
    names = movies[title] if title else movies["item_id:token"]
    if year:  # as in the other builds, where the year is part of the title
        names = names.where(movies[year] == "", names + " (" + movies[year] + ")")
    frame = pd.DataFrame({"id": movies["item_id:token"], "title": names})
    frame["genre"] = genre_lists(movies[genre], " ") if genre else [[] for _ in range(len(movies))]
    if year:
        frame["year"] = pd.to_numeric(movies[year], errors="coerce")
    types = {
        "user_id:token": "text",
        "item_id:token": "text",
        "rating:float": "float",
        "timestamp:float": "float",
    }
    ratings = read_table(inter, types, delimiter="\t", quoted=False)
    ratings.columns = pd.Index(["user", "item", "rating", "timestamp"])
    return RawMovieLens(frame, ratings, no_tags())


def _recbole_columns(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\r\n").split("\t")
