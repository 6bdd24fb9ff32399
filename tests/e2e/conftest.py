"""A real server process and a real browser.

The catalogue is a few hundred well-known films of the shipped one, and one whose title tries to
be HTML, in the bring-your-own format; every run has a data directory of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
EVIL = '<img src=x onerror="window.hacked=1"> & Friends (1999)'
WAIT = 30_000  # milliseconds; other tests run beside these
COLUMNS = """
name = "few-films"
noun = ["film", "films"]
[items]
file = "films.csv"
id = "id"
title = "title"
categorical = { genre = "genre", director = "director", language = "language", country = "country" }
numeric = { year = "year", runtime = "runtime" }
links = { imdb = "imdb", tmdb = "tmdb" }
[interactions]
file = "ratings.csv"
user = "user"
item = "item"
rating = "rating"
timestamp = "timestamp"
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


# the server


@pytest.fixture(scope="session")
def catalog_folder(films, tmp_path_factory) -> Path:
    """300 films with their ratings, and the evil one."""
    catalog, ratings = films.catalog, films.interactions
    rows = sorted(catalog.popularity.argsort()[::-1][:300].tolist())
    columns = ("genre", "director", "language", "country")
    table = [
        {
            "id": catalog.ids[row],
            "title": catalog.titles[row],
            **{f: "|".join(catalog.categorical[f].values_of(row)) for f in columns},
            **{f: catalog.numeric[f][row] for f in ("year", "runtime")},
            **{f: catalog.link(f, row) or "" for f in ("imdb", "tmdb")},
        }
        for row in rows
    ]
    table.append(dict(table[0], id=999_999, title=EVIL, genre="Comedy|<b>Drama</b>", imdb="", tmdb=""))
    folder = tmp_path_factory.mktemp("films")
    pd.DataFrame(table).to_csv(folder / "films.csv", index=False)
    chosen = [i for i, row in enumerate(ratings.item.tolist()) if row in set(rows)]
    pd.DataFrame(
        {
            "user": ratings.user[chosen],
            "item": [catalog.ids[ratings.item[i]] for i in chosen],
            "rating": ratings.rating[chosen],
            "timestamp": ratings.timestamp[chosen],
        }
    ).to_csv(folder / "ratings.csv", index=False)
    (folder / "catalog.toml").write_text(COLUMNS)
    return folder


@pytest.fixture(scope="session")
def new_home(catalog_folder, tmp_path_factory) -> Callable[[], Path]:
    """Makes data directories in which index and model are ready: they are made once for all servers."""
    from recsys.datasets import load_dataset
    from recsys.recommender import load_recommender
    from recsys.settings import Settings

    ready = tmp_path_factory.mktemp("ready")
    settings = Settings(home=ready, model="als", _env_file=None)
    load_recommender(load_dataset(str(catalog_folder)), settings).close()

    def copy() -> Path:
        home = tmp_path_factory.mktemp("home")
        return Path(shutil.copytree(ready, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.lock")))

    return copy


class Server:
    """A ``tiller chat`` process."""

    def __init__(self, home: Path, catalog: Path, **settings: object) -> None:
        self.home, self.catalog, self.settings = home, catalog, settings
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None
        self.may_go_on = threading.Event()  # a chat model that hesitates waits for it

    def start(self) -> Server:
        """Start it and wait until it answers."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TILLER_", "GRADIO_"))}
        environment["TILLER_MODEL"] = "als"
        environment |= {f"TILLER_{k.upper()}": str(v) for k, v in self.settings.items()}
        environment |= {"TILLER_HOME": str(self.home), "TILLER_CATALOG": str(self.catalog)}
        command = "from chat_app.cli import main; main()"
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", command, "--debug", "chat", "--port", str(self.port)],
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return self
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise AssertionError("The server did not start:\n" + self.log())

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def log(self) -> str:
        """What it wrote."""
        return (self.home / "server.log").read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server(catalog_folder, new_home) -> Iterator[Server]:
    """The server most tests share."""
    running = Server(new_home(), catalog_folder, rate_limit=1000).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def strict_server(catalog_folder, new_home) -> Iterator[Server]:
    """A server with tight limits whose chat model hesitates over the word "slowly", until it may go on."""
    may_go_on = threading.Event()
    with _hesitant_model(may_go_on) as address:
        settings = {"chat_model": "openai:made", "chat_base_url": address, "chat_api_key": "none"}
        limits = {"rate_limit": 4, "max_message": 200, "chat_timeout": 20}
        running = Server(new_home(), catalog_folder, **settings, **limits).start()
        running.may_go_on = may_go_on
        yield running
        running.stop()


@contextmanager
def _hesitant_model(may_go_on: threading.Event) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            said = json.loads(body)["messages"][-1]["content"]
            if "slowly" in str(said):
                may_go_on.wait(60)
            self.send_response(400)  # not retried: the rules read the message instead
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            pass

    model = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{model.server_port}/v1"
    model.shutdown()


# the browser


@pytest.fixture(scope="session")
def browser():
    if not Path(CHROMIUM).exists():
        reason = f"There is no Chromium at {CHROMIUM}."
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Chat:
    """One window on the app, as a person uses it."""

    def __init__(self, page, url: str) -> None:
        self.page, self.url = page, url
        self.box = page.get_by_role("textbox", name="Your message")
        self.cards = page.locator(".turn").last.locator(".card")
        self.chips = page.locator(".chip")
        self.turns = page.locator(".turn")
        self.notice = page.locator(".notice")

    def open(self) -> Chat:
        self.page.goto(self.url)
        self.page.locator(".welcome, .turn").first.wait_for(timeout=WAIT)
        return self

    def say(self, text: str) -> None:
        """Type a message, send it with Enter, wait for the answer."""
        self.box.fill(text)
        self.after(lambda: self.box.press("Enter"))

    def after(self, action: Callable[[], object], turns: int = 1) -> None:
        """Do something and wait until the thread has so many turns more (or fewer)."""
        want = self.turns.count() + turns
        action()
        self.page.wait_for_function(
            "n => document.querySelectorAll('.turn').length === n && !document.querySelector('.pending')",
            arg=want,
            timeout=WAIT,
        )

    def click(self, label: str, turns: int = 1) -> None:
        """Click the button of that name."""
        self.after(lambda: self.page.get_by_role("button", name=label, exact=True).last.click(), turns)

    def titles(self) -> list[str]:
        """The titles on the latest slate."""
        return [re.sub(r"\s+", " ", t).strip() for t in self.cards.locator("h3").all_inner_texts()]

    def in_force(self) -> list[str]:
        """The labels of the control chips."""
        return [label.strip() for label in self.chips.all_inner_texts()]


@pytest.fixture
def new_chat(browser) -> Iterator[Callable[..., Chat]]:
    """Opens windows, each a browser of its own; afterwards no page may have failed or asked
    another host for anything."""
    contexts, trouble = [], []

    def open_window(running: Server, **options) -> Chat:
        options.setdefault("viewport", {"width": 1280, "height": 860})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        host = running.url + "/"
        page.on("pageerror", lambda error: trouble.append(f"error on the page: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((host, "data:", "blob:"))
                else trouble.append(f"request to {request.url}")
            ),
        )
        return Chat(page, running.url).open()

    yield open_window
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def chat(new_chat, server) -> Chat:
    """One window on the shared server."""
    return new_chat(server)
