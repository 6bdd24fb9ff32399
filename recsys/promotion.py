"""Which adapter was made a catalogue's default, and what was before it: one small file.

    promoted.json   {"ml-latest-small": [{"model": "first", "when": "…"}, {"model": "second", "when": "…"}]}

The last entry is in force; taking it back leaves the one before.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from recsys.errors import TillerError

FILE = "promoted.json"


class PromotionError(TillerError):
    """A model that cannot be made the default, or a record of defaults that cannot be read."""


class Promotion(BaseModel):
    """A model that was made the default, and when."""

    model_config = ConfigDict(frozen=True)

    model: str
    when: datetime


class _Record(RootModel[dict[str, list[Promotion]]]):
    pass


def promotions(catalog: str, data_dir: Path) -> list[Promotion]:
    """Of a catalogue (by name), the one in force last. Raises :class:`PromotionError`."""
    return _read(data_dir / FILE).get(catalog, [])


def promotion_mark(data_dir: Path) -> tuple[int, ...]:
    """Stays the same until something is promoted or taken back; costs next to nothing to ask for."""
    try:
        stat = (data_dir / FILE).stat()
    except OSError:
        return ()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def add_promotion(catalog: str, model: str, data_dir: Path) -> None:
    """Put ``model`` in force. Raises :class:`PromotionError`."""
    record = _read(data_dir / FILE)
    record.setdefault(catalog, []).append(Promotion(model=model, when=datetime.now(UTC)))
    _write(data_dir / FILE, record)


def take_back(catalog: str, data_dir: Path) -> Promotion:
    """Take back the one in force and return it. Raises :class:`PromotionError` when there is none."""
    record = _read(data_dir / FILE)
    if not record.get(catalog):
        raise PromotionError(f"No model was promoted for {catalog}: there is nothing to take back.")
    last = record[catalog].pop()
    _write(data_dir / FILE, record)
    return last


def _read(path: Path) -> dict[str, list[Promotion]]:
    try:
        return _Record.model_validate_json(path.read_bytes()).root
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        raise PromotionError(
            f"{path} cannot be read: repair it, or delete it to have models chosen by themselves."
        ) from None


def _write(path: Path, record: dict[str, list[Promotion]]) -> None:
    """Write beside, then rename: the file is whole or as it was."""
    beside = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(_Record(record).model_dump(mode="json"), indent=2) + "\n", "utf-8")
        beside.replace(path)
    except OSError as error:
        raise PromotionError(f"{path} cannot be written ({error.strerror}): check the folder.") from None
    finally:
        with suppress(OSError):
            beside.unlink()
