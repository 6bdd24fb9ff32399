"""Title search: exact up to spelling habits, tolerant of typos, and inside running text.

Every title has *keys*: canonical spellings of its main name, of its other names, and of
the short forms people use (see :mod:`recsys.title_forms`). A request is looked up among
the keys with the spaces taken out ("spiderman" finds "Spider-Man"). When that fails, an
inverted index from words to keys gives the nearest, typos mended word by word, and the
best of them are compared letter by letter.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recsys.title_forms import (
    ARTICLES,
    BARE_YEAR,
    LEADING_ARTICLE,
    Token,
    canonical,
    display_title,
    plain,
    short_forms,
    split_names,
    split_year,
    tokens,
    without_part,
)

if TYPE_CHECKING:
    from recsys.catalog import Catalog
    from recsys.title_words import TitleWords

__all__ = ["Mention", "TitleIndex", "TitleMatch", "display_title"]

MAIN, OTHER, SHORT, SUBTITLE = range(4)
YEAR_AFTER = re.compile(r"\s*(\(?)((?:18|19|20)\d\d)\b\)?")
#: A short form means the item with that very title unless another is this much better known:
#: "Lord of the Rings" is not the animated film of that name.
BETTER_KNOWN = 5.0
LONGEST_MENTION = 12
#: Years that a person may be wrong about when an item came out.
NEAR_YEARS = 2


class TitleMatch(NamedTuple):
    """A row, how near its title is (0 to 100), and whether the text is exactly a name of it."""

    row: int
    score: float
    exact: bool


class Mention(NamedTuple):
    """A name found in a text at ``start:end``. ``exact``: a whole name as spelled there,
    its article included, rather than a short form or a number in another spelling."""

    start: int
    end: int
    row: int
    exact: bool


class TitleIndex:
    """Looks up the titles of one catalogue."""

    def __init__(self, catalog: Catalog) -> None:
        self._popularity = catalog.popularity
        self._titles = catalog.titles
        self._years = catalog.numeric.get("year")
        self._ids: dict[str, int] = {}  # key without spaces -> key number
        self.keys: list[str] = []  # key number -> key
        numbers, rows, kinds = array("l"), array("l"), bytearray()
        for row, title in enumerate(catalog.titles):
            for key, kind in _keys(title, catalog.aliases.get(row, ())).items():
                number = self._ids.setdefault(key.replace(" ", ""), len(self.keys))
                if number == len(self.keys):
                    self.keys.append(key)
                numbers.append(number)
                rows.append(row)
                kinds.append(kind)
        number_of, kind_of = np.asarray(numbers, np.int64), np.frombuffer(kinds, np.uint8)
        order = np.argsort(number_of, kind="stable")
        self._start = np.searchsorted(number_of[order], np.arange(len(self.keys) + 1))
        self._rows, self._kinds = np.asarray(rows, np.int64)[order], kind_of[order]
        # a subtitle of several items ("the movie", "the beginning") names none of them
        direct = np.bincount(number_of[kind_of != SUBTITLE], minlength=len(self.keys))
        for vague in np.flatnonzero((direct == 0) & (np.diff(self._start) > 1)):
            del self._ids[self.keys[vague].replace(" ", "")]
            self.keys[vague] = ""

    @cached_property
    def _words(self) -> TitleWords:
        from recsys.title_words import TitleWords

        best_known = np.maximum.reduceat(self._popularity[self._rows], self._start[:-1])
        return TitleWords(self.keys, best_known)

    def exact(self, text: str) -> tuple[int, ...]:
        """Rows one of whose names is exactly this text up to case, accents, articles,
        punctuation and year; the best known first. A year in the text narrows the rows."""
        for spoken, year in _readings(text):
            rows, kinds = self._lookup(self._number(canonical(spoken)))
            rows = rows[(kinds < SHORT) & (self._years_off(rows, year) == 0)]
            if len(rows):
                return tuple(dict.fromkeys(rows[np.argsort(-self._popularity[rows], kind="stable")].tolist()))
        return ()

    def best(self, text: str) -> TitleMatch | None:
        """The item this text names, or None when that is not clear.

        Of several items of one name the one of the year in the text, else the one with the
        article as in the text ("The Heat" is not "Heat"), else the best known. A year more
        than ``NEAR_YEARS`` off is another item: "Wonder Woman (2017)" is not the one of 2009.
        """
        for spoken, year in _readings(text):
            if found := self._meant(self._number(canonical(spoken)), year, spoken):
                row, kind, off = found
                short = kind >= SHORT
                return TitleMatch(row, 90.0 if off else 95.0 if short else 100.0, not (off or short))
        for spoken, year in _readings(text):
            number, score = self._words.confident(canonical(spoken))
            if found := self._meant(number, year):
                return TitleMatch(found[0], score, False)
        return None

    def search(self, text: str, n: int = 5) -> list[TitleMatch]:
        """The nearest items, best first, at most ``n``; fewer or none when nothing is near."""
        best = self.best(text)
        found = {best.row: best} if best else {}
        for row in self.exact(text):
            found.setdefault(row, TitleMatch(row, 100.0, True))
        for spoken, year in _readings(text)[:1]:
            for number, score in self._words.nearest(canonical(spoken), 3 * n):
                row = self._choose(number, year, spoken)[0]
                found.setdefault(row, TitleMatch(row, min(score, 89.0), False))
        return list(found.values())[:n]

    def mentions(self, text: str) -> list[Mention]:
        """Names of items in a running text, the longest at each place, left to right.

        Whether "it", "big" or "up" is meant as a title is for the caller to judge.
        """
        words = tokens(text)
        found, i = [], 0
        while i < len(words):
            mention = self._mention_at(text, words, i)
            if mention is None:
                i += 1
            else:
                found.append(mention)
                while i < len(words) and words[i].start < mention.end:
                    i += 1
        return found

    def _mention_at(self, text: str, words: list[Token], i: int) -> Mention | None:
        for j in range(min(i + LONGEST_MENTION, len(words)), i, -1):
            spoken = " ".join(word.word for word in words[i:j])
            if spoken in ARTICLES:
                return None
            number = self._number(canonical(spoken))
            if number is None:
                continue
            end, year = words[j - 1].end, None
            if match := YEAR_AFTER.match(text, end):
                year = int(match.group(2))
                if (self._years_off(self._lookup(number)[0], year) == 0).any():
                    end = match.end()
                elif match.group(1):
                    return None  # "Wonder Woman (2017)" is not the one of 2009
                else:
                    year = None  # "Heat, 2015 or later"
            row = self._choose(number, year, spoken)[0]
            return Mention(words[i].start, end, row, spoken in self._spellings(row))
        return None

    def _spellings(self, row: int) -> list[str]:
        """The names of an item in plain words."""
        main, others = split_names(self._titles[row])
        return [plain(name) for name in (main, *others)]

    def _number(self, key: str) -> int | None:
        """The number of a canonical key."""
        return self._ids.get(key.replace(" ", "")) if key else None

    def _lookup(self, number: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Rows and kinds of a key; empty when there is none."""
        span = slice(0) if number is None else slice(self._start[number], self._start[number + 1])
        return self._rows[span], self._kinds[span]

    def _meant(self, number: int | None, year: int | None, spoken: str = "") -> tuple[int, int, float] | None:
        """Row, kind and years off of what a key means; None when the year speaks against it."""
        if number is None:
            return None
        row, kind = self._choose(number, year, spoken)
        off = float(self._years_off(np.asarray([row]), year)[0])
        return (row, kind, off) if off <= (0 if kind >= SHORT else NEAR_YEARS) else None

    def _choose(self, number: int, year: int | None, spoken: str = "") -> tuple[int, int]:
        """Row and kind meant by a key: by year, by the article spoken, by renown."""
        rows, kinds = self._lookup(number)
        if len(rows) == 1:
            return int(rows[0]), int(kinds[0])
        known = (self._popularity[rows] + 1.0) * np.where(kinds >= SHORT, 1 / BETTER_KNOWN, 1.0)
        otherwise = np.zeros(len(rows), bool)
        if LEADING_ARTICLE.match(spoken):
            otherwise = np.asarray([spoken not in self._spellings(row) for row in rows])
        first = np.lexsort((-known, otherwise, self._years_off(rows, year)))[0]
        return int(rows[first]), int(kinds[first])

    def _years_off(self, rows: np.ndarray, year: int | None) -> np.ndarray:
        """Years between the items and a year; 0 without a year or years, 1 for an unknown one."""
        if year is None or self._years is None:
            return np.zeros(len(rows))
        return np.nan_to_num(np.abs(self._years[rows] - year), nan=1.0)


def _keys(title: str, aliases: Iterable[str]) -> dict[str, int]:
    """Canonical spellings of a title -> their kind; the most direct kind of each counts."""
    main, others = split_names(title)
    fronts, subtitles = short_forms(main)
    written = split_year(title)[0].split(" (")[0]
    if written.endswith(",") or (", " in written and written != main):
        fronts.append(plain(written.rsplit(", ", 1)[0]))  # "Misérables, Les" without its article
    keys: dict[str, int] = {}
    for kind, names in (
        (MAIN, [plain(main)]),
        (OTHER, [plain(name) for name in (*others, *aliases)]),
        (SHORT, fronts),
        (SUBTITLE, subtitles),
    ):
        for name in names:
            if key := canonical(name):
                keys.setdefault(key, kind)
                keys.setdefault(without_part(key), kind)
    return keys


def _readings(text: str) -> list[tuple[str, int | None]]:
    """Ways to take a text as a name in plain words and a year: "death race 2000" may be either."""
    name, year = split_year(text)
    readings = [(plain(split_names(name)[0]), year)]
    if year is None and (match := BARE_YEAR.search(text)):
        readings.append((plain(split_names(text[: match.start()])[0]), int(match.group(1))))
    return [(spoken, year) for spoken, year in readings if spoken]
