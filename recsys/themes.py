"""Themes: free words about what an item is like, found by their very words and those that stand for them.

An embedder of sentences takes "gory" for "Gordy". What a mood word stands for in the texts of a
catalogue ("gore", "blood", "slasher") is knowledge of its domain, so it is data: a file of words
beside the catalogue (``themes.toml``). Without one, words stand for themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

MAX_THEME = 500  # characters of a theme that are read

_STOP = frozenset(
    ("about", "and", "are", "but", "for", "from", "has", "into", "its", "like", "more", "not", "out")
    + ("set", "some", "something", "that", "the", "their", "them", "they", "this", "very", "was")
    + ("were", "where", "which", "who", "with")
)


class Themes:
    """Reads themes with the help of ``words``: a word or phrase -> what stands for it in texts."""

    def __init__(self, words: Mapping[str, Sequence[str]] | None = None) -> None:
        self._words = {_plain(key.casefold()): tuple(values) for key, values in (words or {}).items()}
        keys = sorted(map(_spelling, self._words), key=len, reverse=True)
        self._keys = re.compile(rf"\b(?:{'|'.join(keys)})\b") if keys else None
        self._units = lru_cache(maxsize=256)(self._read)

    @classmethod
    def load(cls, path: Path) -> Themes:
        """From a TOML file with a table ``words``; an absent file knows no words."""
        if not path.exists():
            return cls()
        with path.open("rb") as file:
            return cls(tomllib.load(file)["words"])

    @property
    def words(self) -> tuple[str, ...]:
        """The words that stand for others."""
        return tuple(self._words)

    def query(self, theme: str) -> str:
        """The text to embed: the theme and what its words stand for."""
        theme = " ".join(theme.split())[:MAX_THEME]
        found = (self._words[_plain(match)] for match in self._found(theme))
        return ", ".join(dict.fromkeys((theme, *(word for words in found for word in words))))

    def matching(self, theme: str, text: str) -> list[str]:
        """What of a theme stands in a text, one word for each word of the theme that does."""
        text = text.casefold()
        hits = (next((word for word, p in unit if p.search(text)), None) for unit in self._units(theme))
        return list(dict.fromkeys(hit for hit in hits if hit))

    def share(self, theme: str, text: str) -> float:
        """The share of a theme's words that stand in a text, 0 to 1."""
        units, text = self._units(theme), text.casefold()
        found = sum(any(pattern.search(text) for _, pattern in unit) for unit in units)
        return found / len(units) if units else 0.0

    def _found(self, theme: str) -> list[str]:
        return self._keys.findall(theme.casefold()) if self._keys else []

    def _read(self, theme: str) -> tuple[tuple[tuple[str, re.Pattern[str]], ...], ...]:
        """The units of a theme: each is what may stand in a text for one of its words."""
        theme = " ".join(theme.casefold().split())[:MAX_THEME]
        units = [(_plain(match), *self._words[_plain(match)]) for match in self._found(theme)]
        rest = self._keys.sub(" ", theme) if self._keys else theme
        units += [(word,) for word in re.findall(r"\w{3,}", rest) if word not in _STOP]
        return tuple(tuple((w, _pattern(w)) for w in unit) for unit in dict.fromkeys(units))


def _plain(phrase: str) -> str:
    return re.sub(r"[\s-]+", " ", phrase)


def _spelling(key: str) -> str:
    """A key matches with spaces or hyphens."""
    return r"[\s-]+".join(map(re.escape, re.split(r"[\s-]+", key)))


@lru_cache(maxsize=4096)
def _pattern(word: str) -> re.Pattern[str]:
    """Finds a word whatever its ending: "robots" finds "robot", "haunted" finds "haunting"."""
    stem = re.sub(r"(?<=\w{4})(?:ies|es|s|ing|ed|y)$", "", word.casefold())
    return re.compile(rf"\b{_spelling(stem)}\w{{0,3}}\b")
