"""``tiller doctor``: is everything here, and what to do when it is not."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import NamedTuple

from recsys.settings import Settings

NEEDED_MB = 500
PACKAGES = ("torch", "implicit", "chromadb", "gradio", "langchain", "sqlalchemy", "sentence_transformers")


class Check(NamedTuple):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings) -> list[Check]:
    """Look at everything Tiller needs; a failed check says what to do."""
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("Python", _python),
        ("packages", _packages),
        ("data directory", _data_directory),
        ("catalogue", _catalogue),
        ("text embeddings", _embeddings),
        ("ranker", _ranker),
        ("store", _store),
        ("chat model", _chat_model),
    ]
    results = []
    for name, check in checks:
        try:
            results.append(Check(name, True, check(settings)))
        except Exception as error:
            results.append(Check(name, False, " ".join(str(error).split()) or type(error).__name__))
    return results


def _python(settings: Settings) -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _packages(settings: Settings) -> str:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} missing; run `make setup`.")
    return "all installed"


def _data_directory(settings: Settings) -> str:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RuntimeError(
            f"{folder} cannot be written ({error.strerror}); set TILLER_HOME to a folder that can."
        ) from None
    free = shutil.disk_usage(folder).free // 2**20
    if free < NEEDED_MB:
        raise RuntimeError(f"only {free} MB are free at {folder}; free {NEEDED_MB} MB or set TILLER_HOME.")
    return f"{folder}, {free // 1024} GB free"


def _catalogue(settings: Settings) -> str:
    from recsys.datasets import load_dataset

    dataset = load_dataset(settings.catalog)
    catalog = dataset.catalog
    ratings = len(dataset.interactions.user)
    return f"{catalog.name}: {len(catalog):,} {catalog.noun[1]}, {ratings:,} ratings"


def _embeddings(settings: Settings) -> str:
    from recsys.semantic import load_embedder

    size = len(load_embedder()(["a test"])[0])
    return f"all-MiniLM-L6-v2, {size} numbers a text"


def _ranker(settings: Settings) -> str:
    from recsys.datasets import load_dataset
    from recsys.lm.adapter import load_model
    from recsys.models import AUTO, check_model, default_model, find_adapter

    check_model(settings.model, settings)
    catalog = load_dataset(settings.catalog).catalog
    name = default_model(catalog, settings) if settings.model == AUTO else settings.model
    folder = find_adapter(name, settings)
    if folder is None:
        return name
    load_model(folder, catalog, settings.data_dir)
    return f"{name}, whole and for this catalogue"


def _store(settings: Settings) -> str:
    from chat_app.services import ServicesError, lock_directory
    from chat_app.store import Store

    try:
        lock = lock_directory(settings.data_dir)
    except ServicesError as error:  # opening may mend a damaged store: not under a running app
        return f"not looked into: {error}"
    store = None
    try:
        store = Store.open(settings)
        return str(store.url)
    finally:
        if store is not None:
            store.close()
        lock.release()


def _chat_model(settings: Settings) -> str:
    if not settings.chat_model:
        return "none configured; the rules read requests (set TILLER_CHAT_MODEL to change that)"
    from chat_app.controller.chat_model import ping

    ping(settings)
    return f"{settings.chat_model} answers"
