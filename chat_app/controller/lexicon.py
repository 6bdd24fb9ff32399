"""What the words of a catalogue mean: facet values, their synonyms, and how facets are spoken of.

A :class:`Lexicon` is built once from a catalogue and its synonyms. Everything after that is a
dictionary look-up, so that reading a turn costs the same on a hundred items and on a million.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from chat_app.controller.english import LENGTHS, PRICES, is_content
from chat_app.controller.names import Name, NameIndex
from chat_app.controller.synonyms import EVERYDAY, FacetWords, facet_words, usual_nouns
from chat_app.controller.text import canonical, plural, singular
from recsys.catalog import Catalog, CategoricalFacet
from recsys.controls import Clause, Order, Popularity, Range, order_facet

MANY_VALUES = 300  # a facet with more values, or values of several words each, holds names
#: Names of a facet that tells what kind of thing an item is.
KINDS = frozenset({"genre", "genres", "category", "categories", "type", "kind"})
#: Last words of values that add little.
TAILS = frozenset({"play", "music", "food", "cuisine"})
NO_VALUE = "("  # "(no genres listed)" is not something to ask for


@dataclass(frozen=True)
class Meaning:
    """What a spoken form asks for when it is wanted."""

    require: tuple[Clause, ...] = ()
    exclude: tuple[Clause, ...] = ()
    ranges: tuple[Range, ...] = ()
    popularity: Popularity | None = None
    order: Order | None = None

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(v for clause in self.require for v in clause.values)


class Lexicon:
    """Spoken forms of one catalogue.

    ``phrases`` maps canonical words to a :class:`Meaning`, ``cued`` does so for each facet whose
    values count only after a cue, ``words`` has a :class:`FacetWords` a facet and ``names`` a
    :class:`NameIndex` over the facets whose values are names.
    """

    def __init__(self, catalog: Catalog, synonyms: Mapping[str, Any] | None = None) -> None:
        self.catalog = catalog
        own = synonyms or {}
        self.words = {facet: facet_words(catalog, facet, own) for facet in catalog.facets}
        self.nouns = _forms((*catalog.noun, *own.get("nouns", ()), *usual_nouns(catalog)))
        cues = [c for w in self.words.values() for c in (*w.cues, *w.weak_cues)]
        self.fillers = frozenset(w for f in own.get("fillers", ()) for w in canonical(f).split())
        self.fillers |= {word for cue in cues for word in cue.split()}
        self.fillers |= {w for f in self.words.values() for w in (*f.more, *f.less) if " " not in w}
        self.fillers |= {
            form for w in self.words.values() for verb in w.verbs for form in (verb, f"{verb}s", f"{verb}es")
        }
        self.services = tuple(canonical(s) for s in own.get("services", ()))
        self.named = tuple(f for f, c in catalog.categorical.items() if self._holds_names(c))
        self.names = NameIndex(catalog, self.named, [f for f in self.named if self.words[f].people])
        self.phrases: dict[str, Meaning] = {}
        self.cued: dict[str, dict[str, Meaning]] = {}
        self._add_values()
        for told in (own, EVERYDAY):
            self._add_spoken_values(told)
            self._add_meanings(told.get("meaning", ()))
        self._add_lengths(own.get("facets", {}))
        self._add_prices()
        self.themes = self._theme_phrases(own)
        self.longest = max((len(p.split()) for p in (*self.phrases, *self.themes)), default=1)
        self.single_words = tuple(
            p for p, m in self.phrases.items() if " " not in p and len(p) >= 5 and (m.require or m.popularity)
        )

    def _holds_names(self, facet: CategoricalFacet) -> bool:
        if self.words[facet.name].soft:
            return False
        several = sum(" " in value for value in facet.values)
        return len(facet.values) > MANY_VALUES or several > 0.7 * len(facet.values) > 2

    def _add_values(self) -> None:
        for name in self._read_by_value():
            table = self.cued.setdefault(name, {}) if self.words[name].needs_cue else self.phrases
            for value in self.catalog.categorical[name].values:
                if not value.startswith(NO_VALUE):
                    self._say(table, _value_forms(value), self._wish(name, value))
            for value in self.catalog.categorical[name].values:
                self._say(table, self._without_tail(value), self._wish(name, value))

    def _without_tail(self, value: str) -> list[str]:
        """A value without a last word that goes without saying: "Cooperative Play", "Party Game"."""
        head, _, tail = canonical(value).rpartition(" ")
        telling = len(head) > 3 and is_content(head.split(" ")[0])
        return [head] if telling and (tail in TAILS or self.is_noun(tail)) else []

    def _add_spoken_values(self, synonyms: Mapping[str, Any]) -> None:
        for name in self._read_by_value():
            told = synonyms.get("values", {})
            told = told.get(name) or told.get("genre" if name in KINDS else "", {})
            for value, said in told.items():
                self._say(self.phrases, said, self._wish(name, value))
            for value, said in synonyms.get("cued", {}).get(name, {}).items():
                self._say(self.cued.setdefault(name, {}), said, self._wish(name, value))

    def _read_by_value(self) -> list[str]:
        """The facets whose values are phrases like others; those of the rest are names, or free words."""
        known = self.catalog.categorical
        return [name for name in known if not self.words[name].soft and name not in self.named]

    def _theme_phrases(self, data: Mapping[str, Any]) -> frozenset[str]:
        """Phrases that stay together in a theme: those of the synonyms, and free tags of several words."""
        tags = [
            canonical(value)
            for name, facet in self.catalog.categorical.items()
            if self.words[name].soft
            for value in facet.values
            if " " in value
        ]
        kept = (t for t in tags if 1 < len(t.split()) < 5 and self._is_theme(t))
        return frozenset((*kept, *(canonical(t) for t in data.get("themes", ()))))

    def _is_theme(self, tag: str) -> bool:
        words = tag.split()
        known = any(w in self.phrases or self.is_noun(w) for w in words) or tag in self.phrases
        return (
            not known and not self.names.by_full_name(tag) and is_content(words[0]) and is_content(words[-1])
        )

    def _wish(self, facet: str, value: str) -> Meaning | None:
        spelling = self.catalog.categorical[facet].spelling(value)
        return spelling and Meaning(require=(Clause(facet=facet, any_of=(spelling,)),)) or None

    def _add_meanings(self, entries: Iterable[Mapping[str, Any]]) -> None:
        for entry in entries:
            self._say(self.phrases, entry["say"], self._meaning(entry["means"]))

    def _add_lengths(self, told: Mapping[str, Any]) -> None:
        """ "Short" and "long" are the outer thirds of the facet that lengths are measured by, where the
        catalogue's own synonyms tell nothing of it."""
        key = order_facet("longest", self.catalog.numeric)
        if key is None or key[0] in told or not np.isfinite(self.catalog.numeric[key[0]]).any():
            return
        low, high = np.nanquantile(self.catalog.numeric[key[0]], (1 / 3, 2 / 3))
        self._say(self.phrases, LENGTHS["short"], Meaning(ranges=(Range(facet=key[0], max=math.floor(low)),)))
        self._say(self.phrases, LENGTHS["long"], Meaning(ranges=(Range(facet=key[0], min=math.ceil(high)),)))

    def _add_prices(self) -> None:
        """ "Free" costs nothing, where anything does; "cheap" is the lower third of prices."""
        for facet, column in self.catalog.numeric.items():
            if self.words[facet].most and np.isfinite(column).any():
                if np.nanmin(column) <= 0:
                    self._say(self.phrases, PRICES["free"], Meaning(ranges=(Range(facet=facet, max=0),)))
                low = math.floor(np.nanquantile(column, 1 / 3))
                self._say(self.phrases, PRICES["cheap"], Meaning(ranges=(Range(facet=facet, max=low),)))

    def _meaning(self, means: Mapping[str, Any]) -> Meaning | None:
        """A ``means`` table of the synonyms as a Meaning; None when the catalogue lacks it all."""
        out = Meaning()
        for key, what in means.items():
            if key == "not":
                inner = self._meaning(what)
                out = replace(out, exclude=inner.require) if inner else out
            elif key == "popularity" and isinstance(what, str):
                out = (
                    replace(out, popularity=cast(Popularity, what))
                    if "popularity" in self.catalog.numeric
                    else out
                )
            elif key == "order":
                out = replace(out, order=what) if order_facet(what, self.catalog.numeric) else out
            elif key in self.catalog.numeric:
                out = replace(out, ranges=(*out.ranges, self._range(key, what)))
            elif key in self.catalog.categorical:
                out = replace(out, require=(*out.require, *self._clauses(key, what)))
        return out if out != Meaning() else None

    def _clauses(self, facet: str, what: Any) -> list[Clause]:
        spelling = self.catalog.categorical[facet].spelling
        if isinstance(what, Mapping):
            known = tuple(s for v in what["any"] if (s := spelling(v)))
            return [Clause(facet=facet, any_of=known)] if known else []
        return [Clause(facet=facet, any_of=(s,)) for v in what if (s := spelling(v))]

    def _range(self, facet: str, what: Mapping[str, float]) -> Range:
        if "last" in what:
            return Range(facet=facet, min=self.latest(facet) - what["last"] + 1)
        return Range(facet=facet, **what)

    def latest(self, facet: str) -> int:
        """The largest number of a facet in the catalogue."""
        column = self.catalog.numeric[facet]
        top = float(np.nanmax(column)) if np.isfinite(column).any() else 0.0
        return math.floor(top)

    @staticmethod
    def _say(table: dict[str, Meaning], said: Iterable[str], meaning: Meaning | None) -> None:
        if meaning is not None:
            for form in _forms(said):
                table.setdefault(form, meaning)

    @property
    def calendar(self) -> FacetWords | None:
        """The facet that years and decades are about."""
        return next((w for w in self.words.values() if w.calendar), None)

    def is_noun(self, word: str) -> bool:
        """Whether a word says what an item is called ("films")."""
        return word in self.nouns


def wish_for(name: Name) -> Meaning:
    """What a name asks for when it is wanted."""
    return Meaning(require=(Clause(facet=name.facet, any_of=(name.value,)),))


def _value_forms(value: str) -> list[str]:
    """A value as it is spelled, and in one word ("Sci-Fi" -> "scifi", "Dream Pop" -> "dreampop")."""
    parts = value.replace("-", " ").split()
    short = len(parts) == 2 and all(part.isalpha() and len(part) > 1 for part in parts)
    plain = [value.replace("'s", "s")] if "'s" in value else []
    return [value, *plain, *["".join(parts)] * (short or "-" in value)]


def _forms(said: Iterable[str]) -> dict[str, None]:
    """Canonical forms of phrases, with singular and plural of their last word; "too" may be written "to"."""
    forms = [form for phrase in said if (form := canonical(phrase))]
    out: dict[str, None] = {}
    for form in [*forms, *(form.replace(" too ", " to ") for form in forms)]:
        head, _, last = form.rpartition(" ")
        for word in (last, plural(last), singular(last)):
            out[f"{head} {word}".strip()] = None
    return out
