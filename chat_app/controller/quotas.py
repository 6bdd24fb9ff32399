"""How many items, and how many of which kind: counts and quotas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.english import FUNCTION, WORDS, is_content
from chat_app.controller.patterns import compiled, joined
from chat_app.controller.stance import Stance
from chat_app.controller.text import singular
from recsys.controls import MAX_COUNT, ControlIntent, Op, Quota

_OPS: tuple[Op, ...] = ("at_least", "at_most", "exactly", "about")
_OP = "|".join(f"(?P<{op}>{joined(f'quota_{op}')})" for op in _OPS)
_AFTER = (
    r"(?:(?: ,)? (?P<a_least>at least(?= [.,!?]|$)|at minimum)"
    r"|(?: ,)? (?P<a_most>(?:at most|tops|max(?:imum)?)(?= [.,!?]|$))"
    r"| (?P<c_least>at least|or more|minimum|and up|or above)"
    r"| (?P<c_most>at most|or less|or fewer|tops|max|maximum))?"
)
_QUOTA = compiled("quota", OP=f"(?:{_OP})", LINK=joined("quota_link"), AFTER=_AFTER)
_BOUNDS = tuple(f"{place}_{side}" for place in "abc" for side in ("least", "most"))
#: "Romance is fine, but max 3"; here the bound must be said.
_BEHIND = compiled("quota_behind", OP=f"(?:{_OP})", AFTER=_AFTER.removesuffix("?"))
_ADDED = re.compile(
    r"(?:^| )(?:plus|(?:sneak|throw|slip|squeeze|add) in|add|includ(?:e|ing)|along with) (?:just |only )?$"
)
_POINTING = ("these", "those", "both", "all", "other", "the", "my", "our", "same")
_AMONG = re.compile(
    r" (?:O )?(?:among (?:them|those|these)|in (?:there|the mix|the list|between)|included|thrown in)(?= |$)"
)
_REST = re.compile(r"rest|remain|others")
_NOUNS = WORDS["quota_nouns"]
_NOT_BEFORE = WORDS["quota_not_before"]
_MAKE = compiled("quota_make")
_CORRECTS = compiled("quota_corrects")
_OR_TWO = compiled("quota_or_two")
_AUDIENCE = WORDS["quota_audience"]
_AGED = WORDS["quota_aged"]
_BEFORE_AGE = frozenset(", and or & + ( are is aged ages age : now".split())


@dataclass
class Amounts:
    """What a message says of numbers of items. ``used``: the chunks that are thereby explained."""

    count: int | None = None
    quotas: list[Quota] = field(default_factory=list)
    used: set[int] = field(default_factory=set)


def read_amounts(line: Line, stance: Stance, intent: ControlIntent, taken: set[int]) -> Amounts:
    """Counts and quotas of a message said while ``intent`` is in force; ``taken`` is explained already."""
    out = Amounts(used=set(taken))
    plain: list[_Counted] = []  # "five comedies": the count, or one of several quotas
    rest: list[_Counted] = []
    for match in line.find(_BEHIND):
        amount = "amount" if match["amount"] else "amount2"
        what_at, at = line.span(match, "what")[0], line.span(match, amount)[0]
        what = line.chunks[what_at]
        told = stance.marks[what_at].mode in _TOLD
        if what.meaning is not None and not {at, what_at} & out.used and not told:
            _add_quota(out, line, _Counted(match, at, line.chunks[at], what_at, what))
    whole: Chunk | None = None  # "two of the seven are westerns"
    for match in line.find(_QUOTA):
        if (match["of_them"] or "").endswith("the N"):
            whole = line.of(match, "of_them")[-1]
        amount, what = line.of(match, "amount")[-1], line.of(match, "what")[0]
        counted = _Counted(match, line.span(match, "amount")[0], amount, line.span(match, "what")[0], what)
        if what.meaning is None or stance.marks[counted.what_at].mode in _TOLD or counted.at in out.used:
            continue
        if _REST.search(match["amount"]) and not any(q.share for q in out.quotas):
            rest.append(counted)
        elif _is_count(line, match, intent):
            plain.append(counted)
        else:
            _add_quota(out, line, counted)
    while len(plain) > 1 and any(_CORRECTS.search(_said_before(line, later.at)) for later in plain[1:]):
        out.used |= {plain[0].at, plain.pop(0).what_at}  # "one western, no wait, make that two westerns"
    at = _read_count(out, line, stance)
    if plain and at in (None, plain[0].at) and _parts_of(plain, line):
        plain, at = plain[1:], plain[0].at  # "9 comedies. 3 from the 80s, 6 from the 90s"
    if at is not None and len(plain) == 1 and plain[0].at < at and _CORRECTS.search(_said_before(line, at)):
        out.used.add(plain.pop().at)  # "5 French films. Wait, make that 8"
    if len(plain) == 1 and out.quotas and _ADDED.search(_said_before(line, plain[0].at)):
        _add_quota(out, line, plain[0])  # "mostly cartoons, but sneak in one documentary"
        out.count, plain = (None if at == plain[0].at else out.count), []
    if len(plain) > 1 or (plain and at is not None and at != plain[0].at):
        for counted in plain:
            _add_quota(out, line, counted)
        if any(counted.at == at for counted in plain):
            out.count = intent.count or min(int(sum(c.amount.number or 0 for c in plain)), MAX_COUNT)
    if out.count is None and whole is not None:
        out.count = min(int(whole.number or 1), MAX_COUNT)
    for counted in rest:  # "ten films, seven of them horror and the rest comedies"
        left = (out.count or intent.count or 0) - sum(q.count or 0 for q in out.quotas)
        if left > 0 and out.quotas and all(q.count is not None and q.op == "exactly" for q in out.quotas):
            amount = replace(counted.amount, letter="N", number=left)
            _add_quota(out, line, replace(counted, amount=amount))
    return out


def _parts_of(plain: Sequence[_Counted], line: Line) -> bool:
    """Whether the first number is that of all, of which the others count parts of another kind."""
    if len(plain) < 2:
        return False
    whole, parts = plain[0], plain[1:]
    other = {_facets(part) for part in parts}.isdisjoint({_facets(whole)})
    listed = ":" in (
        c.norm for c in line.chunks[whole.what_at : parts[0].at]
    )  # "nine comedies: three French"
    return (other or listed) and (whole.amount.number or 0) >= sum(part.amount.number or 0 for part in parts)


def _facets(counted: _Counted) -> frozenset[str]:
    meaning = counted.what.meaning
    if meaning is None:
        return frozenset()
    return frozenset([*(c.facet for c in meaning.require), *(r.facet for r in meaning.ranges)])


#: Shares of two kinds at once: "50/50 comedy and drama".
EVENLY = (
    r"[1-9]\d / [1-9]\d",
    "fifty fifty",
    "half and half",
    r"(?:split|divided?)(?: \w+){0,6} between",
)
_TOLD = ("verdict", "drop", "unseen", "seen", "heard")


@dataclass(frozen=True)
class _Counted:
    """An amount and what it counts, with their places in the line."""

    match: re.Match[str]
    at: int
    amount: Chunk
    what_at: int
    what: Chunk


def _add_quota(out: Amounts, line: Line, counted: _Counted) -> None:
    quota = _quota(counted.match, counted.amount, counted.what, out.quotas)
    if quota is None:
        return
    out.quotas.append(quota)
    out.used |= {counted.at, counted.what_at}
    if re.fullmatch("|".join(EVENLY), counted.amount.norm):
        _add_other_half(out, line, counted)
    behind = counted.what_at + 1
    if behind < len(line) and line.chunks[behind].letter == "O":
        out.used.add(behind)  # "20 % horror films"


def _add_other_half(out: Amounts, line: Line, counted: _Counted) -> None:
    """ "50/50 comedy and drama": as many of the one as of the other."""
    behind = line.chunks[counted.what_at + 1 : counted.what_at + 5]
    behind = [chunk for chunk in behind if chunk.letter != "O"]
    if len(behind) < 2 or behind[0].norm not in ("and", "/", ",", "-"):
        return
    rest = replace(counted.amount, number=1 - (counted.amount.number or 0))
    if quota := _quota(counted.match, rest, behind[1], out.quotas):
        out.quotas.append(quota)
        out.used.add(line.chunks.index(behind[1]))


def _is_count(line: Line, match: re.Match[str], intent: ControlIntent) -> bool:
    """ "five thrillers" asks for five; "three of them thrillers", "at least three" are quotas."""
    if match["amount"] != "N" or match["of_them"] or _AMONG.match(line.s, match.end()):
        return False
    if any(match[op] for op in _OPS) or any(match[bound] for bound in _BOUNDS):
        return False
    linked = re.search(r"(?:from|by|with|starring|be|are|is|should)", match["link"])
    number = line.of(match, "amount")[-1].number or 0  # as many as the whole list: no part of it
    fresh = (intent.count is None or number >= intent.count) and not intent.quotas
    return fresh or linked is None or "O" in match["link"].split()


def _quota(match: re.Match[str], amount: Chunk, what: Chunk, before: list[Quota]) -> Quota | None:
    op: Op = next((o for o in _OPS if match[o]), "about" if amount.letter == "Q" else "exactly")
    share: float | None = None
    count: int | None = None
    if amount.letter == "N":
        count = int(amount.number or 0)
    elif amount.letter == "Q":
        share = round(amount.number or 0, 3)
    elif _REST.search(match["amount"]):
        left = 1 - sum(q.share or 0 for q in before)
        if not before or left <= 0 or any(q.share is None for q in before):
            return None
        op, share = "about", round(left, 3)
    else:
        op, share = "at_least", 0.5
    said = match.groupdict()
    if any(said.get(bound) for bound in _BOUNDS):
        op = "at_least" if any(said.get(f"{place}_least") for place in "abc") else "at_most"
    meaning = what.meaning
    if meaning is None:
        return None
    if meaning.require:
        clause = meaning.require[0]
        return Quota(facet=clause.facet, value=clause.values[0], op=op, share=share, count=count)
    if meaning.ranges:
        r = meaning.ranges[0]
        return Quota(facet=r.facet, min=r.min, max=r.max, op=op, share=share, count=count)
    return None


def _read_count(out: Amounts, line: Line, stance: Stance) -> int | None:
    """Sets the count; returns the place of the number that says it, None for "a film"."""
    for match in line.find(_OR_TWO):  # "a comedy or two"
        number = line.of(match, "n")[0]
        out.count = min(int(number.number or 1), MAX_COUNT)
        at = line.span(match, "n")[0]
        out.used.add(at)
        return at
    first: int | None = None
    for i, chunk in enumerate(line.chunks):
        if i in out.used or chunk.letter != "N" or stance.marks[i].mode in _TOLD:
            continue
        whole = chunk.number is not None and chunk.number >= 1 and chunk.number == int(chunk.number)
        if not whole or not _counts_items(line, i) or _are_ages(line, i):
            continue
        if first is None or _corrects(line, i):
            out.count = min(int(chunk.number or 1), MAX_COUNT)
            out.used.add(i)
            first = i
    if first is not None:
        return first
    if any(_asks_for_one(line, stance, i) for i in range(len(line)) if i not in out.used):
        out.count = 1
    return None


def _corrects(line: Line, i: int) -> bool:
    """Whether a number stands for one said before: "wait, make that 8", "9 in total"."""
    after = " ".join(chunk.norm for chunk in line.chunks[i + 1 : i + 3])
    return bool(_CORRECTS.search(_said_before(line, i))) or after in ("in total", "all in", "in all")


def _said_before(line: Line, i: int) -> str:
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
    opens = i == 0 or line.chunks[i - 1].norm in ("the", ",", ":", ".", "!", "?")
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
    if after and after[0].norm in _AUDIENCE and not (len(after) > 1 and after[1].letter == "O"):
        return False  # "two toddlers" are not counted, "two kids movies" are
    if before.endswith((" not", " not even")):
        return False  # "not one film with Tom Cruise"
    if before.endswith((" n", " count", " size", "number")) or before in ("n", "count"):
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
            if c.norm != "of" or (
                len(after) > step + 1 and after[step + 1].norm in ("them", "those", "these")
            ):
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


def _one_item(line: Line, i: int, best: bool = False) -> bool:
    """Whether "a …" (or "the best …") leads to one item: "a good thriller", not "a lot of"."""
    before = [c.norm for c in line.chunks[max(0, i - 3) : i]]
    role = i > 1 and line.chunks[i - 2].letter == "P" and before[-1] == "in"  # "Jim Carrey in a drama"
    asked = best or role or before[-2:] in (["what", "is"], ["up", "with"], ["me", "with"], ["us", "with"])
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
            c.letter == "F" and chunks[step + 1 : step + 2] and chunks[step + 1].norm == "of"
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
