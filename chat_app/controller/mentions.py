"""Everything a message mentions, found in order of certainty and laid out as a :class:`Line`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chat_app.controller.amounts import find_ranges
from chat_app.controller.chunks import Chunk, Claims, Line
from chat_app.controller.english import CONTROLS, FUNCTION, IDIOMS, WORDS
from chat_app.controller.lexicon import Lexicon, Meaning
from chat_app.controller.name_slips import NameSlips
from chat_app.controller.numbers import COUNT, NUMBER, number
from chat_app.controller.patterns import compiled, joined
from chat_app.controller.people import NameSpotter
from chat_app.controller.quotas import EVENLY
from chat_app.controller.slips import Slips
from chat_app.controller.spelling import Spelling
from chat_app.controller.text import Text, canonical, singular
from chat_app.controller.titles_in_text import TitleSpotter
from chat_app.controller.turn import Unknown
from chat_app.controller.years import DECADES
from chat_app.state import State

_SHARE_WORDS = {
    "half": 0.5, "a half": 0.5, "one half": 0.5, "a third": 1 / 3, "one third": 1 / 3, "two thirds": 2 / 3,
    "a quarter": 0.25, "quarter": 0.25, "one quarter": 0.25, "a fourth": 0.25, "three quarters": 0.75,
    "a fifth": 0.2, "a tenth": 0.1,
    "one in three": 1 / 3, "one in four": 0.25, "every other one": 0.5, "every second one": 0.5,
}  # fmt: skip
_PARTS = {"third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_SHARE_WORDS |= {
    f"{word}{joint}{part}s": of / whole
    for part, whole in _PARTS.items()
    for of, word in enumerate("two three four five six seven eight nine".split(), 2)
    for joint in (" ", "-")
    if of < whole
}
_SHARE_WORDS |= {f"remaining {part}": 1 / whole for part, whole in {"half": 2, **_PARTS}.items()}
_SHARE_WORDS |= {f"{of} / {whole}": of / whole for whole in range(2, 7) for of in range(1, whole)}
_SHARE_WORD = "|".join(sorted(_SHARE_WORDS, key=len, reverse=True))
_SHARE = re.compile(
    rf"(?<!\S)(?:(?P<n>\d+(?:\.\d+)?|{NUMBER}) %|(?P<word>{_SHARE_WORD})|{joined('mention_out_of')})"
    r"(?!(?: of)? an? hour| hour| past| a dozen)(?!\S)"
)
_EVENLY = re.compile(rf"(?<!\S)(?:{'|'.join(EVENLY)})(?!\S)")
_COUNT = re.compile(rf"(?<!\S){COUNT}(?!\S)")
_ONE_ENOUGH = compiled("mention_one_enough")
_ONE_OF_THEM = compiled("mention_one_of_them", DECADES="|".join(DECADES))
_OF_THEM = re.compile(r"of (?:them|those|these|which)(?= |$)")
_AMOUNT_CUES = WORDS["mention_amount_cues"]
_BEFORE_ONE = _AMOUNT_CUES | WORDS["mention_before_one"]
_BEFORE_PRONOUN = frozenset(
    "this that the which each every last first second third other another good new old next any no".split()
)
_ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]


_LIKE_IT = re.compile(
    r"(?:^| )(?:things?|something|anything|nothing|stuff|ones?|others?|(?<!is )(?<!was )more|more \w+)"
    r" (?:else )?(?:a bit |just |much |more |quite )?(?:like|similar to|in the vein of) (?P<it>it|that|this)"
    r"(?= [.,;!?]| and| but| please|$)"
)
_OWN_ORIGIN = re.compile(
    r"(?:^| )(?:(?:i|we) (?:am|are)|my \w+ is|students?|friends?|girlfriend|boyfriend|guests?|tourists?"
    r"|greetings|hello|hi)(?: \w+)? (?:from|in)$"
)
_BEFORE_KIND = frozenset("a an or some any the more good best great me i want say with for , .".split())
_VAGUE_KINDS = frozenset("one stuff fare cinema".split())
_GOING_ON = frozenset(", or and nor not but in from".split())


_AND_NTH = re.compile(
    rf"(?: ,)?(?: and| or| &)? (?:the )?(?P<nth>{'|'.join(_ORDINALS)}|last|\d+(?:st|nd|rd|th))(?= |$)"
    r"(?! (?:time|half|part|season))"
)
_NUMBERED_ONES = re.compile(
    r"(?:^| )(?:seen|saw|watched|know|like|liked|love|loved|hated|had|read|played|numbers?|nos?) "
    r"(?P<list>\d{1,2}(?:(?: ,| and| , and| &) \d{1,2})+)(?= [.,!?]|$)"
)


def _apart(text: Text, start: int, end: int) -> bool:
    """Whether words stand between full stops, among other such: "1967. Crime. France."."""
    edges = text.words(max(start - 1, 0), start), text.words(end, end + 1)
    return start > 0 and all(edge in (".", ";", "/", "|") for edge in edges)


def _numbered(text: Text, start: int, end: int) -> bool:
    """Whether words and their number stand alone: "Germany 3, Japan: 3"."""
    end += text.words(end, end + 1) == ":"
    before, amount, behind = text.words(max(start - 1, 0), start), text.words(end, end + 1), end + 1
    alone = text.words(behind, behind + 1) in (",", ";", ".", "/", "and", "")
    return amount.isdigit() and len(amount) < 3 and alone and before in ("", *",;:/*.", "and")


@dataclass(frozen=True)
class Reading:
    """A message laid out: its line of chunks, and the names that were not found in it."""

    text: Text
    line: Line
    unknown: tuple[Unknown, ...] = ()


class Mentions:
    """Finds what a message mentions of one catalogue."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.spelling = Spelling(lexicon)
        self.slips = Slips(lexicon)
        self.titles = TitleSpotter(lexicon)
        self.people = NameSpotter(lexicon)
        self.name_slips = NameSlips(lexicon)
        nouns = "|".join(re.escape(noun) for noun in lexicon.nouns)
        self._ordinal = compiled("mention_ordinal", ORDINAL="|".join(_ORDINALS), NOUN=nouns)
        controls = {canonical(n): c for c, names in CONTROLS.items() for n in names}
        self._facet_names = controls | {
            n: w.facet for w in lexicon.words.values() for n in w.names if not w.soft
        }
        self._longest_name = max((n.count(" ") + 1 for n in self._facet_names), default=1)

    def read(self, state: State, message: str) -> Reading:
        text = Text(message, self.spelling.mended)
        claims = Claims(text)
        self._claim_ordinals(claims, state)
        self.people.claim_siblings(claims)
        missing = self.titles.claim(claims)
        _claim_pronouns(claims)
        self._claim_phrases(claims, shortest=3)
        self._claim_ranges(claims)
        self._claim_phrases(claims, shortest=2)
        self.slips.claim_phrases(claims)
        self._claim_cued_values(claims, state)
        self._claim_facet_names(claims)
        unknown = self.people.claim_cued(claims)
        self.people.claim_free(claims)
        self.name_slips.claim_misspelt(claims)
        self._claim_phrases(claims, shortest=1)
        self._claim_nouns(claims)
        self._claim_numbers(claims)
        self.slips.claim_words(claims)
        self.name_slips.claim_slips(claims)
        return Reading(text, claims.line(), (*missing, *unknown))

    def _claim_phrases(self, claims: Claims, shortest: int) -> None:
        text = claims.text
        for start in range(len(text)):
            for length in range(min(self.lexicon.longest, len(text) - start), shortest - 1, -1):
                words = text.words(start, start + length)
                theme = words in self.lexicon.themes and not self.lexicon.names.by_full_name(words)
                if theme and claims.claim(Chunk(start, start + length, words, "X")):
                    break
                meaning = self.lexicon.phrases.get(words) or self._in_one_word(words)
                if (
                    meaning
                    and self._meant(text, start, words)
                    and claims.claim(Chunk(start, start + length, words, "V", meaning=meaning))
                ):
                    break

    def _in_one_word(self, words: str) -> Meaning | None:
        """What two words mean as one: "cyber security", where a value is Cybersecurity."""
        parts = words.split(" ")
        long = len(parts) == 2 and min(map(len, parts)) > 2 and len(words) > 8
        return self.lexicon.phrases.get("".join(parts)) if long else None

    def _meant(self, text: Text, start: int, words: str) -> bool:
        """Not one of the small words in a second life: "New York", "her new show", "best man"."""
        idiom = IDIOMS.get(words)
        if idiom is None:
            return True
        at = start + len(words.split())
        before, after = text.words(max(start - 1, 0), start), text.words(at, at + 1)
        if before in idiom["owned"]:  # "her new show" is another thing than "the new comedies"
            return self.lexicon.is_noun(after) or after in self.lexicon.phrases or after in ("ones", "stuff")
        ends = idiom["ends"] and before != "something" and not after[:1].isalnum()
        return not (before in idiom["before"] or after in idiom["after"] or ends)

    def _claim_ranges(self, claims: Claims) -> None:
        for match in _EVENLY.finditer(claims.text.line):  # no 50 points of 50
            parts = [int(part) for part in re.findall(r"\d+", match[0])] or [50, 50]
            if sum(parts) == 100:
                claims.claim(Chunk(*claims.text.span(match), match[0], "Q", number=parts[0] / 100))
        found = sorted(find_ranges(claims.text, self.lexicon), key=lambda r: (r.start - r.end, r.start))
        for r in found:
            words = claims.text.words(r.start, r.end)
            claims.claim(Chunk(r.start, r.end, words, "R", meaning=Meaning(ranges=(r.range,))))

    def _claim_cued_values(self, claims: Claims, state: State) -> None:
        """Values that count only after a cue: "made in England"."""
        text = claims.text
        for facet, table in self.lexicon.cued.items():
            words = self.lexicon.words[facet]
            in_force = any(c.facet == facet for c in (*state.intent.require, *state.intent.exclude))
            going_on = False  # "from Spain or Mexico"
            for i in range(len(text)):
                cues = (
                    c
                    for c in (*words.cues, *words.weak_cues, *words.names)
                    if text.words(i, i + c.count(" ") + 1) == c
                )
                cue = next(cues, None)
                start = i + cue.count(" ") + 1 if cue else i
                the = (
                    bool(cue) and text.words(start, start + 1) == "the"
                )  # "from the Netherlands", "the states"
                found = self._longest_value(table, text, start) or self._longest_value(
                    table, text, start + the
                )
                if not (cue or going_on or in_force) and not (
                    found
                    and (
                        text.words(found[0], found[0] + 1) in ("made", "produced")
                        or self._names_kind(text, i, found[0])
                        or _apart(text, i, found[0])
                        or _numbered(text, i, found[0])
                    )
                ):
                    continue
                if found and not cue and found[1] in FUNCTION:
                    continue  # "it does not matter to us"
                if found and _OWN_ORIGIN.search(text.words(max(i - 4, 0), i + 1)):
                    continue  # "I am a student from Ukraine"
                if found:
                    first = start if cue and cue.startswith("outside") else i  # the stance denies it
                    chunk = Chunk(first, found[0], found[1], "V", meaning=table[found[1]])
                    going_on = claims.claim(chunk) or going_on
                elif text.tokens[i].norm not in _GOING_ON and claims.free(i, i + 1):
                    going_on = False

    def _names_kind(self, text: Text, start: int, at: int) -> bool:
        """Whether a kind of item or the word for items comes next: "Hong Kong action"."""
        word = text.words(at, at + 1)
        if start and text.tokens[start - 1].norm not in _BEFORE_KIND:
            return False  # "New Mexico western"
        return self.lexicon.is_noun(word) or word in self.lexicon.phrases or word in _VAGUE_KINDS

    @staticmethod
    def _longest_value(table: Mapping[str, Meaning], text: Text, start: int) -> tuple[int, str] | None:
        for length in (4, 3, 2, 1):
            said = text.words(start, start + length)
            if start + length <= len(text) and said in table:
                return start + length, said
        return None

    def _claim_facet_names(self, claims: Claims) -> None:
        text = claims.text
        for start in range(len(text)):
            for length in range(min(self._longest_name, len(text) - start), 0, -1):
                words = text.words(start, start + length)
                if facet := self._facet_names.get(words):
                    if words in self.lexicon.phrases and self._names_kind(text, start, start + length):
                        break  # "a country album"
                    claims.claim(Chunk(start, start + length, words, "F", facet=facet))
                    break

    def _claim_nouns(self, claims: Claims) -> None:
        for i in range(len(claims.text)):
            for length in (2, 1):
                words = claims.text.words(i, i + length)
                if self.lexicon.is_noun(words) and claims.claim(Chunk(i, i + length, words, "O")):
                    break

    def _claim_ordinals(self, claims: Claims, state: State) -> None:
        """ "the second one" of the list on the table."""
        text = claims.text
        for match in self._ordinal.finditer(text.line):
            words = match[0]
            if not state.slate or not (
                words.startswith("the ") or "one" in words.split() or "number" in words
            ):
                continue
            after = text.line[match.end() :].split()
            if after and (
                after[0] in ("time", "half", "part", "season", "decade", "few", "years", "year", "hour")
            ):
                continue
            self._claim_picked(claims, state, *text.span(match), match["nth"], match["many"])
            going_on = _AND_NTH.match(text.line, match.end())
            while going_on:  # "the first and third"
                self._claim_picked(claims, state, *text.span(going_on, "nth"), going_on["nth"])
                going_on = _AND_NTH.match(text.line, going_on.end())
        for match in _NUMBERED_ONES.finditer(text.line) if state.slate else ():  # "I have seen 1, 3 and 5"
            numbers = list(re.finditer(r"\d+", match["list"]))
            if all(int(n[0]) <= len(state.slate) for n in numbers):
                for n in numbers:
                    at = text.at(match.start("list") + n.start())
                    self._claim_picked(claims, state, at, at + 1, f"number {n[0]}")

    def _claim_picked(
        self, claims: Claims, state: State, start: int, end: int, nth: str, many: str | None = None
    ) -> None:
        ids = _pick(state.slate, nth, many)
        if rows := tuple(int(r) for r in self.lexicon.catalog.rows(ids)):
            claims.claim(Chunk(start, end, claims.text.words(start, end), "T", rows=rows))

    def _claim_numbers(self, claims: Claims) -> None:
        text = claims.text
        for match in _SHARE.finditer(text.line):
            share = self._share(match)
            if share is not None and 0 <= share <= 1:
                claims.claim(Chunk(*text.span(match), match[0], "Q", number=share))
        for match in _COUNT.finditer(text.line):
            value = number(match[0])
            start, end = text.span(match)
            if match[0] == "zero":
                continue  # a denial
            if value is not None and not (match[0] == "one" and self._pronoun_one(text, start)):
                claims.claim(Chunk(start, end, match[0], "N", number=value))

    def _pronoun_one(self, text: Text, start: int) -> bool:
        """ "that one", "the last one", "one of my favourites": no number."""
        before, after = text.words(max(start - 1, 0), start), text.words(start + 1, start + 5)
        word = after.split(" ")[0]
        if word in self.lexicon.phrases and singular(word) == word and before not in _BEFORE_PRONOUN:
            return False  # "sneak in one documentary"
        if _ONE_ENOUGH.match(after) or after.startswith(("at most", "at least", "tops", "max")):
            return False
        if before not in ("this", "that") and self.lexicon.is_noun(after.split(" ")[0]):
            return False  # "so. one film for both"
        if before in (".", "!", "?") and word in ("by", "directed", "from", "with", "starring"):
            return False  # "A pair for Sunday. One by Lubitsch, …"
        if after.startswith("of "):
            part = any(" ".join(after.split()[2:end]) in self.lexicon.phrases for end in (3, 4))
            them = _OF_THEM.match(after) and (part or before in _AMOUNT_CUES)
            return not (_ONE_OF_THEM.match(after) or them)
        return bool(before) and before not in _BEFORE_ONE

    @staticmethod
    def _share(match: re.Match[str]) -> float | None:
        if match["word"]:
            return _SHARE_WORDS[match["word"]]
        if match["of"]:
            whole = number(match["all"].removeprefix("every ")) or 0
            return (number(match["of"]) or 0) / whole if whole else None
        value = number(match["n"])
        return None if value is None else value / 100


def _claim_pronouns(claims: Claims) -> None:
    """ "Heat was lovely, more things like it": the title that was just mentioned."""
    text = claims.text
    for match in _LIKE_IT.finditer(text.line):
        at = text.span(match, "it")[0]
        titles = [owner for i in range(at) if (owner := claims.owner(i)) and owner.letter == "T"]
        meant = titles[-1:]  # with those joined to it: "Heat and Alien"
        for title in reversed(list(dict.fromkeys(titles))[:-1]):
            if text.words(title.end, meant[-1].start) not in ("and", ",", "or", ", and"):
                break
            meant.append(title)
        if rows := tuple(row for title in reversed(meant) for row in title.rows):
            claims.claim(Chunk(at, at + 1, match["it"], "T", rows=rows))


def _pick(slate: tuple, nth: str, many: str | None) -> tuple:
    """Entries of a list by ordinal: "first", "2nd", "last", "number three"."""
    count = int(number(many) or 1) if many else 1
    if nth == "last":
        return slate[-count:]
    if nth in ("top", "first"):
        return slate[:count]
    if nth in _ORDINALS:
        place = _ORDINALS.index(nth)
    else:
        place = int(number(re.sub(r"number |(?<=\d)(?:st|nd|rd|th)", "", nth)) or 0) - 1
    return slate[place : place + count] if place >= 0 else ()
