"""What is said of titles: events (liked, disliked, seen) and seeds ("like …", "nothing like …")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.english import OPINION
from chat_app.controller.patterns import compiled
from chat_app.controller.sentences import Kind, Sentence
from chat_app.controller.stance import Stance
from chat_app.state import State
from recsys.catalog import Catalog

Verdict = Literal["liked", "disliked", "seen"]

_FUTURE = compiled("events_future")
_OBJECT = compiled("events_object")
_NO_VERDICT = compiled("events_no_verdict")
_LATER = compiled("events_later")
_NOT_MINE = compiled("events_not_mine")
_OF_FOCUS = re.compile(
    r"(?:^| )it(?= |$)|that one|this one|^(?:seen|saw|watched|loved|liked|hated) ?(?:it|that)?$"
)
_OF_IT = re.compile(r"(?:^| )it(?= |$)|^(?:seen|saw|watched|loved|liked|hated)$")
_NOT_YET = re.compile(r"sounds|looks|seems|would|will|want to|have not|never|heard|both|them|those")
_SAID = compiled("events_said")
_IDIOMS: list[tuple[Verdict, re.Pattern[str], re.Pattern[str]]] = [
    ("disliked", compiled("events_blame_before"), compiled("events_blame_after")),
    ("liked", compiled("events_praise_before"), compiled("events_praise_after")),
]
_HABIT = compiled("events_habit")
_DECLINED = compiled("events_declined")
_ALL_OF_THEM = compiled("rules_all_of_them")
_OWN_VIEW = compiled("events_own_view")
_ONLY_HEARD = compiled("events_only_heard")
_DID_SEE = re.compile(r"did (?:\w+ )?(?:see|watch)$")


_ASKS_ALIKE = frozenset(
    "something anything things stuff N more some find want any show me for is are there of other O".split()
)


@dataclass
class Sayings:
    """Rows of titles by what was said: events in order of mention, seeds, and all mentioned."""

    events: dict[int, Verdict] = field(default_factory=dict)
    like: list[int] = field(default_factory=list)
    unlike: list[int] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Group:
    """Titles joined by commas and conjunctions, one thing said of them."""

    first: int
    last: int
    rows: tuple[int, ...]
    sentence: Sentence


def read_sayings(
    line: Line, stance: Stance, found: list[Sentence], state: State, catalog: Catalog
) -> Sayings:
    """Everything the message says of titles, and by pronoun of the titles before."""
    out = Sayings()
    groups = list(_groups(line, stance, found))
    previous: Verdict | None = None
    for g, group in enumerate(groups):
        until = groups[g + 1].first if g + 1 < len(groups) else len(line)
        mark = stance.marks[group.first]
        fan = group.last + 1 < len(line) and line.chunks[group.last + 1].norm in ("fan", "fans")
        if fan:
            out.events |= dict.fromkeys(group.rows, "disliked" if mark.negated else "liked")
            continue
        said = line.text.words(line.chunks[group.sentence.start].start, line.chunks[group.first].start)
        if _DECLINED.search(said):
            previous = None
            continue  # not chosen: neither disliked nor something to keep away from
        denied = mark.mode == "want" and mark.negated and not _joins(line, group)
        if denied and not group.sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN):
            out.unlike += group.rows
            continue
        seeds = g > 0 and previous is None and (out.like or out.unlike) or not g and state.intent.like
        if mark.mode == "seed" and group.sentence.is_a(Kind.LOOKUP):
            if verdict := _verdict(line, stance, group, until, None):
                out.events |= dict.fromkeys(group.rows, verdict)
            continue
        if mark.mode == "seed" or (seeds and _joins(line, group)):
            target = out.unlike if mark.negated else out.like
            target += [r for r in group.rows if r not in target]
            later = re.search(
                r"[.!] i (?:\w+ )?(?:love|like|loved) (?:it|this|this movie)(?= |$)",
                _after(line, stance, group, until),
            )
            if later and not mark.negated:
                out.events |= dict.fromkeys(group.rows, "liked")
            previous = None
            continue
        verdict = _verdict(line, stance, group, until, previous)
        if verdict:
            for row in group.rows:
                out.events[row] = verdict
        elif not group.sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN):
            out.wanted += group.rows
        previous = verdict
    _read_pronouns(out, line, stance, found, groups, state, catalog)
    return out


def _joins(line: Line, group: _Group) -> bool:
    """Whether a sentence opens with "or T", "and T": it goes on with what was said before."""
    opening = line.chunks[group.sentence.start : group.first]
    return bool(opening) and all(c.norm in ("or", "and", ",", "also", "maybe") for c in opening)


def _groups(line: Line, stance: Stance, found: list[Sentence]) -> Iterator[_Group]:
    start: int | None = None
    rows: tuple[int, ...] = ()
    last = -1
    for i, chunk in enumerate([*line.chunks, Chunk(0, 0, "")]):
        if chunk.letter == "T" and i < len(line):
            joined = start is not None and all(
                c.norm in (",", "and", "or", "also", "&", "the", "O", "nor", "both", "even")
                or c.letter == "O"
                for c in line.chunks[last + 1 : i]
            )
            own_verb = i + 1 < len(line) and line.chunks[i + 1].norm in (
                "is",
                "was",
                "bored",
                "sucked",
                "were",
            )
            singular = line.chunks[i + 1].norm in ("is", "was") if own_verb else False
            if start is not None and (singular or own_verb and stance.marks[last].mode in ("like", "seen")):
                joined = False
            same = (
                start is not None
                and stance.marks[i].mode == stance.marks[last].mode
                and (stance.marks[i].negated == stance.marks[last].negated)
            )
            if joined and same:
                rows, last = (*rows, *chunk.rows), i
                continue
            if start is not None:
                yield _Group(start, last, rows, _sentence_at(found, start))
            start, last, rows = i, i, chunk.rows
    if start is not None:
        yield _Group(start, last, rows, _sentence_at(found, start))


def _sentence_at(found: list[Sentence], index: int) -> Sentence:
    return next(s for s in found if s.start <= index < s.end)


def _after(line: Line, stance: Stance, group: _Group, until: int) -> str:
    """The words behind a group, up to the clause of the next one."""
    stop = until
    if until < len(line):  # leave the next title its own verb
        while (
            stop > group.last + 1
            and stance.marks[stop - 1].sentence == stance.marks[until].sentence
            and (line.chunks[stop - 1].norm not in (",", "but", "and", "though", "while"))
        ):
            stop -= 1
    chunks = line.chunks[group.last + 1 : stop]
    return " ".join(line.text.words(c.start, c.end) for c in chunks)


def _verdict(
    line: Line, stance: Stance, group: _Group, until: int, previous: Verdict | None
) -> Verdict | None:
    mark = stance.marks[group.first]
    after = _after(line, stance, group, until)
    if group.sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN):
        judged_later = re.search(
            r"[.?!] (?:(?:i|we) (?:\w+ )?(?:thought|loved|liked|hated|enjoyed|found)|it (?:was|is)) .*", after
        )
        return (_object(judged_later[0]) or judge(judged_later[0])) if judged_later else None
    before = line.text.words(line.chunks[group.sentence.start].start, line.chunks[group.first].start)
    if idiom := _idiom(before, after):
        return idiom
    if played := re.search(r"(?:is|was|were|are) ((?:\w+ )+)in$", before):
        return judge(played[1]) or _judged(after)
    if mark.mode in ("unseen", "heard") and re.match(r"^(?:, )?(?:which|that|but it) ", after):
        return _judged(after)
    if mark.mode in ("unseen", "heard") or _FUTURE.match(after):
        return None
    if (again := re.search(r"(?:^|(\w+) )(?:watch|rewatch)$", before)) and _HABIT.match(after):
        return "liked" if again[1] in ("could", "can", "would", "will") else "seen"
    if _ONLY_HEARD.search(before) and not _DID_SEE.search(before):
        return None
    if re.match(r"^(?:\W )?(?:not so much|not really|not at all|no)(?= |$)", after):
        return "disliked"
    said = _object(after)
    judged = _judged(after)
    if said and _OWN_VIEW.match(after):
        return said
    if judged and re.match(r"^(?:is|was|were|are|bored|sucked|rocked|has|had) ", after):
        return judged  # its own verb, whatever governs the titles before it
    if mark.mode == "like":
        return "disliked" if mark.negated else "liked" if said != "disliked" else said
    if judged:
        return judged
    if said:
        return said
    if mark.mode == "seen" or _SAID.search(after) or _DID_SEE.search(before) or _HABIT.match(after):
        return "seen"
    if re.match(r"^(?:,? )?(?:too|also|as well)(?= |$)", after) and previous:
        return previous
    if not before.strip(" ,.!") or before.split()[-1:] in (["and"], ["or"]):
        return _by_emoji(line.text.raw[line.text.tokens[line.chunks[group.last].end - 1].end :])
    return None


def _idiom(before: str, after: str) -> Verdict | None:
    """Set phrases around a title: "thumbs up for", "fell asleep during", "… never gets old"."""
    for verdict, ahead, behind in _IDIOMS:
        if ahead.search(before) or behind.match(re.sub(r"^[:,! -]+", "", after)):
            return verdict
    return None


def _object(after: str) -> Verdict | None:
    """What a verb with a pronoun, or with nothing, says: "…, loved it"; "… and hated them"."""
    strongest: Verdict | None = None
    for match in _OBJECT.finditer(after):
        verb = match["verb"]
        if verb in ("seen", "saw", "watched"):
            strongest = strongest or (None if match["no"] else "seen")
        else:
            good = verb.startswith(("lov", "lik", "enj", "ado")) != bool(match["no"])
            return "liked" if good else "disliked"
    return strongest


def _judged(after: str) -> Verdict | None:
    """What an adjective behind a title (or behind "it") says of it."""
    if score := re.search(r"(\d+(?:\.\d)?) (?:/|out of) 10", after):
        return "liked" if float(score[1]) >= 7 else "disliked" if float(score[1]) < 5 else "seen"
    if _NOT_MINE.search(after):
        return "disliked"
    clauses = re.split(r"(?:^| )(?:because|if|since)(?= )|(?<=[.!?;])(?: |$)", after)
    for at, clause in enumerate(clauses[:3]):
        if clause.rstrip().endswith("?") or (not _LATER.match(clause) if at else _NO_VERDICT.match(clause)):
            continue
        found = judge(clause)
        if found:
            return found
    return None


def judge(words: str) -> Verdict | None:
    """The verdict of a stretch of words by its first judging word, turned round by "not"."""
    negated = False
    words = re.sub(r"(?:^| )too(?= [.,!]|$)", "", words)
    for word in words.split():
        if word in ("not", "never", "nothing", "hardly"):
            negated = True
        elif word in ("but", ",", "too"):
            if word == "too":
                return "disliked"
            negated = False
        elif word in OPINION["good"]:
            return "disliked" if negated else "liked"
        elif word in OPINION["bad"]:
            return "liked" if negated else "disliked"
        elif word in OPINION["so_so"]:
            return "disliked" if negated else "seen"
    return None


def _by_emoji(behind: str) -> Verdict | None:
    head = behind.strip()[:4]
    if any(c in head for c in "❤😍👍🥰💕💖💯🔥⭐😻"):
        return "liked"
    return "disliked" if any(c in head for c in "👎🤮💩😴🤢") else None


def _read_pronouns(
    out: Sayings,
    line: Line,
    stance: Stance,
    found: list[Sentence],
    groups: list[_Group],
    state: State,
    catalog: Catalog,
) -> None:
    """ "Loved it" of the item in focus; "like it" of a title just mentioned."""
    for match in re.finditer(
        r"(?:^|(?<= ))(?:like (?:it|that|those|these|them|this|that N|this N|that one|this one)"
        r"|(?:along|on|in|of) (?:those|these|that|the same) (?:lines?|vein|spirit|style|vibe|kind|sort|ilk)"
        r"|same again|more of the same|another (?:one )?like (?:it|that)"
        r"|(?:comes?|is|are) (?:close|closest) to (?:it|that|this)"
        r"|similar (?:ones?|stuff|things?|O|to (?:it|that|this))|(?:something|anything|things|O) similar)"
        r"(?= |$)",
        line.s,
    ):
        index = line.at(match.start())
        alike = not match[0].startswith("like")
        if stance.marks[index].negated or not alike and stance.marks[index].mode != "seed":
            continue
        if index and line.chunks[index - 1].norm in ("is", "was", "are", "were", "feels", "felt"):
            continue  # "Heat was like that too"
        earlier = [g for g in groups if g.last < index]
        asked = "similar" not in match[0] or index and line.chunks[index - 1].symbol in _ASKS_ALIKE
        if alike and not (earlier and asked):
            continue
        told = any(x.is_a(Kind.VERDICT) and x.end <= index for x in found)  # of something else, then
        rows = list(earlier[-1].rows) if earlier else [] if told else _focus(state, catalog)
        out.like += [r for r in rows if out.events.get(r) in (None, "seen") and r not in out.like]
    if not groups and state.slate:
        for sentence in found:
            all_seen = _ALL_OF_THEM.search(sentence.s)
            if all_seen and not sentence.is_a(Kind.LOOKUP) and not re.search(r"(?:^| )not(?= )", sentence.s):
                out.events |= dict.fromkeys((int(r) for r in catalog.rows(state.slate)), "seen")
                return
    focus = _focus(state, catalog)
    if groups or not focus or len(found) > 2:
        return
    settled = {*state.profile.liked, *state.profile.disliked}
    if any(catalog.ids[row] in settled for row in focus):
        return
    of_focus = _OF_FOCUS if state.slate else _OF_IT
    for sentence in found:
        words = line.text.words(line.chunks[sentence.start].start, line.chunks[sentence.end - 1].end)
        if sentence.is_a(Kind.VERDICT) and of_focus.search(words) and not _NOT_YET.search(words):
            verdict = _object(words) or judge(words)
            if verdict and not sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN):
                out.events |= dict.fromkeys(focus, verdict)


def _focus(state: State, catalog: Catalog) -> list[int]:
    """The item that "it" means: the one last spoken of, or the only one on the table."""
    item = state.focus if state.focus is not None else state.slate[0] if len(state.slate) == 1 else None
    row = catalog.row(item) if item is not None else None
    return [] if row is None else [row]
