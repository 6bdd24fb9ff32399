"""How many items of which kind: quotas, and the count beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.counts import TOLD, corrects, read_count, said_before
from chat_app.controller.patterns import compiled, joined
from chat_app.controller.stance import Stance
from chat_app.controller.text import singular
from chat_app.controller.wishes import is_adjective
from recsys.controls import MAX_COUNT, ControlIntent, Op, Quota

_OPS: tuple[Op, ...] = ("at_least", "at_most", "exactly", "about")
_OP = "|".join(f"(?P<{op}>{joined(f'quota_{op}')})" for op in _OPS)
_AFTER = (
    r"(?:(?: ,)? (?P<a_least>at least(?= [.,!?]|$)|at minimum)"
    r"|(?: ,)? (?P<a_most>(?:at most|tops|max(?:imum)?)(?= [.,!?]|$))"
    r"| (?P<c_least>at least|or more|minimum|and up|or above)"
    r"| (?P<c_most>at most|or less|or fewer|tops|max|maximum))?"
)
_QUOTA = compiled("quota", OP=f"(?:{_OP})", LINK=joined("quota_link"), BOUND=_AFTER.removesuffix("?"))
_BOUNDS = tuple(f"{place}_{side}" for place in "abc" for side in ("least", "most"))
#: "Romance is fine, but max 3"; here the bound must be said.
_BEHIND = compiled("quota_behind", OP=f"(?:{_OP})", AFTER=_AFTER.removesuffix("?"))
_OF_ALL = re.compile(
    r"(?:^|(?<= ))(?:N|Q|one|most|half|all) of the (?P<all>N)"
    r"(?= (?:should|must|needs?|can|could|ought|may|ha(?:s|ve) to|to be|from|by|with"
    r"|(?:is|are) (?:by|from|with)))"
)
_ADDED = re.compile(
    r"(?:^| )(?:plus|(?:sneak|throw|slip|squeeze|add) in|add|includ(?:e|ing)|along with) (?:just |only )?$"
)
_AMONG = re.compile(
    r" (?:O )?(?:among (?:them|those|these)|in (?:there|the mix|the list|between)|included|thrown in)(?= |$)"
)
#: "Comedy 4, drama 4", and "one each from Denmark, Sweden and Norway".
_ONE_PAIR = r"[VP](?: O)?(?: :| -)? N"
_PAIRS = re.compile(
    rf"(?:^|(?<=[:.,;/*] )|(?<=make )|(?<=give me ))"
    rf"{_ONE_PAIR}(?:(?: [,;/.*&]| and)* {_ONE_PAIR})+(?= [,;.!/*]|$)"
)
_PAIR = re.compile(r"(?P<what>[VP])(?: O)?(?: :| -)? (?P<amount>N)(?= |$)")
_EACH = re.compile(
    r"(?P<amount>N) (?:O )?(?:each|apiece)(?: (?:of|from|by|with|in|for|starring|O|the|:|a|an))*"
    r"(?P<list>(?:(?: ,| and| or| /| plus| the| from| a| an| one| of)* [VPR])+)(?= |$)"
)
#: "A comedy, a drama and a horror film".
_ONE_OF_EACH = re.compile(
    r"(?:^|(?<= ))an? V(?: O)?(?:(?: ,| and| plus| &| , and)(?: also| maybe)? an? V(?: O)?)+"
    r"(?= [.,!?]| please|$)"
)
_AND_ONE = re.compile(r" (?:O )?(?:(?:, )?(?:and|plus|&)|,) (?P<one>an?) (?P<what>V)(?= |$)")
_ANEW = re.compile(r"(?:^| )(?:make (?:it|that|them)|let us (?:do|have)|instead)(?= |$)")
_REST = re.compile(r"rest|remain|others")


@dataclass
class Amounts:
    """What a message says of numbers of items. ``used``: the chunks that are thereby explained; ``anew``:
    whether it sets all parts of the list, so that those in force go."""

    count: int | None = None
    quotas: list[Quota] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    anew: bool = False


def read_amounts(line: Line, stance: Stance, intent: ControlIntent, taken: set[int]) -> Amounts:
    """Counts and quotas of a message said while ``intent`` is in force; ``taken`` is explained already."""
    out = Amounts(used=set(taken))
    _read_lists(out, line, stance)
    _read_bounds_behind(out, line, stance)
    plain: list[_Counted] = []  # "five comedies": the count, or one of several quotas
    rest: list[_Counted] = []
    bounded: tuple[Op, int] | None = None  # the bound said last, and where what it bounds ends
    for match in line.find(_QUOTA):
        counted = _counted(line, match, "amount")
        told = stance.marks[counted.what_at].mode in TOLD
        if counted.what.meaning is None or told or counted.at in out.used or _not_one(line, counted):
            continue
        if _REST.search(match["amount"]) and not any(q.share for q in out.quotas):
            rest.append(counted)
        elif _is_part(counted, intent) and not match["of_them"]:
            _add_quota(out, line, counted)  # "three musicals now", of which there were two
        elif _goes_on(line, match, bounded):
            _add_quota(out, line, counted, bounded[0] if bounded else None)
        elif _is_count(line, match, intent):
            plain += [counted, *_and_one(line, counted)]
        else:
            _add_quota(out, line, counted)
        op = out.quotas[-1].op if counted.at in out.used else "exactly"
        bounded = (op, match.end()) if op in ("at_least", "at_most") else None
    if len(plain) > 1 and _ANEW.search(line.s):  # "make it two westerns and a musical"
        out.anew, intent = True, intent.model_copy(update={"count": None, "quotas": ()})
    _read_counts(out, line, stance, intent, plain)
    for counted in rest:  # "ten films, seven of them horror and the rest comedies"
        left = (out.count or intent.count or 0) - sum(q.count or 0 for q in out.quotas)
        if left > 0 and out.quotas and all(q.count is not None and q.op == "exactly" for q in out.quotas):
            amount = replace(counted.amount, letter="N", number=left)
            _add_quota(out, line, replace(counted, amount=amount))
    return out


def _is_part(counted: _Counted, intent: ControlIntent) -> bool:
    """Whether a number is that of a kind which is a part of the list in force."""
    if counted.what.meaning is None or counted.amount.letter != "N":
        return False
    values, bounds = counted.what.meaning.values, counted.what.meaning.ranges
    return any(
        quota.value in values
        or any((r.facet, r.min, r.max) == (quota.facet, quota.min, quota.max) for r in bounds)
        for quota in intent.quotas
        if quota.count is not None
    )


def _goes_on(line: Line, match: re.Match[str], bounded: tuple[Op, int] | None) -> bool:
    """ "A minimum of two in German and one in Russian"."""
    own = match["amount"] != "N" or any(match[op] for op in _OPS)
    return bounded is not None and not own and line.s[bounded[1] : match.start()] == " and "


def _not_one(line: Line, counted: _Counted) -> bool:
    """ "And not one animated" denies, "every one of them horror" asks for all."""
    return counted.amount.number == 1 and line.s[: counted.match.start()].endswith(
        ("not ", "every ", "each ")
    )


def _and_one(line: Line, counted: _Counted) -> Iterator[_Counted]:
    """ "Four dramas and a western": the article counts, too."""
    behind = _AND_ONE.match(line.s, counted.match.end())
    works = counted.what.letter == "P" and counted.what_at == counted.at + 1  # "two Hitchcocks and a musical"
    if behind is None or (counted.amount.number or 0) < 2 or not (works or counted.what.letter == "V"):
        return
    at, what_at = line.span(behind, "one")[0], line.span(behind, "what")[0]
    one, what = replace(line.chunks[at], letter="N", number=1.0), line.chunks[what_at]
    added = _Counted(counted.match, at, one, what_at, what)
    if (works or _facets(added) == _facets(counted)) and not _plural(what):
        yield added


def _plural(what: Chunk) -> bool:
    word = what.norm.split()[-1]
    return singular(word) != word


def _counted(line: Line, match: re.Match[str], amount: str) -> _Counted:
    at, what_at = line.span(match, amount)[0], line.span(match, "what")[0]
    return _Counted(match, at, line.of(match, amount)[-1], what_at, line.chunks[what_at])


def _read_lists(out: Amounts, line: Line, stance: Stance) -> None:
    """Numbers of several kinds in one go; what they come to is the count, unless it is said."""
    for match in line.find(_PAIRS):
        start = match.start()
        for pair in _PAIR.finditer(match[0]):
            at, what_at = line.at(start + pair.start("amount")), line.at(start + pair.start("what"))
            _add_exactly(out, line, at, what_at)
    for match in line.find(_EACH):
        at = line.span(match, "amount")[0]
        for what_at in range(*line.span(match, "list")):
            _add_exactly(out, line, at, what_at)
    for match in line.find(_ONE_OF_EACH):
        kinds = [i for i in range(*line.span(match)) if line.chunks[i].letter == "V"]
        if _are_kinds(line, kinds) and not any(
            stance.marks[i].negated or stance.marks[i].mode != "want" for i in kinds
        ):
            for i in kinds:
                _add_exactly(out, line, i - 1, i)
    if out.quotas:
        out.count = min(sum(quota.count or 0 for quota in out.quotas), MAX_COUNT)


def _are_kinds(line: Line, places: list[int]) -> bool:
    """Whether chunks are different values of one facet, called by their own names: no "funny", no "new"."""
    meanings = [line.chunks[i].meaning for i in places]
    clauses = [m.require[0] for m in meanings if m is not None and len(m.require) == 1 and len(m.values) == 1]
    named = not any(is_adjective(line.chunks[i]) for i in places)
    return named and len(set(clauses)) == len(places) and len({clause.facet for clause in clauses}) == 1


def _add_exactly(out: Amounts, line: Line, at: int, what_at: int) -> None:
    meaning, count = line.chunks[what_at].meaning, int(line.chunks[at].number or 1)
    if meaning is None or what_at in out.used:
        return
    if meaning.require:
        clause = meaning.require[0]
        out.quotas.append(Quota(facet=clause.facet, value=clause.values[0], op="exactly", count=count))
    elif meaning.ranges:
        r = meaning.ranges[0]
        out.quotas.append(Quota(facet=r.facet, min=r.min, max=r.max, op="exactly", count=count))
    out.used |= {at, what_at}


def _read_bounds_behind(out: Amounts, line: Line, stance: Stance) -> None:
    """ "Romance is fine, but max 3": what is counted stands before the number."""
    for match in line.find(_BEHIND):
        counted = _counted(line, match, next(a for a in ("amount", "amount2", "amount3") if match[a]))
        told = stance.marks[counted.what_at].mode in TOLD
        if counted.what.meaning is not None and not {counted.at, counted.what_at} & out.used and not told:
            _add_quota(out, line, counted)


def _read_counts(
    out: Amounts, line: Line, stance: Stance, intent: ControlIntent, plain: list[_Counted]
) -> None:
    """Sets the count, and makes quotas of the ``plain`` numbers of kinds that are not the count."""
    while len(plain) > 1 and any(corrects(line, later.at) for later in plain[1:]):
        out.used |= {plain[0].at, plain.pop(0).what_at}  # "one western, no wait, make that two westerns"
    count, at = read_count(line, stance, out.used)
    out.count = count or (None if intent.count else out.count)
    if plain and at in (None, plain[0].at) and _parts_of(plain, line):
        plain, at = plain[1:], plain[0].at  # "9 comedies. 3 from the 80s, 6 from the 90s"
    if at is not None and len(plain) == 1 and plain[0].at < at and corrects(line, at):
        out.used.add(plain.pop().at)  # "5 French films. Wait, make that 8"
    added = len(plain) == 1 and _ADDED.search(said_before(line, plain[0].at))
    if added and intent.count and not out.quotas:
        out.count, plain = None, []  # "plus one western": not a list of one
    if len(plain) == 1 and out.quotas and _ADDED.search(said_before(line, plain[0].at)):
        _add_quota(out, line, plain[0])  # "mostly cartoons, but sneak in one documentary"
        out.count, plain = (None if at == plain[0].at else out.count), []
    if len(plain) > 1 or (plain and at is not None and at != plain[0].at):
        for counted in plain:
            _add_quota(out, line, counted)
        if any(counted.at == at for counted in plain):
            out.count = intent.count or min(int(sum(c.amount.number or 0 for c in plain)), MAX_COUNT)
    if out.count is None:  # "two of the seven are westerns"
        for match in line.find(_OF_ALL):
            out.count = min(int(line.of(match, "all")[0].number or 1), MAX_COUNT)


def _parts_of(plain: Sequence[_Counted], line: Line) -> bool:
    """Whether the first number is that of all, of which the others count parts of another kind."""
    if len(plain) < 2 or plain[1].amount.norm in ("a", "an"):
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


_TO_THE_OTHER = frozenset("and / , - to vs versus against : with".split())
#: Shares of two kinds at once: "50/50 comedy and drama".
EVENLY = (
    r"[1-9]\d / [1-9]\d(?! (?:was|is|were))",
    "fifty fifty",
    "half and half",
    r"(?:even|equal|balanced|fair) (?:split|mix|balance|shares?|parts|numbers|amounts)",
    r"(?:split|divided?)(?: \w+){0,6} between",
)


@dataclass(frozen=True)
class _Counted:
    """An amount and what it counts, with their places in the line."""

    match: re.Match[str]
    at: int
    amount: Chunk
    what_at: int
    what: Chunk


def _add_quota(out: Amounts, line: Line, counted: _Counted, op: Op | None = None) -> None:
    quota = _quota(counted.match, counted.amount, counted.what, out.quotas)
    if quota is None:
        return
    if op is not None and quota.op == "exactly":
        quota = quota.model_copy(update={"op": op})
    out.quotas.append(quota)
    out.used |= {counted.at, counted.what_at}
    if re.fullmatch("|".join(EVENLY), counted.amount.norm):
        _add_other_half(out, line, counted)
    behind = counted.what_at + 1
    if behind < len(line) and line.chunks[behind].letter == "O":
        out.used.add(behind)  # "20 % horror films"


def _add_other_half(out: Amounts, line: Line, counted: _Counted) -> None:
    """ "50/50 comedy and drama": as many of the one as of the other."""
    ahead = line.chunks[counted.what_at + 1 : counted.what_at + 5]
    behind = [chunk for chunk in ahead if chunk.letter != "O"]
    if len(behind) < 2 or behind[0].norm not in _TO_THE_OTHER:
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
