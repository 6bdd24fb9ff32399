"""Amounts with a unit or on a scale ("under two hours", "rated 4 or higher"), as ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from chat_app.controller.numbers import NUMBER, number
from chat_app.controller.patterns import joined
from chat_app.controller.synonyms import FacetWords
from chat_app.controller.text import Text
from recsys.controls import Range

_LOW = joined("measure_low")
_NOT_LOW = joined("measure_not_low")
_HIGH = joined("measure_high")
_ABOUT = joined("measure_about")
_OR_MORE = joined("measure_or_more")
_OR_LESS = joined("measure_or_less")
_NO_PRONOUN = r"(?!ones?(?= |$)(?! (?:stars?|or|out|to|and)(?= |$)))"  # "the best rated one"
_END = r"(?= rating| score|$| please| at most| max| tops| long| or| [.,!?;)])"


#: Before how long something took: "we argued for 40 minutes".
_LASTED = re.compile(
    r"(?:^| )(?:\w{2,}ed|been|slept|sat|\w+(?<!look)(?<!search)(?<!ask)ing|plane|flight|train|bus"
    r"|airport) for (?:like |about |over )?$"
)

#: Without any of these, "in 20 minutes" is when something begins.
_FITS = re.compile(
    r"(?:^| )(?:watch|see|finish(?:ed)?|done|fits?|squeeze|make|cook|prepare|bake|read|play|listen"
    r"|told|tells?|wraps?|wrapped|over|story)(?= )"
)
_HAVE = re.compile(r"(?:^| )(?:have|has|got|spare) (?:just |only )?$")
_TOO_MUCH = re.compile(
    r" (?:is|are|would be|seems?|sounds?|feels?) (?:(?:way|far|just|already|a bit|a little|probably) )*"
    r"too (?:much|many|long|expensive|pricey|heavy|slow|high)(?= |$)"
)
#: Behind how long something else takes: "a 14 hour flight".
_JOURNEY = re.compile(
    r" (?:long )?(?:(?:bus|train|car|plane) )?"
    r"(?:flights?|drives?|trips?|rides?|journeys?|shifts?|layovers?|commutes?|walks?|nap|workday)(?= |$)"
    r"| on (?:the|a|my) (?:plane|train|bus|road)(?= |$)"
)


def find_measures(text: Text, words: FacetWords) -> Iterator[tuple[int, int, Range]]:
    """Token spans that bound one numeric facet, and what they mean."""
    for pattern in _measure_patterns(words):
        for match in text.find(pattern):
            if not _told_beside(text, match) and (found := _measure_range(match, words)):
                end = text.span(match)[1]
                if too_much := _TOO_MUCH.match(text.line, match.end()):  # "over 400 pages is too much"
                    end = text.at(too_much.end())
                    found = Range(facet=words.facet, max=found.min if found.max is None else found.max)
                both = found.min is not None and found.max is not None
                if both and match.groupdict().get("about") and _HAVE.search(text.line[: match.start()]):
                    time = (found.min or 0) / 2 + (found.max or 0) / 2  # "I've got about two hours"
                    found = Range(facet=words.facet, max=time)
                yield text.span(match)[0], end, found


def _told_beside(text: Text, match: re.Match[str]) -> bool:
    """Whether an amount is of something else: how long it took, or until it begins."""
    before, said = text.line[: match.start()], match.groupdict()
    if _LASTED.search(before) or match[0].endswith("one stars"):  # "not more than one stars Al Pacino"
        return True
    if any(said.get(name) for name in ("high", "less", "below", "max0")):
        return False
    until = before.endswith((" in ", " in about ")) and not _FITS.search(text.line)
    return until or bool(_JOURNEY.match(text.line, match.end()))


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
        amount = _duration(unit) if hours else rf"{NUMBER}(?: and a half)?(?:\+| \+)? ?(?:{unit})"
        patterns.append(
            rf"(?:between|from) (?P<a>{amount}|{NUMBER}(?: {unit})?) (?:and|to|-) (?P<b>{amount})"
            rf"|(?P<a2>{NUMBER}(?: {unit})?) (?:to|-) (?P<b2>{amount})"
            rf"|(?P<over>{_LOW}|{_NOT_LOW}) (?P<a4>{NUMBER}(?: {unit})?),?(?: and| but|,)+"
            rf" (?:{_HIGH}) (?P<b4>{amount})"
            rf"|(?P<below>{_HIGH}) (?P<b5>{amount})(?: and| but|,| ,)+"
            rf" (?:{_LOW}|{_NOT_LOW}) (?P<a5>{NUMBER})(?![.\d])(?: {unit})?"
            rf"(?= [.,;!?)]| and(?! a half)| but| please| long| total|$)"
            rf"|(?:{op} (?:a |the |that |this |those )?)?(?P<amount>{amount}){after}?(?: long| rating)?"
        )
        patterns.append(rf"(?P<amount>{NUMBER}){after} (?P<behind>{unit})")  # "6 or more players"
    named = _any([*words.cues, *words.names])
    no_unit = rf"(?! (?:{unit or '$^'})(?!\w))"  # "the length: two hours" is read with its unit
    link = r"(?: (?:is|are|of|be|should be|that is|being|somewhere|anywhere|between|up to|at|=|:|an?))*"
    out_of = r"(?: (?:out of|/) (?P<outof{0}>\d+)|(?P<percent{0}> ?%)| " + (unit or "points") + ")?"
    patterns.append(
        rf"(?:with |has |have |is |are )?(?:an? )?"
        rf"(?:average |mean |(?P<min0>min(?:imum)? )|(?P<max0>max(?:imum)? ))?(?:{named}){link}"
        rf"(?: (?:{op}))? ?{_NO_PRONOUN}(?P<amount>{NUMBER}(?: and a half)?)(?(min0)|(?(max0)|{no_unit}))"
        rf"{out_of.format('')}"
        rf"(?:{after}| (?:and|but|to|-)(?: (?:{_HIGH}|{_LOW}))? (?P<b3>{NUMBER}){out_of.format('2')})?"
    )
    if words.scale:
        figure = r"\d(?:\.\d+)?"
        patterns.append(
            rf"(?P<low>above|over|higher than|better than)(?: a)? (?P<amount>{figure})"
            rf"(?: (?:out of|/) (?P<outof>\d+))?{_END}"
            rf"|(?P<high>below|under|lower than|worse than)(?: a)? (?P<amount6>{figure}){_END}"
            rf"|(?P<amount4>\d+(?:\.\d+)?) ?(?:out of ?(?P<outof4>\d+)|/ ?(?P<outof10>5|10|100)(?!\d))"
            rf"(?! (?:should|must|of|are|can|need|have|has|to be|shall|O|[a-z]+ ?s)(?= |$)){after}?"
            rf"|(?P<amount5>\d+(?:\.\d+)?) ?\+(?! ?\d)(?: rating| rated| {unit or 'points'})?"
        )
        patterns.append(
            rf"{op} (?P<amount7>{NUMBER}(?: and a half)?)"
            rf" out of (?P<outof7>five|ten|a hundred|5|10|100){_END}"
        )
        patterns.append(rf"{op} (?P<amount9>\d\.\d+){_END}")
        figure = r"\d\.\d+|\d(?= (?:and|or) (?:up|above|higher|better))"
        patterns.append(rf"(?P<amount8>{figure}){after}{_END}")
    return [re.compile(rf"(?<![\w.]){p}(?!\w)") for p in patterns]


def _duration(unit: str) -> str:
    plain = (
        rf"{NUMBER} ?(?:{unit})(?: (?:and )?(?:{NUMBER} (?:minutes|minute|m)|a half)"
        rf"|(?<=hours|.hour) [0-5]\d(?= |$)(?! (?:%|film|movie|of ))| {NUMBER}{_END})?"
    )
    return (
        rf"(?:an? (?:hour|hours)(?: (?:and )?(?:a half|{NUMBER} minutes)| (?:and )?{NUMBER}{_END})?"
        rf"|{NUMBER} and a half (?:hour|hours)"
        rf"|half an hour|{plain})"
    )


def _measure_range(match: re.Match[str], words: FacetWords) -> Range | None:
    groups = match.groupdict()
    amount = next((groups[f"amount{n}"] for n in ("", *range(4, 10)) if groups.get(f"amount{n}")), None)
    second = next((groups[f"b{n}"] for n in ("", *range(2, 6)) if groups.get(f"b{n}")), None)
    first = next((groups[f"a{n}"] for n in ("", 2, 4, 5) if groups.get(f"a{n}")), None)
    first = first or (amount if second else None)
    convert = _converter(words, groups)
    if first and second:
        bounds = sorted(v for w in (first, second) if (v := convert(w, second)) is not None)
        return Range(facet=words.facet, min=bounds[0], max=bounds[1]) if len(bounds) == 2 else None
    value = convert(amount or "", groups.get("behind") or amount or "")
    if value is None:
        return None
    if groups.get("high") or groups.get("less") or groups.get("max0"):
        return Range(facet=words.facet, max=value)
    plus = groups.get("amount5") or "+" in match[0]
    if groups.get("low") or groups.get("more") or groups.get("min0") or plus or words.scale:
        return Range(facet=words.facet, min=value)
    if groups.get("about"):
        slack = round(value * 0.1)
        return Range(facet=words.facet, min=value - slack, max=value + slack)
    if (
        words.units and not words.most and not set(words.units) & _TIMES
    ):  # "4 players"; "90 minutes" is the time there is
        return Range(facet=words.facet, min=value, max=value)
    return Range(facet=words.facet, max=value)


_TIMES = frozenset({"minute", "minutes", "hour", "hours", "second", "seconds", "day", "days"})


def _converter(words: FacetWords, groups: dict[str, str | None]) -> Callable[[str, str], float | None]:
    """From the words of an amount (and of the one that has the unit) to the facet's own unit."""
    outof = next((groups[f"outof{n}"] for n in ("", 2, 4, 7, 10) if groups.get(f"outof{n}")), None)
    top = number(outof or "") or 0
    percent = groups.get("percent") or groups.get("percent2")

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
    value = number(re.sub(r" and a half\b", "", said.replace("+", " ")))
    if value is None:
        return None
    value += 0.5 if re.search(r"\d* and a half\b", said) else 0
    found = re.search(rf"(?<!\w)({units})(?!\w)", with_unit)
    return value * (words.units[found[1]] if found else 1)
