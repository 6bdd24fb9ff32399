"""Names in a message: after a cue ("directed by …", "with …"), in full, or by surname alone."""

from __future__ import annotations

import re

from chat_app.controller.chunks import Chunk, Claims
from chat_app.controller.english import FILLER, FUNCTION, ORDINARY_NAMES, WORDS, common_words, is_common
from chat_app.controller.lexicon import Lexicon, Meaning
from chat_app.controller.name_slips import RARE, take_name, two_capitals
from chat_app.controller.names import NEAR_NAME, Name, name_key
from chat_app.controller.numbers import number
from chat_app.controller.patterns import compiled
from chat_app.controller.text import Text
from chat_app.controller.turn import Unknown
from recsys.controls import Clause

_ORIGIN = re.compile(
    r"(?:^| )(?:i|we|he|she|they|who|wife|husband|family|mom|mum|dad|friends?|girlfriend|boyfriend)"
    r" (?:is|am|are|was|were|'s|comes?|came) $"
)
_STOP = WORDS["people_stop"]
_DENIALS = frozenset({"no", "not", "without", "minus", "except"})
_JOINTS = frozenset({"and", "or", "nor", ",", "&"})
_ARTICLE = compiled("people_article")


class NameSpotter:
    """Finds the names of one catalogue in messages."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.names = lexicon.names
        self._cues = {f: _cue_pattern(lexicon.words[f].cues) for f in lexicon.named}
        self._weak = {f: _cue_pattern(lexicon.words[f].weak_cues) for f in lexicon.named}

    def claim_cued(self, claims: Claims) -> list[Unknown]:
        """Claim names after their cues; returns the names that the catalogue does not have."""
        unknown: list[Unknown] = []
        for strong, cues in ((True, self._cues), (False, self._weak)):
            for facet, pattern in cues.items():
                for match in pattern.finditer(claims.text.line) if pattern else ():
                    start = claims.text.at(match.end())
                    if match["cue"] == "from" and self._is_origin(claims.text, match.start(), start):
                        continue  # "my wife is from Lyon"
                    if match.end() >= len(claims.text.line):
                        continue
                    named = strong and two_capitals(claims.text, start)
                    firm = strong and " " in match["cue"].strip() or strong and match["cue"].endswith("ing")
                    found = self._claim_list(claims, start, facet, firm)
                    if not found and (firm or named):
                        unknown += self._unknown(claims, start, facet)
        return unknown

    def _is_origin(self, text: Text, cue: int, start: int) -> bool:
        """Whether "from" says where somebody comes from, or names a place."""
        place = any(text.words(start, start + 1) in table for table in self.lexicon.cued.values())
        return place or bool(_ORIGIN.search(text.line[:cue]))

    def claim_siblings(self, claims: Claims) -> None:
        """Claim "the Coen brothers": both of them."""
        for match in re.finditer(
            r"(?:^|(?<= ))(?:(?:the )?(?P<name>\w+) (?:brothers|sisters|bros)|the (?P<both>\w{4,})s)(?= |$)",
            claims.text.line,
        ):
            if match["both"] and is_common(match["both"]):
                continue
            pair = self.names.siblings(match["name"] or match["both"])
            if len(pair) == 2 and pair[1].weight > 0.3 * pair[0].weight:
                clause = Clause(facet=pair[0].facet, any_of=tuple(sorted(n.value for n in pair)))
                start, end = claims.text.span(match)
                claims.claim(Chunk(start, end, match[0], "P", meaning=Meaning(require=(clause,))))

    def claim_free(self, claims: Claims) -> None:
        """Claim full names anywhere, and surnames that can be nothing else."""
        text = claims.text
        for start in range(len(text)):
            for length in range(min(self.names.longest, 5, len(text) - start), 1, -1):
                name = self.names.by_full_name(text.words(start, start + length))
                if (
                    name
                    and (self._worth(name) or self._beside_name(claims, start))
                    and claims.free(start, start + length)
                    and self._names_somebody(text, start, length)
                ):
                    name = self._in_role(text, start + length, self._as_beside(claims, start, name))
                    take_name(claims, start, start + length, name)
                    break
        for start in range(len(text) - 1):  # "De Niro"
            said = text.words(start, start + 2)
            name = self.names.by_surname(said) or self.names.by_surname(said.removesuffix("s"))
            if name and name.weight >= self.names.well_known and claims.free(start, start + 2):
                take_name(claims, start, start + 2, name)
        for start in range(len(text)):
            if claims.free(start, start + 1) and (
                name := self._bare_surname(text, start)
                or self._joined(claims, start)
                or self._several_of(text, start)
            ):
                take_name(claims, start, start + 1, name)

    def _in_role(self, text: Text, end: int, name: Name) -> Name:
        """The name in the role that the words behind it say: "… as the lead", "… behind the camera"."""
        after = text.words(end, end + 4) + " "
        for facet in self.lexicon.named:
            if any(after.startswith(f"{cue} ") for cue in self.lexicon.words[facet].after):
                return self.names.by_full_name(name_key(name.value), facet) or name
        return name

    def _claim_list(self, claims: Claims, start: int, facet: str, firm: bool) -> bool:
        """Names from ``start`` on, joined by commas, "and", "or"."""
        any_found = False
        while 0 <= start < len(claims.text):
            words = claims.text.words(start, min(start + 3, len(claims.text)))
            skip = _ARTICLE.match(words + " ")
            start += len(skip[0].split()) if skip else 0
            found = self._at(claims.text, start, facet, firm or any_found)
            if found is None:
                break
            end, name = found
            any_found = take_name(claims, start, end, name) or any_found
            if end < len(claims.text) and claims.text.tokens[end].norm == "'s":
                end += 1
            joint = re.match(
                r"(?:, )?(?:and|or|nor|/|,)(?: also| maybe)?(?: by| with| from)? ",
                claims.text.words(end, min(end + 4, len(claims.text))) + " ",
            )
            if not joint:
                break
            start = end + len(joint[0].split())
        return any_found

    def _at(self, text: Text, start: int, facet: str, firm: bool) -> tuple[int, Name] | None:
        """The name that begins at a token and where it ends."""
        for length in range(min(5, len(text) - start), 1, -1):
            said = text.words(start, start + length)
            name = self.names.by_full_name(said, facet) or (
                self.names.by_surname(said, facet) if length == 2 else None
            )
            if name:
                return start + length, name
        if start >= len(text) or not text.tokens[start].is_word:
            return None
        return self._near(text, start, facet, firm) or self._single(text, start, facet, firm)

    def _single(self, text: Text, start: int, facet: str, firm: bool) -> tuple[int, Name] | None:
        word = text.tokens[start].norm
        if word in FUNCTION or word in FILLER or word in self.lexicon.phrases or self.lexicon.is_noun(word):
            return None
        if number(word) is not None:
            return None  # "… by Hitchcock, three by Ford"
        if self._goes_on(text, start):
            return None
        capital = text.raw[text.tokens[start].start].isupper() and text.cased
        if word in ORDINARY_NAMES and not capital:
            return None
        name = self.names.by_full_name(word, facet) if capital or firm else None
        name = name or self.names.by_surname(word, facet)
        if name and (capital or firm or name.items >= self.names.known_items):
            return start + 1, name
        first = self.names.by_first_name(word, facet)
        return (
            (start + 1, first)
            if first and first.items >= self.names.known_items and (capital or firm)
            else None
        )

    def _goes_on(self, text: Text, start: int) -> bool:
        """Whether the next word looks like the rest of the name."""
        if start + 1 >= len(text) or not text.tokens[start + 1].is_word:
            return False
        following = text.tokens[start + 1]
        word = following.norm
        if text.cased:
            return (
                text.raw[following.start].isupper() and word not in _STOP and word not in self.lexicon.phrases
            )
        known = (
            word in FUNCTION or word in FILLER or word in self.lexicon.phrases or self.lexicon.is_noun(word)
        )
        return not known and word not in _STOP and not word[0].isdigit() and word != "'s"

    def _near(self, text: Text, start: int, facet: str, firm: bool) -> tuple[int, Name] | None:
        """A name of two or three words spelled nearly right."""
        end = start
        while (
            end < len(text)
            and end < start + 3
            and text.tokens[end].is_word
            and text.tokens[end].norm not in _STOP
        ):
            end += 1
        capital = text.cased and all(
            text.raw[t.start].isupper() for t in text.tokens[start : min(start + 2, end)]
        )
        for stop in range(end, start + 1, -1):
            said = text.words(start, stop)
            if not (firm or capital) and self._ordinary(said):
                continue
            near = self.names.nearest(said, facet, n=1)
            if near and near[0][1] >= NEAR_NAME - 5 * firm:
                return stop, near[0][0]
        if firm and end == start + 1 and len(text.tokens[start].norm) >= 6:
            near = self.names.nearest(text.tokens[start].norm, facet, n=1)
            if near and near[0][1] >= NEAR_NAME and near[0][0].items >= self.names.known_items:
                return end, near[0][0]
        return None

    def _ordinary(self, said: str) -> bool:
        words = said.split()
        return (
            sum(
                w in FUNCTION or w in FILLER or w in ORDINARY_NAMES or w in self.lexicon.phrases
                for w in words
            )
            > 0
        )

    def _unknown(self, claims: Claims, start: int, facet: str) -> list[Unknown]:
        """What stands after a firm cue, when it looks like a name that we do not have."""
        text = claims.text
        end = start
        while (
            end < len(text)
            and end < start + 4
            and text.tokens[end].is_word
            and text.tokens[end].norm not in _STOP
        ):
            end += 1
        if end == start or not claims.free(start, end):
            return []
        words = [t.norm for t in text.tokens[start:end]]
        if all(
            w in FUNCTION or w in FILLER or w in self.lexicon.phrases or self.lexicon.is_noun(w)
            for w in words
        ):
            return []
        if text.cased and not text.raw[text.tokens[start].start].isupper() and len(words) != 2:
            return []
        near = tuple(name.value for name, score in self.names.nearest(" ".join(words), facet) if score >= 60)
        claims.claim(Chunk(start, end, " ".join(words), "U"))
        return [Unknown(text=text.quote(start, end), kind=facet, nearest=near)]

    def _beside_name(self, claims: Claims, start: int) -> bool:
        """Whether a name stands before this one, joined by "and"."""
        at = start - 1
        while at > 0 and claims.text.tokens[at].norm in _JOINTS:
            at -= 1
        owner = claims.owner(at) if at < start - 1 else None
        return owner is not None and owner.letter == "P"

    def _as_beside(self, claims: Claims, start: int, name: Name) -> Name:
        """The name in the role of one that stands before it in a list: "John Wayne or Clint Eastwood"."""
        at = start - 1
        while at > 0 and claims.text.tokens[at].norm in _JOINTS | _DENIALS:
            at -= 1
        owner = claims.owner(at) if at < start - 1 else None
        if owner is None or owner.letter != "P" or owner.meaning is None:
            return name
        return self.names.by_full_name(name_key(name.value), owner.meaning.require[0].facet) or name

    def _worth(self, name: Name) -> bool:
        """A name of a single item needs a cue: outside films many people share it."""
        return name.items > 1 or name.weight >= self.names.well_known

    def _names_somebody(self, text: Text, start: int, length: int) -> bool:
        """Not a full name that is also plain words ("will smith" is one, "long day" is none)."""
        if text.cased and not text.raw[text.tokens[start].start].isupper():
            words = text.words(start, start + length).split()
            return not all(w in FUNCTION or w in FILLER or w in self.lexicon.phrases for w in words)
        return True

    def _bare_surname(self, text: Text, start: int) -> Name | None:
        token = text.tokens[start]
        word = token.norm
        if len(word) < 4 or word in FUNCTION or word in FILLER or word in self.lexicon.phrases:
            return None
        name = self.names.by_surname(word) or self.names.by_full_name(word)
        if name is None:
            name = self.names.by_first_name(word)
        written = text.cased and text.raw[token.start].isupper() and word not in common_words()
        least = self.names.known_if_written if written else self.names.known_items
        if name is None or name.items < least:
            return None
        after = text.tokens[start + 1].norm if start + 1 < len(text) else ""
        said_so = text.capitalised(start, start + 1) or not text.cased and not is_common(word)
        of_noun = said_so and self.lexicon.is_noun(after)  # "a Kurosawa film"
        if name.weight < self.names.well_known and not of_noun and not self._unmistakable(word, least):
            return None
        carried = (
            after == "'s" or self.lexicon.is_noun(after) or after in ("stuff", "fan", "flicks", "classics")
        )
        capital = text.capitalised(start, start + 1)
        before_capital = (
            start > 0
            and text.raw[text.tokens[start - 1].start].isupper()
            and text.capitalised(start - 1, start)
            and not _shouted(text, start - 1)
        )
        after_capital = (
            bool(after)
            and after[0].isalpha()
            and after != "i"
            and text.raw[text.tokens[start + 1].start].isupper()
            and not _shouted(text, start + 1)
        )
        if capital and not before_capital and not after_capital:
            return name if word not in ORDINARY_NAMES else None
        if word in ORDINARY_NAMES:
            return None
        if not before_capital and not after_capital and self._unmistakable(word, least):
            return name
        listed = after in (",", "or", "and", "/") and start + 2 < len(text)
        if listed and self.names.by_surname(text.words(start + 2, start + 4)) and not text.cased:
            return name  # "hitchcock or de palma"
        if listed and text.opens_sentence(start) and text.capitalised(start + 2, start + 3):
            return name  # "Spielberg, Scorsese or Kubrick"
        alone = (
            len([t for t in text.tokens if t.is_word and t.norm not in FUNCTION and t.norm not in FILLER])
            == 1
        )
        ends = after in ("", ",", ".", "!", "?", "and", "or", "please", "though", "this", "again")
        denied = ends and start > 0 and text.tokens[start - 1].norm in _DENIALS  # "no miyazaki"
        rare = denied or not text.cased and common_words() and word not in common_words()
        return name if (carried or alone or rare) and not before_capital else None

    def _several_of(self, text: Text, start: int) -> Name | None:
        """Whose works are counted: "four Hitchcocks"."""
        word, before = text.tokens[start].norm, text.words(max(start - 1, 0), start)
        counted = number(before) is not None or before in ("some", "more", "few", "the")
        if (
            not counted
            or len(word) < 5
            or not word.endswith("s")
            or is_common(word)
            or is_common(word[:-1], RARE)
        ):
            return None
        name = self.names.known_by_surname(word[:-1])
        return name if name and name.weight >= self.names.well_known else None

    def _unmistakable(self, word: str, least: int | None = None) -> bool:
        """Whether a surname can be nothing else: one person's, and no common word."""
        name = self.names.known_by_surname(word, least) if common_words() else None
        known = name is not None and name.weight >= self.names.well_known
        return name is not None and (not is_common(word) or known and not is_common(word, RARE))

    def _joined(self, claims: Claims, start: int) -> Name | None:
        """The bearer of a rare surname that an "or" or "and" joins to somebody: "Fellini or Antonioni"."""
        word = claims.text.tokens[start].norm
        long = len(word) > (2 if claims.text.capitalised(start, start + 1) else 4)
        rare = long and word not in ORDINARY_NAMES and common_words() and not is_common(word)
        known = claims.text.capitalised(start, start + 1) and self.names.known_by_surname(word) is not None
        return self.names.by_surname(word) if (rare or known) and self._beside_name(claims, start) else None


def _shouted(text: Text, at: int) -> bool:
    """Whether a word is all capitals ("NOT"): said loudly, rather than a name."""
    token = text.tokens[at]
    return token.end - token.start > 1 and text.raw[token.start : token.end].isupper()


def _cue_pattern(cues: tuple[str, ...]) -> re.Pattern[str] | None:
    if not cues:
        return None
    options = "|".join(re.escape(c) for c in sorted(cues, key=len, reverse=True))
    return re.compile(rf"(?:^|(?<= ))(?P<cue>{options}) (?:: )?")
