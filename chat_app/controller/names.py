"""People and other names: full names, surnames, and names with a slip of the keyboard."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from chat_app.controller.english import NICKNAMES
from chat_app.controller.text import fold
from recsys.catalog import Catalog

NEAR_NAME = 84  # rapidfuzz ratio (0..100) of a misspelt name after a cue
WELL_KNOWN = 0.03  # share of the names that a bare surname may mean
ALL_KNOWN = 300  # so many names are all well known, to those whose catalogue it is
FAIRLY_KNOWN = 0.25  # of the weight of those, so that a misspelt surname may mean a director
KNOWN_BY_SURNAME = 5  # items a bearer must have for the bare surname to mean them, among many names
KNOWN_IF_WRITTEN = 2  # the same where it is written as a name, and no other word
NAMES_AN_ITEM = 500  # among fewer names, fewer items will do: one more for so many
PARTICLES = frozenset(
    [
        "de",
        "del",
        "della",
        "di",
        "da",
        "du",
        "la",
        "le",
        "van",
        "von",
        "der",
        "den",
        "el",
        "al",
        "bin",
        "mac",
        "mc",
        "st",
        "san",
        "santa",
        "ter",
        "ten",
    ]
)
SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
#: Last words of organisations, which have no surnames: "Blue Heron Books", "Oddfellow Audio".
ORGANISATIONS = frozenset(
    "academy agency association audio books brewery bros cellars club co collective college company corp"
    " corporation entertainment estate estates fm foundation games gmbh group house inc institute interactive"
    " label llc ltd media museum network networks orchestra partners pictures press productions publications"
    " publishers publishing radio records school society software studio studios theatre tv university"
    " vineyard vineyards winery wines works".split()
)


@dataclass(frozen=True, slots=True)
class Name:
    """A value of a facet of names.

    ``items``: how many have it; ``weight``: their ratings; ``role``: how much the name stands for
    this facet rather than another, the number of items over the square root of the names an item
    has there (one director among one weighs more than one actor among ten).
    """

    facet: str
    value: str
    items: int
    weight: float
    role: float


class NameIndex:
    """Names of some facets (roles), by full name, by last and by first word."""

    def __init__(self, catalog: Catalog, facets: Iterable[str], people: Container[str]) -> None:
        """``people``: those of the facets that hold persons, who go by their surnames, too."""
        self._people = people
        self._ending: dict[str, list[Name]] = defaultdict(list)  # by last word, of whatever name
        self.full: dict[str, list[Name]] = defaultdict(list)
        self.last: dict[str, list[Name]] = defaultdict(list)
        self.first: dict[str, list[Name]] = defaultdict(list)
        ratings = np.maximum(catalog.popularity, 0) + 1e-3
        for facet_name in facets:
            facet = catalog.categorical[facet_name]
            weights = facet.by_value.T @ ratings
            rank = max(facet.by_item.nnz / max(facet.by_item.shape[0], 1), 1.0) ** 0.5
            for value, items, weight in zip(facet.values, facet.counts, weights, strict=True):
                self._add(Name(facet_name, value, int(items), float(weight), float(items) / rank))
        self._add_nicknames()
        weights = sorted((n.weight for names in self.full.values() for n in names), reverse=True)
        last = len(weights) - 1
        self.well_known = (
            weights[min(max(int(len(weights) * WELL_KNOWN), ALL_KNOWN), last)] if weights else 0.0
        )
        #: Items that a bearer of a surname must have, and where it is written as a name.
        self.known_items = min(1 + len(weights) // NAMES_AN_ITEM, KNOWN_BY_SURNAME)
        self.known_if_written = min(self.known_items, KNOWN_IF_WRITTEN)
        self.longest = max((k.count(" ") + 1 for k in self.full), default=1)
        self._initial: dict[str, list[str]] = defaultdict(list)
        for ending in self._ending:
            self._initial[ending[:1]].append(ending)

    def _add(self, name: Name) -> None:
        key = name_key(name.value)
        words = [w for w in key.split() if w not in SUFFIXES] or key.split()
        if not words:
            return
        self.full[key].append(name)
        if len(words) > 1:
            self._ending[words[-1]].append(name)
        short = list(words)
        while short and short[-1] in ORGANISATIONS:
            short.pop()
        if len(short) < len(words) or name.facet not in self._people:
            if short and len(" ".join(short)) > 3:
                self.full[" ".join(short)] += [name] if short != key.split() else []
            return
        if len(words) > 1:
            self.last[words[-1]].append(name)
            if len(words) > 2 and words[-2] in PARTICLES:
                self.last[" ".join(words[-2:])].append(name)
            self.first[words[0]].append(name)

    def _add_nicknames(self) -> None:
        """ "Jimmy Stewart", where nobody is called so by the catalogue."""
        own = set(self.full)
        for key in own:
            first, _, rest = key.partition(" ")
            for nickname in NICKNAMES.get(first, ()) if rest else ():
                if f"{nickname} {rest}" not in own:
                    self.full[f"{nickname} {rest}"] += self.full[key]

    def by_full_name(self, key: str, facet: str | None = None) -> Name | None:
        """The name of a full name: in the role asked for, else in the one with more items."""
        names = self.full.get(key, ())
        wanted = [n for n in names if n.facet == facet] or names
        return max(wanted, key=lambda n: (n.role, n.weight), default=None)

    def by_surname(self, word: str, facet: str | None = None) -> Name | None:
        """The best known bearer of a surname: the one whose items have most ratings."""
        names = self.last.get(word, ())
        wanted = [n for n in names if n.facet == facet] or names
        best = max(wanted, key=lambda n: n.weight, default=None)
        return best and self.by_full_name(name_key(best.value), facet)

    def known_by_surname(self, word: str, least: int | None = None) -> Name | None:
        """The bearer of a surname that means one person, of ``least`` items: of its ratings, they have
        half or more."""
        name = self.by_surname(word)
        if name is None or name.items < (least or self.known_items):
            return None
        theirs: dict[str, float] = defaultdict(float)
        for bearer in self.last[word]:
            theirs[bearer.value] = max(theirs[bearer.value], bearer.weight)
        return name if theirs[name.value] >= 0.5 * sum(theirs.values()) else None

    def near_surname(self, word: str) -> Name | None:
        """The well-known bearer of a surname that ``word`` misspells: by one letter, in a long name two."""
        near = process.extract(
            word, self._initial[word[:1]], scorer=OSA.distance, limit=3, score_cutoff=1 + (len(word) > 8)
        )
        known = [n for surname, _, _ in near if (n := self.known_by_surname(surname))]
        best = max(known, key=lambda n: n.weight, default=None)
        enough = FAIRLY_KNOWN if best and best.role == best.items else 1.0  # one of the few in that role
        return best if best and best.weight >= enough * self.well_known else None

    def by_first_name(self, word: str, facet: str | None = None) -> Name | None:
        """The bearer of a first name, when one is far better known than all others."""
        names = [n for n in self.first.get(word, ()) if facet in (None, n.facet)]
        best = max(names, key=lambda n: n.weight, default=None)
        if best is None or best.weight < 0.6 * sum(n.weight for n in names if n.facet == best.facet):
            return None
        return self.by_full_name(name_key(best.value), facet)

    def siblings(self, surname: str) -> list[Name]:
        """The two best known bearers of a surname in one role ("the Coen brothers")."""
        roles: dict[str, list[Name]] = defaultdict(list)
        for name in self.last.get(surname, ()):
            roles[name.facet].append(name)
        pairs = [sorted(names, key=lambda n: -n.weight)[:2] for names in roles.values() if len(names) > 1]
        return max(pairs, key=lambda pair: sum(n.role for n in pair), default=[])

    def nearest(self, key: str, facet: str | None = None, n: int = 3) -> list[tuple[Name, float]]:
        """Names spelled nearly like ``key``, best first, each with its likeness (0..100)."""
        words = key.split()
        if not words or len(key) < 4:
            return []
        surnames = process.extract(
            words[-1], self._initial[words[-1][:1]], scorer=fuzz.ratio, limit=8, score_cutoff=70
        )
        pool = [name for ending, _, _ in surnames for name in self._ending[ending]]
        pool += self.first.get(words[0], []) if len(words) > 1 else []
        out: dict[str, tuple[Name, float]] = {}
        for name in pool:
            if facet is not None and name.facet != facet:
                continue
            spelled = name_key(name.value)
            compared = spelled if len(words) > 1 else spelled.split()[-1]
            score = 100 * OSA.normalized_similarity(key, compared)
            if score > out.get(spelled, (name, 0.0))[1]:
                out[spelled] = (name, score)
        return sorted(out.values(), key=lambda pair: (-pair[1], -pair[0].weight))[:n]


def name_key(name: str) -> str:
    """A name as a dictionary key: folded words without punctuation, initials joined."""
    words = re.sub(r"[^\w\s]", lambda m: "" if m[0] in "'’." else " ", fold(name)).split()
    return " ".join(words)
