"""What no facet covers: the words that are left over, as ``theme`` and ``avoid_theme``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chat_app.controller.asides import asides
from chat_app.controller.chunks import Line
from chat_app.controller.english import WORDS, common_words, is_content, is_pronounceable
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.sentences import Kind, Sentence
from chat_app.controller.stance import Stance
from chat_app.controller.text import singular

_INNER = WORDS["theme_inner"]

_ASKED = ("V", "P", "R", "O", "X")


@dataclass(frozen=True)
class Themes:
    """Left-over words that are wanted, and those that are not."""

    wanted: tuple[str, ...] = ()
    avoided: tuple[str, ...] = ()


def read_themes(
    line: Line, stance: Stance, found: list[Sentence], lexicon: Lexicon, used: set[int]
) -> Themes:
    """The themes of those sentences that ask for something."""
    wanted: list[str] = []
    avoided: list[str] = []
    for sentence, behind in zip(found, [*(s.s for s in found[1:]), ""], strict=True):
        if re.match(r"(?:sounds|looks|seems|would|is|was|will) ", behind):
            continue  # "Shazam! sounds good": what stands before is no theme
        if _asks(sentence, line, stance):
            for negated, phrase in _phrases(line, stance, sentence, lexicon, used):
                (avoided if negated else wanted).append(phrase)
    return Themes(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(avoided)))


def _asks(sentence: Sentence, line: Line, stance: Stance) -> bool:
    """Whether a sentence says what is wanted, rather than what somebody did or thought."""
    if sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN, Kind.ORDER, Kind.SERVICE, Kind.RESET, Kind.UNDO):
        return False
    chunks = range(sentence.start, sentence.end)
    if any(line.chunks[i].letter == "T" and stance.marks[i].mode != "seed" for i in chunks):
        return sentence.is_a(Kind.REQUEST)
    if sentence.is_a(Kind.REQUEST, Kind.MORE):
        return True
    denied = any(stance.marks[i].negated for i in chunks)
    if sentence.is_a(Kind.VERDICT):
        return any(stance.marks[i].negated and stance.marks[i].mode in ("want", "like") for i in chunks)
    if sentence.is_a(Kind.CHAT):
        return False
    return denied or _wishes(line, stance, sentence)


def _elliptic(sentence: Sentence) -> bool:
    """A few words without a verb: "heists", "with dragons", "about Vietnam"."""
    words = sentence.s.split()
    opens = bool(words) and words[0] in (
        "with",
        "about",
        "set",
        "something",
        "anything",
        "where",
        "involving",
        "featuring",
        "and",
        "more",
        "but",
        "in",
        "only",
    )
    stated = any(
        w in ("is", "was", "are", "were", "i", "we", "it", "did", "do", "you", "has", "have") for w in words
    )
    content = [w for w in words if len(w) > 1 and is_content(w)]
    known = any(
        w in common_words() or singular(w) in common_words() or (len(w) > 6 and is_pronounceable(w))
        for w in content
    )
    opens = opens or words[:1] == ["any"]
    if words[-1:] == ["?"] and not opens:
        return False
    said = [w for w in words if w[0].isalnum()]
    return (len(said) <= 6 or opens) and not stated and known


def _phrases(
    line: Line, stance: Stance, sentence: Sentence, lexicon: Lexicon, used: set[int]
) -> list[tuple[bool, str]]:
    aside = asides(line, stance, sentence)
    denied_only = not sentence.is_a(Kind.REQUEST, Kind.MORE) and not _wishes(line, stance, sentence)
    past = bool(re.search(r"(?:^| )(?:liked|loved|enjoyed|hated|adored)(?= )", sentence.s))
    runs: list[tuple[bool, list[int]]] = []
    for i in range(sentence.start, sentence.end):
        chunk, mark = line.chunks[i], stance.marks[i]
        content = (
            (
                chunk.letter == "X"
                or not chunk.letter
                and is_content(chunk.norm)
                and chunk.norm not in lexicon.fillers
            )
            and (mark.mode in ("want", "seed") or mark.mode == "like" and not past)
            and i not in aside
            and i not in used
            and not mark.cue
            and not (denied_only and not mark.negated)
            and not (
                sentence.is_a(Kind.VERDICT)
                and not sentence.is_a(Kind.REQUEST, Kind.MORE)
                and not _denied(line, stance, i)
            )
        )
        if not content:
            continue
        if runs and runs[-1][0] == mark.negated and _adjoins(line, runs[-1][1][-1], i):
            runs[-1][1].append(i)
        else:
            runs.append((mark.negated, [i]))
    out = []
    for negated, run in runs:
        first, last = line.chunks[run[0]], line.chunks[run[-1]]
        out.append((negated, line.text.quote(first.start, last.end)))
    return out


def _wishes(line: Line, stance: Stance, sentence: Sentence) -> bool:
    """Whether a sentence asks for something outright, or is too short to do anything else."""
    chunks = range(sentence.start, sentence.end)
    modes = {stance.marks[i].mode for i in chunks}
    wished = any(line.chunks[i].letter in _ASKED and stance.marks[i].mode in ("want", "like") for i in chunks)
    wished = wished or bool(re.search(r"(?:^| )(?:something|anything|stuff)(?= [a-z])", sentence.s))
    return wished or "seed" in modes or "like" in modes or _elliptic(sentence)


def _denied(line: Line, stance: Stance, i: int) -> bool:
    """Whether a word is what is denied ("adult humor"), not the reason ("did not like it, the gore")."""
    if not stance.marks[i].negated:
        return False
    while i > 0 and not stance.marks[i].cue:
        i -= 1
        if line.chunks[i].norm in ("it", "that", "them", "those", "this", "one"):
            return False
    return True


def _adjoins(line: Line, last: int, i: int) -> bool:
    """Whether nothing but small words stands between two words of a phrase."""
    between = line.chunks[last + 1 : i]
    return len(between) <= 2 and all(not c.letter and c.norm in _INNER or c.norm == "'s" for c in between)
