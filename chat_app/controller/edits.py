"""From wishes to a :class:`~recsys.controls.ControlEdit` of the intent in force."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from chat_app.controller.chunks import Line
from chat_app.controller.draft import Draft
from chat_app.controller.lexicon import Meaning
from chat_app.controller.patterns import compiled
from chat_app.controller.text import canonical, plural, singular
from chat_app.controller.wishes import Wish, is_adjective
from recsys.controls import Clause, Removal


def apply_wishes(draft: Draft, wishes: Sequence[Wish], line: Line) -> None:
    """Turn wishes into the draft's clauses, ranges and removals."""
    numbered = {
        r.facet for w in wishes if w.chunk.letter == "R" and w.chunk.meaning for r in w.chunk.meaning.ranges
    }
    for group in _groups(_unsaid(_settled(wishes, line)), line):
        first = group[0]
        meaning = first.chunk.meaning
        if first.chunk.letter == "V" and meaning and _said_by_number(meaning, numbered):
            continue  # "older ones, 1970 to 1989", "well rated, 3.7 and up": the number says it
        meanings = [w.chunk.meaning for w in group if w.chunk.meaning is not None]
        if first.sense == "drop":
            for meaning in meanings:
                draft.drop(meaning, or_deny=_denies_too(line, first.index))
        elif first.sense == "allow" and (
            sum(draft.excluded(m) for m in meanings) or _widen(draft, group, line)
        ):
            continue
        elif first.sense == "deny":
            softer = [wish for wish in group if _softens(draft, wish, line)]
            draft.avoided += [wish.chunk.norm for wish in softer]
            _deny(draft, [wish for wish in group if wish not in softer], line)
        else:
            _want(draft, group, line)
    if _SWAPS & {chunk.norm for chunk in line.chunks}:
        _swap_part(draft)


def _swap_part(draft: Draft) -> None:
    """ "Change thrillers to horror", of a list in part thrillers: the part is of another kind."""
    gone = [removal for removal in draft.remove if removal.field == "quotas" and removal.value]
    wanted = [clause for clause in draft.require if len(clause.values) == 1]
    parts = [q for q in draft.intent.quotas for r in gone if (q.facet, q.value) == (r.facet, r.value)]
    if len(parts) == len(wanted) == 1 and parts[0].facet == wanted[0].facet:
        draft.require.remove(wanted[0])
        draft.quotas.append(parts[0].model_copy(update={"value": wanted[0].values[0]}))


_SWAPS = frozenset("change swap replace switch trade exchange".split())
_CORRECTS = compiled("edits_corrects")
#: A bound said so stands for itself: "anything up to two hours", "from 1985 on".
_ANEW = re.compile(
    r"(?:^| )(?:everything|anything|something|all|simply|just|only|final|instead|rather)(?= |$)"
)
_OPEN_ENDED = re.compile(r"(?:^| )(?:on|onwards?|last|past)(?= |$)")
_WILL_DO = compiled("edits_will_do")


def _widen(draft: Draft, group: list[Wish], line: Line) -> bool:
    """ "Drama is fine too": beside what is asked for on its facet, which it joins as an alternative;
    False where nothing is, or where it is more than fine."""
    facet = _facet(group[0])
    behind = "".join(f" {chunk.symbol}" for chunk in line.chunks[group[-1].index + 1 :])
    instead = any(chunk.norm in ("instead", "rather") for chunk in line.chunks)
    if facet is None or instead or not _WILL_DO.match(behind):
        return False
    values = [value for wish in group for clause in _clauses(wish) for value in clause.values]
    if any(clause.facet == facet and set(clause.values) <= set(values) for clause in draft.exclude):
        return True  # "no comedies, but romantic ones are fine": it stays kept out
    before = [c for c in (*draft.intent.require, *draft.require) if c.facet == facet and c.any_of]
    if not before or any(gone.field == "require" and gone.facet == facet for gone in draft.remove):
        return False  # "comedies not needed, drama will do"
    if not all(any(value in clause.values for clause in before) for value in values):
        draft.remove.append(Removal(field="require", facet=facet))
        draft.require = [clause for clause in draft.require if clause.facet != facet]
        wider = Clause(facet=facet, any_of=tuple(dict.fromkeys((*before[-1].any_of, *values))))
        draft.require += [*before[:-1], wider]
    return True


def _settled(wishes: Sequence[Wish], line: Line) -> list[Wish]:
    """Without what the person takes back in the same breath: "with Hoffman. Sorry, Pacino"."""
    return [
        one
        for i, one in enumerate(wishes)
        if not any(
            one.sense == two.sense == "want"
            and _facet(one) is not None
            and _facet(one) == _facet(two)
            and _CORRECTS.search(" ".join(c.symbol for c in line.chunks[one.index + 1 : two.index + 1]))
            for two in wishes[i + 1 : i + 5]
        )
    ]


def _unsaid(wishes: Sequence[Wish]) -> list[Wish]:
    """Where a value is both wanted and denied: "I like Capra, but nothing by him" wants none of it,
    "animated, but not Disney" is not against what is animated."""
    wanted = {clause: wish for wish in wishes if wish.sense == "want" for clause in _clauses(wish)}
    gone: list[Wish] = []
    for wish in wishes:
        for clause in _clauses(wish) if wish.sense == "deny" else ():
            other = wanted.get(clause)
            if other is not None and other.liked:
                gone.append(other)
            elif other is not None and wish.chunk.norm not in _own_names(clause):
                gone.append(wish)
    return [wish for wish in wishes if wish not in gone]


def _clauses(wish: Wish) -> tuple[Clause, ...]:
    return wish.chunk.meaning.require if wish.chunk.meaning else ()


def _own_names(clause: Clause) -> set[str]:
    """A value's own name, in singular and plural."""
    names = {canonical(value) for value in clause.values}
    return names | {plural(name) for name in names}


def _said_by_number(meaning: Meaning, numbered: set[str]) -> bool:
    by_rating = meaning.order == "top_rated" and "rating" in numbered
    return by_rating or any(r.facet in numbered for r in meaning.ranges)


def _groups(wishes: Sequence[Wish], line: Line) -> Iterable[list[Wish]]:
    """Neighbouring wishes of one facet that are meant alike."""
    group: list[Wish] = []
    for wish in wishes:
        if group and _together(group[-1], wish, line):
            group.append(wish)
            continue
        if group:
            yield group
        group = [wish]
    if group:
        yield group


def _together(one: Wish, two: Wish, line: Line) -> bool:
    if one.sense != two.sense or _facet(one) is None or _facet(one) != _facet(two):
        return False
    between = line.chunks[one.index + 1 : two.index]
    words = [c.norm for c in between if c.letter != "O"]
    if "or" in words and words[0] in "?.":  # "a war film? or a western?"
        words = words[1:]
    return all(word in _JOINTS for word in words)


_JOINTS = frozenset(
    ", and or / also maybe nor either by with some a an the & from starring bit little of".split()
)


def _facet(wish: Wish) -> str | None:
    facets = {c.facet for c in wish.chunk.meaning.require} if wish.chunk.meaning else set()
    return facets.pop() if len(facets) == 1 else None


def _denies_too(line: Line, index: int) -> bool:
    before = {c.norm for c in line.chunks[max(0, index - 4) : index]}
    return (
        bool(before & {"skip", "lose", "leave", "drop", "ditch", "remove", "ignore"})
        and "forget" not in before
    )


_DEGREES = frozenset("less too that so as overly very quite".split())


def _softens(draft: Draft, wish: Wish, line: Line) -> bool:
    """ "Less scary", of horror films: they are to be less so, and stay horror films."""
    degree = wish.index > 0 and line.chunks[wish.index - 1].norm in _DEGREES
    asked = {(c.facet, value) for c in (*draft.intent.require, *draft.require) for value in c.values}
    asked |= {(quota.facet, quota.value) for quota in draft.intent.quotas if quota.value}
    return (
        degree
        and is_adjective(wish.chunk)
        and any((c.facet, v) in asked for c in _clauses(wish) for v in c.values)
    )


def _deny(draft: Draft, group: list[Wish], line: Line) -> None:
    """Each value is excluded; neighbours without a conjunction are one kind ("crime dramas")."""
    for run in _runs(group, line):
        clauses = [c for w in run[:-1] if w.chunk.meaning for c in w.chunk.meaning.require]
        last = run[-1].chunk.meaning
        if last is not None:
            draft.deny(last, clauses)


def _runs(group: list[Wish], line: Line) -> Iterable[list[Wish]]:
    run: list[Wish] = []
    for wish in group:
        if run and wish.index != run[-1].index + 1:
            yield run
            run = []
        run.append(wish)
    if run:
        yield run


def _want(draft: Draft, group: list[Wish], line: Line) -> None:
    changed = any(c.norm == "make" for c in line.chunks)  # "make that the 50s"
    for wish in group:
        if wish.chunk.meaning:
            anew = _ANEW.search(line.s) or _OPEN_ENDED.search(wish.chunk.norm)
            draft.want(wish.chunk.meaning, wish.adds and not changed, anew=bool(anew))
    facet = _facet(group[0])
    if facet is None:
        several = [c for w in group if w.chunk.meaning for c in w.chunk.meaning.require]
        _add_clauses(draft, several, group[0].adds, extend=False)
        return
    words = draft.lexicon.words[facet]
    if _alternatives(group, line):
        group = _absorb(group)
    clauses: list[Clause] = []
    for run in _runs(group, line):
        clauses += [c for w in run if w.chunk.meaning for c in w.chunk.meaning.require]
    both = line.chunks[group[0].index - 1].norm == "both" if group[0].index else False
    alternatives = not both and (words.any_of or _alternatives(group, line))
    if alternatives and len(clauses) > 1:
        values = tuple(dict.fromkeys(v for c in clauses for v in c.values))
        clauses = [Clause(facet=facet, any_of=values)]
    adds = group[0].adds
    extend = words.any_of or (adds and _opens_with_or(line, group[0].index))
    instead = any(c.norm in ("instead", "rather") for c in line.chunks)
    if words.any_of and "or" in {c.norm for c in line.chunks[max(0, group[0].index - 3) : group[0].index]}:
        clauses = _joined(draft, clauses)  # "a French comedy, or an Italian one"
    _add_clauses(draft, clauses, adds, extend, instead)


def _joined(draft: Draft, clauses: list[Clause]) -> list[Clause]:
    """One clause of these and what the message asked for before on their facet, which goes."""
    before = [c for c in draft.require if c.facet == clauses[0].facet and c.any_of]
    draft.require = [c for c in draft.require if c not in before]
    values = dict.fromkeys(v for c in (*before, *clauses) for v in c.values)
    return [Clause(facet=clauses[0].facet, any_of=tuple(values))]


_BLENDS = frozenset("mix blend hybrid crossover mashup combo combination".split())


def _absorb(group: list[Wish]) -> list[Wish]:
    """ "Romance or romcoms": the wider of two alternatives says it all."""
    sets = [set(w.chunk.meaning.require) if w.chunk.meaning else set() for w in group]
    return [w for w, mine in zip(group, sets, strict=True) if not any(other < mine for other in sets)]


def _alternatives(group: list[Wish], line: Line) -> bool:
    """Whether the values of a group are alternatives: "comedy or drama", "mysteries and thrillers"."""
    joints = {c.norm for c in line.chunks[group[0].index : group[-1].index] if not c.letter}
    if len(group) < 2 or not joints & {",", "and", "or", "/", "&"}:
        return False
    if line.chunks[group[-1].index + 1 :] and line.chunks[group[-1].index + 1].norm in _BLENDS:
        return False  # "a horror/comedy mix"
    if "or" in joints or "/" in joints:
        return True
    behind = {c.norm for c in line.chunks[group[-1].index + 1 : group[-1].index + 4]}
    if "either" in behind:  # "Firth, Grant, either is fine"
        return True
    if behind & {"whoever", "whatever", "whichever"}:
        return True
    if any(w.chunk.letter == "P" for w in group):
        return group[0].liked and "with" not in joints
    if group[0].liked:
        return not _heads_noun(line, group[-1].index) or _heads_plural(line, group[-1].index)
    return all(_plural(w, line) for w in group)


def _plural(wish: Wish, line: Line) -> bool:
    word = wish.chunk.norm.split()[-1]
    return singular(word) != word and not _heads_noun(line, wish.index)


def _heads_noun(line: Line, index: int) -> bool:
    return index + 1 < len(line) and line.chunks[index + 1].letter == "O"


def _heads_plural(line: Line, index: int) -> bool:
    """ "I like action and fantasy movies": kinds of films, not films of both kinds."""
    noun = line.chunks[index + 1].norm
    return "and" in {c.norm for c in line.chunks[max(0, index - 2) : index]} and singular(noun) != noun


def _opens_with_or(line: Line, index: int) -> bool:
    words = [c.norm for c in line.chunks[:index]]
    return "or" in words[:2]


def _add_clauses(
    draft: Draft, clauses: list[Clause], adds: bool, extend: bool, instead: bool = False
) -> None:
    """Add clauses; what was asked for before on their facets goes, unless they join it."""
    for clause in clauses:
        before = [c for c in draft.intent.require if c.facet == clause.facet]
        mine = [c for c in draft.require if c.facet == clause.facet]
        if adds and extend and before and not mine and clause.any_of:
            values = tuple(dict.fromkeys((*(v for c in before for v in c.values), *clause.any_of)))
            clause = Clause(facet=clause.facet, any_of=values)
        if before and (not adds or (extend and before)):
            draft.remove.append(Removal(field="require", facet=clause.facet))
        for value in clause.values:  # asked for outright, it is no quota any more
            if (
                not adds
                and not before
                and any(q.facet == clause.facet for q in draft.intent.quotas)
                and instead
            ):
                draft.remove.append(Removal(field="quotas", facet=clause.facet))
            elif any(q.facet == clause.facet and q.value == value for q in draft.intent.quotas):
                draft.remove.append(Removal(field="quotas", facet=clause.facet, value=value))
        draft.require.append(clause)


def match_theme(theme: str | None, words: str) -> bool:
    """Whether words name a theme in force, inflection aside ("gore" names "gory")."""
    return bool(_stems(theme or "") & _stems(words))


def without_themes(theme: str | None, avoided: Sequence[str]) -> str | None:
    """A theme in force without its parts that are now to be avoided; None when nothing is left."""
    parts = [
        part
        for whole in (theme or "").split(", ")
        for part in (
            re.split(r" (?:or|and) ", whole) if any(match_theme(whole, w) for w in avoided) else [whole]
        )
    ]
    kept = [part for part in parts if not any(match_theme(part, words) for words in avoided)]
    return ", ".join(part for part in kept if part) or None


def _stems(words: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"\w+", words.casefold())}


def _stem(word: str) -> str:
    return singular(word)[: max(3, min(5, len(word) - 2))]
