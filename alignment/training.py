"""What every training run has: it stops on time, on request and on bad numbers, and goes on later."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from shutil import copytree
from typing import Any

from recsys.errors import TillerError
from recsys.lm.adapter import MANIFEST, MOST_STAGES, Manifest, read_manifest, write_manifest
from recsys.settings import REPO

#: Parameters that say how far a training goes, not what it is: another value goes on with it.
FREE = frozenset({"steps", "epochs", "minutes", "save_every"})
NOTE = "training.sha256"


class TrainingError(TillerError):
    """Training cannot go on; the message says what is kept and what to do."""


def other_training(work: Path) -> TrainingError:
    """That what was begun in ``work`` cannot be gone on with."""
    return TrainingError(
        f"{work} holds a training from another parent, on other data or with other settings: use another "
        "name, or delete that folder."
    )


def check_alone() -> None:
    """Raises :class:`TrainingError` where several processes were launched: each would learn the same and
    write the same files."""
    from accelerate import PartialState

    if PartialState().num_processes > 1:
        raise TrainingError(
            "Training runs in one process: start it with `accelerate launch --num_processes 1`."
        )


def check_same_training(work: Path, parent: Manifest, params: Any, data: Any = None) -> None:
    """Note in ``work`` what a Hugging Face trainer learns there: from ``parent``, with ``params`` (a
    dataclass) but for how far it goes, on ``data`` (anything whose ``repr`` tells it apart).

    Raises
    ------
    TrainingError : there is a checkpoint to go on from, and it is not of that.
    """
    settings = {name: value for name, value in asdict(params).items() if name not in FREE}
    note = work / NOTE
    now = hashlib.sha256(repr((parent.sha256, settings, data)).encode()).hexdigest()
    if last_checkpoint(work) and not (note.exists() and note.read_text() == now):
        raise other_training(work)
    note.write_text(now)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of a Hugging Face trainer. One that was being written when the
    program was killed lacks its state, which is written last."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.split("-")[1].isdecimal()]
    for path in sorted(found, key=lambda path: int(path.name.split("-")[1]), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return path
    return None


def with_parents(parent: Path, adapter: Path) -> Path:
    """The folder of ``parent`` beside ``adapter``, which will stand on it; it and what it stands on are
    copied there when they lie elsewhere.

    Raises
    ------
    TrainingError : another adapter of such a name is there.
    """
    source: Path | None = parent
    for _ in range(MOST_STAGES):
        if source is None:
            break
        manifest, beside = read_manifest(source), adapter.parent / source.name
        if source.name == adapter.name:
            raise TrainingError(f"The new adapter would stand on {adapter.name}: give it another name.")
        if not (beside / MANIFEST).exists():
            copytree(source, beside, dirs_exist_ok=True)
        elif read_manifest(beside).sha256 != manifest.sha256:
            raise TrainingError(f"{beside} is another adapter than {source}: rename one of them.")
        source = source.parent / manifest.parent if manifest.parent else None
    return adapter.parent / parent.name


def child_manifest(parent: Manifest, name: str, stage: str, rank: int, training: dict[str, Any]) -> Manifest:
    """Of a LoRA over ``parent`` (of scale 1), not yet measured."""
    return replace(
        parent,
        name=name,
        stage=stage,
        rank=rank,
        alpha=rank,
        parent=parent.name,
        parent_sha256=parent.sha256,
        training=training,
        metrics={},
    )


def measured(manifest: Manifest, metrics: dict[str, Any]) -> Manifest:
    """A manifest with what validation found, and the weights it chose."""
    return replace(
        manifest,
        metrics=metrics,
        fusion=metrics.get("fusion", 0.0),
        fusion_brief=metrics.get("fusion_brief"),
        foresight=metrics.get("foresight", 0.0),
        list_fusion=metrics.get("list_fusion"),
    )


def write_measured(adapter: Path, manifest: Manifest, metrics: dict[str, Any]) -> None:
    """Write the manifest of an adapter that was trained and measured now."""
    write_manifest(adapter, replace(measured(manifest, metrics), revision=revision()))


class StopRequest:
    """Says when to stop: the time is up, or Ctrl-C (once: after the step; twice: at once)."""

    def __init__(self, minutes: float | None = None) -> None:
        self._began, self._seconds = time.monotonic(), minutes * 60 if minutes else float("inf")
        self.interrupted = False

    @property
    def gone(self) -> float:
        """The share of the time that is over."""
        return (time.monotonic() - self._began) / self._seconds

    def __bool__(self) -> bool:
        return self.interrupted or self.gone >= 1

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C and a polite kill as a request. (Only the main thread hears signals.)"""

        def note(number: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        try:
            before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def revision() -> str:
    """The git revision that trained, empty outside a checkout."""
    try:
        command = ["git", "-C", str(REPO), "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
