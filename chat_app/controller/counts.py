"""How many items: the number that says how long the list is to be."""

from __future__ import annotations

import re

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.english import FUNCTION, WORDS, is_content
from chat_app.controller.patterns import compiled
from chat_app.controller.stance import Stance
from chat_app.controller.text import singular
from recsys.controls import MAX_COUNT

#: How a part of a message is meant that only tells, and asks for nothing.
TOLD = ("verdict", "drop", "unseen", "seen", "heard")
_OF_WHICH = ("them", "those", "these", "her", "his", "their", "your")
_POINTING = ("these", "those", "both", "all", "other", "the", "my", "our", "same")
_NOUNS = WORDS["quota_nouns"]
_NOT_BEFORE = WORDS["quota_not_before"]
_MAKE = compiled("quota_make")
_CORRECTS = compiled("quota_corrects")
_OR_TWO = compiled("quota_or_two")
_ASKING = (["what", "is"], ["up", "with"], ["me", "with"], ["us", "with"], ["there", "be"])
_SIZE = re.compile(
    r" (?:n|count|size|number|limit)(?: :)?$| (?:total|quantity|amount|length|O|titles|items) :$"
)
_COMPANIES = frozenset("family group party household class crew gang team crowd".split())
_AUDIENCE = WORDS["quota_audience"]
_AGED = WORDS["quota_aged"]
_BEFORE_AGE = frozenset(", and or & + ( are is aged ages age : now".split())


def read_count(line: Line, stance: Stance, used: set[int]) -> tuple[int | None, int | None]:
    """The count, and the place of the number that says it (None for "a film"), which is then ``used``."""
    count: int | None = None
    at: int | None = None
    for match in line.find(_OR_TWO):  # "a comedy or two"
        number = line.of(match, "n")[0]
        at = line.span(match, "n")[0]
        used.add(at)
        return min(int(number.number or 1), MAX_COUNT), at
    for i, chunk in enumerate(line.chunks):
        if i in used or chunk.letter != "N" or stance.marks[i].mode in TOLD:
            continue
        whole = chunk.number is not None and chunk.number >= 1 and chunk.number == int(chunk.number)
        if not whole or not _counts_items(line, i) or _are_ages(line, i):
            continue
        if at is None or corrects(line, i) or _in_total(line, i):
            count, at = min(int(chunk.number or 1), MAX_COUNT), i
            used.add(i)
    if at is None and any(_asks_for_one(line, stance, i) for i in range(len(line)) if i not in used):
        count = 1
    return count, at


def corrects(line: Line, i: int) -> bool:
    """Whether a number stands for one said before: "wait, make that 8"."""
    return bool(_CORRECTS.search(said_before(line, i)))


def _in_total(line: Line, i: int) -> bool:
    return " ".join(chunk.norm for chunk in line.chunks[i + 1 : i + 3]) in ("in total", "all in", "in all")


def said_before(line: Line, i: int) -> str:
    """The symbols of the chunks before one, each with a space behind it."""
    return "".join(f"{chunk.symbol} " for chunk in line.chunks[max(0, i - 6) : i])


def _asks_for_one(line: Line, stance: Stance, i: int) -> bool:
    chunk, mark = line.chunks[i], stance.marks[i]
    if mark.mode not in ("want", "seed"):
        return False
    if chunk.norm in ("a", "an") and not chunk.letter:
        return not mark.negated and _one_item(line, i)
    if chunk.norm == "another" and i + 1 < len(line):
        return not mark.negated and line.chunks[i + 1].letter == "V" and _one_item(line, i)
    praised = chunk.letter == "V" and chunk.meaning is not None and chunk.meaning.order is not None
    opens = i == 0 or line.chunks[i - 1].norm in ("the", "your", "very", ",", ":", ".", "!", "?")
    return praised and opens and _one_item(line, i, best=True)


def _are_ages(line: Line, i: int) -> bool:
    """ "For my girls, 5 and 8", "mine are 6, 8 and 11": how old somebody is."""
    at = i - 1
    while at >= 0 and (line.chunks[at].letter == "N" or line.chunks[at].norm in _BEFORE_AGE):
        at -= 1
    return at >= 0 and at < i - 1 and line.chunks[at].norm in _AGED


def _counts_items(line: Line, i: int) -> bool:
    if i and line.chunks[i - 1].norm in _POINTING:
        ranked = i + 1 < len(line) and (said := line.chunks[i + 1].meaning) is not None and said.order
        only = i > 1 and line.chunks[i - 2].norm in ("only", "just")
        return line.chunks[i - 1].norm == "the" and bool(only or ranked)  # "the three longest westerns"
    before = " ".join(c.symbol for c in line.chunks[max(0, i - 4) : i])
    before = re.sub(r"(?<= have| need| want| give) like$| get like$| me like$", "", f" {before}").strip()
    after = line.chunks[i + 1 : i + 8]
    if before.endswith(
        (
            "table for",
            "like",
            "part",
            "season",
            "is",
            "are",
            "am",
            "she is",
            "he is",
            "age",
            "under",
            "over",
            "for",
        )
    ) and not (after and (after[0].letter or after[0].norm in ("of", "more", "good"))):
        return False
    if before.endswith(" of") and i > 1 and line.chunks[i - 2].norm.split()[-1] in _COMPANIES:
        return False  # "for a family of four"
    if [c.norm for c in after[:2]] == ["of", "the"] and len(after) > 2 and _orders(after[2]):
        return True  # "seven of the best-rated romances"
    if before.endswith("top") and after and after[0].letter == "V":
        return True  # "top 20 by rating"
    if after and after[0].norm in _AUDIENCE and not any(chunk.letter == "O" for chunk in after[1:3]):
        return False  # "two toddlers" are not counted, "two kids movies" are
    if f" {before}".endswith((" not", " not even", " every", " each")):
        return False  # "not one film with Tom Cruise"
    named = line.chunks[i - 1 - (i > 1 and line.chunks[i - 1].norm in (":", "is"))] if i else None
    if _SIZE.search(f" {before}") or (named is not None and named.facet == "count"):
        return True  # "n = 6"
    if [c.norm for c in after[:2]] == ["in", "the"]:
        return False  # "four in the morning"
    if [c.norm for c in after[:2]] == ["or", "so"]:
        after = after[2:]
    for step, c in enumerate(after):
        if c.letter == "O" or (c.letter in ("V", "P") and c.meaning and (c.meaning.require or step)):
            return True
        if not step and c.letter == "V" and singular(c.norm) != c.norm:
            return True  # "twenty blockbusters"
        if c.norm in _NOUNS and not c.letter:
            if c.norm != "of" or (len(after) > step + 1 and after[step + 1].norm in _OF_WHICH):
                return True
            continue
        if c.letter in ("R", "V", "P", "X"):
            continue
        if is_content(c.norm) and singular(c.norm) != c.norm and step:
            return True
        if (
            not c.norm[0].isalnum()
            or c.norm in FUNCTION
            or c.norm in ("year", "years", "day", "days", "times", "time", "people")
        ):
            break
    ends = not after or after[0].norm in (
        ".",
        "!",
        ",",
        "?",
        "please",
        "instead",
        "then",
        ":",
        "thanks",
        "is",
        "at",
        "now",
        "okay",
        "will",
        "would",
        "should",
        "like",
        "with",
        "from",
        "about",
        "for",
        "where",
        "that",
        "but",
        "and",
        "in",
        "i",
        "we",
        "-",
        "actually",
        "max",
        "tops",
        "by",
        "starring",
        "directed",
    )
    ends = (
        ends
        or after[0].letter in ("R", "P")
        or " ".join(c.norm for c in after[:2]) in ("in total", "in all", "all together", "or so")
    )
    return ends and (
        not before
        or bool(_MAKE.search(before))
        or (after != () and after[0].norm in ("is", "will", "would", "in"))
        or before.endswith((",", ".", ";", "!", "?", "okay"))
    )


def _orders(chunk: Chunk) -> bool:
    return chunk.meaning is not None and chunk.meaning.order is not None


def _one_item(line: Line, i: int, best: bool = False) -> bool:
    """Whether "a …" (or "the best …") leads to one item: "a good thriller", not "a lot of"."""
    before = [c.norm for c in line.chunks[max(0, i - 3) : i]]
    role = i > 1 and line.chunks[i - 2].letter == "P" and before[-1] == "in"  # "Jim Carrey in a drama"
    asked = best or role or before[-2:] in _ASKING
    if before and before[-1] in _NOT_BEFORE and not asked:
        return False
    head: Chunk | None = None
    chunks = line.chunks[i + 1 : i + 9]
    if len(chunks) > 1 and chunks[0].norm in ("little", "bit", "touch") and chunks[1].letter == "V":
        return False  # "and a little Korean"
    for step, c in enumerate(chunks):
        if c.letter in ("O", "V", "P", "R"):
            if head is not None and c.letter in ("P", "R"):
                break
            head = c
            if c.letter == "O":
                break
            continue
        if c.letter == "X" or (
            c.letter == "F"
            and chunks[step + 1 : step + 2]
            and (chunks[step + 1].norm == "of" or chunks[step + 1].letter == "O")
        ):
            continue
        if c.norm == "of" and step and chunks[step - 1].letter == "F":
            continue
        if c.norm == "," and step and any(x.letter == "O" for x in chunks[step + 1 : step + 4]):
            continue  # "a slow, meditative film"
        if (
            c.letter
            or not c.norm[0].isalnum()
            or c.norm in FUNCTION - {"really", "very", "more", "like", "so", "little", "not", "too"}
        ):
            break
        if head is not None and head.letter == "V":
            nxt = chunks[step + 1] if step + 1 < len(chunks) else None
            if nxt is None or nxt.letter not in ("O", "V"):
                break
            continue
    if head is None:
        after = [c.norm for c in chunks[:2]]
        alone = (
            bool(after)
            and after[0].isalpha()
            and after[0] not in FUNCTION
            and after[1:2] in ([], ["."], [","], ["!"], ["?"])
        )
        return (
            not best
            and alone
            and bool(before)
            and before[-1] in ("need", "want", "recommend", "find", "me", "for")
            and "for" not in before[-1:]
        )
    if (
        before
        and before[-1] in ("about", "for")
        and head.letter == "V"
        and not any(
            w in ("looking", "look", "searching", "mood", "ask", "asking", "search", "how", "what")
            for w in before
        )
    ):
        return False
    word = head.norm.split()[-1]
    return (
        not (word.endswith("s") and not word.endswith("ss"))
        and head.letter in ("O", "V")
        and (head.letter == "O" or bool(head.meaning and head.meaning.require))
    )
