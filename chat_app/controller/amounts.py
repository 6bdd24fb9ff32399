"""Numbers in words and digits, and what they bound: years, durations, ratings.

``find_ranges(text, lexicon)`` returns every numeric condition of a message as a
:class:`RangeMention`; ``number(words)`` reads a count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chat_app.controller.lexicon import FacetWords, Lexicon
from chat_app.controller.text import Text
from recsys.controls import Range

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = {w: n for n, w in enumerate(_ONES)} | {w: 10 * n for n, w in enumerate(_TENS, 2)}
GROUPS = {"couple": 2, "few": 3, "dozen": 12, "handful": 5, "hundred": 100}
_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
_SPELLED = rf"(?:(?:{'|'.join(_TENS)}) (?:{'|'.join(_ONES[1:10])})|{_WORD})"
NUMBER = rf"(?:\d+(?:\.\d+)?|(?:a |one )?hundred(?: and)?(?: {_SPELLED})?|{_SPELLED})"
COUNT = (
    rf"(?:{NUMBER}(?: dozen)?|half a dozen|(?:a |another )?(?:good |solid )?(?:dozen|couple|few|handful))"
)

_LOW = (
    r"at least|no less than|not less than|not under|not below|minimum(?: of)?|a minimum of|min|over|more than|above|exceeding|longer than"
    r"|greater than|higher than|better than|bigger than|larger than|from|upwards of|north of|older than|> ?=?"
)
_HIGH = (
    r"at most|no more than|not more than|no longer than|not longer than|not over|nothing over|nothing longer than"
    r"|nothing above|nothing more than|not above|no higher than|under|less than|shorter than|below|up to|maximum(?: of)?"
    r"|a maximum of|max|within|fewer than|lower than|smaller than|worse than|not exceeding|inside|south of|< ?=?"
)
_NOT_LOW = r"nothing under|nothing below|nothing less than|nothing lower than|nothing shorter than|no shorter than|not shorter than|no lower than"
_ABOUT = r"about|around|roughly|approximately|circa|some|close to|near"
_OR_MORE = r"(?:and|or) (?:more|higher|better|above|longer|up|over|upwards?|greater)|plus|\+|minimum|at least|min"
_OR_LESS = r"(?:and|or) (?:less|under|shorter|fewer|lower|below|so at most)|tops|max|maximum|at most|or under"

_DECADE_WORDS = {
    "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60, "seventies": 70, "eighties": 80,
    "nineties": 90, "noughties": 0, "naughties": 0, "aughts": 0,
}  # fmt: skip
_DECADE = rf"(?:(?:18|19|20)?\d0s|(?:nineteen |twenty )?(?:{'|'.join(_DECADE_WORDS)}))"
_YEAR = r"(?:18[89]\d|19\d\d|20[0-4]\d)"
_CENTURY = r"(?:(?:20th|twentieth|last|previous|21st|twenty first|this) century|turn of the century)"
_PART = r"(?:(?:early|mid|middle|late)(?: ?-)?(?: of)?(?: the)? )"
_PERIOD = rf"(?:the )?(?:{_PART}?(?:{_DECADE}|{_CENTURY})|(?:the )?(?:year )?{_YEAR})(?! minutes| hours)"
_CALENDAR = re.compile(
    rf"(?:(?P<between>between|from|in|of) )?(?P<a>{_PERIOD})(?: (?:and|to|through|thru|until|till|-|or|up to) )(?P<b>{_PERIOD})"
    rf"|(?:from |in |of )?(?P<list>(?:the )?{_DECADE}(?: ,)? (?:(?:and |or )?(?:the )?{_DECADE}(?: ,)? ?)+)(?= |$)"
    rf"|(?P<last>(?:in |from |within |of |during )*(?:the )?(?:last|past|previous) (?:(?P<n>{COUNT}|several) )?(?P<unit>years?|decades?))"
    rf"|(?P<this>(?:from |in |of )?this (?:year|decade))"
    rf"|(?P<neg>(?:not|nothing|no|none|never|is not|are not|without|avoid) (?:from |too |anything |of them |the |be |that is |that are )*)?"
    r"(?:(?P<op>before|prior to|earlier than|older than|pre|predating|after|later than|newer than|more recent than|past|post"
    r"|younger than|since|(?:starting |beginning )(?:in|from|with)|from|until|up to|till|no later than|not later than"
    r"|no earlier than|not earlier than|in|of|(?:around|about|circa)(?= (?:the year )?\d{4}(?: |$))|during|made in|released in|came out in|within|back in) )?"
    rf"(?P<p>{_PERIOD})"
    r"(?P<after>(?: ,)? (?:and|or) (?:later|newer|after|younger|on|onwards?|up|beyond|more recent|above)"
    r"|(?: and)? on(?:wards?)?(?! [a-z]*(?:dvd|netflix))| or (?:earlier|before|older)| and (?:earlier|before|older)| (?:era|movies|films) or (?:later|newer)|(?: )?\+)?"
)
_NATURAL = r"(?:an?|one) (?:hour|hours) and a half|(?:{n}) and a half (?:hour|hours)|half an hour|(?:{n}) (?:hour|hours) and a half".format(
    n=NUMBER
)
_NO_RANGE = re.compile(r"\b(?:an?|one|half)\b")


@dataclass(frozen=True, slots=True)
class RangeMention:
    """A numeric condition at tokens ``[start, end)``. ``bare``: nothing said which bound."""

    start: int
    end: int
    range: Range


def number(words: str) -> float | None:
    """The number that words or digits say: "twenty five", "8.5", "a dozen"; None if none."""
    words = re.sub(r"^(?:a|an|another|one) (?=[a-z])", "", words.strip())
    words = re.sub(r"^(?:good|solid) ", "", words)
    if words in ("half a dozen",):
        return 6
    total, current = 0.0, None
    for word in words.split():
        if word in ("and", "of"):
            continue
        if re.fullmatch(r"\d+(?:\.\d+)?", word):
            value: float = float(word)
        elif word in WORDS:
            value = WORDS[word]
        elif word in GROUPS:
            total, current = total + (current or 1) * GROUPS[word], 0.0
            continue
        elif word in ("a", "an"):
            value = 1
        else:
            return None
        current = (current or 0) + value
    return None if current is None else total + current


def find_ranges(text: Text, lexicon: Lexicon) -> list[RangeMention]:
    """Every numeric condition, facet by facet; they may overlap across facets."""
    out: list[RangeMention] = []
    for words in lexicon.words.values():
        if words.facet not in lexicon.catalog.numeric:
            continue
        if words.calendar:
            out += _calendar(text, words.facet, lexicon)
        else:
            out += _measured(text, words)
    return out


# -- years ---------------------------------------------------------------------------------


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
    if decade in _DECADE_WORDS:
        tens = _DECADE_WORDS[decade]
        return (1900 if tens >= 20 and "twenty " not in words else 2000) + tens
    digits = int(decade[:-1])
    if digits >= 100:
        return digits
    return (1900 if digits >= 20 else 2000) + digits


def _calendar(text: Text, facet: str, lexicon: Lexicon) -> Iterator[RangeMention]:
    for match in _bounded(_CALENDAR, text):
        found = _calendar_range(match, facet, lexicon)
        if found is not None:
            yield RangeMention(*text.span(match), found)


def _calendar_range(match: re.Match[str], facet: str, lexicon: Lexicon) -> Range | None:
    if match["list"]:
        spans = [period(d) for d in re.findall(_DECADE, match["list"])]
        return Range(facet=facet, min=min(low for low, _ in spans), max=max(high for _, high in spans))
    if match["a"]:
        first, second = period(match["a"]), period(match["b"])
        return Range(facet=facet, min=min(first[0], second[0]), max=_end(max(first[1], second[1])))
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


# -- everything that has a unit or a scale ---------------------------------------------------


def _measured(text: Text, words: FacetWords) -> Iterator[RangeMention]:
    for pattern in _measure_patterns(words):
        for match in _bounded(pattern, text):
            if found := _measure_range(match, words):
                yield RangeMention(*text.span(match), found)


_patterns: dict[int, list[re.Pattern[str]]] = {}


def _measure_patterns(words: FacetWords) -> list[re.Pattern[str]]:
    key = hash((words.facet, tuple(words.units), words.names, words.cues, words.scale))
    if key not in _patterns:
        _patterns[key] = _build_measure_patterns(words)
    return _patterns[key]


def _any(options: tuple[str, ...] | list[str]) -> str:
    return "|".join(re.escape(o) for o in sorted(options, key=len, reverse=True))


def _build_measure_patterns(words: FacetWords) -> list[re.Pattern[str]]:
    op = rf"(?:(?P<high>{_HIGH})|(?P<low>{_NOT_LOW}|{_LOW})|(?P<about>{_ABOUT}|exactly))"
    after = rf"(?: ?(?:(?P<more>{_OR_MORE})|(?P<less>{_OR_LESS})))"
    unit = rf"(?:{_any(list(words.units))})" if words.units else None
    patterns = []
    if unit:
        hours = 60 in words.units.values()
        amount = _duration(unit) if hours else rf"{NUMBER}(?:\+| \+)? ?(?:{unit})"
        patterns.append(
            rf"(?:between|from) (?P<a>{NUMBER})(?: {unit})? (?:and|to|-) (?P<b>{amount})"
            rf"|(?P<a2>{NUMBER})(?: {unit})? (?:to|-) (?P<b2>{amount})"
            rf"|(?:{op} (?:a |the )?)?(?P<amount>{amount}){after}?(?: long| rating)?"
        )
    named = _any([*words.cues, *words.names])
    scale = rf"(?: (?:out of|/) (?P<outof>\d+)|(?P<percent> ?%)| {unit or 'points'})?"
    patterns.append(
        rf"(?:with |has |have |is |are )?(?:an? )?(?:average |mean )?(?:{named})(?: (?:is|are|of|be|should be|that is|being|between|=|:|an?))*"
        rf"(?: (?:{op}))? ?(?P<amount>{NUMBER}){scale}(?:{after}| (?:and|to|-) (?P<b3>{NUMBER}){scale.replace('outof', 'o2').replace('percent', 'p2')})?"
    )
    if words.scale:
        patterns.append(
            rf"(?P<low>above|over|higher than|better than)(?: a)? (?P<amount>\d(?:\.\d+)?)(?: (?:out of|/) (?P<outof>\d+))?(?= rating| score|$| [.,!?;)])"
            rf"|(?P<high>below|under|lower than|worse than)(?: a)? (?P<amount6>\d(?:\.\d+)?)(?= rating| score|$| [.,!?;)])"
            rf"|(?P<amount4>\d+(?:\.\d+)?) ?(?:out of|/) ?(?P<outof4>\d+){after}?"
            rf"|(?P<amount5>\d+(?:\.\d+)?) ?\+(?: rating| rated| {unit or 'points'})?"
        )
    return [re.compile(rf"(?<![\w.]){p}(?!\w)") for p in patterns]


def _duration(unit: str) -> str:
    plain = rf"{NUMBER} ?(?:{unit})(?: (?:and )?(?:{NUMBER} (?:minutes|minute|m)|a half|{NUMBER}(?= |$)))?"
    return (
        rf"(?:an? (?:hour|hours)(?: (?:and )?(?:a half|{NUMBER} minutes))?|{NUMBER} and a half (?:hour|hours)"
        rf"|half an hour|{plain})"
    )


def _measure_range(match: re.Match[str], words: FacetWords) -> Range | None:
    groups = match.groupdict()
    amount = next((groups[g] for g in ("amount", "amount4", "amount5", "amount6") if groups.get(g)), None)
    second = groups.get("b") or groups.get("b2") or groups.get("b3")
    first = groups.get("a") or groups.get("a2") or (amount if second else None)
    convert = _converter(words, groups)
    if first and second:
        bounds = sorted(v for w in (first, second) if (v := convert(w, second)) is not None)
        return Range(facet=words.facet, min=bounds[0], max=bounds[1]) if len(bounds) == 2 else None
    value = convert(amount or "", amount or "")
    if value is None:
        return None
    if groups.get("high") or groups.get("less"):
        return Range(facet=words.facet, max=value)
    plus = groups.get("amount5") or "+" in match[0]
    if groups.get("low") or groups.get("more") or plus or words.scale:
        return Range(facet=words.facet, min=value)
    if groups.get("about"):
        slack = round(value * 0.1)
        return Range(facet=words.facet, min=value - slack, max=value + slack)
    return Range(facet=words.facet, max=value)


def _converter(words: FacetWords, groups: dict[str, str | None]) -> Callable[[str, str], float | None]:
    """From the words of an amount (and of the one that has the unit) to the facet's own unit."""
    top = float(groups.get("outof") or groups.get("outof4") or groups.get("o2") or 0)
    percent = groups.get("percent") or groups.get("p2")

    def convert(said: str, with_unit: str) -> float | None:
        value = _in_units(said, with_unit, words)
        if value is None or words.scale is None:
            return value
        if percent or top:
            return round(value * words.scale / (100 if percent else top), 2)
        if value > words.scale:  # "rated 8": people think in tens
            return round(value * words.scale / (10 if value <= 10 else 100), 2) if value <= 100 else None
        return value

    return convert


def _in_units(said: str, with_unit: str, words: FacetWords) -> float | None:
    if said == "half an hour":
        return 30
    total, any_unit = 0.0, False
    units = _any(list(words.units)) if words.units else "$^"
    for part in re.finditer(rf"(?P<n>an?|{NUMBER})(?P<half> and a half)? ?\+? ?(?P<u>{units})(?!\w)", said):
        value = 1.0 if part["n"] in ("a", "an") else number(part["n"])
        if value is None:
            return None
        total += (value + (0.5 if part["half"] else 0)) * words.units[part["u"]]
        any_unit = True
    if any_unit:
        if said.endswith("a half"):
            total += 0.5 * max(words.units.values())
        elif tail := re.search(rf"(?:hours?|h) (?:and )?({NUMBER})$", said):
            total += number(tail[1]) or 0
        return total
    value = number(said.replace("+", " "))
    if value is None:
        return None
    found = re.search(rf"(?<!\w)({units})(?!\w)", with_unit)
    return value * (words.units[found[1]] if found else 1)


def _bounded(pattern: re.Pattern[str], text: Text) -> Iterator[re.Match[str]]:
    """Matches that begin and end at token borders."""
    line = text.line
    at = 0
    while match := pattern.search(line, at):
        start, end = match.span()
        at = max(end, start + 1)
        left = start == 0 or line[start - 1] == " " or line[start] == " "
        right = end == len(line) or line[end] == " " or line[end - 1] == " "
        if left and right and match[0].strip():
            yield match
        elif not right:
            at = line.find(" ", start) + 1 or len(line)
        else:
            at = start + 1
