"""Makes ``assets/ml-latest-small``: MovieLens ratings joined with CC0 film facts.

    python -m recsys.default_catalog             # downloads both packages, then builds
    python -m recsys.default_catalog CSVS DB     # from the folders of the CSV files and of movies.db

The ratings come from the source package of lenskit, the facts (Wikidata, CC0) from
bokeh_sampledata; ``assets/ml-latest-small/README.md`` has the terms of both.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd

from recsys.movielens import clean_titles, read_grouplens, year_of
from recsys.packages import fetch_files, pip
from recsys.settings import ASSETS

RATINGS = pip("lenskit==2025.3.0a2.post2", "--no-binary", "lenskit")
FACTS = pip("bokeh_sampledata==2026.1", "--only-binary", "bokeh_sampledata")

#: One name for a language that the facts spell in several ways.
LANGUAGES = {
    "American English": "English",
    "Australian English": "English",
    "British English": "English",
    "Brazilian Portuguese": "Portuguese",
    "Modern Greek": "Greek",
    "Ancient Greek": "Greek",
    "Standard Chinese": "Mandarin",
    "Putonghua": "Mandarin",
    "Mandarin Chinese": "Mandarin",
    "Yue Chinese": "Cantonese",
    "Bangla": "Bengali",
    "Egyptian Arabic": "Arabic",
}
NO_LANGUAGE = {"", "None", "artistic language", "multiple languages", "silent film", "no linguistic content"}

COUNTRIES = {
    "People's Republic of China": "China",
    "British Hong Kong": "Hong Kong",
    "West Germany": "Germany",
    "German Democratic Republic": "East Germany",
    "Kingdom of Italy": "Italy",
    "Kingdom of Great Britain": "United Kingdom",
    "The Bahamas": "Bahamas",
    "Occupied Palestinian territory": "Palestine",
    "Federal Republic of Yugoslavia": "Yugoslavia",
    "Serbia and Montenegro": "Serbia",
}

#: Main languages of a country, to tell the original among several. The facts list the
#: languages of a film by alphabet: "Arabic, English" is mostly an American film.
SPOKEN = {
    "English": "United States, United Kingdom, Canada, Australia, Ireland, New Zealand, South Africa",
    "French": "France, Belgium, Switzerland, Luxembourg, Canada",
    "German": "Germany, East Germany, Austria, Switzerland",
    "Italian": "Italy",
    "Spanish": "Spain, Mexico, Argentina, Chile, Cuba, Peru, Colombia, Venezuela, Panama, Ecuador",
    "Portuguese": "Portugal, Brazil",
    "Dutch": "Netherlands, Belgium",
    "Swedish": "Sweden",
    "Danish": "Denmark",
    "Norwegian": "Norway",
    "Finnish": "Finland",
    "Icelandic": "Iceland",
    "Polish": "Poland",
    "Czech": "Czech Republic, Czechoslovakia",
    "Hungarian": "Hungary",
    "Romanian": "Romania",
    "Russian": "Russia, Soviet Union",
    "Greek": "Greece",
    "Turkish": "Turkey",
    "Hebrew": "Israel",
    "Arabic": "Algeria, Egypt, Lebanon, Morocco, Jordan, Saudi Arabia, United Arab Emirates, Palestine",
    "Persian": "Iran",
    "Hindi": "India",
    "Japanese": "Japan",
    "Korean": "South Korea",
    "Mandarin": "China, Taiwan",
    "Chinese": "China, Taiwan, Hong Kong",
    "Cantonese": "Hong Kong",
    "Thai": "Thailand",
    "Vietnamese": "Vietnam",
    "Indonesian": "Indonesia",
    "Bosnian": "Bosnia and Herzegovina",
    "Serbian": "Serbia, Yugoslavia",
    "Bulgarian": "Bulgaria",
}
HOMES = {language: set(homes.split(", ")) for language, homes in SPOKEN.items()}

#: Pieces that belong to the name before them: "Ed Begley, Jr." (elsewhere "Ed Begley Jr.").
SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV|Ph\.?D\.?|M\.?D\.?|\d+(?:st|nd|rd|th) .*", re.IGNORECASE)


def split_values(text: str) -> list[str]:
    """The parts of a comma-separated field, stripped, without empty ones."""
    return [part for raw in text.split(",") if (part := raw.strip())]


def people(text: str) -> list[str]:
    """Names of a comma-separated field; suffixes rejoin their name, titles of nobility go."""
    names: list[str] = []
    for part in split_values(text):
        if SUFFIX.fullmatch(part):
            if names and not part[0].isdigit():
                names[-1] = f"{names[-1]} {part}"
        elif not part.startswith("list of "):
            names.append(re.sub(r"\s*\(.*?\)$", "", part))
    return sorted(set(names))


def original_language(languages: Sequence[str], countries: Sequence[str]) -> list[str]:
    """The one language a film was most likely made in; empty when unknown.

    Of several, the one spoken in most of the film's countries; of equals English before
    the others (it is the language of co-productions), then the alphabet.
    """
    names = set(languages) - NO_LANGUAGE
    named = {LANGUAGES.get(name, name.removesuffix(" language")) for name in names}
    if not named:
        return []

    def rank(language: str) -> tuple[int, bool, str]:
        return -len(HOMES.get(language, set()).intersection(countries)), language != "English", language

    return [min(named, key=rank)]


def read_facts(path: Path) -> pd.DataFrame:
    """Facts by IMDb number: year, runtime and the people, languages and countries as lists."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        frame = pd.read_sql("SELECT * FROM omdb", connection)
    text = frame[["Director", "Cast", "Language", "Country"]].fillna("")
    countries = [sorted({COUNTRIES.get(c, c) for c in split_values(value)}) for value in text["Country"]]
    languages = [split_values(value) for value in text["Language"]]
    return pd.DataFrame(
        {
            "imdb": frame["imdbID"].str.extract(r"(\d+)", expand=False).astype(int),
            "facts_year": frame["Year"],
            "runtime": frame["Runtime"].where(frame["Runtime"] > 0),
            "director": [people(value) for value in text["Director"]],
            "cast": [people(value) for value in text["Cast"]],
            "language": [original_language(ls, cs) for ls, cs in zip(languages, countries, strict=True)],
            "country": countries,
        }
    )


def join_facts(movies: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Movies with their facts; of several entries for one IMDb number the nearest in year."""
    pairs = movies[["id", "imdb", "year"]].merge(facts, on="imdb", how="inner")
    pairs["distance"] = (pairs["year"] - pairs["facts_year"]).abs()
    pairs = pairs.sort_values("distance", kind="stable").drop_duplicates("id")
    joined = movies.merge(pairs.drop(columns=["imdb", "year", "distance"]), on="id", how="left")
    for facet in ("director", "cast", "language", "country"):
        joined[facet] = [value if isinstance(value, list) else [] for value in joined[facet]]
    joined["year"] = joined["year"].fillna(joined.pop("facts_year"))
    return joined


def build(grouplens: Path, facts: Path, target: Path) -> None:
    """Write ``items``, ``ratings`` and ``tags`` as Parquet into ``target``."""
    raw = read_grouplens(grouplens)
    movies = raw.movies
    movies["title"] = clean_titles(movies["title"])
    movies["year"] = year_of(movies["title"])
    items = join_facts(movies, read_facts(facts))
    items["imdb"] = [f"tt{number:07d}" for number in items["imdb"]]
    items["tmdb"] = items["tmdb"].fillna("")
    for column in ("year", "runtime"):
        items[column] = items[column].astype("Int16")
    target.mkdir(parents=True, exist_ok=True)
    for name, frame in (("items", items), ("ratings", raw.ratings), ("tags", raw.tags)):
        path = target / f"{name}.parquet"
        frame.to_parquet(path, index=False, compression="zstd", compression_level=19)
        print(f"{path.name}: {len(frame):,} rows, {path.stat().st_size:,} bytes")


def main(folders: Sequence[Path]) -> None:
    """Build the shipped catalogue from two unpacked folders, or from fresh downloads."""
    with tempfile.TemporaryDirectory() as scratch:
        grouplens, facts = folders or (Path(scratch, "ratings"), Path(scratch, "facts"))
        if not folders:
            fetch_files(RATINGS, "data/ml-latest-small", grouplens)
            fetch_files(FACTS, "movies.db", facts)
        build(grouplens, facts / "movies.db", ASSETS / "ml-latest-small")
    embed_texts(ASSETS / "ml-latest-small")


def embed_texts(folder: Path) -> None:
    """Write ``vectors.npz``: the shipped texts, embedded."""
    from recsys.datasets import load_dataset
    from recsys.semantic import item_texts, load_embedder
    from recsys.vectors import save_vectors

    texts = item_texts(load_dataset(folder.name).catalog)
    path = folder / "vectors.npz"
    save_vectors(path, texts, load_embedder()(texts))
    print(f"{path.name}: {len(texts):,} texts, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:3]])
