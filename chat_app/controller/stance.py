"""How each part of a message is meant: wanted, liked, seen, compared with, or denied.

A small state machine walks over a :class:`~chat_app.controller.chunks.Line`. Cues set the *mode*
and the polarity, punctuation and conjunctions end their scope.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.english import WORDS, is_content
from chat_app.controller.patterns import compiled, cues

Mode = Literal["want", "like", "seen", "unseen", "heard", "seed", "verdict", "allow", "drop", "ask"]

_SUBJECT = WORDS["stance_subject"]

# In the order in which they are tried at each place: (pattern, mode or None to keep it, negated).
_CUES = [(pattern, cast("Mode | None", mode), negated) for pattern, mode, negated in cues()]
_PROVIDED = compiled("stance_provided")
_WORD_LIKE = compiled("stance_word_like")
_STATEMENT = compiled("stance_statement")
_FINE, _STILL_FINE = compiled("wishes_fine"), compiled("stance_still_fine")
_OR_ANY = compiled("stance_or_any")
_STYLED, _CHANGED = compiled("stance_styled"), compiled("stance_changed")
_WHICH_IS = re.compile(r"(?:that|which) (?:is|are)(?: also| in| from| a| an) ")
_STATES = WORDS["stance_states"]
_HARD = frozenset(".!?;")
_TURN = frozenset(
    {"because", "since", "but", "though", "however", "although", "yet", "instead", "otherwise", "then", "so"}
)
RELATIVES = frozenset({"where", "which", "whose"})
_MADE = ("made", "produced", "filmed", "shot", "set")
_STYLES = ("style", "esque", "ish", "vibe", "vibes", "type")
_HEADS = frozenset("what whatever ones one something anything nothing stuff".split())
_DENIALS = frozenset("no not nothing none without".split())
_DETERMINERS = WORDS["stance_determiners"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one chunk is meant."""

    mode: Mode
    negated: bool
    sentence: int
    cue: bool = False


class Stance:
    """Marks for every chunk of a line, and where its sentences begin."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.marks: list[Mark] = []
        self._walk()

    def _walk(self) -> None:
        mode: Mode = "want"
        negated, sentence, skip = False, 0, 0
        for i, chunk in enumerate(self.line.chunks):
            if i < skip:
                self.marks.append(Mark(mode, negated, sentence, cue=not chunk.letter))
                continue
            if chunk.norm in _HARD and not chunk.letter:
                self.marks.append(Mark(mode, negated, sentence))
                going_on = negated and _OR_ANY.match(self.line.s, self.line._starts[i])
                mode, negated, sentence = "want", bool(going_on), sentence + 1
                continue
            if chunk.norm == ":" and mode in ("verdict", "drop", "heard"):
                mode, negated = "want", False  # "forget French: from Hong Kong"
            elif chunk.norm == ":" and negated and i and not self.marks[i - 1].cue:
                negated = False  # "fewer tears: 4 comedies"
            elif chunk.norm in ("for", "with", "to", "by") and mode == "drop" and self._swapped(i):
                mode = "want"
            elif (
                chunk.norm == ","
                or chunk.norm in ("and", "or", "&", "/", "nor", "-", "(", ")")
                and not chunk.letter
            ):
                mode, negated = self._after_joint(i, mode, negated)
            elif chunk.norm in _TURN and not chunk.letter and self._turns(i):
                negated = False
                mode = "want" if mode in ("verdict", "drop", "seed", "allow", "unseen", "heard") else mode
            found = self._cue(i, mode, negated)
            if found:
                mode, negated, length = found
                skip = i + length
            self.marks.append(Mark(mode, negated, sentence, cue=found is not None and not chunk.letter))
            if chunk.letter and i and self.line.chunks[i - 1].norm == "non":
                negated = False  # "non-American action films": one word's denial

    def _turns(self, i: int) -> bool:
        """ "So funny" goes on; ", so something funny" begins anew."""
        if self.line.chunks[i].norm not in ("so", "then", "since", "yet"):
            return True
        before = self.line.chunks[i - 1].norm if i else ","
        ahead = self.line.chunks[i + 1] if i + 1 < len(self.line) else None
        if [chunk.norm for chunk in self.line.chunks[i + 2 : i + 3]] == ["only"]:
            return True  # "she does not like subtitles so English only"
        return before == "," or before in _HARD or ahead is not None and ahead.norm in _NEW_THOUGHT

    def _cue(self, i: int, mode: Mode, negated: bool) -> tuple[Mode, bool, int] | None:
        """The cue that begins at a chunk: its mode, polarity and length in chunks."""
        following = self.line.chunks[i + 1].norm if i + 1 < len(self.line) else ""
        if self.line.chunks[i].letter == "T" and following in _STYLES:
            return "seed", negated, 2
        crossed = following == "meets" and [c.letter for c in self.line.chunks[i : i + 3 : 2]] == ["T", "T"]
        if crossed:
            return "seed", negated, 2
        if self.line.chunks[i].letter == "T" and _STYLED.match(self.line.s, self.line._starts[i]):
            return "seed", negated, 1
        opens = i == 0 or self.line.chunks[i - 1].norm in _HARD
        if opens and self.line.chunks[i].letter == "T" and _CHANGED.match(self.line.s, self.line._starts[i]):
            return "seed", negated, 1  # "Heat, but shorter"
        if self.line.chunks[i].letter and self.line.chunks[i].letter not in "T":
            return None
        s, at = self.line.s, self.line._starts[i]
        before = self.line.chunks[i - 1] if i else None
        possessed = i > 1 and self.line.chunks[i - 2].norm in ("'s", "those", "these", "his", "her", "their")
        opening = before is None or before.norm in _HARD and not before.letter
        if opening and self.line.chunks[i].norm in (
            "sounds",
            "looks",
            "seems",
            "sounded",
            "looked",
            "seemed",
        ):
            return "verdict", False, 1
        subject = before is not None and (
            self._is_name(i - 1) or before.letter in ("P", "T") or before.letter == "O" and possessed
        )
        role = self.line.chunks[max(0, i - 3) : max(0, i - 1)]
        in_role = any(chunk.norm in RELATIVES for chunk in role)  # "where Sean Connery plays"
        if subject and not in_role and self.line.chunks[i].norm in _STATES:
            return "verdict", False, 1
        relative = any(
            c.letter in ("O", "V") or c.norm in _HEADS for c in self.line.chunks[max(0, i - 5) : i]
        )
        if self.line.chunks[i].norm in ("that", "which") and (relative or before and before.norm == "of"):
            return None
        named = before is not None and before.letter in ("T", "P")
        if named and _WHICH_IS.match(s, at) and mode in ("seed", "want"):
            return "want", False, 2  # "something like Heat that is also a comedy"
        if _PROVIDED.search(s[:at]) and self.line.chunks[i].norm not in _DENIALS:
            return "want", False, 1  # "as long as it is a western"
        if before is not None and before.norm == "of" and self.line.chunks[i - 2].norm == "which":
            return None  # "which of those are under two hours?"
        if match := _STATEMENT.match(s, at):
            behind = s[match.end() :].split()[:1]
            if behind == ["R"] and match[0].split()[0] in ("that", "this", "it"):
                return None  # "that's 90 minutes"
            if (
                not re.match(
                    r" (?:not )?(?:should|would|has to|have to|needs? to|must)", s[match.end() - 4 :]
                )
                and self.line.chunks[i].letter != "T"
            ):
                return "verdict", False, max(self._length(i, match) - 1, 1)
            return None
        for pattern, new_mode, new_negated in _CUES:
            match = pattern.match(s, at)
            if match and match[0]:
                if match[0].strip() in ("no", "neither") and self._mere_no(i):
                    return mode, False, 1
                return self._set(mode, negated, new_mode, new_negated, self._length(i, match), match[0], i)
        if _WORD_LIKE.match(s, at):
            return self._like(i, mode, negated)
        return None

    def _is_name(self, i: int) -> bool:
        """Whether a plain word is written as a name: "Alice is a bit creepy"."""
        chunk, text = self.line.chunks[i], self.line.text
        plain = not chunk.letter and is_content(chunk.norm)
        return plain and text.cased and text.raw[text.tokens[chunk.start].start].isupper()

    def _set(
        self,
        mode: Mode,
        negated: bool,
        new_mode: Mode | None,
        new_negated: bool,
        length: int,
        words: str,
        i: int,
    ) -> tuple[Mode, bool, int]:
        before = self.line.chunks[i - 1].norm if i else ""
        if (
            words.removeprefix("just ").startswith("not ")
            and words.endswith(" like")
            and not self._has_subject(i)
        ):
            return "seed", True, length
        related = i > 1 and self.line.chunks[i - 2].norm in (
            "that",
            "which",
            "who",
        )  # "that were not shot in"
        told = before in ("did", "could", "had", "have", "was", "were") and not related
        if new_mode is None and new_negated and told:
            return "verdict", True, length
        if new_mode is None:
            kept: Mode = mode if mode not in ("ask", "allow") else "want"
            return kept, new_negated, length
        if new_mode == "want" and words == "any" and (negated or mode in ("drop", "unseen", "like")):
            return mode, negated, length
        if new_mode == "seed" and mode == "verdict":
            return mode, negated, length
        if new_mode == "like" and mode == "unseen" and not new_negated:
            return "like", False, length
        return new_mode, new_negated, length

    def _like(self, i: int, mode: Mode, negated: bool) -> tuple[Mode, bool, int]:
        """ "like" is a verb after a subject ("I really like …"), else it compares."""
        before = self.line.chunks[i - 1].norm if i else ""
        related = i > 1 and self.line.chunks[i - 2].norm in ("that", "which")  # "films that feel like Alien"
        if before in ("feel", "feels", "look", "looks") and related:
            return "seed", False, 1
        if before in ("sounds", "looks", "seems", "feels", "sounded", "looked", "felt"):
            return "verdict", False, 1
        if before in ("also", "really") and not self.line.chunks[i - 1].letter:
            return "like", False, 1
        verb = before in _SUBJECT and not self.line.chunks[i - 1].letter
        if verb and not (before in ("not", "just", "really", "also") and not self._has_subject(i)):
            return "like", negated and before == "not", 1
        return "seed", negated and before in ("not", "nothing", "anything"), 1

    def _has_subject(self, i: int) -> bool:
        words = [c.norm for c in self.line.chunks[max(0, i - 5) : i]]
        return any(
            w in ("i", "we", "he", "she", "they", "you", "do", "did", "does", "who", "would") for w in words
        )

    def _length(self, i: int, match: re.Match[str]) -> int:
        return self.line.at(max(match.end() - 1, match.start())) - i + 1

    def _swapped(self, i: int) -> bool:
        words = {c.norm for c in self.line.chunks[max(0, i - 6) : i]}
        return bool(words & {"swap", "replace", "switch", "trade", "exchange", "change"})

    def _mere_no(self, i: int) -> bool:
        """ "No, …" answers; "no horror" denies."""
        rest = [c.symbol for c in self.line.chunks[i + 1 : i + 3]]
        if not rest or rest[0] in (",", ".", "!", "?", "-", ";"):
            return True
        return rest[0] in (
            "i",
            "we",
            "it",
            "that",
            "thanks",
            "thank",
            "please",
            "he",
            "she",
            "they",
            "this",
            "but",
            "not",
            "you",
            "sorry",
        )

    def _is_fine(self, i: int) -> bool:
        """Whether a chunk is said to be fine: "comedy is okay", "comedy still okay"."""
        behind = "".join(f" {chunk.symbol}" for chunk in self.line.chunks[i + 1 : i + 6])
        return bool(_FINE.match(behind) or _STILL_FINE.match(behind))

    def _corrects(self, i: int, at: int) -> bool:
        """Whether what stands behind a comma is meant instead of what is denied before it: "not
        horror, comedy", "no Brad Pitt, George Clooney instead"."""
        said, said_instead = self.line.chunks[i - 1], self.line.chunks[at]
        alike = said.letter == said_instead.letter and _facets(said) == _facets(said_instead)
        rest = " ".join(chunk.symbol for chunk in self.line.chunks[at + 1 :])
        if not alike or said.letter not in "VPR" or not _ENDS.match(rest):
            return False
        denial = [chunk.norm for chunk in self.line.chunks[max(0, i - 3) : i - 1] if not chunk.letter]
        denial = [word for word in denial if word not in _DETERMINERS]
        return denial[-1:] == ["not"] or denial[-1:] == ["no"] and rest.startswith(("instead", "rather"))

    def _first_word(self, chunk: Chunk) -> str:
        return self.line.text.tokens[chunk.start].norm

    def _bounded(self, i: int, numbered: bool) -> bool:
        """Whether only one of the two sides of a joint is a number's bound."""
        return i > 0 and (self.line.chunks[i - 1].letter == "R") != numbered

    def _after_joint(self, i: int, mode: Mode, negated: bool) -> tuple[Mode, bool]:
        """Mode and polarity behind a comma or a conjunction: kept inside a list, else ended."""
        joint = self.line.chunks[i].norm
        at = i + 1
        ahead = self.line.chunks[at] if at < len(self.line) else None
        if (
            joint == "and"
            and negated
            and ahead is not None
            and ahead.letter == "R"
            and self._bounded(i, True)
        ):
            return "want", False  # "no dice rolling and two hours at most"
        if joint == "," and negated and ahead is not None:
            going = at + (ahead.norm in ("and", "but") and at + 1 < len(self.line))
            numbered = self.line.chunks[going].letter == "R"  # "nothing sad, and over 3.5 stars"
            bounded = self._bounded(i, numbered)
            if bounded or ahead.norm in ("maybe", "perhaps", "possibly", "preferably", "ideally", "rather"):
                return "want", False  # "nothing over 3 hours, comedy or drama"
        sorts = ahead is not None and ahead.meaning is not None and ahead.meaning.order is not None
        if joint == "," and sorts and (negated or mode == "unseen"):
            return "want", False  # "that I have not seen, oldest first"
        while (
            at < len(self.line)
            and not self.line.chunks[at].letter
            and (
                self.line.chunks[at].norm in _DETERMINERS
                or self.line.chunks[at].norm in ("and", "or", "also", "maybe", "perhaps", "even", "possibly")
            )
        ):
            at += 1
        ahead = self.line.chunks[at] if at < len(self.line) else None
        in_list = ahead is not None and ahead.letter in ("V", "P", "T", "R", "F", "U")
        pleased = joint == "," and i > 0 and self.line.chunks[i - 1].norm == "please"
        if negated and in_list and (pleased or joint == "," and self._is_fine(at)):
            return "want", False  # "no horror, comedy is fine", "no horror please, comedy"
        if negated and in_list and joint == "," and self._corrects(i, at):
            return "want", False
        if joint in ("and", "then") and mode == "drop" and not in_list:
            return "want", False
        if negated and self.line.chunks[i + 1 : i + 2] and self.line.chunks[i + 1].norm == "more":
            return "want", False  # "less action, more romance"
        if joint in ("(", ")") or (
            joint == "," and self.line.chunks[i + 1 : i + 2] and self.line.chunks[i + 1].norm == "too"
        ):
            return "want", False
        if mode == "seed":
            return ("seed", negated) if ahead is not None and ahead.letter == "T" else ("want", False)
        if (
            joint == ","
            and negated
            and ahead is not None
            and ahead.letter == "V"
            and self._first_word(ahead) in _MADE
        ):
            return "want", False  # "without war, produced in Poland"
        if negated and not in_list:
            plain = ahead is not None and ahead.norm.isalpha() and ahead.norm not in _NEW_THOUGHT
            if joint == "and" and ahead is not None and ahead.norm in ("anything", "any"):
                return mode, True
            if joint in ("or", "nor") and (plain or ahead is not None and ahead.norm in ("anything", "any")):
                return mode, True
            if joint == "and" and plain:
                return mode, True
            if (
                joint == ","
                and plain
                and any(c.norm in ("or", "nor") for c in self.line.chunks[at + 1 : at + 3])
            ):
                return mode, True
            return ("want" if mode in ("verdict", "heard") else mode), False
        if (
            joint == ","
            and mode in ("verdict", "heard", "unseen", "drop", "allow")
            and not (
                in_list and mode in ("drop", "allow", "unseen") and ahead is not None and ahead.letter != "R"
            )
        ):
            return "want", False
        if mode in ("like", "seen") and not in_list and ahead is not None and joint == ",":
            return (
                (mode, negated) if ahead.norm in ("especially", "particularly", "mostly") else ("want", False)
            )
        return mode, negated


def _facets(chunk: Chunk) -> set[str]:
    meaning = chunk.meaning
    return {*(c.facet for c in meaning.require), *(r.facet for r in meaning.ranges)} if meaning else set()


_ENDS = re.compile(r"(?:(?:O|please|instead|rather|then|now|today|tonight|this time|thanks) ?)*(?:[.!?].*)?$")
_NEW_THOUGHT = WORDS["stance_new_thought"]
