"""The patterns of ``patterns.toml``, compiled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_PART = re.compile(r"\{([A-Z_]+)\}")


def compiled(name: str, **parts: str) -> re.Pattern[str]:
    """A single pattern, with parts of the caller's; KeyError when there is none of that name."""
    return re.compile(joined(name, **parts))


def joined(name: str, **parts: str) -> str:
    """A single pattern as text, to build others from."""
    return _join(_DATA["patterns"][name], parts)


def kinds() -> Iterator[tuple[str, re.Pattern[str]]]:
    """The kinds of sentences and what tells them; matches begin and end at word borders."""
    for kind, alternatives in _DATA["kinds"].items():
        yield kind, re.compile(rf"(?:^|(?<= ))(?:{_join(alternatives)})(?:(?= |$)|(?<= ))")


def cues() -> Iterator[tuple[re.Pattern[str], str | None, bool]]:
    """Cues of stance in order: pattern, mode (None keeps the mode), and whether it denies."""
    for cue in _DATA["cue"]:
        pattern = re.compile(rf"(?:{_join(cue['any'])})(?:(?= |$)|(?<= ))")
        yield pattern, cue.get("mode"), cue.get("negated", False)


@lru_cache
def _part(name: str) -> str:
    return f"(?:{_join(_DATA['parts'][name])})"


def _join(alternatives: list[str], parts: Mapping[str, str] = MappingProxyType({})) -> str:
    return _PART.sub(lambda m: parts[m[1]] if m[1] in parts else _part(m[1]), "|".join(alternatives))
