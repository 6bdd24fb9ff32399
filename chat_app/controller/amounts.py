"""Every numeric condition of a message, facet by facet."""

from __future__ import annotations

from dataclasses import dataclass

from chat_app.controller.lexicon import Lexicon
from chat_app.controller.measures import find_measures
from chat_app.controller.text import Text
from chat_app.controller.years import find_years
from recsys.controls import Range


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
        out += [RangeMention(*m) for m in found if text.words(m[1], m[1] + 1) not in others]
    return out
