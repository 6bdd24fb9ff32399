"""The forms a title is written in: with its article in front or behind, with and without
year, subtitle, other names, accents, and with numbers as digits, words or Roman numerals."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

ARTICLES = ("the", "a", "an")
#: Misspelled articles are dropped from requests too.
LEADING_ARTICLE = re.compile(r"(?:the|a|an|teh|hte) (?=\S)")
#: Articles that stand behind a comma at the end of a title: "Misérables, Les".
TRAILING_ARTICLE = re.compile(
    r"(.+), (the|an?|l['’]|les?|l[ao]s?|el|il|gli|i|der|die|das|den|det|de|het|een?|eine?|une?|os?|as)",
    re.IGNORECASE,
)
YEAR = re.compile(r"\s*\((\d{4})(?:\s?[-–]\s?(?:\d{4})?)?\)\s*$")
BARE_YEAR = re.compile(r"[\s,]+((?:18|19|20)\d\d)\s*$")
OTHER_NAME = re.compile(r"\s+\(([^()]+)\)\s*$")
AKA = re.compile(r"a\.?k\.?a\.?:?\s+", re.IGNORECASE)
SUBTITLE = re.compile(r":\s+|\s+[-–—]\s+|,? or[:,] |; or |, or ")
ACRONYM = re.compile(r"((?:[^\W\d_]\.){2,}) ")
SERIES = re.compile(r"(.+?) and the (.+)", re.IGNORECASE)
PART = re.compile(r"\b(?:part|episode|chapter|volume|vol|number|no) (?=\d+\b)")
WORD = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?(?![^\W_])|[^\W_]+(?:['’*·][^\W_]+)*|[&+]")

UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS = {word: str(number) for number, word in enumerate(UNITS.split())}
NUMBERS |= {word: str(10 * number) for number, word in enumerate(TENS.split(), start=2)}
ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
SHORT = {"dr": "doctor", "mr": "mister", "vs": "versus", "v": "5", "vol": "volume", "pt": "part"}
CANONICAL = {**NUMBERS, **ROMAN, **SHORT}


class Token(NamedTuple):
    """A word of a text in its plain form, and where it stands."""

    word: str
    start: int
    end: int


@lru_cache(maxsize=1 << 16)
def plain_word(word: str) -> str:
    """Without case, accents, apostrophes and inner dots; "&" and "+" are "and"."""
    if word in "&+":
        return "and"
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        word = word.replace("⁄", "")
    return re.sub(r"[^\w]", "", word.casefold())


def tokens(text: str) -> list[Token]:
    """The words of a text with their places."""
    found = ((plain_word(match.group()), *match.span()) for match in WORD.finditer(text))
    return [Token(*token) for token in found if token[0]]


def plain(text: str) -> str:
    """The plain words of a text, joined by spaces."""
    return " ".join(token.word for token in tokens(text))


def canonical(plain_text: str) -> str:
    """One spelling of numbers and short words in a plain text, no leading article."""
    text = LEADING_ARTICLE.sub("", plain_text, count=1) if LEADING_ARTICLE.match(plain_text) else plain_text
    words = [CANONICAL.get(word, word) for word in text.split()]
    if text.startswith("v "):  # "V for Vendetta" is no number
        words[0] = "v"
    return " ".join(words)


def split_year(title: str) -> tuple[str, int | None]:
    """A title without the year in parentheses at its end, and that year."""
    match = YEAR.search(title)
    return (
        (title[: match.start()].strip(), int(match.group(1)))
        if match and match.start()
        else (title.strip(), None)
    )


def article_first(name: str) -> str:
    """ "Matrix, The" as "The Matrix", "Âge d'Or, L'" as "L'Âge d'Or"."""
    match = TRAILING_ARTICLE.fullmatch(name)
    if not match:
        return name
    rest, article = match.groups()
    return f"{article}{rest}" if article[-1] in "'’" else f"{article} {rest}"


def split_names(title: str) -> tuple[str, list[str]]:
    """The main name of a title without year, and its other names (those in parentheses)."""
    main, others = split_year(title)[0], []
    while match := OTHER_NAME.search(main):
        rest = main[: match.start()].strip()
        if not rest or rest.endswith(":") or rest.casefold().endswith(" or"):
            break  # the words in parentheses belong to the title
        others.append(article_first(AKA.sub("", match.group(1), count=1).strip()))
        main = rest
    return article_first(main), others[::-1]


def display_title(title: str) -> str:
    """A title as people write it: "Matrix, The (1999)" is "The Matrix (1999)"."""
    year = YEAR.search(title)
    main = split_names(title)[0]
    return f"{main} {year.group().strip()}" if year and year.start() else main


def short_forms(name: str) -> tuple[list[str], list[str]]:
    """What people leave of a long name, in plain words: fronts and subtitles.

    "Star Wars: Episode IV - A New Hope" has the fronts "star wars", "star wars episode iv"
    and the subtitle "a new hope"; "Harry Potter and the Chamber of Secrets" the front
    "harry potter". Subtitles of one word say too little and are left out.
    """
    breaks = list(SUBTITLE.finditer(name))
    fronts = [name[: match.start()] for match in breaks]
    if not breaks and (series := SERIES.fullmatch(name)) and " " in series.group(1):
        fronts.append(series.group(1))
    if acronym := ACRONYM.match(name):
        fronts.append(acronym.group(1))
    fronts = [front for front in map(plain, fronts) if front and front not in ARTICLES]
    subtitle = plain(name[breaks[-1].end() :]) if breaks else ""
    if " " not in LEADING_ARTICLE.sub("", without_part(canonical(subtitle))):
        return fronts, []
    if len(breaks) > 1:  # "Star Wars: A New Hope"
        fronts.append(f"{fronts[0]} {subtitle}")
    return fronts, [subtitle]


def without_part(canonical_text: str) -> str:
    """ "godfather part 2" as "godfather 2"; a text that is only "part 2" stays."""
    shorter = PART.sub("", canonical_text)
    return canonical_text if shorter.isdigit() else shorter
