"""``tiller bench``: how long a turn takes, how soon the app answers, how much memory it needs.

Seconds differ between machines; what to compare are the ratios of one run. Requests are read from a
file: one message a line, an empty line starts a new conversation, or labelled conversations (JSONL).
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recsys.errors import TillerError
from recsys.settings import REPO, Settings

REQUESTS = REPO / "tests" / "data" / "turns_dev.jsonl"
WARM_UP = 5  # conversations that are held once before any is timed
SERVED = 40  # messages sent to the served app before its memory is read
LARGE_ITEMS, LARGE_INTERACTIONS, VECTOR_SIZE = 1_000_000, 5_000_000, 384

Conversations = list[list[str]]


@dataclass(frozen=True)
class Turns:
    """Seconds of the turns that ended in a slate."""

    items: int
    turns: int
    median: float
    p95: float


@dataclass(frozen=True)
class Report:
    """What was measured. ``memory_mb`` is the served app's peak; ``start`` the seconds from
    launching it to its first slate."""

    turns: Turns
    start: float
    memory_mb: float
    large: Turns | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def table(self) -> str:
        """As a Markdown table."""
        rows = [
            ("message to slate, median", f"{self.turns.median * 1000:.0f} ms"),
            (f"message to slate, 95 % ({self.turns.turns} turns)", f"{self.turns.p95 * 1000:.0f} ms"),
            ("app start to first answer", f"{self.start:.1f} s"),
            ("peak resident memory of the app", f"{self.memory_mb:.0f} MB"),
        ]
        if self.large:
            ratio = self.large.median / self.turns.median
            rows.append(
                (f"the same turns over {self.large.items:,} items, median", f"{ratio:.1f} times as long")
            )
        return "\n".join(["| what | measured |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])


def run_bench(
    settings: Settings, requests: Path | None, large: bool, progress: Callable[[str], None]
) -> Report:
    """Measure on the settings' data directory (its store is left alone)."""
    conversations = read_requests(requests or REQUESTS)
    with tempfile.TemporaryDirectory() as folder:
        scratch = settings.model_copy(update={"store_url": f"sqlite:///{folder}/store.sqlite"})
        progress("Turns on the default catalogue …")
        turns = _default_turns(scratch, conversations)
        progress("Starting the app …")
        start, memory = _served(scratch, conversations)
        made = None
        if large:
            at = {"home": Path(folder) / "large", "store_url": f"sqlite:///{folder}/large.sqlite"}
            made = _large_turns(settings.model_copy(update=at), conversations, progress)
    return Report(turns, start, memory, made)


def read_requests(path: Path) -> Conversations:
    """Conversations as lists of messages."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [[turn["user"] for turn in json.loads(line)["turns"]] for line in text.splitlines()]
    return [part.splitlines() for part in re.split(r"\n\s*\n", text.strip())]


def _default_turns(settings: Settings, conversations: Conversations) -> Turns:
    from chat_app.services import load_services

    with load_services(settings) as services:
        return _time_turns(services, conversations)


def _large_turns(settings: Settings, conversations: Conversations, progress: Callable[[str], None]) -> Turns:
    from chat_app.commands.made_catalog import made_dataset, made_vectors
    from chat_app.controller import build_controller
    from chat_app.services import Services
    from chat_app.store import Store
    from recsys.recommender import load_recommender

    progress(f"Making {LARGE_ITEMS:,} items and {LARGE_INTERACTIONS:,} interactions …")
    dataset = made_dataset(LARGE_ITEMS, LARGE_INTERACTIONS)
    vectors = made_vectors(dataset, VECTOR_SIZE)
    recommender = load_recommender(dataset, settings, vectors=vectors, progress=progress)
    controller = build_controller(dataset.catalog, settings)
    progress(f"Turns over {LARGE_ITEMS:,} items …")
    with Services(settings, dataset, recommender, controller, Store.open(settings)) as services:
        return _time_turns(services, conversations)


def _time_turns(services: Any, conversations: Conversations) -> Turns:
    from chat_app.conversation import Conversation

    seconds = []
    for number, messages in enumerate([*conversations[:WARM_UP], *conversations]):
        conversation = Conversation.new(services, "bench")
        for message in messages:
            before = time.perf_counter()
            reply = conversation.turn(message)
            if reply.slate is not None and number >= WARM_UP:
                seconds.append(time.perf_counter() - before)
    if not seconds:
        raise TillerError("None of the messages led to a list, so there is nothing to measure.")
    seconds.sort()
    p95 = seconds[min(int(0.95 * len(seconds)), len(seconds) - 1)]
    return Turns(len(services.catalog), len(seconds), statistics.median(seconds), p95)


def _served(settings: Settings, conversations: Conversations) -> tuple[float, float]:
    """Seconds from launch to the first slate of the served app, and its peak memory in MB."""
    from gradio_client import Client

    env = {
        **os.environ,
        "TILLER_HOME": str(settings.data_dir),
        "TILLER_STORE_URL": str(settings.store_url),
        "TILLER_RATE_LIMIT": "1000000",
    }
    before = time.perf_counter()
    command = [sys.executable, "-m", "chat_app.cli", "chat", "--port", "0"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            address = _address(process)
            client = Client(address, verbose=False)
            client.predict("five thrillers from the 90s", api_name="/turn")
            start = time.perf_counter() - before
            for message in [m for messages in conversations for m in messages][:SERVED]:
                client.predict(message, api_name="/turn")
        finally:
            os.kill(process.pid, signal.SIGTERM)  # not terminate(), which reaps what has ended by itself
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0  # reaped above, for its memory
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return start, kilobytes / 1024


def _address(process: subprocess.Popen[str]) -> str:
    """What the app says it listens on; RuntimeError with its last words when it does not start."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line.strip())
        if found := re.search(r"http://\S+", line):
            # read on, or the app stops when the pipe is full
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return found[0]
    raise RuntimeError(f"The app did not start: {' '.join(said[-3:])}")
