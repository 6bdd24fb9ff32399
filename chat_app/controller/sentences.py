"""What each sentence of a message does: asks for something, asks about an item, chats, …

Patterns match the symbols of a :class:`~chat_app.controller.chunks.Line` (``T`` a title, ``V`` a
wish, ``O`` the catalogue's noun, ``F`` a facet's name, …), so they know no item and no facet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from chat_app.controller.chunks import Chunk, Line
from chat_app.controller.english import WORDS
from chat_app.controller.patterns import compiled, kinds
from chat_app.controller.stance import Stance


class Kind(Enum):
    """Kinds of sentences; a message is acted on by the first of its kinds in this order."""

    ORDER = "an order to the program"
    UNDO = "undo"
    RESET = "reset"
    REMARK = "describes what was spoken of"
    REQUEST = "asks for something"
    MORE = "asks for others"
    EXPLAIN = "asks why"
    LOOKUP = "asks about an item"
    SERVICE = "wants what this program does not do"
    VERDICT = "says something about items"
    CHAT = "small talk"
    OTHER = "anything else"


_PATTERNS = [(Kind[name], pattern) for name, pattern in kinds()]
_CHAT_WORDS = WORDS["sentences_chat_words"]
_ASKED = compiled("sentences_asked")
_GREETING = compiled("sentences_greeting")
_WHICH_ARE = re.compile(
    r"which (?:of (?:them|those|these|the O)|ones)"
    r" (?:are|were|have|cost|run|come|last)(?: (?!not)\w+)?? [VRP]"
)
_COURTESY = compiled("sentences_courtesy")
_ENOUGH = compiled("sentences_enough")
_ASKS_OUTRIGHT = compiled("sentences_asks_outright")
_MOST = re.compile(r"^(?:\w+ ,? ?){0,2}(?:what|which|who)(?= )")
_OF_THESE = re.compile(r"(?:^| )(?:these|those|them|that|this|it|T|U)(?= |$)")


@dataclass(frozen=True)
class Sentence:
    """Chunks ``[start, end)`` of a line and what they do."""

    start: int
    end: int
    s: str
    kinds: frozenset[Kind]

    def is_a(self, *kinds: Kind) -> bool:
        return any(kind in self.kinds for kind in kinds)


def sentences(line: Line, stance: Stance, services: tuple[str, ...]) -> list[Sentence]:
    """The sentences of a line with their kinds."""
    serves = (
        re.compile(rf"(?:^|(?<= ))(?<!no )(?<!without )(?:{'|'.join(map(re.escape, services))})(?= |$)")
        if services
        else None
    )
    return [_sentence(line, start, end, serves) for start, end in _borders(stance)]


def _borders(stance: Stance) -> Iterator[tuple[int, int]]:
    start = 0
    for i, mark in enumerate(stance.marks):
        if i + 1 == len(stance.marks) or stance.marks[i + 1].sentence != mark.sentence:
            yield start, i + 1
            start = i + 1


def _sentence(line: Line, start: int, end: int, serves: re.Pattern[str] | None) -> Sentence:
    chunks = line.chunks[start:end]
    s = " ".join(c.symbol for c in chunks)
    words = " ".join(c.norm for c in chunks)
    kinds = {kind for kind, pattern in _PATTERNS if pattern.search(words if kind is Kind.ORDER else s)}
    if serves and serves.search(words):
        kinds.add(Kind.SERVICE)
    kinds |= _settle(kinds, s, chunks)
    return Sentence(start, end, s, frozenset(kinds))


def _asks_for_the_most(s: str, chunks: tuple[Chunk, ...]) -> bool:
    """ "What is the best film with Tom Hanks?" wants one; "which of these is the oldest?" wants to know."""
    places = [i for i, chunk in enumerate(chunks) if chunk.meaning is not None and chunk.meaning.order]
    kind = any(chunk.letter in ("O", "V", "P") for chunk in chunks[places[0] + 1 :]) if places else False
    return kind and bool(_MOST.match(s)) and not _OF_THESE.search(s)


def _settle(kinds: set[Kind], s: str, chunks: tuple[Chunk, ...]) -> set[Kind]:
    """Kinds that follow from words alone: small talk, or anything else."""
    plain = [c.norm for c in chunks if not c.letter and c.norm[0].isalnum()]
    if _ENOUGH.search(s) and not any(c.is_wish or c.letter == "T" for c in chunks):
        kinds.clear()
        return {Kind.CHAT}
    if Kind.REMARK in kinds and kinds & {Kind.REQUEST, Kind.MORE, Kind.LOOKUP, Kind.SERVICE}:
        kinds.discard(Kind.REMARK)
    if (
        Kind.LOOKUP in kinds
        and Kind.REQUEST in kinds
        and not re.search(r"(?:T|it|that|this) (?:any good|about)", s)
    ):
        if _ASKS_OUTRIGHT.search(s):
            kinds.discard(Kind.LOOKUP)
        else:
            kinds.discard(Kind.REQUEST)
    if (
        Kind.VERDICT in kinds
        and re.search(r"(?:^| )(?:O|V|P|R|T|something|anything|U)(?= |$)", s)
        and re.match(r"^(?:[a-zA-Z0-9]+ )+(?:would be|will be|sounds?|works?)", s)
        and not re.search(r"(?:^| )(?:it|that|this|T|U|they|those)(?= )", s)
    ):
        kinds.discard(Kind.VERDICT)
    if re.search(r"(?:tell|say) (?:me )?more(?= [?.!]|$)", s):
        kinds.discard(Kind.MORE)
    if Kind.LOOKUP in kinds and _asks_for_the_most(s, chunks):
        kinds.discard(Kind.LOOKUP)
        kinds.add(Kind.REQUEST)
    if Kind.LOOKUP in kinds and _WHICH_ARE.search(s):
        kinds.discard(Kind.LOOKUP)  # "which of those are under two hours?": only these, then
        kinds.add(Kind.REQUEST)
    asked = _ASKED.search(s)
    if Kind.VERDICT in kinds and (not asked or re.search(r"not (?:\w+ )?what (?:i|we) ", s)):
        kinds.discard(Kind.REQUEST)
    if re.search(r"do you (?:like|love|watch|enjoy) (?:O|films|movies)", s):
        kinds.discard(Kind.REQUEST)
    marks = all(c.letter in ("", "N") for c in chunks)
    if re.search(r"^(?:\w+ ,? ?){0,2}(?:who|what) (?:are|is) (?:you|your name|this)(?= [?.!]|$)", s):
        kinds.discard(Kind.LOOKUP)
    if marks and _COURTESY.search(s) and not kinds & {Kind.MORE, Kind.LOOKUP, Kind.SERVICE, Kind.REQUEST}:
        kinds.clear()
        return {Kind.CHAT}
    open_ = Kind.REQUEST in kinds and {"anything", "something", "preference", "preferences"} & set(plain)
    firm = (
        open_
        or kinds & {Kind.MORE, Kind.EXPLAIN, Kind.UNDO, Kind.RESET, Kind.SERVICE}
        or (
            Kind.LOOKUP in kinds
            and plain[:1]
            and plain[0] in ("what", "who", "when", "how", "is", "does", "why")
        )
    )
    if (
        marks
        and not firm
        and plain
        and not {"one", "movie", "was", "were", "those", "them"} & set(plain)
        and all(w in _CHAT_WORDS for w in plain)
    ):
        kinds.clear()
        return {Kind.CHAT}
    if (
        (_GREETING.search(s) and not re.search(r"(?<!you are )(?<!you are so )(?<!\S)[VPR](?= |$)", s))
        or (_GREETING.match(s) and not kinds)
        or (marks and plain and all(w in _CHAT_WORDS for w in plain))
    ):
        if re.search(r"(?:suggestions?|choices?|recommendations?|ideas?|picks?)(?= |$)", s) and not re.search(
            r"(?:seen|saw|love|liked|like|loved|enjoyed|hated)(?= )", s
        ):
            kinds.discard(Kind.VERDICT)
        if re.search(r"do you (?:like|enjoy|prefer|watch|love)", s):
            kinds.discard(Kind.LOOKUP)
        return {Kind.CHAT}
    return set() if kinds else {Kind.OTHER}
