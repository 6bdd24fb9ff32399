"""A small recommender for tests of the conversation, and services around it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from langchain_core.runnables import RunnableLambda

from chat_app.commands.made_catalog import made_dataset, made_vectors
from chat_app.controller.rules import read_rules
from chat_app.controller.turn import Event, TurnIntent
from chat_app.services import Services
from chat_app.store import Store
from recsys.controls import Clause, ControlEdit, ControlIntent
from recsys.recommender import load_recommender
from recsys.settings import Settings

POSTGRES = next(
    (
        Path(p)
        for p in [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))[::-1]]
        if (Path(p) / "initdb").exists()
    ),
    None,
)


@pytest.fixture(scope="session")
def postgres_url():
    """A database server of this session's own; skipped where there is none to start."""
    pytest.importorskip("psycopg")
    if POSTGRES is None:
        pytest.skip("no PostgreSQL server is installed")
    folder = Path(tempfile.mkdtemp())
    options = {"cwd": folder}  # the server must be able to read where it stands
    if os.geteuid() == 0:  # it refuses to run as root
        options |= {"user": "postgres"}
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    subprocess.run(
        [POSTGRES / "initdb", "-D", data, "-U", "tiller", "-A", "trust"],
        check=True,
        capture_output=True,
        **options,
    )
    server = subprocess.Popen(
        [
            POSTGRES / "postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            folder,
            "-c",
            "listen_addresses=127.0.0.1",
        ],
        stderr=subprocess.DEVNULL,
        **options,
    )
    url = f"postgresql+psycopg://tiller@127.0.0.1:{port}/postgres"
    try:
        for _ in range(100):
            try:
                sa.create_engine(url).connect().close()
                break
            except sa.exc.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite'}"
        return
    url = request.getfixturevalue("postgres_url")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"t{uuid.uuid4().hex}"
    with engine.connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(scope="session")
def small_recommender(tmp_path_factory):
    """A thousand made films; ``dataset`` beside the recommender."""
    dataset = made_dataset(1000, 5000)
    settings = Settings(home=tmp_path_factory.mktemp("small"), model="als", _env_file=None)
    recommender = load_recommender(dataset, settings, vectors=made_vectors(dataset, 16))
    yield dataset, recommender
    recommender.close()
    shutil.rmtree(settings.data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def reader(films):
    """The rules, for the shipped catalogue."""
    return read_rules(films.catalog)


class Codes:
    """A stand-in reader: each message is a code such as "genre Comedy" or "like 3"."""

    def __init__(self, catalog) -> None:
        self.catalog = catalog

    def __call__(self, said) -> TurnIntent:
        word, _, rest = said["text"].partition(" ")
        if word == "genre":
            clause = Clause(facet="genre", any_of=(rest,))
            return TurnIntent(
                act="recommend", edit=ControlEdit(clear=True, add=ControlIntent(require=(clause,)))
            )
        if word == "count":
            return TurnIntent(act="recommend", edit=ControlEdit(add=ControlIntent(count=int(rest))))
        if word in ("liked", "disliked", "seen"):
            row = int(rest)
            event = Event(kind=word, item=self.catalog.titles[row], id=self.catalog.ids[row])
            return TurnIntent(act="feedback", events=(event,))
        if word == "about":
            return TurnIntent(act="lookup", target=self.catalog.ids[int(rest)])
        if word in ("recommend", "more", "undo", "reset", "explain", "smalltalk"):
            return TurnIntent(act=word)
        return TurnIntent(act="unclear")


@pytest.fixture
def services(small_recommender, tmp_path):
    """Services with a fresh store and the stand-in reader."""
    dataset, recommender = small_recommender
    settings = Settings(home=tmp_path, _env_file=None)
    controller = RunnableLambda(Codes(recommender.catalog))
    store = Store.open(settings)
    yield Services(settings, dataset, recommender, controller, store)
    store.close()


@contextmanager
def read_only(folder):
    """A folder that cannot be written, for root too: it steps down to nobody meanwhile."""
    root = os.geteuid() == 0
    if root:
        for parent in folder.parents:
            if Path(tempfile.gettempdir()) in parent.parents:  # a test's own, or that of its worker
                parent.chmod(0o755)
    folder.chmod(0o555)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
