"""Bring your own catalogue: CSV files and a small column map, ``catalog.toml``
(:class:`ColumnMap`; the README has an example).

Facets called ``rating`` and ``popularity`` are computed where there are interactions.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.catalog import Catalog, CategoricalFacet, is_whole_number
from recsys.datasets import COLUMN_MAP, Dataset, index_interactions
from recsys.interactions import item_statistics, no_interactions
from recsys.tables import MISSING, DatasetError, counted, read_table


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemColumns(_Strict):
    """Where the catalogue is, and what its columns mean."""

    file: str
    id: str
    title: str
    delimiter: str = Field(",", min_length=1, max_length=1)
    separator: str = Field("|", min_length=1)
    text: tuple[str, ...] = ()
    aliases: str | None = None
    categorical: dict[str, str] = {}
    numeric: dict[str, str] = {}
    links: dict[str, str] = {}


class InteractionColumns(_Strict):
    """Where the interactions are, and what their columns mean."""

    file: str
    user: str
    item: str
    delimiter: str = Field(",", min_length=1, max_length=1)
    rating: str | None = None
    top: float = Field(5.0, gt=0)
    timestamp: str | None = None


class ColumnMap(_Strict):
    """The contents of ``catalog.toml``."""

    name: str = Field(pattern=r"^\w[\w .-]*$", max_length=80)  # it also names files
    noun: tuple[str, str] = ("item", "items")
    items: ItemColumns
    interactions: InteractionColumns | None = None


def read_own(folder: Path) -> Dataset:
    """Read a folder with a column map.

    Raises
    ------
    DatasetError : naming the file, and the line and column where there is one.
    """
    columns = read_map(folder / COLUMN_MAP)
    catalog, notes = _read_items(folder, columns)
    if columns.interactions is None:
        return Dataset(catalog, no_interactions(), (*notes, "There are no interactions."))
    frame, dropped = _read_interactions(folder, columns.interactions, catalog)
    interactions, merged = index_interactions(frame, catalog, columns.interactions.top)
    return Dataset(item_statistics(catalog, interactions), interactions, (*notes, *dropped, *merged))


def read_map(path: Path) -> ColumnMap:
    """Read and check a column map."""
    try:
        columns = ColumnMap.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise DatasetError(f"{path} cannot be read: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DatasetError(f"{path}, {where}: {first['msg'][0].lower()}{first['msg'][1:]}.") from None
    if both := set(columns.items.categorical) & set(columns.items.numeric):
        raise DatasetError(f"{path}: {min(both)!r} is both a categorical and a numeric facet.")
    if computed := {"rating", "popularity"}.intersection(columns.items.categorical):
        name = min(computed)
        raise DatasetError(f"{path}: {name!r} is a number computed from interactions; name it otherwise.")
    if columns.interactions:
        c = columns.interactions
        used = [name for name in (c.user, c.item, c.rating, c.timestamp) if name]
        if len(set(used)) < len(used):
            raise DatasetError(f"{path}, interactions: no two may be the same column.")
    return columns


def _read_items(folder: Path, columns: ColumnMap) -> tuple[Catalog, list[str]]:
    c = columns.items
    numbers = dict.fromkeys(c.numeric.values(), "float")
    texts = [c.id, c.title, *c.categorical.values(), *c.text, *c.links.values(), *filter(None, [c.aliases])]
    if both := set(numbers).intersection(texts):
        raise DatasetError(f"{folder / COLUMN_MAP}: column {min(both)!r} cannot be both a number and text.")
    kinds = {**dict.fromkeys(texts, "text"), **numbers}
    frame = read_table(folder / c.file, kinds, delimiter=c.delimiter)
    for name in dict.fromkeys(texts):
        frame[name] = frame[name].str.strip()
    frame, notes = _unique(frame, c)
    if frame.empty:
        raise DatasetError(f"{folder / c.file} holds no items.")

    def values(column: str) -> list[list[str]]:
        parts = ([part.strip() for part in text.split(c.separator)] for text in frame[column])
        return [[part for part in row if part not in MISSING] for row in parts]

    numeric = {f: frame[column].to_numpy(np.float32) for f, column in c.numeric.items()}
    names = values(c.aliases) if c.aliases else []
    catalog = Catalog(
        name=columns.name,
        ids=_ids(frame[c.id]),
        titles=frame[c.title].where(frame[c.title] != "", frame[c.id]).tolist(),
        categorical={
            f: CategoricalFacet.from_lists(f, values(column)) for f, column in c.categorical.items()
        },
        numeric={f: np.where(np.isfinite(column), column, np.nan) for f, column in numeric.items()},
        texts=[" ".join(filter(None, row)) for row in zip(*(frame[name] for name in c.text), strict=True)],
        links={site: frame[column].tolist() for site, column in c.links.items()},
        aliases={row: others for row, others in enumerate(names) if others},
        noun=columns.noun,
    )
    return catalog, notes


def _unique(frame: pd.DataFrame, c: ItemColumns) -> tuple[pd.DataFrame, list[str]]:
    """The rows with an id of their own, and notes on the others."""
    notes = []
    known = frame[frame[c.id] != ""]
    if missing := len(frame) - len(known):
        notes.append(f"Dropped {counted(missing, 'item')} without an id.")
    unique = known.drop_duplicates(c.id, ignore_index=True)
    if repeated := len(known) - len(unique):
        notes.append(f"Dropped {counted(repeated, 'item')} with an id that was there before.")
    if untitled := int((unique[c.title] == "").sum()):
        notes.append(f"Without a title, {counted(untitled, 'item')} will go by the id.")
    return unique, notes


def _read_interactions(
    folder: Path, c: InteractionColumns, catalog: Catalog
) -> tuple[pd.DataFrame, list[str]]:
    kinds = {c.user: "text", c.item: "text"}
    if c.rating:
        kinds[c.rating] = "float"
    if c.timestamp:
        kinds[c.timestamp] = "time"
    table = read_table(folder / c.file, kinds, delimiter=c.delimiter)
    user, item = table[c.user].str.strip(), table[c.item].str.strip()
    rows = [catalog.row(name) for name in item]
    frame = pd.DataFrame(
        {
            "user": user,
            # as objects: with gaps, pandas makes whole numbers floats, and long ones inexact
            "item": pd.Series([None if row is None else catalog.ids[row] for row in rows], dtype=object),
            "rating": table[c.rating].astype(np.float32) if c.rating else np.float32(np.nan),
            "timestamp": table[c.timestamp] if c.timestamp else np.int64(0),
        }
    )
    notes = []
    complete = (user != "") & (item != "")
    if missing := int((~complete).sum()):
        notes.append(f"Dropped {counted(missing, 'interaction')} without a user or an item.")
    if c.rating and (unrated := int((complete & frame["rating"].isna()).sum())):
        notes.append(f"Without a rating: {counted(unrated, 'interaction')}.")
    if c.timestamp and (undated := int((complete & (frame["timestamp"] == 0)).sum())):
        notes.append(f"Without a time: {counted(undated, 'interaction')}, taken as the oldest.")
    too_high = np.flatnonzero(frame["rating"] > c.top)
    if len(too_high):
        value = f"the rating {frame['rating'][too_high[0]]:g} of item {item[too_high[0]]!r}"
        trouble = f"{value} is above the highest, {c.top:g}: correct it, or set top in {COLUMN_MAP}."
        raise DatasetError(f"{folder / c.file}, column {c.rating}: {trouble}")
    frame["user"] = _ids(user) if complete.all() else user
    return frame[complete], notes


def _ids(texts: pd.Series) -> list[int] | list[str]:
    """Ids as whole numbers where all of them are written as such."""
    names = texts.tolist()
    return [int(name) for name in names] if all(map(is_whole_number, names)) else names
