"""Numbers set anew: "bump the comedies to 4", "cap horror at 10 percent", "nah, 90", "plus one western"."""

from __future__ import annotations

import re

from chat_app.controller.amounts import COUNTED
from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.draft import Draft
from chat_app.controller.lexicon import Meaning
from chat_app.controller.patterns import compiled
from recsys.controls import MAX_COUNT, Op, Quota, Range, Removal

_ADJUST = compiled("adjust")
_MOVED = compiled("adjust_moved")
_ONE = compiled("adjust_one")
_ADDS = compiled("adjust_adds")
_SCALED = compiled("adjust_scaled")
_SLACK = 0.15  # half the width of what is asked for as "around" a number, of that number
_NEAR = (0.4, 2.5)  # times a bound: numbers between these can be meant to move it
_AT_MOST = compiled("adjust_at_most")
_AT_LEAST = compiled("adjust_at_least")
_BOUND = compiled("adjust_bound")
_TOPS = re.compile(r"(?:^|(?<= ))(?:tops|up to)(?= |$)")


def adjust(draft: Draft, line: Line) -> set[int]:
    """Quotas, bounds and counts that are moved to another number; the chunks thereby explained."""
    used: set[int] = set()
    for match in line.find(_ADJUST):
        what, amount = line.of(match, "what")[0], line.of(match, "to")[0]
        if what.meaning is not None and (what.meaning.require or what.meaning.ranges):
            done = amount.letter != "R" and _set_quota(draft, what.meaning, amount, match[0])
        else:
            done = _set_number(draft, what, amount, match)
        if done:
            used |= set(range(*line.span(match)))
    for match in line.find(_MOVED):
        what, amount = line.of(match, "what")[0], line.of(match, "to" if match["to"] else "share")[0]
        if what.meaning is not None and (what.meaning.require or what.meaning.ranges):
            _set_quota(draft, what.meaning, amount, match[0])
            used |= set(range(*line.span(match)))
    for match in line.find(_ONE):
        if not used and _move_the_one(draft, line.of(match, "to")[0], match):
            used.add(line.span(match, "to")[0])
    for match in line.find(_SCALED):
        if draft.intent.count and not used and (count := _scaled(draft.intent.count, line, match)):
            draft.scalars["count"] = min(count, MAX_COUNT)
            used |= set(range(*line.span(match)))
    for match in line.find(_ADDS):
        if _lengthen(draft, line.of(match, "n")[0], line.of(match, "what")[0]):
            used |= set(range(*line.span(match)))
    return used


def _move_the_one(draft: Draft, amount: Chunk, match: re.Match[str]) -> bool:
    """A number by itself: of the one quota in force ("at most five", "70 percent"), or of the bound near
    which it is ("nah, 90")."""
    share = amount.letter == "Q"
    value = (amount.number or 0) + (0.5 if match["half"] else 0)
    same = [q for q in draft.intent.quotas if (q.share is not None) == share]
    if len(same) == 1 and (share or match["bound"] or "enough" in match[0] or "plenty" in match[0]):
        (before,) = same
        op: Op = "about" if share and before.op == "about" else before.op
        op = (
            "at_most"
            if _AT_MOST.search(match[0]) or match["bound"] == "up to"
            else "at_least"
            if _AT_LEAST.search(match[0])
            else op
        )
        now = {"share": round(value, 3)} if share else {"count": int(value)}
        draft.quotas.append(before.model_copy(update={"op": op, **now}))
        return True
    whole = value == int(value)
    if not whole and not share and not _fitting(draft, value):
        value = _in_larger_unit(draft, value)
    facet = "" if share or whole and value <= COUNTED else _fitting(draft, value)
    if not facet:
        return False
    before_range = next(r for r in draft.intent.ranges if r.facet == facet)
    draft.ranges.append(_moved(before_range, value, match[0]))
    return True


def _moved(before: Range, value: float, words: str) -> Range:
    """A range in force with the bound that the words say at ``value``; without such words its only bound
    there, or its middle."""
    low, high = before.min, before.max
    if _AT_LEAST.search(words):
        return Range(facet=before.facet, min=value, max=high if high is not None and high > value else None)
    if _AT_MOST.search(words) or _TOPS.search(words):
        return Range(facet=before.facet, min=low if low is not None and low < value else None, max=value)
    if low is not None and high is not None:
        half = (high - low) / 2
        if half <= _SLACK * value:  # "around 100"
            return Range(facet=before.facet, min=value - half, max=value + half)
        low, high = (value, high) if value - low < high - value else (low, value)
        return Range(facet=before.facet, min=low, max=high)
    return Range(facet=before.facet, min=None if low is None else value, max=None if high is None else value)


def _scaled(count: int, line: Line, match: re.Match[str]) -> int:
    """ "Double that", "half as many", "two fewer": the count in force, changed; 0 where nothing is left."""
    if match["twice"]:
        return 2 * count
    if match["half"]:
        return round(count / 2)
    return max(count - int(line.of(match, "n")[0].number or 0), 0)


def _lengthen(draft: Draft, amount: Chunk, what: Chunk) -> bool:
    """ "Plus one western": after five comedies a list of six, else one of those asked for."""
    before, meaning = draft.intent, what.meaning
    if meaning is None or len(meaning.require) != 1 or len(meaning.values) != 1:
        return False
    facet, value, more = meaning.require[0].facet, meaning.values[0], int(amount.number or 1)
    kinds = [clause for clause in before.require if clause.facet == facet]
    counted = list(before.quotas)
    if not counted and before.count and len(kinds) == 1 and len(kinds[0].values) == 1:
        counted = [Quota(facet=facet, value=kinds[0].values[0], op="exactly", count=before.count)]
    both = before.quotas and kinds
    if not counted or both or any((q.facet, q.value) == (facet, value) for q in counted):
        return False
    draft.remove += [Removal(field="require", facet=clause.facet) for clause in kinds]
    draft.quotas += [*counted, Quota(facet=facet, value=value, op="exactly", count=more)]
    whole = sum(q.count or 0 for q in counted if q.op == "exactly")
    if before.count and whole == before.count:
        draft.scalars["count"] = min(before.count + more, MAX_COUNT)
    return True


def _set_quota(draft: Draft, meaning: Meaning, amount: Chunk, words: str) -> bool:
    op: Op = "about" if amount.letter == "Q" else "exactly"
    op = "at_most" if _AT_MOST.search(words) else "at_least" if _AT_LEAST.search(words) else op
    share = round(amount.number or 0, 3) if amount.letter == "Q" else None
    count = int(amount.number or 0) if amount.letter == "N" else None
    before = [q for q in draft.intent.quotas if q.value in meaning.values] if meaning.require else []
    if count is not None and count >= 5 and any(q.share is not None for q in before):
        share, count, op = count / 100, None, before[0].op  # "raise comedy to 50"
    if meaning.require:
        clause = meaning.require[0]
        quota = Quota(facet=clause.facet, value=clause.values[0], op=op, share=share, count=count)
    else:
        r = meaning.ranges[0]
        quota = Quota(facet=r.facet, min=r.min, max=r.max, op=op, share=share, count=count)
    draft.quotas.append(quota)
    return True


def _set_number(draft: Draft, what: Chunk, amount: Chunk, match: re.Match[str]) -> bool:
    """A bound in force moved to a number; "it" is the bound that the number can belong to."""
    if amount.letter == "Q" or (what.facet == "count" and amount.letter != "N"):
        return False
    if what.facet == "count":
        draft.scalars["count"] = min(int(amount.number or 1), MAX_COUNT)
        return True
    if amount.meaning is not None:
        said = amount.meaning.ranges[0]
        facet, value = said.facet, said.min if said.min is not None else said.max
    else:
        value = (amount.number or 0) + (0.5 if match["half"] else 0)
        facet = what.facet if what.facet else _fitting(draft, value)
    if facet not in draft.lexicon.catalog.numeric or value is None:
        return False
    before = next((r for r in draft.intent.ranges if r.facet == facet), None)
    low = _is_low(draft, facet, before, match[0])
    draft.ranges.append(
        Range(facet=facet, min=value, max=before.max if before and before.min is not None else None)
        if low
        else Range(facet=facet, min=before.min if before and before.max is not None else None, max=value)
    )
    return True


def _is_low(draft: Draft, facet: str, before: Range | None, words: str) -> bool:
    """Whether the lower bound is meant: said, the only one in force, or usual for a scale."""
    if bound := _BOUND.search(words):
        return bound["low"] is not None
    if before is not None and (before.min is None or before.max is None):
        return before.min is not None
    return draft.lexicon.words[facet].scale is not None


def _fitting(draft: Draft, value: float) -> str:
    """The facet of a range in force, when the number is near its bounds; else none."""
    for r in reversed(draft.intent.ranges):
        bounds = [b for b in (r.min, r.max) if b is not None]
        if any(_NEAR[0] * b <= value <= _NEAR[1] * b for b in bounds):
            return r.facet
    return ""


def _in_larger_unit(draft: Draft, value: float) -> float:
    """ "Two and a half", of a bound of 120 minutes: hours."""
    for r in reversed(draft.intent.ranges):
        bounds = [b for b in (r.min, r.max) if b is not None]
        for factor in set(draft.lexicon.words[r.facet].units.values()) - {1}:
            if any(_NEAR[0] * b <= value * factor <= _NEAR[1] * b for b in bounds):
                return value * factor
    return value


def lift_bounds(draft: Draft, line: Line) -> None:
    """ "No upper limit": one side of the ranges in force goes, the other stays."""
    for match in line.find(_NO_LIMIT):  # "no limit on the runtime"
        draft.drop_facet(line.of(match, "what")[0].facet or "")
    for match in line.find(_NO_BOUND):
        named = {c.facet for c in line.of(match) if c.letter == "F"}
        said = [r for c in line.chunks if c.letter == "R" and c.meaning for r in c.meaning.ranges]
        for r in draft.intent.ranges:
            if any(new.facet == r.facet for new in said):
                continue
            low, high = match["low"] is not None, match["high"] is not None
            if named and r.facet not in named or (r.min if low else r.max) is None:
                continue
            draft.lift(r, low=low, high=high)


_NO_BOUND = compiled("adjust_no_bound")
_NO_LIMIT = compiled("adjust_no_limit")
