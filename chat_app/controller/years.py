"""Years, decades and centuries, as ranges on the facet that is about time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chat_app.controller.lexicon import Lexicon
from chat_app.controller.numbers import COUNT, number
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from recsys.controls import Range

DECADES = {
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fourties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
    "noughties": 0,
    "naughties": 0,
    "aughts": 0,
}
_DECADE = rf"(?:(?:18|19|20)?\d0s|(?:nineteen |twenty )?(?:{'|'.join(DECADES)})|two thousands)"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_UNITS = rf"(?:(?:{_TENS})(?: (?:{_ONES}))?|{_TEENS}|o(?:h|ught)? (?:{_ONES}))"
_SPELLED_YEAR = (
    rf"(?:(?:nineteen|twenty) {_UNITS}|two thousand(?: (?:and )?(?:{_UNITS}|{_ONES}))?)"
    rf"(?! (?:{_ONES}|minutes|percent))"
)
_YEAR = rf"(?:18[89]\d|19\d\d|20[0-4]\d|{_SPELLED_YEAR})"
_THIS = "this|the present|the current|present|current"
_CENTURY = (
    rf"(?:(?:20th|twentieth|last|previous|21st|twenty first|{_THIS}) (?:century|millennium)"
    r"|turn of the (?:century|millennium))"
)
_PART = r"(?:(?:early|mid|middle|late)(?: ?-)?(?: of)?(?: the)? )"
_PERIOD = rf"(?:the )?(?:{_PART}?(?:{_DECADE}|{_CENTURY})|(?:the )?(?:year )?{_YEAR})(?! minutes| hours)"
_SHORT_YEAR = r"(?:(?<=\d\d - )|(?<=\d\d to ))\d\d(?! (?:minutes|hours|%))"
_NOW = r"(?:now|today|the present(?: day)?|present|this day)"
_CALENDAR = compiled(
    "calendar", PERIOD=_PERIOD, DECADE=_DECADE, PART=_PART, COUNT=COUNT, SHORT_YEAR=_SHORT_YEAR, NOW=_NOW
)
_AGE = compiled("calendar_age", COUNT=COUNT)
_YOUNG = re.compile(
    r"less|fewer|under|most|up to|no more|younger|newer|not (?:more|over)|(?:no|not|nothing) older"
)


def find_years(text: Text, facet: str, lexicon: Lexicon) -> Iterator[tuple[int, int, Range]]:
    """Token spans that say when, and what they mean."""
    for match in text.find(_CALENDAR):
        if text.line[: match.start()].endswith("born "):
            continue  # the person's own year
        found = _calendar_range(match, facet, lexicon)
        if found is not None:
            start, end = text.span(match)
            if match["neg"] and found.min is not None and found.max is not None:
                start += len(match["neg"].split())  # what has two sides is denied by the stance
            yield start, end, found
    for match in text.find(_AGE):
        years = number(match["n"] or match["n2"])
        if years is not None:
            born = lexicon.latest(facet) - int(years)
            young = bool(_YOUNG.search(match[0]))
            said = Range(facet=facet, min=born + 1) if young else Range(facet=facet, max=born)
            yield *text.span(match), said


def period(words: str) -> tuple[int, int]:
    """First and last year of "1994", "the early 80s", "nineteen fifties", "20th century"."""
    if found := re.search(_YEAR + r"$", words):
        year = _spelled_year(found[0])
        return year, year
    if "century" in words or "millennium" in words:
        if "turn" in words:
            return 1998, 2002
        return (2000, 2099) if re.search(r"21st|twenty first|this|present|current", words) else (1900, 1999)
    first = _first_year(words.split()[-1], words)
    for part, (low, high) in {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}.items():
        if part in words:
            return first + low, first + high
    return first, first + 9


def _spelled_year(words: str) -> int:
    """ "1995", "nineteen ninety five", "two thousand and four", "twenty ten"."""
    if words.isdigit():
        return int(words)
    century, _, rest = words.removeprefix("two thousand").strip().partition(" ")
    if words.startswith("two thousand"):
        return 2000 + int(number(f"{century} {rest}".removeprefix("and ").strip()) or 0)
    rest = re.sub(r"^o(?:h|ught)? ", "", rest)
    return {"nineteen": 1900, "twenty": 2000}[century] + int(number(rest) or 0)


def _first_year(decade: str, words: str) -> int:
    if words.endswith("two thousands"):
        return 2000
    if decade in DECADES:
        tens = DECADES[decade]
        return (1900 if tens >= 20 and "twenty " not in words else 2000) + tens
    digits = int(decade[:-1])
    if digits >= 100:
        return digits
    return (1900 if digits >= 20 else 2000) + digits


def _calendar_range(match: re.Match[str], facet: str, lexicon: Lexicon) -> Range | None:
    if match["list"]:
        spans = [period(d) for d in re.findall(f"{_PART}?{_DECADE}", match["list"])]
        return Range(facet=facet, min=min(low for low, _ in spans), max=max(high for _, high in spans))
    if match["a"]:
        one = period(match["a"])
        if re.fullmatch(_NOW, match["b"]):
            return Range(facet=facet, min=one[0])
        short = re.fullmatch(r"\d\d", match["b"])  # "1980 to 84"
        two = period(f"{one[0] // 100}{match['b']}" if short else match["b"])
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
    if re.search(r"at the (?:latest|most)", after):
        low = None
    elif re.search(r"later|newer|after|younger|on|up|beyond|recent|above|earliest|\+", after):
        high = None
    elif after:
        low = None
    elif re.fullmatch(r"before|prior to|earlier than|older than|pre|predat(?:es?|ing)", op):
        low, high = None, first - 1
    elif re.fullmatch(r"until|up to|till|(?:no|not) later than|in or before|up until", op):
        low, high = None, last
    elif re.fullmatch(r"after|later than|newer than|more recent than|past|post|younger than", op):
        low, high = last + 1, None
    elif re.match(r"since|starting|beginning|(?:no|not) earlier than|(?:in|during) or after|as of", op):
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
