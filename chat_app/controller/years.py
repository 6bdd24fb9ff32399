"""Years, decades and centuries, as ranges on the facet that is about time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chat_app.controller.lexicon import Lexicon
from chat_app.controller.numbers import COUNT, number
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from recsys.controls import Range

_DECADES = {
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
    "noughties": 0,
    "naughties": 0,
    "aughts": 0,
}
_DECADE = rf"(?:(?:18|19|20)?\d0s|(?:nineteen |twenty )?(?:{'|'.join(_DECADES)}))"
_YEAR = r"(?:18[89]\d|19\d\d|20[0-4]\d)"
_CENTURY = r"(?:(?:20th|twentieth|last|previous|21st|twenty first|this) century|turn of the century)"
_PART = r"(?:(?:early|mid|middle|late)(?: ?-)?(?: of)?(?: the)? )"
_PERIOD = rf"(?:the )?(?:{_PART}?(?:{_DECADE}|{_CENTURY})|(?:the )?(?:year )?{_YEAR})(?! minutes| hours)"
_CALENDAR = compiled("calendar", PERIOD=_PERIOD, DECADE=_DECADE, COUNT=COUNT)


def find_years(text: Text, facet: str, lexicon: Lexicon) -> Iterator[tuple[int, int, Range]]:
    """Token spans that say when, and what they mean."""
    for match in text.find(_CALENDAR):
        found = _calendar_range(match, facet, lexicon)
        if found is not None:
            yield *text.span(match), found


def period(words: str) -> tuple[int, int]:
    """First and last year of "1994", "the early 80s", "nineteen fifties", "20th century"."""
    if found := re.search(_YEAR + r"$", words):
        year = int(found[0])
        return year, year
    if "century" in words:
        if "turn" in words:
            return 1998, 2002
        return (2000, 2099) if re.search(r"21st|twenty first|this", words) else (1900, 1999)
    first = _first_year(words.split()[-1], words)
    for part, (low, high) in {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}.items():
        if part in words:
            return first + low, first + high
    return first, first + 9


def _first_year(decade: str, words: str) -> int:
    if decade in _DECADES:
        tens = _DECADES[decade]
        return (1900 if tens >= 20 and "twenty " not in words else 2000) + tens
    digits = int(decade[:-1])
    if digits >= 100:
        return digits
    return (1900 if digits >= 20 else 2000) + digits


def _calendar_range(match: re.Match[str], facet: str, lexicon: Lexicon) -> Range | None:
    if match["list"]:
        spans = [period(d) for d in re.findall(_DECADE, match["list"])]
        return Range(facet=facet, min=min(low for low, _ in spans), max=max(high for _, high in spans))
    if match["a"]:
        one, two = period(match["a"]), period(match["b"])
        return Range(facet=facet, min=min(one[0], two[0]), max=_end(max(one[1], two[1])))
    if match["last"] or match["this"]:
        latest = lexicon.latest(facet)
        years = number(match["n"] or "1") or 3
        if "decade" in match[0]:
            years *= 10
        return Range(facet=facet, min=latest - int(years) + 1)
    first, last = period(match["p"])
    op, after, negated = match["op"] or "", match["after"] or "", bool(match["neg"])
    low: float | None = first
    high: float | None = _end(last)
    if re.search(r"later|newer|after|younger|on|up|beyond|recent|above|\+", after):
        high = None
    elif after:
        low = None
    elif re.fullmatch(r"before|prior to|earlier than|older than|pre|predating", op):
        low, high = None, first - 1
    elif re.fullmatch(r"until|up to|till|(?:no|not) later than", op):
        low, high = None, last
    elif re.fullmatch(r"after|later than|newer than|more recent than|past|post|younger than", op):
        low, high = last + 1, None
    elif re.match(r"since|starting|beginning|(?:no|not) earlier than", op):
        low, high = first, None
    elif re.fullmatch(r"around|about|circa", op) and first == last:
        low, high = first - 2, last + 2
    elif not op and first == last and not re.match(r"the year|year", match["p"]):
        return Range(facet=facet, min=first, max=last) if _dated(match) else None
    if negated and (low is None) != (high is None):
        low, high = (high + 1, None) if high is not None else (None, (low or 0) - 1)
    elif negated and op in ("before", "after", "older than", "newer than"):
        return None
    if low is None and high is None:
        return None
    return Range(facet=facet, min=low, max=high)


def _end(year: int) -> int | None:
    return None if year >= 2099 else year


def _dated(match: re.Match[str]) -> bool:
    """A bare year counts before a noun or at the end ("1994 comedies"), not after a name."""
    return not match.string[: match.start()].rstrip().endswith(("(", "class of", "summer of"))
