"""The item catalogue: columnar facets, lookup by id and by title.

Nothing here is about films: a catalogue has *categorical* facets (each item has any
number of values: genre, cast, …), kept as sparse item x value matrices, and *numeric*
facets (one number an item, NaN when unknown: year, runtime, …), kept as arrays.
Inside ``recsys`` an item is its row index; outside it is its ``id``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    import pandas as pd

    from recsys.titles import TitleIndex

ItemId = int | str


def is_whole_number(text: str) -> bool:
    """Whether an id is written as a whole number is ("007" is not), and fits into 64 bits."""
    return text.isascii() and text.isdecimal() and len(text) <= 18 and text == str(int(text))


@dataclass(frozen=True, slots=True)
class Item:
    """One item as the world outside ``recsys`` sees it. Unknown facets are absent."""

    id: ItemId
    title: str
    year: int | None
    facets: dict[str, list[str] | int | float]


class CategoricalFacet:
    """Values of one categorical facet.

    Parameters
    ----------
    name : the facet's name, such as ``"genre"``.
    values : the distinct values in the catalogue's spelling.
    matrix : boolean sparse matrix of shape ``(n_items, n_values)``.
    """

    def __init__(self, name: str, values: Sequence[str], matrix: sp.spmatrix) -> None:
        self.name = name
        self.values = tuple(values)
        self.by_value = sp.csc_matrix(matrix, dtype=bool)
        self.by_item = self.by_value.tocsr()
        self.by_item.sort_indices()

    @classmethod
    def from_lists(cls, name: str, rows: Iterable[Iterable[str]]) -> CategoricalFacet:
        """Build from one list of values an item; values are sorted, duplicates merged.

        Spellings that differ in case only are one value, written as most items have it.
        """
        lists = [list(map(str, row)) for row in rows]
        count = Counter(chain.from_iterable(lists))
        spelling: dict[str, str] = {}
        for value in sorted(count, key=lambda value: (-count[value], value)):
            spelling.setdefault(value.casefold(), value)
        values = sorted(spelling.values())
        position = {value: i for i, value in enumerate(values)}
        code = {value: position[spelling[value.casefold()]] for value in count}
        column = np.fromiter((code[value] for value in chain.from_iterable(lists)), np.int32)
        row = np.repeat(np.arange(len(lists)), [len(values) for values in lists])
        matrix = sp.coo_matrix((np.ones(len(row), bool), (row, column)), (len(lists), len(values)))
        return cls(name, values, matrix)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {v.casefold(): i for i, v in enumerate(self.values)}

    def spelling(self, value: str) -> str | None:
        """The catalogue's spelling of ``value`` (case aside), or None when unknown."""
        index = self._index.get(value.casefold())
        return None if index is None else self.values[index]

    def items_with(self, value: str) -> np.ndarray:
        """Row indices of the items that have ``value``; empty when unknown."""
        index = self._index.get(value.casefold())
        if index is None:
            return np.empty(0, np.int32)
        return self.by_value.indices[self.by_value.indptr[index] : self.by_value.indptr[index + 1]]

    def mask(self, value: str) -> np.ndarray:
        """Boolean array ``(n_items,)``: which items have ``value``."""
        out = np.zeros(self.by_value.shape[0], bool)
        out[self.items_with(value)] = True
        return out

    def values_of(self, row: int) -> list[str]:
        """The values of one item, sorted."""
        start, end = self.by_item.indptr[row : row + 2]
        return [self.values[i] for i in self.by_item.indices[start:end]]

    @cached_property
    def counts(self) -> np.ndarray:
        """Number of items of each value, shape ``(n_values,)``."""
        return np.diff(self.by_value.indptr)


@dataclass(frozen=True)
class Catalog:
    """All items, column by column.

    Parameters
    ----------
    name : short name, also the name of its folder in the data directory.
    ids, titles : one entry an item; ids are unique.
    categorical : facet name -> :class:`CategoricalFacet`.
    numeric : facet name -> float32 array ``(n_items,)``, NaN where unknown.
    texts : free text an item (plots, keywords), "" where there is none.
    links : site name -> its id of each item ("" where unknown), e.g. ``imdb``.
    aliases : other titles an item is known by (never shown, used in title search).
    noun : what one item is called, singular and plural.
    """

    name: str
    ids: Sequence[ItemId]
    titles: Sequence[str]
    categorical: Mapping[str, CategoricalFacet]
    numeric: Mapping[str, np.ndarray]
    texts: Sequence[str] = ()
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    aliases: Mapping[int, Sequence[str]] = field(default_factory=dict)
    noun: tuple[str, str] = ("item", "items")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def facets(self) -> tuple[str, ...]:
        """All facet names, categorical first."""
        return (*self.categorical, *self.numeric)

    @classmethod
    def from_frame(
        cls,
        name: str,
        frame: pd.DataFrame,
        categorical: Sequence[str],
        numeric: Sequence[str],
        links: Sequence[str] = (),
        noun: tuple[str, str] = ("item", "items"),
    ) -> Catalog:
        """Build from a frame with columns ``id``, ``title``, the facets (lists of str for
        categorical ones), and optionally ``text`` and ``aliases``."""
        aliases = {}
        if "aliases" in frame:
            aliases = {row: list(names) for row, names in enumerate(frame["aliases"]) if len(names)}
        return cls(
            name=name,
            ids=frame["id"].tolist(),
            titles=frame["title"].astype(str).tolist(),
            categorical={f: CategoricalFacet.from_lists(f, frame[f]) for f in categorical},
            numeric={f: frame[f].to_numpy(np.float32, na_value=np.nan) for f in numeric},
            texts=frame["text"].fillna("").tolist() if "text" in frame else [],
            links={site: frame[site].fillna("").astype(str).tolist() for site in links},
            aliases=aliases,
            noun=noun,
        )

    def with_numeric(self, **columns: np.ndarray) -> Catalog:
        """The same catalogue with numeric columns replaced or added."""
        new = {f: np.asarray(c, np.float32) for f, c in columns.items()}
        return replace(self, numeric={**self.numeric, **new})

    @cached_property
    def _rows(self) -> dict[ItemId, int]:
        return {item: row for row, item in enumerate(self.ids)}

    def row(self, item_id: ItemId) -> int | None:
        """Row index of an id (``"6"`` finds ``6``), or None when unknown."""
        row = self._rows.get(item_id)
        if row is None and isinstance(item_id, str) and is_whole_number(item_id):
            row = self._rows.get(int(item_id))
        return row

    def rows(self, item_ids: Iterable[ItemId]) -> np.ndarray:
        """Row indices of the ids that are known, in order, int64."""
        found = (self.row(item_id) for item_id in item_ids)
        return np.fromiter((r for r in found if r is not None), np.int64)

    def item(self, row: int) -> Item:
        """The item at a row."""
        facets: dict[str, list[str] | int | float] = {}
        for name, facet in self.categorical.items():
            if values := facet.values_of(row):
                facets[name] = values
        for name, column in self.numeric.items():
            value = float(column[row])
            if np.isfinite(value):
                facets[name] = int(value) if value.is_integer() and name != "rating" else round(value, 2)
        year = facets.get("year")
        return Item(self.ids[row], self.titles[row], year if isinstance(year, int) else None, facets)

    def link(self, site: str, row: int) -> str | None:
        """The id of an item on another site (``"imdb"``), or None."""
        return (self.links[site][row] or None) if site in self.links else None

    @cached_property
    def popularity(self) -> np.ndarray:
        """Number of ratings an item, float32 ``(n_items,)``; zeros when not known."""
        column = self.numeric.get("popularity")
        return np.zeros(len(self), np.float32) if column is None else np.maximum(np.nan_to_num(column), 0)

    @cached_property
    def more_popular(self) -> np.ndarray:
        """Share of the items that are strictly more popular, ``(n_items,)``; ties are equal."""
        above = len(self) - np.searchsorted(np.sort(self.popularity), self.popularity, side="right")
        return above / max(len(self), 1)

    @cached_property
    def title_index(self) -> TitleIndex:
        """Fuzzy title search over titles and aliases."""
        from recsys.titles import TitleIndex

        return TitleIndex(self)

    @cached_property
    def hash(self) -> str:
        """Hash of ids, titles and categorical facets: what vectors and models depend on."""
        digest = hashlib.sha256()
        digest.update("\x1f".join(map(str, self.ids)).encode())
        digest.update("\x1f".join(self.titles).encode())
        for name, facet in sorted(self.categorical.items()):
            digest.update("\x1f".join((name, *facet.values)).encode())
            digest.update(facet.by_item.indptr.astype(np.int64).tobytes())
            digest.update(facet.by_item.indices.astype(np.int64).tobytes())
        return digest.hexdigest()[:16]
