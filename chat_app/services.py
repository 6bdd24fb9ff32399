"""Everything a running Tiller shares between its conversations, built once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from chat_app.store import Store
from recsys.errors import TillerError
from recsys.promotion import promotion_mark
from recsys.settings import Settings

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from langchain_core.runnables import Runnable

    from chat_app.controller.turn import TurnIntent
    from chat_app.conversation import Conversation
    from recsys.catalog import Catalog
    from recsys.datasets import Dataset
    from recsys.recommender import Recommender

log = logging.getLogger(__name__)

LOCK = "tiller.lock"


class ServicesError(TillerError):
    """Tiller cannot start here; the message says why and what to do."""


@dataclass
class Services:
    """What conversations work with; close it, or use it in a ``with`` statement.

    ``notices`` are sentences for the person at the start (a damaged store was set aside, parts
    of the data are missing). ``live`` holds the conversations open in this process, so that two
    windows on one conversation share it.
    """

    settings: Settings
    dataset: Dataset
    recommender: Recommender
    controller: Runnable[dict[str, Any], TurnIntent]
    store: Store
    notices: tuple[str, ...] = ()
    lock: BaseFileLock | None = None
    live: WeakValueDictionary[tuple[str, str], Conversation] = field(default_factory=WeakValueDictionary)
    gate: threading.Lock = field(default_factory=threading.Lock)
    _followed: tuple[int, ...] | None = None  # the mark of the promotion that ranks
    _following: threading.Lock = field(default_factory=threading.Lock)

    @property
    def catalog(self) -> Catalog:
        """The catalogue that is recommended from."""
        return self.recommender.catalog

    def follow_promotion(self, wait: bool = False) -> None:
        """Let what was promoted or taken back since, here or by the command, rank from now on.

        What is under way ends with the recommender it began with, which then goes: there are never more
        than two. While one is loaded, others go on without, unless they ``wait``. One that cannot be loaded
        changes nothing, and that is logged.
        """
        from recsys.models import AUTO, default_model

        if self.settings.model != AUTO or not self._following.acquire(blocking=wait):
            return
        try:
            mark = promotion_mark(self.settings.data_dir)
            if mark == self._followed:
                return
            self._followed = mark
            name = default_model(self.catalog, self.settings)
            if name != self.recommender.name:
                self.recommender = self.recommender.with_model(name, self.settings)
        except Exception:
            log.exception("%s goes on ranking: what was promoted cannot be loaded", self.recommender.name)
        finally:
            self._following.release()

    def close(self) -> None:
        """Give everything back: database, index, data directory."""
        self.recommender.close()
        self.store.close()
        if self.lock is not None:
            self.lock.release()

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_services(
    settings: Settings,
    progress: Callable[[str], None] | None = None,
    check: Callable[[Store], None] | None = None,
) -> Services:
    """Take the data directory and build everything; ``progress`` is told in words. ``check`` looks at
    the store before anything slow, and refuses by what it raises.

    Raises a :class:`TillerError` with one plain sentence: the directory cannot be written, is in
    use by another process, or something in it cannot be read.
    """
    from chat_app.controller import build_controller
    from recsys.datasets import load_dataset
    from recsys.enrichment import enrich
    from recsys.recommender import load_recommender

    say = progress or (lambda _: None)
    lock = lock_directory(settings.data_dir)
    store = None
    try:
        store = Store.open(settings)
        if check:
            check(store)
        say("Reading the catalogue …")
        dataset = enrich(load_dataset(settings.catalog), settings)
        recommender = load_recommender(dataset, settings, progress=progress)
        controller = build_controller(recommender.catalog, settings)
    except BaseException:
        if store is not None:
            store.close()
        lock.release()
        raise
    notices = (*store.notices, *dataset.notes)
    return Services(settings, dataset, recommender, controller, store, notices, lock)


def lock_directory(folder: Path) -> BaseFileLock:
    """Create the data directory and take it for this process; release the lock at the end."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise ServicesError(
            f"Another Tiller is using the data directory {folder}. "
            "Stop it, or set TILLER_HOME to another directory."
        ) from None
    except OSError as error:
        raise ServicesError(
            f"The data directory {folder} cannot be written ({error.strerror or error}). "
            "Set TILLER_HOME to a directory that can."
        ) from error
    return lock
