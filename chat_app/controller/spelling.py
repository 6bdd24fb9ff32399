"""Slips of the keyboard in plain words: "lenght", "hte", "posible"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from chat_app.controller.english import CONTROLS, FILLER, FUNCTION, common_words
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.names import NEAR_NAME, name_key
from chat_app.controller.text import fold, plural, singular
from chat_app.controller.years import DECADES

COMMON = 12_000  # place in the list of common words up to which a word is taken for what was meant
LONG = 6  # letters from which on a wrong or missing one still leaves little doubt
_PERIODS = frozenset(word for decade in DECADES for word in decade.split())
_CONTROLS = frozenset(word for names in CONTROLS.values() for name in names for word in name.split())


class Spelling:
    """What words of one catalogue's messages were meant to be.

    A word is mended when nobody else has it (no English word, none of a name, a title or a value) and a
    common word is one slip away (Damerau's: a letter wrong, missing, too many, or two swapped).
    """

    def __init__(self, lexicon: Lexicon) -> None:
        catalog = lexicon.catalog
        values = (v for f in catalog.categorical.values() for v in f.values)
        self._own = {*_words(catalog.titles), *_words(values), *_words((*lexicon.phrases, *lexicon.themes))}
        self._own |= {*FUNCTION, *FILLER, *lexicon.fillers, *_words(lexicon.nouns)}
        self._names = lexicon.names
        self._values: dict[str, list[str]] = defaultdict(list)
        for word in (*lexicon.single_words, *lexicon.nouns):
            self._values[word[0]].append(word)
        self._meant: dict[str, list[str]] = defaultdict(list)
        plain = {word for word, place in common_words().items() if place < COMMON}
        facets = (word for w in lexicon.words.values() for word in _words((*w.names, *w.units)))
        own = {word for word in (*FUNCTION, *FILLER, *facets, *_PERIODS) if word.isalpha() and len(word) > 2}
        for word in sorted(plain | own):
            self._meant[word[0]].append(word)
        self._mended = cache(self._meant_by)

    def mended(self, word: str, before: str = "") -> str | None:
        """The word that was meant, behind the word ``before``; None where it is fine, or nobody can tell."""
        meant = self._mended(word)
        return (
            None if meant is None or before in self._names.first and self._ends_name(before, word) else meant
        )

    def _ends_name(self, first: str, word: str) -> bool:
        """Whether a first name and a word misspell a name: "tom cruse"."""
        near = self._names.nearest(f"{first} {word}", n=1)
        return bool(near) and near[0][1] >= NEAR_NAME and name_key(near[0][0].value).startswith(f"{first} ")

    def _meant_by(self, word: str) -> str | None:
        plain = len(word) > 2 and word.isalpha() and word.isascii()
        if not plain or not common_words() or self._is_word(word):
            return None
        if len(word) >= LONG and self._names.near_surname(word):
            return None
        found = self._near(word)
        if not found and plural(one := singular(word)) == word and (meant := self._mended(one)):
            return plural(meant)
        if not found or self._means_value(word) and not _CONTROLS.intersection(found):
            return None
        swapped = [meant for meant in found if sorted(meant) == sorted(word)]  # the likeliest slip
        return min(swapped or found, key=lambda meant: common_words().get(meant, 0))

    def _near(self, word: str) -> list[str]:
        found: list[str] = []
        for initial in {word[0], word[1]}:  # the first two letters may be swapped
            near = process.extract(word, self._meant[initial], scorer=OSA.distance, score_cutoff=1, limit=8)
            found += [meant for meant, _, _ in near if _is_slip(word, meant)]
        return found

    def _means_value(self, word: str) -> bool:
        """Whether a value's own word is near, too: what is asked for comes first ("musicle")."""
        values = self._values[word[0]]
        return (
            process.extractOne(word, values, scorer=OSA.distance, score_cutoff=1 + (len(word) > 6))
            is not None
        )

    def _is_word(self, word: str) -> bool:
        stems = (word.removesuffix(ending) for ending in ("s", "es", "d", "ed", "ing", "er", "ly"))
        known = (word, *(stem for stem in stems if len(stem) > 3))
        return any(one in common_words() or one in self._own for one in known)


def _is_slip(word: str, meant: str) -> bool:
    """Whether one is likely typed for the other: letters swapped, in longer words one of them wrong."""
    if sorted(word) == sorted(meant):
        return True
    form = word.startswith(meant) or word[:-1] == meant[:-1]  # rather than a slip: "twisty", "cheesy"
    return len(word) >= LONG - (meant in FUNCTION) and word[0] == meant[0] and not form


def _words(phrases: Iterable[str]) -> set[str]:
    return {word for phrase in phrases for word in re.findall(r"[a-z]{3,}", fold(phrase))}
