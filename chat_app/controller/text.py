"""One message as canonical tokens: what the rest of the reader looks at.

Spelling, accents, contractions and units are evened out ("Don't" -> ``do not``, "90's" ->
``90s``, "2h" -> ``2 h``), while every token remembers where it stood, so that themes and titles
are quoted in the person's own words.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from chat_app.controller.cleaning import clean

_WORD = re.compile(
    r"\d{1,3}(?:,\d{3})+|\d+[.,]\d+|(?:[^\W\d_]\.){2,}|[^\W\d_]\.(?=\s?[A-Z])|(?:mrs?|ms|dr|st|jr|sr|vs|inc|co|max|approx)\.(?=\s)"
    r"|[^\W_]+(?:'[^\W_]+)*|'s\b|[^\w\s]",
    re.IGNORECASE,
)
_HOURS_MINUTES = re.compile(r"(\d{1,2})h(\d{1,2})m?(?:in)?")
_NUMBER_UNIT = re.compile(r"(\d+(?:\.\d+)?)([a-z]{1,7})")
_UNITS = frozenset(
    [
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "k",
        "star",
        "stars",
        "pct",
        "percent",
        "x",
    ]
)
_SHORT_YEAR = re.compile(r"\d\d")
_DECADE = re.compile(r"(\d\d|\d{4})'s")
_KEEP = frozenset(',.!?;:"()&%/-+*')

_SPOKEN = {
    "cannot": "can not", "cant": "can not", "can't": "can not", "won't": "will not", "wont": "will not",
    "dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "wasnt": "was not",
    "arent": "are not", "havent": "have not", "hasnt": "has not", "hadnt": "had not", "ain't": "is not",
    "wouldnt": "would not", "shouldnt": "should not", "couldnt": "could not", "werent": "were not",
    "im": "i am", "ive": "i have", "id": "i would", "ill": "i will", "whats": "what is", "thats": "that is",
    "lets": "let us", "let's": "let us", "whos": "who is", "theres": "there is",
    "gonna": "going to", "wanna": "want to", "gotta": "got to", "gimme": "give me", "lemme": "let me",
    "kinda": "kind of", "sorta": "sort of", "dunno": "do not know", "u": "you", "ur": "your",
    "pls": "please", "plz": "please", "thx": "thanks", "ty": "thanks", "wouldve": "would have",
    "fav": "favourite", "fave": "favourite", "faves": "favourites", "favs": "favourites",
    "favorite": "favourite", "favorites": "favourites", "reccomend": "recommend", "recomend": "recommend",
    "recommendations": "suggestions", "recommendation": "suggestion", "nothin": "nothing",
    "ok": "okay", "k": "okay", "okey": "okay", "alright": "okay", "percent": "%", "pct": "%",
    "&": "and", "min": "minutes", "mins": "minutes", "hr": "hours", "hrs": "hours", "cuz": "because",
    "quater": "quarter", "colour": "color",
    "yr": "year", "w": "with",
    "teh": "the", "suprise": "surprise", "surprize": "surprise", "funy": "funny",
    "scarry": "scary", "moive": "movie", "movei": "movie", "moives": "movies", "flim": "film",
    "gread": "great", "oretty": "pretty", "sugest": "suggest",
    "liek": "like", "sthg": "something", "sumthing": "something", "sth": "something",
    "smth": "something",
    "similiar": "similar", "simular": "similar", "simlar": "similar", "helo": "hello", "moar": "more",
    "watchin": "watching", "lookin": "looking",
    "wat": "what", "wut": "what", "abt": "about", "bcuz": "because", "rec": "suggestion",
    "recs": "suggestions",
    "em": "them", "'em": "them", "outta": "out of", "coupla": "couple of", "lotta": "lot of",
    "lotsa": "lots of",
    "somthing": "something", "somethin": "something", "anythin": "anything", "everythin": "everything",
    "tryna": "trying to", "bout": "about", "recommandation": "suggestion", "recommandations": "suggestions",
    "sugestions": "suggestions", "sugestion": "suggestion", "exluding": "excluding", "exept": "except",
    "excpet": "except", "frm": "from", "betwen": "between", "anythng": "anything", "nothng": "nothing",
    "someting": "something", "realy": "really", "titels": "titles", "definitly": "definitely",
    "whitout": "without", "leats": "least", "atleast": "at least", "atmost": "at most", "aswell": "as well",
    "sience": "science",
    "b4": "before", "storys": "stories", "comedys": "comedies", "mysterys": "mysteries",
    "documentarys": "documentaries", "tragedys": "tragedies", "fantasys": "fantasies",
    "altogether": "in total", "alltogether": "in total",
    "minits": "minutes", "minuets": "minutes", "mintues": "minutes", "minuts": "minutes",
    "minuites": "minutes", "twentys": "twenties", "thirtys": "thirties", "fortys": "forties",
    "fiftys": "fifties", "sixtys": "sixties", "seventys": "seventies", "eightys": "eighties",
    "ninetys": "nineties", "ninties": "nineties",
    "tonite": "tonight", "nite": "night", "tho": "though", "tv": "tv", "yrs": "years", "def": "definitely",
}  # fmt: skip
_IS_AFTER = frozenset(
    [
        "it",
        "that",
        "what",
        "who",
        "where",
        "there",
        "here",
        "he",
        "she",
        "how",
        "when",
        "this",
        "which",
        "everything",
        "one",
    ]
)


#: Gives the word that was meant, None where it is as it should be.
Mended = Callable[[str, str], str | None]  # of a word and the one before it


@dataclass(frozen=True, slots=True)
class Token:
    """A canonical word or punctuation mark and its place in the cleaned message."""

    norm: str
    start: int
    end: int
    mended: bool = False

    @property
    def is_word(self) -> bool:
        return self.norm[0].isalnum()


class Text:
    """A cleaned message and its tokens.

    ``raw`` is the message without control characters, ``tokens`` its canonical tokens, with slips of the
    keyboard ``mended`` where a function for that is given,
    ``line`` the tokens joined by spaces, on which patterns are matched.
    """

    def __init__(self, message: str, mended: Mended | None = None) -> None:
        self.raw = clean(message)
        self.tokens = tuple(_tokens(self.raw))
        if mended is not None:
            self.tokens = tuple(self._mend(mended))
        self.line = " ".join(t.norm for t in self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def _mend(self, mended: Mended) -> Iterator[Token]:
        """The tokens with slips of the keyboard mended; what is written as a name is left alone."""
        for index, token in enumerate(self.tokens):
            name = self.cased and self.raw[token.start].isupper() and not self.opens_sentence(index)
            before = self.tokens[index - 1].norm if index else ""
            meant = None if name else mended(token.norm, before)
            yield from [token] if meant is None else _as_meant(meant, token)

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [], 0
        for token in self.tokens:
            starts.append(at)
            at += len(token.norm) + 1
        return starts

    def at(self, offset: int) -> int:
        """Index of the token at an offset of ``line``."""
        return bisect_right(self._starts, offset) - 1

    def span(self, match: re.Match[str], group: int | str = 0) -> tuple[int, int]:
        """Token span ``[start, end)`` of a match on ``line``."""
        start, end = match.span(group)
        start += self.line[start:end].startswith(" ")
        return self.at(start), self.at(max(end - 1, start)) + 1

    def find(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Matches of a pattern on ``line`` that begin and end at token borders."""
        line, at = self.line, 0
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

    def words(self, start: int, end: int) -> str:
        """Canonical words of a span."""
        return " ".join(t.norm for t in self.tokens[start:end])

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Token span of the characters ``[start, end)`` of ``raw``."""
        first = bisect_left(self._begins, start)
        return first, max(bisect_left(self._begins, end), first)

    @cached_property
    def _begins(self) -> list[int]:
        return [t.start for t in self.tokens]

    def quote(self, start: int, end: int) -> str:
        """A span as the person wrote it, but for slips that were mended."""
        if start >= end:
            return ""
        out, at = "", self.tokens[start].start
        for token in self.tokens[start:end]:
            if token.mended:
                out, at = out + self.raw[at : token.start] + token.norm, token.end
        return out + self.raw[at : self.tokens[end - 1].end]

    @cached_property
    def cased(self) -> bool:
        """Whether the person uses capitals as one should: then a capital says something."""
        letters = [c for c in self.raw if c.isalpha()]
        upper = sum(c.isupper() for c in letters)
        return 0 < upper < 0.5 * len(letters)

    def capitalised(self, start: int, end: int) -> bool:
        """Whether the first word of a span has a capital that its place does not explain."""
        first = self.raw[self.tokens[start].start : self.tokens[start].start + 1]
        return self.cased and first.isupper() and not self.opens_sentence(start)

    def opens_sentence(self, index: int) -> bool:
        return index == 0 or self.tokens[index - 1].norm in (".", "!", "?", ":", '"')


def _as_meant(meant: str, token: Token) -> Iterator[Token]:
    for norm in _canonical_words(meant, []):
        yield Token(norm, token.start, token.end, mended=True)


def fold(word: str) -> str:
    """Lower case without accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=65536)
def canonical(phrase: str) -> str:
    """A phrase in canonical words, punctuation dropped: the key of every dictionary here."""
    return " ".join(t.norm for t in _tokens(clean(phrase)) if t.is_word or t.norm == "'s")


def singular(word: str) -> str:
    """A guess at the singular of an English noun; the word itself when it looks like one."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def plural(word: str) -> str:
    """The regular plural of an English noun."""
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def _tokens(raw: str) -> list[Token]:
    out: list[Token] = []
    for match in _WORD.finditer(raw):
        start, end = match.span()
        if match[0] == "-" and _joins_words(raw, start):
            continue
        said = fold(match[0])
        if _SHORT_YEAR.fullmatch(said) and raw[:start].endswith("'") and not raw[: start - 1][-1:].isalnum():
            said = f"{19 if int(said) > 20 else 20}{said}"  # "'44"
        for norm in _canonical_words(said, out):
            out.append(Token(norm, start, end))
    return out


def _canonical_words(word: str, before: list[Token]) -> list[str]:
    if word in _SPOKEN:
        return _SPOKEN[word].split()
    if not word[:1].isalnum():
        return [word] if word in _KEEP or word == "'s" else []
    if word[-1] == ".":  # an initial, an abbreviation
        return [word.replace(".", "")]
    if both := _HOURS_MINUTES.fullmatch(word):
        return [both[1], "hours", both[2], "minutes"]
    if _DECADE.fullmatch(word):
        return [word.replace("'", "")]
    if split := _NUMBER_UNIT.fullmatch(word):
        if split[2] in _UNITS:
            return [split[1], *_canonical_words(split[2], before)]
        return [word]
    if "'" not in word:
        return [_plain_number(word) if word[0].isdigit() else word]
    base, _, suffix = word.rpartition("'")
    if word.endswith("n't"):
        return [*_canonical_words(word[:-3], before), "not"]
    expanded = {"d": "would", "ll": "will", "ve": "have", "re": "are", "m": "am"}.get(suffix)
    if expanded:
        return [*_canonical_words(base, before), expanded]
    if suffix == "s":
        return [*_canonical_words(base, before), "is" if base in _IS_AFTER else "'s"]
    return [word.replace("'", "")]


def _plain_number(word: str) -> str:
    return word.replace(",", "" if re.fullmatch(r"\d{1,3}(,\d{3})+", word) else ".")


def _joins_words(raw: str, dash: int) -> bool:
    """Whether a dash stands inside a word ("sci-fi"), and not between numbers ("1990-95")."""
    before, after = raw[max(dash - 1, 0) : dash], raw[dash + 1 : dash + 2]
    return before.isalnum() and after.isalnum() and not (before.isdigit() and after.isdigit())
