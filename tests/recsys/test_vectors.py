"""Vectors made earlier are used for exactly the texts they were made from."""

import numpy as np

from recsys.semantic import item_texts, load_embedder
from recsys.settings import ASSETS
from recsys.vectors import remembering, save_vectors


def numbers(texts):
    return np.array([[len(text), text.count("a")] for text in texts], np.float32)


def test_known_texts_are_looked_up_and_the_rest_is_embedded(tmp_path):
    path = tmp_path / "vectors.npz"
    save_vectors(path, ["banana", "plum", "plum"], numbers(["banana", "plum", "plum"]))
    asked = []

    def load():
        return lambda texts: asked.extend(texts) or numbers(texts)

    embed = remembering(path, load)
    assert embed(["plum", "banana"]).tolist() == [[4, 0], [6, 3]]
    assert asked == []
    assert embed(["plum", "papaya", "banana", "fig"]).tolist() == [[4, 0], [6, 3], [6, 3], [3, 0]]
    assert asked == ["papaya", "fig"]


def test_the_shipped_vectors_are_those_of_the_shipped_texts(films):
    texts = item_texts(films.catalog)

    def load():
        raise AssertionError("a shipped text has no vector: run python -m recsys.default_catalog")

    shipped = remembering(ASSETS / "ml-latest-small" / "vectors.npz", load)(texts)
    sample = [0, 17, 4000, len(texts) - 1]
    cosines = (shipped[sample] * load_embedder()([texts[i] for i in sample])).sum(axis=1)
    assert (cosines > 0.99).all()
