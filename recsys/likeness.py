"""How alike two items are: by what they have in common, by who uses them, by their titles."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import scipy.sparse as sp

from recsys.candidates import CollaborativeModel
from recsys.catalog import Catalog
from recsys.titles import display_title

#: Words that do not tell one series from another.
_FILLER = frozenset(
    ("a", "an", "and", "at", "for", "from", "in", "of", "on", "or", "the", "to", "with", "vs")
    + ("part", "episode", "volume", "vol", "chapter")
)
_NUMERAL = re.compile(r"[0-9]+|[ivx]+", re.ASCII)


class Likeness:
    """Likeness between items of a catalogue.

    ``facets`` compares what two items have in common, the rarer the more it counts: the mean over
    the categorical facets of the cosines of tf-idf; ``audience`` who uses them.
    """

    def __init__(self, catalog: Catalog, model: CollaborativeModel) -> None:
        self._catalog, self._model = catalog, model
        self._words = _tf_idf(catalog)

    def facets(self, row: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Cosines 0..1 of ``row`` with ``rows`` (default: every item)."""
        words = self._words if rows is None else self._words[rows]
        return np.asarray((words @ self._words[row].T).todense(), np.float32).ravel()

    def audience(self, row: int, rows: np.ndarray | None = None) -> np.ndarray:
        """See :meth:`recsys.candidates.CollaborativeModel.similarity`."""
        return self._model.similarity(row, rows)

    def doubles(self, row: int, rows: np.ndarray) -> np.ndarray:
        """For variety, 0..1: how much each of ``rows`` would be more of the same beside ``row``.

        Two items of one series count fully, others by half of what they share.
        """
        alike = np.maximum(self.facets(row, rows), self.audience(row, rows)) / 2
        own = self.series(row)
        same = np.array([self.series(other) == own for other in rows.tolist()], bool)
        return np.clip(np.where(same, 1, alike), 0, 1)

    def series(self, row: int) -> str:
        """A key that items of one series share; see :func:`series_key`."""
        return series_key(self._catalog.titles[row])


@lru_cache(maxsize=100_000)
def series_key(title: str) -> str:
    """The first two words of a title that name something, its numbers and subtitle aside:
    "Harry Potter and the Chamber of Secrets" gives "harry potter", "Godfather: Part II, The"
    gives "godfather"."""
    name = re.sub(r"\(.*?\)", " ", display_title(title)).casefold()
    main = re.split(r"[:–—]| - ", name, maxsplit=1)[0]
    words = [w for w in re.findall(r"\w+", re.sub(r"['’]s?\b", "", main)) if w not in _FILLER]
    named = [w for w in words if not _NUMERAL.fullmatch(w)]
    return " ".join((named or words or [name])[:2])


def _tf_idf(catalog: Catalog) -> sp.csr_matrix:
    """One block a facet ``(n_items, n_values)`` of the values that two items or more have; rows are
    scaled so that the product of two is the mean of their cosines in the blocks."""
    n = len(catalog)
    blocks = [sp.csr_matrix((n, 1), dtype=np.float32)]
    for facet in catalog.categorical.values():
        shared = np.flatnonzero(facet.counts > 1)
        if len(shared):
            rarity = np.log1p(n / facet.counts[shared]).astype(np.float32)
            block = facet.by_value[:, shared].astype(np.float32) @ sp.diags(rarity, dtype=np.float32)
            length = np.sqrt(np.asarray(block.multiply(block).sum(axis=1)).ravel())
            blocks.append(sp.diags((1 / np.where(length > 0, length, 1)).astype(np.float32)) @ block)
    return sp.csr_matrix(sp.hstack(blocks, format="csr")) / np.float32(np.sqrt(max(len(blocks) - 1, 1)))
