"""The file of wordings: read, and held against what must be in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from recsys.controls import ControlIntent, Op, Order, Popularity
from recsys.errors import TillerError
from recsys.settings import REPO

CONTROLS = Path(REPO) / "prompts" / "controls.toml"
PLACE = re.compile(r"\{(\w+)\}")
#: What is filled in, by table: all of these must be there. ``{items}`` may be, and
#: ``{facet}`` where a facet is spoken of.
_FILLED = {
    "count": "n",
    "again": "n",
    "more": "listed",
    "like": "listed",
    "unlike": "listed",
    "turn": "change",
    "dropped": "what",
    "allowed": "what",
    "require": "which",
    "exclude": "which",
    "search": "which",
    "which": "values",
    "quota": "number which",
    "share": "percent",
    "theme": "theme",
    "avoid_theme": "theme",
    "reverse": "facet listed",
}
_BOUNDS = {"one": "min", "min": "min", "max": "max", "both": "min max"}
#: The tables that must be there: one for every kind of control.
_TABLES = (
    *(key for key in _FILLED if key not in ("which", "quota")),
    *("open", "start_over", "which.any", "join.or", "join.and", "join.list", "frames"),
    *(f"range.any.{kind}" for kind in _BOUNDS),
    *(f"quota.{op}" for op in get_args(Op)),
    *(f"popularity.{kind}" for kind in get_args(Popularity)),
    *(f"order.{key}" for key in get_args(Order)),
)


class WordingError(TillerError, ValueError):
    """The file of wordings is not as it must be; the message names the table."""


@dataclass(frozen=True)
class Phrasing:
    """One thing said in many ways."""

    canonical: Any
    train: Sequence[Any]
    unseen: Sequence[Any]


Tables = tuple[dict[str, Phrasing], dict[str, str], dict[str, Sequence[str]]]


@lru_cache(maxsize=1)
def load_wordings() -> Tables:
    """What :data:`CONTROLS` says, read once."""
    return read_wordings(CONTROLS)


def read_wordings(path: Path) -> Tables:
    """The phrasings by dotted key, the names of controls, the words of shares.

    Raises :class:`WordingError` when the file cannot be read or a table in it is not as it must be.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WordingError(f"{path} cannot be read ({error}): get the file again.") from None
    names, share_words = data.pop("names", {}), data.pop("share_words", {})
    phrasings = dict(_phrasings(path.name, data))
    if missing := [key for key in _TABLES if key not in phrasings]:
        raise WordingError(f"{path.name} lacks the table [{missing[0]}]: add it.")
    fields = set(ControlIntent.model_fields)
    if missing := sorted(fields - set(names)):
        raise WordingError(f"{path.name}: [names] lacks “{missing[0]}”: add it.")
    return phrasings, names, share_words


def _phrasings(file: str, table: Mapping[str, Any], at: str = "") -> list[tuple[str, Phrasing]]:
    found: list[tuple[str, Phrasing]] = []
    for name, entry in table.items():
        key = f"{at}.{name}".lstrip(".")
        if not isinstance(entry, dict):
            raise WordingError(f"{file}: [{at}] {name} stands where a table was expected.")
        if "canonical" in entry:
            found.append((key, _phrasing(file, key, entry)))
        else:
            found += _phrasings(file, entry, key)
    return found


def _phrasing(file: str, key: str, entry: Mapping[str, Any]) -> Phrasing:
    for name in ("train", "unseen"):
        if not isinstance(entry.get(name), list) or not entry[name]:
            raise WordingError(f"{file}: [{key}] needs a list “{name}” with at least one wording.")
    everything = [entry["canonical"], *entry["train"], *entry["unseen"]]
    if shared := [wording for wording in entry["unseen"] if wording in everything[: -len(entry["unseen"])]]:
        raise WordingError(f"{file}: [{key}] trains on “{shared[0]}”, which is to stay unseen.")
    if key == "frames":
        parts = {"between", "last", "end", "capital", "first"}
        if not all(isinstance(frame, dict) and set(frame) == parts for frame in everything):
            raise WordingError(f"{file}: [{key}] needs {', '.join(sorted(parts))} in every frame.")
        return Phrasing(entry["canonical"], entry["train"], entry["unseen"])
    _check_places(file, key, everything)
    return Phrasing(entry["canonical"], entry["train"], entry["unseen"])


def _check_places(file: str, key: str, wordings: Sequence[Any]) -> None:
    """Everything that is filled in has a place in every wording, and there are no other places."""
    head, tail = key.partition(".")[0], key.rpartition(".")[2]
    wanted = set((_BOUNDS.get(tail, "") if head == "range" else _FILLED.get(head, "")).split())
    allowed = wanted | ({"items", "facet"} if head in ("which", "range") else {"items"})
    for wording in wordings:
        if not isinstance(wording, str):
            raise WordingError(f"{file}: [{key}] has {wording!r}, which is no text.")
        found = set(PLACE.findall(wording))
        if lacking := sorted(wanted - found):
            raise WordingError(f"{file}: [{key}] “{wording}” lacks {{{lacking[0]}}}.")
        if unknown := sorted(found - allowed):
            raise WordingError(f"{file}: [{key}] “{wording}” has {{{unknown[0]}}}, which is not known there.")
