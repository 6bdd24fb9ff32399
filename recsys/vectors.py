"""Vectors made earlier: the shipped catalogue's texts come embedded, so that a first start is quick.

A file holds one vector a *text*, found by the text's hash: what is not in it (a changed item, one
with a plot fetched at set-up) is embedded as ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Embed = Callable[[Sequence[str]], np.ndarray]


def text_keys(texts: Sequence[str]) -> np.ndarray:
    """64-bit hashes of texts, uint64 ``(n,)``."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, "<u8")


def save_vectors(path: Path, texts: Sequence[str], vectors: np.ndarray) -> None:
    """Keep unit vectors ``(n, d)`` of some texts, in half precision, sorted by hash."""
    keys, first = np.unique(text_keys(texts), return_index=True)
    np.savez_compressed(path, keys=keys, vectors=vectors[first].astype(np.float16))


def remembering(path: Path, load: Callable[[], Embed]) -> Embed:
    """An embedder that looks texts up in a file first; ``load`` gives the one for the rest, and
    is called only when something is missing."""
    with np.load(path, allow_pickle=False) as file:
        keys, vectors = file["keys"], file["vectors"]

    def embed(texts: Sequence[str]) -> np.ndarray:
        wanted = text_keys(texts)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        known = keys[place] == wanted
        out = np.empty((len(texts), vectors.shape[1]), np.float32)
        out[known] = vectors[place[known]]
        if not known.all():
            missing = np.flatnonzero(~known)
            out[missing] = load()([texts[i] for i in missing.tolist()])
        return out

    return embed
