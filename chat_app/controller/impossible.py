"""Numbers that no list can meet: they change nothing, and the person is told."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from chat_app.controller.lexicon import Lexicon
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from recsys.controls import MAX_COUNT, Range

_YEAR = re.compile(
    r"(?:^|(?<= ))(?:from|in|of|after|before|since|until|made in|released in) (?P<year>\d{4,})(?= |$)"
)

_FAR_TOO_MANY = 5 * MAX_COUNT  # below that, a list as long as they get is what was meant


def impossible_count(text: Text, lexicon: Lexicon) -> str | None:
    """The words of a number of items that no list can have ("-5 films"), None when there is none."""
    nouns = "|".join(re.escape(n) for n in (*sorted(lexicon.nouns, key=len, reverse=True), "suggestions"))
    for match in compiled("impossible_count", NOUN=nouns).finditer(text.line):
        if match["minus"]:
            sign, figure = (text.tokens[text.span(match, part)[0]] for part in ("minus", "negative"))
            if match["minus"] == "-" and sign.end < figure.start:
                continue  # the dash of a list: "- 8 films"
            return f"-{match['negative']}"
        if match["none"]:
            return match["none"]
        many = match["many"]
        if int(many) > _FAR_TOO_MANY:
            return many
    return None


def possible(ranges: Iterable[Range], lexicon: Lexicon) -> tuple[list[Range], list[str]]:
    """The ranges that something could meet, and in words those that nothing can."""
    kept: list[Range] = []
    noted: list[str] = []
    for r in ranges:
        top = lexicon.latest(r.facet)
        column = lexicon.catalog.numeric[r.facet]
        free = np.isfinite(column).any() and np.nanmin(column) <= 0
        late = lexicon.words[r.facet].calendar and r.min is not None and r.min > top + 50
        if late or (r.max is not None and r.max <= 0 and not free):
            said = f"after {r.min - 1:g}" if late and r.min is not None else f"of {r.max:g} or less"
            noted.append(f"Nothing has a {r.facet} {said}, so I left that out.")
        else:
            kept.append(r)
    return kept, noted


def impossible_year(text: Text, lexicon: Lexicon) -> str | None:
    """A year far behind the last of the catalogue, None when there is none."""
    if lexicon.calendar is None:
        return None
    top = lexicon.latest(lexicon.calendar.facet)
    years = (m["year"] for m in _YEAR.finditer(text.line))
    return next((y for y in years if int(y) > top + 50), None)
