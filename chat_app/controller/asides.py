"""What a person tells beside what is asked for: who watches, where, why, and the verbs of asking."""

from __future__ import annotations

from collections.abc import Iterator

from chat_app.controller.chunks import Line
from chat_app.controller.english import WORDS, is_content
from chat_app.controller.patterns import compiled
from chat_app.controller.sentences import Sentence
from chat_app.controller.stance import Stance

_ASIDE = compiled("theme_aside")
_RELATIVE = compiled("asides_relative")
_TELLS = WORDS["asides_tells"]
_SUBJECTS = WORDS["asides_subjects"]
_ADVERBS = WORDS["asides_adverbs"]
_OBJECTS = WORDS["asides_objects"]
_SAYS = WORDS["asides_says"]
_VERBS = WORDS["asides_verbs"]
_ENDS = WORDS["asides_ends"]
_BORDERS = frozenset({",", ":", ";", "(", ")", "-", "because", "so", "but"})
_LEADS = frozenset(
    {"and", "but", "please", "now", "then", "so", "also", "just", "okay", "can", "could", "you", "well", "to"}
)


def asides(line: Line, stance: Stance, sentence: Sentence) -> set[int]:
    """Chunks of a sentence that say nothing of what is asked for."""
    out = _circumstances(line, stance, sentence)
    for start, end in clauses(line, sentence):
        if _tells(line, stance, start, end):
            out |= set(range(start, end))
        else:
            out |= _verbs(line, start, end)
    return out | {i for i in range(sentence.start, sentence.end) if _is_place(line, i)}


def _circumstances(line: Line, stance: Stance, sentence: Sentence) -> set[int]:
    """What is about the person or the place, up to the next comma or conjunction."""
    out: set[int] = set()
    s, offset = sentence.s, line._starts[sentence.start]
    for match in _ASIDE.finditer(s):
        if match.start() and s[match.start() - 1] != " ":
            continue
        first = line.at(offset + match.start())
        for i in range(first, sentence.end):
            if i > first and (line.chunks[i].norm in _ENDS or _resumes(stance, i)):
                break
            out.add(i)
    return out


def _resumes(stance: Stance, i: int) -> bool:
    mark = stance.marks[i]
    return mark.cue and (mark.mode == "like" or mark.negated and mark.mode == "want")


def clauses(line: Line, sentence: Sentence) -> Iterator[tuple[int, int]]:
    """Chunk spans of a sentence between its commas and conjunctions."""
    start = sentence.start
    for i in range(sentence.start, sentence.end):
        if line.chunks[i].norm in _BORDERS and not line.chunks[i].letter:
            yield start, i
            start = i + 1
    yield start, sentence.end


def _tells(line: Line, stance: Stance, start: int, end: int) -> bool:
    """Whether a clause makes a statement and asks for nothing: "brain is mush, …"."""
    chunks = line.chunks[start:end]
    words = " ".join(c.symbol for c in chunks)
    vague = any(c.norm in ("something", "anything", "stuff") for c in chunks)
    asks = (
        vague
        or any(c.letter for c in chunks if c.letter not in ("N", "T", "U"))
        or any(
            m.cue and (m.negated or m.mode in ("want", "like", "seed", "drop", "allow"))
            for m in stance.marks[start:end]
        )
    )
    return not asks and not _RELATIVE.search(words) and any(c.norm in _TELLS for c in chunks)


def _verbs(line: Line, start: int, end: int) -> set[int]:
    """Verbs of the person: "I refuse to sit through", "bump the", "fill a list"."""
    out: set[int] = set()
    opening, related = True, False
    for i in range(start, end):
        norm = line.chunks[i].norm
        if i + 1 < end and not line.chunks[i].letter and line.chunks[i + 1].norm in _SAYS:
            out.add(i)  # "Boss wants", "Anna insists"
        ahead = line.chunks[i + 1] if i + 1 < end else None
        before = i - 1
        while before >= start and line.chunks[before].norm in _ADVERBS:
            before -= 1
        related = related or norm in ("that", "which", "who", "where", "about", "whose", "when")
        if not line.chunks[i].letter and is_content(norm):
            subject = before >= start and line.chunks[before].norm in _SUBJECTS and not related
            chained = i - 2 in out and line.chunks[i - 1].norm in ("to", "and")
            orders = (
                opening
                and ahead is not None
                and (ahead.norm in _OBJECTS or ahead.letter in ("N", "Q") or norm in _VERBS)
            )
            if subject or chained or orders:
                out.add(i)
        opening = opening and (norm in _LEADS or norm in _ADVERBS)
    return out


def _is_place(line: Line, i: int) -> bool:
    """A capitalised place where one goes ("in San Ramon"), rather than where a story is set."""
    text = line.text
    if not text.cased:
        return False
    first = i
    while first > 0 and text.raw[text.tokens[line.chunks[first].start].start].isupper():
        first -= 1
    before = [c.norm for c in line.chunks[max(0, first - 1) : first + 1]]
    return (
        first < i
        and before[-1:] in (["in"], ["at"], ["near"])
        and before[0] not in ("set", "place", "happens", "takes")
    )
