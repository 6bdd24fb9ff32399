"""A made catalogue with users of two tastes, and words to embed without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from recsys.catalog import Catalog, CategoricalFacet
from recsys.datasets import Dataset, item_statistics
from recsys.interactions import Interactions

THEMES = ("pirate", "robot", "garden", "winter")
COLORS = ("Blue", "Red")
MAKERS = ("Ada", "Bo", "Cy", "Di", "Eve")


def made_dataset(n_items: int = 60, n_users: int = 40, seed: int = 0) -> Dataset:
    """Even items are Blue and liked by even users, odd ones Red and liked by odd users."""
    rng = np.random.default_rng(seed)
    rows = range(n_items)
    catalog = Catalog(
        name="toys",
        ids=[1000 + row for row in rows],
        titles=[f"The {THEMES[row % 4].title()} {chr(65 + row // 26)}{chr(97 + row % 26)}" for row in rows],
        categorical={
            "color": CategoricalFacet.from_lists("color", [[COLORS[row % 2]] for row in rows]),
            "maker": CategoricalFacet.from_lists("maker", [[MAKERS[row % 5]] for row in rows]),
        },
        numeric={"year": np.array([1970 + row % 40 for row in rows], np.float32)},
        texts=[f"A {THEMES[row % 4]} and its {THEMES[(row // 4) % 4]}" for row in rows],
        noun=("toy", "toys"),
    )
    user, item, rating = [], [], []
    for u in range(n_users if n_items else 0):
        chosen = rng.permutation(n_items)[: min(12, n_items)]
        user += [u] * len(chosen)
        item += chosen.tolist()
        rating += [5.0 if row % 2 == u % 2 else 2.0 for row in chosen]
    when = np.arange(len(user))
    interactions = Interactions.sorted(list(range(n_users)), user, item, rating, when)
    return Dataset(item_statistics(catalog, interactions), interactions)


def embed_words(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors that count the words of :data:`THEMES` (and a little of everything else)."""
    vectors = np.zeros((len(texts), 16), np.float32)
    for i, text in enumerate(texts):
        for word in re.findall(r"\w+", text.casefold()):
            place = THEMES.index(word) if word in THEMES else 4 + sum(map(ord, word)) % 12
            vectors[i, place] += 1.0 if word in THEMES else 0.1
        vectors[i, 15] += 0.01
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
