"""How much speaks for words being meant as a title.

Many titles are ordinary words ("Up", "Heat", "Saw", "Her"), and a title read where none was meant
costs more than one missed. So every stretch of words that is a title collects evidence: capitals,
a cue before it ("similar to", "loved"), a verdict after it ("was great"), its own rarity and fame.
From :data:`ENOUGH` on it counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chat_app.controller.english import FILLER, FUNCTION, WORDS, common_words, is_common
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.numbers import number
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from recsys.titles import Mention

ENOUGH = 2.0
WELL_KNOWN = 0.12  # share of the items that may be more popular
LONG = 4  # words: what is said so is a title, though each is an ordinary one

_STRONG = compiled("titles_strong")
_NAMED = compiled("titles_named")
_WEAK = compiled("titles_weak")
STYLE = re.compile(
    r"(?:style|vibes?|(?:kind|sort|type) of|like (?:things?|stuff|ones|films|movies))(?= |$)"
)  # "Die Hard style"
_CHANGED = compiled("titles_changed")  # "jaws but recent"
_ISH = re.compile(r"(?:ish|esque)(?= |$)")  # "chinatown-ish"
_IN_PERIOD = re.compile(r"(?:^| )(?:(?:between|from) \d+ (?:and|to|until|-)|between|since|until)$")
_CROSSED = re.compile(r"(?:crossed with|meets|mixed with)(?= )")  # "Alien crossed with Heat"
_DENIED = compiled("titles_denied")
_SETTING = compiled("titles_setting")
_VERDICT = compiled("titles_verdict")
SEQUEL = compiled("titles_sequel")
BREAK = frozenset(",.!?;:-()") | frozenset(
    "but and or please too though because except with from as both ever again".split()
)
_SMALL = WORDS["titles_small"]
_PRONOUNS = WORDS["titles_pronouns"]
_ONWARDS = re.compile(r"(?:and|or) (?:up|later|on|onwards?|newer|older|before|so)(?= |$)|[-+]")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Words that are a title, where they stand in a message, and what is to be known of them."""

    text: Text
    start: int
    end: int
    words: list[str]
    content: list[str]
    before: str
    after: str
    capital: bool
    strong: bool
    ordinary: bool
    famous: bool
    styled: bool
    spoken: bool  # they mean something else here

    @property
    def strongly_several(self) -> bool:
        return self.strong and self.famous and len(self.words) > 1

    @property
    def written(self) -> bool:
        """With a capital, in a message that has small letters as well."""
        return self.text.cased and self.text.raw[self.text.tokens[self.start].start].isupper()


class TitleEvidence:
    """Weighs what speaks for a title of one catalogue."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def of(self, text: Text, start: int, end: int, mention: Mention) -> float:
        """The evidence for the tokens from ``start`` to ``end`` being meant as the title mentioned."""
        stretch = self._stretch(text, start, end, mention)
        return 0.0 if self._no_title(stretch) or self._plain_words(stretch) else self._score(stretch, mention)

    def _stretch(self, text: Text, start: int, end: int, mention: Mention) -> _Stretch:
        words = [t.norm for t in text.tokens[start:end] if t.is_word]
        phrase, phrases = " ".join(words), self.lexicon.phrases
        before = text.words(max(0, start - 8), start)
        after = text.words(end, min(end + 8, len(text)))
        famous = self.fame(mention.row) > 0
        styled = bool(STYLE.match(after)) and (famous and len(words) > 1 or len(words) >= LONG)
        return _Stretch(
            text,
            start,
            end,
            words,
            [w for w in words if w not in FUNCTION],
            before,
            after,
            capital=is_capital(text, start, end),
            strong=bool(_STRONG.search(before)),
            ordinary=all(self._ordinary(w) for w in words) or phrase in phrases,
            famous=famous,
            styled=styled or famous and not before and bool(_CHANGED.match(after)),
            spoken=phrase in phrases or any(w in phrases for w in words),
        )

    def _no_title(self, s: _Stretch) -> bool:
        """What the words are, or what stands before them, says that no title is meant."""
        text, capital = s.text, s.capital
        meant = capital and s.strong
        if not s.content and not (capital and len(s.words) > 1) and not meant:
            return True
        if len(s.words) == 1 and s.words[0] in _PRONOUNS and not meant:
            return True
        if not capital and any(self.lexicon.is_noun(w) for w in s.words):
            return True
        if not capital and text.cased and s.before.endswith((" a", " an", " some", " any")):
            return True  # "a film about a road trip"
        lower = text.raw[text.tokens[s.end - 1].start].islower()
        facets = self.lexicon.words.values()
        if lower and s.content and all(any(w in f.names for f in facets) for w in s.content):
            return True  # "the country is not important"
        if self._is_cued_value(" ".join(s.words), s.before):
            return True  # "films from Brazil"
        leads = not capital and len(s.words) == 1 and _leads_name(text, s.end)
        return leads or bool(_SETTING.search(s.before))

    def _plain_words(self, s: _Stretch) -> bool:
        """The words are ordinary ones or numbers, and nothing says that they are more here."""
        plain = s.ordinary and not s.capital and not (s.strongly_several and not s.spoken)
        if plain and not (s.styled and len(s.words) >= LONG):
            return True
        if s.words[-1].isdigit() and _ONWARDS.match(s.after):
            return True
        if s.words[0].isdigit() and _IN_PERIOD.search(s.before):
            return True  # "between 2001 and 2010"
        if any(number(w) is None for w in s.words):
            return False
        behind = s.after.split()[:1]
        counts = bool(behind) and self._ordinary(behind[0]) and behind[0] not in FUNCTION
        return counts or not (s.strong or s.capital and _VERDICT.match(s.after))  # "like 7 musicals"

    def _score(self, s: _Stretch, mention: Mention) -> float:
        before, after, content, fame = s.before, s.after, s.content, self.fame(mention.row)
        score = self._cued(s)
        score += 1.5 if _VERDICT.match(after) or (s.famous or s.written) and _CROSSED.match(after) else 0
        score += 0.5 if s.written and _CROSSED.match(after) else 0
        if s.capital:
            score += 1.5 if len(s.words) > 1 else 1.0
        if content:
            score += 0.5 * min(len(content) - 1, 2) + (0.5 if len(s.words) > 2 else 0)
        score += 0.5 if any(w not in common_words() and w not in self.lexicon.phrases for w in content) else 0
        score += fame
        score -= 1 if s.ordinary and not (s.styled or s.strongly_several) else 0
        if _goes_on(s.text, s.start, s.end):
            longer = SEQUEL.match(s.text.words(s.end, s.end + 9)) or _front(s.text, s.start)
            score -= 4 if longer else 2
        score += 2 if before.endswith(("what is", "what was")) and after.startswith("about") else 0
        whole = not s.text.words(0, s.start) and not re.sub(r"\W", "", after)
        return score + (1.5 if whole and not s.ordinary else 0)

    def _cued(self, s: _Stretch) -> float:
        """What the words before it, or right behind it, say."""
        if _NAMED.search(s.before):
            return 2
        if s.strong:
            ends = not s.after or s.after.split()[0] in BREAK
            return (1.5 if s.capital else 1) + (0.5 if ends else 0)
        suffixed = bool(_ISH.match(s.after)) and not s.ordinary
        if s.styled or s.famous and (self._denied(s.before, s.after, s.words) or suffixed):
            return 2
        return 0.5 if _WEAK.search(s.before) else 0

    def _is_cued_value(self, words: str, before: str) -> bool:
        return any(
            words in table and before.endswith(tuple(f" {cue}" for cue in self.lexicon.words[facet].cues))
            for facet, table in self.lexicon.cued.items()
        )

    def _denied(self, before: str, after: str, words: list[str]) -> bool:
        """ "Not Star Wars please": a denial and nothing behind, of more than a common word."""
        ends = not after or after.split()[0] in BREAK
        rare = len(words) > 1 or not all(map(is_common, words))
        return bool(_DENIED.search(before)) and ends and rare and " ".join(words) not in self.lexicon.phrases

    def _ordinary(self, word: str) -> bool:
        known: Mapping[str, object] = self.lexicon.phrases
        return word in FUNCTION or word in FILLER or word in known or self.lexicon.is_noun(word)

    def fame(self, row: int) -> float:
        above = float(self.lexicon.catalog.more_popular[row])
        return 0.5 if above < WELL_KNOWN else -0.5 if above > 0.6 else 0.0


def _goes_on(text: Text, start: int, end: int) -> bool:
    """Whether the title is only a part of a longer capitalised name ("Girls" of "Girls Trip")."""
    if not text.cased or not text.raw[text.tokens[start].start].isupper():
        return False
    behind = text.tokens[end : end + 2]
    if SEQUEL.match(text.words(end, end + 9)):
        return True
    if behind and behind[0].norm in (":", "-"):
        behind = behind[1:]
    after = (
        bool(behind)
        and behind[0].is_word
        and text.raw[behind[0].start].isupper()
        and behind[0].norm not in ("i",)
    )
    return after or _front(text, start)


def _leads_name(text: Text, end: int) -> bool:
    """Whether a capitalised name follows a word without a capital: "saw Get Out"."""
    behind = text.tokens[end : end + 1]
    return bool(behind) and behind[0].norm != "i" and text.capitalised(end, end + 1)


def _front(text: Text, start: int) -> bool:
    """Whether a capitalised word stands before it ("In Time" of "A Wrinkle in Time")."""
    ahead = text.tokens[start - 1] if start else None
    return (
        ahead is not None
        and ahead.is_word
        and text.capitalised(start - 1, start)
        and ahead.norm not in FUNCTION
    )


def is_capital(text: Text, start: int, end: int) -> bool:
    """Every content word has a capital, and it is not just the start of a sentence."""
    if not text.cased:
        return False
    tokens = [
        t for t in text.tokens[start:end] if t.is_word and t.norm not in _SMALL and not t.norm.isdigit()
    ]
    tokens = tokens or list(text.tokens[start : start + 1])
    if not all(text.raw[t.start].isupper() for t in tokens):
        return False
    first = text.tokens.index(tokens[0], start)
    return len(tokens) > 1 or text.capitalised(first, end)
