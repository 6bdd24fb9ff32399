"""Wishes for values, numbers and orders: which chunks are wanted, denied, dropped or allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.lexicon import Lexicon, Meaning, wish_for
from chat_app.controller.names import name_key
from chat_app.controller.patterns import compiled
from chat_app.controller.sentences import Kind, Sentence
from chat_app.controller.stance import RELATIVES, Stance
from chat_app.controller.text import canonical, singular
from recsys.controls import Clause, ControlIntent

Sense = Literal["want", "deny", "drop", "allow"]

_AFTER_TITLE = compiled("wishes_after_title")
_FINE, _WILL_DO = compiled("wishes_fine"), compiled("edits_will_do")
_POOR = compiled("wishes_poor")
_GONE = compiled("wishes_gone")
_SWAPS = compiled("wishes_swaps")
_STRICT = compiled("wishes_strict")
_ADDS = compiled("wishes_adds")
_OPENS_ADDING = compiled("wishes_opens_adding")
_MAKES = compiled("wishes_makes")
_MAKES_IT = compiled("wishes_makes_it")
_KEEPS = compiled("wishes_keeps")
_TOLD_OF = compiled("wishes_told_of")
_OWN_NATION = compiled("wishes_own_nation")
_VAGUE = frozenset("anything something everything whatever stuff ones".split())
_PLAYS_IN = compiled("wishes_plays_in")
_MADE_BY = compiled("wishes_made_by")
_TURNS = compiled("wishes_turns")
_WATCHES = compiled("wishes_watches")
_SOME = compiled("wishes_some")
_UNSEEN = compiled("wishes_unseen")
_NOT_THEIRS = compiled("wishes_not_theirs")
_THEIRS = compiled("wishes_theirs")
_MEANT = compiled("wishes_meant")
_LETS_GO = compiled("wishes_lets_go")
_NOT_THEIR_ROLE = compiled("wishes_not_their_role")
_NOT_THEIR_WORK = compiled("wishes_not_their_work")


_RATHER = re.compile(r"(?:rather|sooner|prefer) (?:\w+ )*V than$|V rather than$")
_REFUSALS = frozenset("no not never nothing skip avoid without hate dislike".split())


@dataclass(frozen=True)
class Wish:
    """A chunk and how it is wished for. ``adds``: it joins what was asked for before."""

    index: int
    chunk: Chunk
    sense: Sense
    adds: bool = False
    liked: bool = False


def read_wishes(
    line: Line,
    stance: Stance,
    found: Sequence[Sentence],
    intent: ControlIntent,
    used: set[int],
    lexicon: Lexicon,
) -> list[Wish]:
    """The wishes of a message, in order; chunks of ``used`` are explained otherwise."""
    wishes = [wish for sentence in found for wish in _of_sentence(line, stance, sentence, intent, used)]
    for match in line.find(_NOT_THEIRS):  # "on a Kubrick kick, but nothing by him"
        at = line.span(match)[0]
        named = [i for i, chunk in enumerate(line.chunks[:at]) if chunk.letter == "P"]
        told = [n for n, w in enumerate(wishes) if named and w.index == named[-1]]
        if told and wishes[told[-1]].sense == "want":
            wishes[told[-1]] = replace(wishes[told[-1]], sense="deny")
        elif named and not told:
            wishes.append(Wish(named[-1], line.chunks[named[-1]], "deny"))
        elif not line.has("P") and (asked := _asked_for(intent, lexicon)):
            wishes.append(
                Wish(at, replace(line.chunks[at], letter="P", meaning=Meaning(require=(asked,))), "deny")
            )
    for match in line.find(_LETS_GO):  # "drop him"
        at = line.span(match)[0]
        for clause in (clause for clause in intent.require if clause.facet in lexicon.named):
            chunk = replace(line.chunks[at], letter="P", meaning=Meaning(require=(clause,)))
            wishes += [] if line.has("P") else [Wish(at, chunk, "drop")]
    for match in line.find(_THEIRS):  # "I never saw Tarantino. Whatever you have from him"
        at = line.span(match)[0]
        told = [i for i, chunk in enumerate(line.chunks[:at]) if chunk.letter == "P"]
        refused = {chunk.norm for chunk in line.chunks[max(0, at - 4) : at]} & _REFUSALS
        if refused or stance.marks[at].negated or any(s.is_a(Kind.LOOKUP) for s in found):
            continue
        if told and not any(wish.index == told[-1] and wish.sense == "want" for wish in wishes):
            wishes = [wish for wish in wishes if wish.index != told[-1]]
            wishes.append(Wish(told[-1], line.chunks[told[-1]], "want"))
    for match in line.find(_KEEPS):  # "leave out the British ones … no wait, keep those"
        denied = [w for w in wishes if w.sense in ("deny", "drop") and w.index < line.span(match)[0]]
        wishes = [w for w in wishes if w not in denied[-1:]]
    return [*wishes, *_other_roles(line, wishes, lexicon)]


def _asked_for(intent: ControlIntent, lexicon: Lexicon) -> Clause | None:
    """Whom "him" means: the one name in force."""
    named = [clause for clause in intent.require if clause.facet in lexicon.named]
    return named[0] if len(named) == 1 and len(named[0].values) == 1 else None


def _other_roles(line: Line, wishes: Sequence[Wish], lexicon: Lexicon) -> Iterator[Wish]:
    """ "By Woody Allen, in which he does not act": the same name is denied in another role."""
    for match in line.find(_NOT_THEIR_ROLE):
        at = line.span(match)[0]
        told = [w for w in wishes if w.index < at and w.chunk.letter == "P" and w.sense == "want"]
        facet = next((f for f, words in lexicon.words.items() if match["verb"] in words.verbs), None)
        meaning = told[-1].chunk.meaning if told else None
        if facet is None or meaning is None or meaning.require[0].facet == facet:
            continue
        name = lexicon.names.by_full_name(name_key(meaning.require[0].values[0]), facet)
        if name is not None and name.facet == facet:
            yield replace(told[-1], chunk=replace(told[-1].chunk, meaning=wish_for(name)), sense="deny")


def _of_sentence(
    line: Line, stance: Stance, sentence: Sentence, intent: ControlIntent, used: set[int]
) -> Iterator[Wish]:
    if sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN, Kind.ORDER, Kind.SERVICE, Kind.REMARK) or _chat_only(
        sentence
    ):
        return
    adds = bool(_ADDS.search(sentence.s) or _OPENS_ADDING.match(sentence.s) or _MAKES.search(sentence.s))
    adds = adds and not _SWAPS.search(sentence.s) and not _makes_another(line, sentence)
    told = sentence.is_a(Kind.VERDICT) and not sentence.is_a(Kind.REQUEST, Kind.MORE)
    told = told and bool(_WATCHES.search(_UNSEEN.sub("", sentence.s))) and not _TURNS.search(sentence.s)
    for i in range(sentence.start, sentence.end):
        chunk = line.chunks[i]
        if (
            i in used
            or not chunk.is_wish
            or chunk.meaning is None
            or _describes_title(line, stance, sentence, i)
        ):
            continue
        if told and stance.marks[i].mode == "want" and not stance.marks[i].negated:
            offset = line._starts[i] - line._starts[sentence.start]
            later = _WATCHES.search(sentence.s, offset)
            if (
                not later
                or later[0] not in ("seen", "saw", "watched")
                or "," not in sentence.s[offset : later.start()]
            ):
                continue  # else "westerns with Cary Grant, I have seen them all": said before
        sense = _sense(line, stance, sentence, i)
        if sense:
            before = " ".join(c.symbol for c in line.chunks[max(sentence.start, i - 4) : i])
            joins = (
                adds
                or chunk.norm.startswith(("for ", "more "))
                or chunk.norm.endswith("ier")
                or _qualifies(line, i)
                or (
                    chunk.letter == "V"
                    and bool(_SOME.search(before))
                    and not before.endswith("what about the")
                )
            )
            yield Wish(i, chunk, sense, joins, stance.marks[i].mode == "like")


def _is_own_nation(line: Line, i: int) -> bool:
    """ "I am German" says nothing of films."""
    meaning = line.chunks[i].meaning
    of_people = meaning is not None and all(c.facet in ("language", "country") for c in meaning.require)
    return of_people and bool(meaning and meaning.require) and bool(_OWN_NATION.search(_before(line, i)))


def _heads_relative(line: Line, i: int) -> bool:
    """ "Anything she has directed", "films he made": the noun stands right before the name."""
    at = i - 1
    while at > 1 and line.chunks[at].norm in ("or", "and", ",") and line.chunks[at - 1].letter == "P":
        at -= 2  # "anything Leigh or Loach did"
    return at >= 0 and (line.chunks[at].letter == "O" or line.chunks[at].norm in _VAGUE)


def _before(line: Line, i: int) -> str:
    return " ".join(chunk.symbol for chunk in line.chunks[max(0, i - 4) : i])


def _makes_another(line: Line, sentence: Sentence) -> bool:
    """ "Make it dramas" is instead of what was asked for; "make it romantic" goes on with it."""
    said = _MAKES_IT.match(sentence.s)
    if said is None:
        return False
    return not is_adjective(line.chunks[line.at(line._starts[sentence.start] + said.start("what"))])


def _qualifies(line: Line, i: int) -> bool:
    """ "An animated one" goes on with what was asked for; "comedy ones" do not."""
    behind = line.chunks[i + 1].norm if i + 1 < len(line) else ""
    return line.chunks[i].letter == "V" and behind in ("one", "ones") and is_adjective(line.chunks[i])


def is_adjective(chunk: Chunk) -> bool:
    """Whether a value is called by another word than its own name: "scary", not "horror"."""
    named = chunk.meaning is not None and chunk.norm in {canonical(v) for v in chunk.meaning.values}
    return not named and singular(chunk.norm) == chunk.norm


def _chat_only(sentence: Sentence) -> bool:
    return sentence.is_a(Kind.CHAT) and not re.search(
        r"(?:^| )(?:O|P|R|want|like|love|need|looking|V O|some|any|a)(?= |$)", sentence.s
    )


def _sense(line: Line, stance: Stance, sentence: Sentence, i: int) -> Sense | None:
    mark = stance.marks[i]
    offset = line._starts[i] - line._starts[sentence.start] + len(line.chunks[i].symbol)
    behind = sentence.s[offset:]
    alike = line.chunks[i].letter
    behind = re.sub(rf"^(?:(?:(?: ,)? (?:and|or))? {alike}(?= |$))+", "", behind)
    behind = re.sub(r"^ 's (?=(?:back|on|in|out|fine|okay|allowed|welcome|not|no)(?: |$))", " is ", behind)
    if mark.mode in ("drop", "allow"):
        return mark.mode
    if _RATHER.search(_before(line, i)):
        return None  # "rather French than English"
    if _TOLD_OF.match(behind) or _is_own_nation(line, i):
        return None
    if _MEANT.match(behind):
        return "want"  # "Cruise is who I wanted"
    if line.chunks[i].letter == "P" and _MADE_BY.match(behind) and _heads_relative(line, i):
        return "deny" if mark.negated else "want"
    if line.chunks[i].letter == "P" and _NOT_THEIR_WORK.match(behind):
        return "deny"
    if line.chunks[i].letter == "P" and _PLAYS_IN.match(behind):
        return "deny" if mark.negated else "want"
    if _is_praise(line, sentence, i) or (not mark.negated and _exclaims(line, sentence, i)):
        return None
    if mark.mode == "verdict" or mark.mode in ("heard", "seen", "unseen"):
        return None
    if _GONE.match(behind):
        return "drop"
    if line.chunks[i].letter == "R" and _STRICT.match(behind):
        return None  # "90 minutes was too strict"
    if mark.negated and _is_audience(line, sentence, i):
        return None
    if re.match(r"^ fans?(?= |$)", behind):
        return "deny" if mark.negated else "want"
    if _POOR.match(behind):
        return "deny"
    if (_FINE.match(behind) or _WILL_DO.match(behind)) and not mark.negated and mark.mode in ("want", "like"):
        return "allow"
    if (
        re.match(r"^(?: (?:'s|O|ones|stuff))* (?:is|was|are|were|has|had|did|knew|plays|played)(?= )", behind)
        and line.chunks[i].letter == "P"
        and not any(chunk.norm in RELATIVES for chunk in line.chunks[max(0, i - 2) : i])
    ):
        return None
    if mark.mode == "seed":
        return "deny" if mark.negated else "want"
    return "deny" if mark.negated else "want"


def _is_audience(line: Line, sentence: Sentence, i: int) -> bool:
    """ "No scary stuff for my kids": they are not what is denied."""
    before = [c.norm for c in line.chunks[max(sentence.start, i - 1) : i]]
    return line.chunks[i].norm.startswith("for ") or before[-1:] in (["my"], ["our"])


def _exclaims(line: Line, sentence: Sentence, i: int) -> bool:
    """ "Pretty funny too!" says something of what was seen."""
    degrees = ("pretty", "quite", "so", "very", "kind of", "too")
    degree = i > sentence.start and line.chunks[i - 1].norm in degrees and line.chunks[i].letter != "R"
    degree = degree and is_adjective(line.chunks[i])  # not "so drama, no comedy"
    asks = sentence.is_a(Kind.REQUEST, Kind.MORE) or re.search(
        r"(?:^| )(?:O|ones|something|it|them)(?= |$)", sentence.s
    )
    return degree and not asks and not line.chunks[i].norm.startswith("not")


def _is_praise(line: Line, sentence: Sentence, i: int) -> bool:
    """ "One of the best", "it is the best": an order that is only a word of praise."""
    meaning = line.chunks[i].meaning
    before = [c.norm for c in line.chunks[max(sentence.start, i - 4) : i]]
    if before[-1:] in (["such"], ["pretty"]) or before[-2:] == ["such", "a"]:
        return True
    if meaning is None or meaning.order is None or before[-1:] != ["the"]:
        return False
    amount = line.chunks[i - 3].number if before[-2:-1] == ["of"] and i > 2 else None
    if amount is not None and amount > 1:  # "seven of the best-rated romances"
        return False
    return before[-2:-1] in (["be"], ["of"]) or (before[-2:-1] in (["is"], ["was"]) and "what" not in before)


def _compared_or_denied(stance: Stance, i: int) -> bool:
    mark = stance.marks[i]
    return mark.mode == "seed" or mark.mode == "want" and mark.negated


def _describes_title(line: Line, stance: Stance, sentence: Sentence, i: int) -> bool:
    """Whether a wish-like word only describes a title that was liked or seen: "Heat is funny"."""
    behind = line.chunks[i + 1 : min(i + 3, sentence.end)]
    if behind and behind[0].norm in ("fan", "fans"):
        return False
    if len(behind) == 2 and behind[0].norm == "in" and behind[1].letter == "T":
        return True
    titles = [
        t
        for t in range(sentence.start, sentence.end)
        if line.chunks[t].letter == "T" and not _compared_or_denied(stance, t)
    ]
    if not titles:
        return False
    if titles[0] < i:
        between = sentence.s[
            line._starts[titles[0]] - line._starts[sentence.start] : line._starts[i]
            - line._starts[sentence.start]
        ]
        return not _AFTER_TITLE.search(between) and not (
            stance.marks[i].mode == "like" and re.search(r" but ", between)
        )
    between = sentence.s[
        line._starts[i] - line._starts[sentence.start] : line._starts[titles[0]]
        - line._starts[sentence.start]
    ]
    if stance.marks[i].mode == "like":
        return bool(re.search(r"(?:is|are|was|were)(?= |$)", between)) and "," not in between
    aside = stance.marks[titles[0]].mode == "seen" and "," in between
    return not aside and not sentence.is_a(Kind.REQUEST)
