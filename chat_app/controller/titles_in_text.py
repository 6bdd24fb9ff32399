"""Titles mentioned in a message: in quotes, with their year, in plain words (by
:mod:`chat_app.controller.title_evidence`), misspelt, and titles that the catalogue does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chat_app.controller.chunks import Chunk, Claims
from chat_app.controller.english import FILLER, FUNCTION, common_words
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.names import NEAR_NAME
from chat_app.controller.numbers import number
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from chat_app.controller.title_evidence import BREAK, ENOUGH, SEQUEL, STYLE, TitleEvidence, is_capital
from chat_app.controller.turn import Unknown

NEAR_TITLE = 88.0  # likeness (0..100) of a misspelt title after a cue
SOME_WORDS, SOME_CUES = 60, 5  # so far misspelt titles are looked for: each costs a search
SURELY_NEAR = 90.0  # of one of several words that is well known

_AFTER_CUE = compiled("titles_after_cue")
_JOINING = frozenset({"of", "the", "and", "to", "in", "a", "'s", "for", "on", "at"})  # small within a name
_LISTING = frozenset({",", "and", "or", "also", "the", "nor", "plus", "/", "then", "both"}) | {
    "meets",
    "crossed",
    "with",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    start: int
    end: int
    rows: tuple[int, ...]
    evidence: float


class TitleSpotter:
    """Finds the titles of one catalogue in messages."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.catalog = lexicon.catalog
        self.index = lexicon.catalog.title_index
        self.evidence = TitleEvidence(lexicon)

    def claim(self, claims: Claims) -> list[Unknown]:
        """Claim every title that is meant as one; lists of titles carry each other.

        Returns the titles that the catalogue does not have, as far as they look like titles.
        """
        text = claims.text
        self._claim_quoted(claims)
        candidates = sorted(self._candidates(claims), key=lambda c: (c.start - c.end, c.start))
        accepted = True
        while accepted:  # a title beside an accepted one is more likely one itself
            accepted = False
            for c in candidates:
                listed = 1.5 if self._listed(claims, c) else 0.0
                if c.evidence + listed >= ENOUGH and claims.claim(self._chunk(text, c)):
                    accepted = True
        return self._claim_near(claims)

    def _claim_near(self, claims: Claims) -> list[Unknown]:
        """Claim misspelt titles after a cue, and what is a title of nothing here."""
        text, unknown = claims.text, []
        self._claim_styled(claims)
        starts = {text.at(m.end()) for m in _AFTER_CUE.finditer(text.line)}
        for i, token in enumerate(text.tokens[1:-1], 1):  # "… The Mountain Between Us (2017)"
            year = token.norm == "(" and re.fullmatch(r"(?:19|20)\d\d", text.tokens[i + 1].norm)
            if year and claims.free(i, i + 1):
                starts.add(self._first_capital(text, i))
        for start in sorted(starts)[:SOME_CUES]:
            end = self._name_end(text, start)
            if end <= start or not claims.free(start, end):
                continue
            said = text.quote(start, end)
            capital = is_capital(text, start, end) and (
                text.tokens[start].norm not in FUNCTION or end - start > 1
            )
            rare = any(w not in common_words() and len(w) > 3 for w in text.words(start, end).split())
            dated = bool(re.match(r"\( \d{4}", text.words(end, end + 2)))
            if not capital and not dated and not (rare and not text.cased):
                continue
            if SEQUEL.match(text.words(end, end + 9)):
                continue  # the name goes on
            words = text.words(start, end)
            if not text.cased and (surely := self._surely(text, start, end)):
                stop, row = surely
                claims.claim(Chunk(start, stop, text.words(start, stop), "T", rows=(row,)))
                continue
            best = self.index.best(said)
            if best and " " in words and best.score >= SURELY_NEAR and self.evidence.fame(best.row) > 0:
                claims.claim(Chunk(start, end, words, "T", rows=(best.row,)))  # "like jurrasic park"
                continue
            named = self.lexicon.names
            last = words.split()[-1]
            if named.by_full_name(" ".join(words.split()[:2])):
                continue  # "he likes Lee Marvin and …"
            people = named.nearest(words, n=1) if " " in words and not dated else []
            if people and people[0][1] >= NEAR_NAME and people[0][0].weight >= named.well_known:
                continue  # a misspelt person
            if not dated and (named.by_full_name(words) or named.last.get(last) or named.by_first_name(last)):
                continue
            if (not dated and any(w in self.lexicon.phrases for w in words.split())) or not any(
                w not in FUNCTION and w not in FILLER for w in words.split()
            ):
                continue
            year = re.match(r"\( (\d{4})", text.words(end, end + 2))
            if best and best.score >= NEAR_TITLE and (not year or self._of_year(best.row, int(year[1]))):
                end += 3 if year else 0
                claims.claim(Chunk(start, end, words, "T", rows=(best.row,)))
            elif capital or dated:
                close = text.words(end, end + 3)
                end += 3 if re.fullmatch(r"\( \d{4} \)", close) else 0
                if claims.claim(Chunk(start, end, text.words(start, end), "U")):
                    nearest = tuple(self.catalog.titles[m.row] for m in self.index.search(said, n=3))
                    unknown.append(Unknown(text=said, kind="title", nearest=nearest))
        return unknown

    def _surely(self, text: Text, start: int, end: int) -> tuple[int, int] | None:
        """Where a misspelt title of several words ends, and its row: "like spirted away only …"."""
        for stop in range(end, start + 1, -1):
            best = self.index.best(text.quote(start, stop))
            if best and best.score >= SURELY_NEAR and self.evidence.fame(best.row) > 0:
                return stop, best.row
        return None

    def _claim_styled(self, claims: Claims) -> None:
        """Claim misspelt titles before "type of": "seven samuri type of thing"."""
        text = claims.text
        for i in range(2, min(len(text), SOME_WORDS)):
            if not STYLE.match(text.words(i, i + 2)):
                continue
            if any(word in self.lexicon.phrases for word in text.words(max(i - 2, 0), i).split()):
                continue
            for start in range(max(i - 4, 0), i - 1):
                best = self.index.best(text.quote(start, i)) if claims.free(start, i) else None
                if best and best.score >= NEAR_TITLE and self.evidence.fame(best.row) > 0:
                    claims.claim(Chunk(start, i, text.words(start, i), "T", rows=(best.row,)))
                    break

    def _first_capital(self, text: Text, end: int) -> int:
        start = end
        while (
            start > 0
            and text.tokens[start - 1].is_word
            and (
                text.raw[text.tokens[start - 1].start].isupper()
                or start == end
                and text.tokens[start - 1].norm.isdigit()
                or text.tokens[start - 1].norm in ("of", "the", "and", "to", "in", "a", "'s", ":", "-")
            )
        ):
            start -= 1
        while start < end and not text.raw[text.tokens[start].start].isupper():
            start += 1
        return start

    def _name_end(self, text: Text, start: int) -> int:
        """Where a name ends that begins at a token: at a break, or where the capitals end."""
        end = start
        while (
            end < len(text)
            and end < start + 7
            and (text.tokens[end].is_word or text.tokens[end].norm == "'s")
        ):
            word = text.tokens[end].norm
            small = word in _JOINING
            sequel = end > start and len(word) == 1 and word.isdigit()
            if text.cased and not text.raw[text.tokens[end].start].isupper() and not (small or sequel):
                break
            if not text.cased and word in BREAK:
                break
            end += 1
        while end > start and text.tokens[end - 1].norm in _JOINING:
            end -= 1
        return end

    def _chunk(self, text: Text, found: Candidate) -> Chunk:
        return Chunk(found.start, found.end, text.words(found.start, found.end), "T", rows=found.rows[:1])

    def _claim_quoted(self, claims: Claims) -> None:
        text = claims.text
        for quote in re.finditer(r'"([^"]{1,80})"', text.raw):
            inside = text.within(*quote.span(1))
            if inside[0] < inside[1] and (rows := self.index.exact(quote[1])):
                claims.claim(Chunk(*inside, text.words(*inside), "T", rows=rows[:1]))

    def _candidates(self, claims: Claims) -> Iterator[Candidate]:
        text = claims.text
        found = {(m.start, m.end): m for m in self.index.mentions(text.raw)}
        for cue in _AFTER_CUE.finditer(text.line):  # a longer name may begin before the cue ends
            start = text.tokens[text.at(cue.end())].start
            for m in self.index.mentions(text.raw[start : start + 80])[:1]:
                if m.start == 0:
                    found.setdefault((start, start + m.end), m)
        for (begin, stop), mention in found.items():
            start, end = text.within(begin, stop)
            if (
                start < end
                and claims.free(start, end)
                and not self._inside_name(text, start, end, mention.exact)
            ):
                row = mention.row
                if cut := self._before_number(text, start, end):  # "Toy Story, two of them …"
                    end, row = cut
                if text.raw[begin:stop].isdigit() and text.raw[begin - 1 : begin] == "(":
                    continue  # the year of the title before
                dated = bool(re.search(r"\w\W*\(\d{4}\)?$", text.raw[begin:stop]))
                end += text.words(end, end + 1) == ")"
                if year := re.fullmatch(r"\( (\d{4}) \)", text.words(end, end + 3)):
                    if not self._of_year(row, int(year[1])):
                        continue
                    dated, end = True, end + 3
                evidence = 3.0 if dated else self.evidence.of(text, start, end, mention)
                yield Candidate(start, end, (row,), evidence)

    def _before_number(self, text: Text, start: int, end: int) -> tuple[int, int] | None:
        """Where a title ends, and its row, when a comma and a number follow it that are no part of it."""
        comma = end - 2
        if comma <= start or text.tokens[comma].norm != "," or number(text.tokens[end - 1].norm) is None:
            return None
        rows = self.index.exact(text.quote(start, comma))
        return (comma, rows[0]) if rows else None

    def _of_year(self, row: int, year: int) -> bool:
        """Whether an item may be of a year; catalogues differ by one."""
        calendar = self.lexicon.calendar
        known = float(self.catalog.numeric[calendar.facet][row]) if calendar else float("nan")
        return not abs(known - year) > 1

    def _inside_name(self, text: Text, start: int, end: int, exact: bool) -> bool:
        """Whether the words belong to a longer full name ("Adam" of "Adam Sandler")."""
        names = self.lexicon.names
        for first in range(max(0, start - 2), start + 1):
            for last in range(end, min(end + 2, len(text)) + 1):
                if last - first > max(end - start - (not exact), 1) and (
                    name := names.by_full_name(text.words(first, last))
                ):
                    return name.items > 1
        return False

    def _listed(self, claims: Claims, found: Candidate) -> bool:
        """Whether only commas, "and", "or" stand between this and a title already accepted."""
        for step, at in ((-1, found.start - 1), (1, found.end)):
            joined = False
            while (
                0 <= at < len(claims.text)
                and claims.text.tokens[at].norm in _LISTING
                and claims.owner(at) is None
            ):
                joined, at = True, at + step
            owner = claims.owner(at)
            if joined and owner is not None and owner.letter == "T":
                return True
        return False
