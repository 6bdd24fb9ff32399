"""A made dataset of any size, for measuring: items with facets, titles and interactions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from recsys.catalog import Catalog, CategoricalFacet
from recsys.datasets import Dataset
from recsys.interactions import Interactions, item_statistics

KINDS = tuple(
    "Action Adventure Animation Children Comedy Crime Documentary Drama Fantasy Film-Noir Horror"
    " Musical Mystery Romance Sci-Fi Thriller War Western".split()
)
LANGUAGES = tuple("English French German Italian Japanese Korean Spanish Swedish".split())
SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnrstv" for vowel in "aeiou")
TASTES = 40  # groups of items that the same people like


def made_dataset(n_items: int, n_interactions: int, seed: int = 0) -> Dataset:
    """A dataset with popularity after Zipf and tastes shared by groups of people."""
    random = np.random.default_rng(seed)
    n_users = max(n_interactions // 25, 1)
    taste = random.integers(0, TASTES, n_items)
    directors = _names(n_items // 10 + 1, random)
    catalog = Catalog(
        name=f"made-{n_items}",
        ids=list(range(1, n_items + 1)),
        titles=_titles(n_items, random),
        categorical={
            "genre": _facet("genre", KINDS, random.integers(0, len(KINDS), (n_items, 2))),
            "director": _facet("director", directors, random.integers(0, len(directors), (n_items, 1))),
            "language": _facet("language", LANGUAGES, random.integers(0, len(LANGUAGES), (n_items, 1)) // 2),
        },
        numeric={
            "year": random.integers(1930, 2017, n_items).astype(np.float32),
            "runtime": random.normal(105, 20, n_items).round().astype(np.float32),
        },
        noun=("film", "films"),
    )
    weight = 1 / np.arange(1, n_items + 1) ** 0.8
    item = random.choice(n_items, n_interactions, p=weight / weight.sum())
    # three in four interactions stay within the person's taste: the nearest item of that group
    user = np.sort(random.integers(0, n_users, n_interactions))
    loyal = random.random(n_interactions) < 0.75
    wanted = random.integers(0, TASTES, n_users)[user]
    by_taste = [np.flatnonzero(taste == group) for group in range(TASTES)]
    for group, members in enumerate(by_taste):
        if not len(members):
            continue
        mine = np.flatnonzero(loyal & (wanted == group))
        item[mine] = members[np.minimum(np.searchsorted(members, item[mine]), len(members) - 1)]
    rating = np.clip(random.normal(3.6, 1, n_interactions).round(), 1, 5)
    when = np.arange(n_interactions)
    interactions = Interactions.sorted(list(range(n_users)), user, item, rating, when)
    return Dataset(item_statistics(catalog, interactions), interactions)


def made_vectors(dataset: Dataset, size: int, seed: int = 0) -> np.ndarray:
    """Unit vectors ``(n_items, size)``, near one another within a genre."""
    random = np.random.default_rng(seed)
    genre = dataset.catalog.categorical["genre"].by_item
    centres = random.normal(size=(genre.shape[1], size)).astype(np.float32)
    vectors = random.normal(size=(len(dataset.catalog), size)).astype(np.float32)
    vectors += genre.astype(np.float32) @ centres
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _titles(n: int, random: np.random.Generator) -> list[str]:
    words = np.array(_names(100_000, random))
    return [" ".join(picked) for picked in words[random.integers(0, len(words), (n, 3))]]


def _names(n: int, random: np.random.Generator) -> list[str]:
    """About ``n`` different made words."""
    syllables = np.array(SYLLABLES)[random.integers(0, len(SYLLABLES), (n, 4))]
    return sorted({"".join(word).title() for word in syllables})


def _facet(name: str, values: Sequence[str], codes: np.ndarray) -> CategoricalFacet:
    """A facet from codes ``(n_items, values an item)``."""
    rows = np.repeat(np.arange(len(codes)), codes.shape[1])
    matrix = sp.csr_matrix((np.ones(codes.size, bool), (rows, codes.ravel())), (len(codes), len(values)))
    return CategoricalFacet(name, values, matrix)
