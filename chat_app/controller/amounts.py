"""Every numeric condition of a message, facet by facet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chat_app.controller.lexicon import Lexicon
from chat_app.controller.measures import find_measures
from chat_app.controller.patterns import joined
from chat_app.controller.text import Text
from chat_app.controller.years import find_years
from recsys.controls import Range

#: Bare numbers above it can hardly count items: "under 25", where something costs that much.
COUNTED = 20
_HIGH, _NOT_LOW, _LOW = (joined(f"measure_{side}") for side in ("high", "not_low", "low"))
#: A bound without a unit, at the end of what is said; "each" and "a bottle" say that it is no count.
_BARE = re.compile(
    rf"(?<![\w.])(?:(?P<high>{_HIGH})|(?P<low>{_NOT_LOW}|{_LOW})) (?P<n>\d+(?:\.\d+)?)"
    r"(?:(?P<each> (?:each|apiece|a piece|(?:a|an|per) [a-z]+))"
    r"|(?= (?:please|tops|though|then)(?: |$)| [.,;!?)]|$))"
)
_SPENT = re.compile(
    r"(?<![\w.])(?:spend|pay|afford)(?: (?:up to|at most|max|maximum|about|around|only|like|maybe))*"
    r" (?P<n>\d+(?:\.\d+)?)(?! ?\w)"
)


@dataclass(frozen=True, slots=True)
class RangeMention:
    """A numeric condition at tokens ``[start, end)``."""

    start: int
    end: int
    range: Range


def find_ranges(text: Text, lexicon: Lexicon) -> list[RangeMention]:
    """All numeric conditions; they may overlap across facets."""
    out: list[RangeMention] = []
    for facet in lexicon.catalog.numeric:
        words = lexicon.words[facet]
        found = find_years(text, facet, lexicon) if words.calendar else find_measures(text, words)
        others = {u for f in lexicon.catalog.numeric if f != facet for u in lexicon.words[f].units}
        others -= set(words.units)
        out += [
            RangeMention(*m)
            for m in found
            if text.words(m[1], m[1] + 1) not in others and not _is_share(text, lexicon, *m)
        ]
    return [*out, *_bare_bounds(text, lexicon)]


def _is_share(text: Text, lexicon: Lexicon, start: int, end: int, r: Range) -> bool:
    """Whether a percentage is of the list ("10 % red"), where a facet is measured in percent, too."""
    if "%" not in lexicon.words[r.facet].units or "%" not in text.words(start, end).split():
        return False
    behind = text.words(end, end + 1)
    named = behind == "of" or behind in lexicon.phrases or lexicon.is_noun(behind)
    bounds = [bound for bound in (r.min, r.max) if bound is not None]
    return named or not all(_plausible(lexicon, r.facet, bound) for bound in bounds)


def _bare_bounds(text: Text, lexicon: Lexicon) -> Iterator[RangeMention]:
    """Bounds that name no facet, of the only one whose numbers are like that."""
    for match in text.find(_BARE):
        value = float(match["n"])
        fitting = [facet for facet in _measured(lexicon) if _plausible(lexicon, facet, value)]
        if len(fitting) == 1 and (value > COUNTED or match["each"]):
            bound = {"max": value} if match["high"] else {"min": value}
            yield RangeMention(*text.span(match), Range(facet=fitting[0], **bound))
    for match in text.find(_SPENT):
        for facet in [f for f in lexicon.catalog.numeric if lexicon.words[f].most]:
            yield RangeMention(*text.span(match), Range(facet=facet, max=float(match["n"])))


def _measured(lexicon: Lexicon) -> list[str]:
    """The facets that are counted in units: no years, ratings and ranks."""
    numeric = lexicon.catalog.numeric
    return [
        f
        for f in numeric
        if lexicon.words[f].units and not (lexicon.words[f].calendar or lexicon.words[f].scale)
    ]


def _plausible(lexicon: Lexicon, facet: str, value: float) -> bool:
    """Whether most items of the catalogue lie around a number."""
    column = lexicon.catalog.numeric[facet]
    known = column[np.isfinite(column)]
    if facet == "popularity" or not len(known):
        return False
    low, high = np.quantile(known, (0.02, 0.98))
    return bool(0.8 * low <= value <= 1.2 * high)
