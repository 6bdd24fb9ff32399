"""What no facet covers: the words that are left over, as ``theme`` and ``avoid_theme``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chat_app.controller.asides import asides, clauses
from chat_app.controller.chunks import Line
from chat_app.controller.english import WORDS, common_words, is_content, is_pronounceable
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.patterns import compiled
from chat_app.controller.sentences import Kind, Sentence
from chat_app.controller.stance import Stance
from chat_app.controller.text import singular

_INNER = WORDS["theme_inner"]

_ASKED = ("V", "P", "R", "O", "X")
_OPENS = WORDS["theme_opens"]
_KINDS = frozenset({"one", "ones", "kind", "sort", "type", "variety"})
_STATED = compiled("theme_stated")
_VAGUE = compiled("theme_vague")
_SKIPS = compiled("theme_skips")


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
    asked = any(s.is_a(Kind.REQUEST) for s in found)
    for sentence, behind in zip(found, [*(s.s for s in found[1:]), ""], strict=True):
        if re.match(r"(?:sounds|looks|seems|would|is|was|will) ", behind):
            continue  # "Shazam! sounds good": what stands before is no theme
        if asked and sentence.is_a(Kind.OTHER) and not sentence.is_a(Kind.LOOKUP):  # an occasion
            chunks = line.chunks[sentence.start : sentence.end]
            wanted += [line.text.quote(c.start, c.end) for c in chunks if c.letter == "X"]
        if _asks(sentence, line, stance):
            for negated, phrase in _phrases(line, stance, sentence, lexicon, used):
                (avoided if negated else wanted).append(phrase)
    return Themes(tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(avoided)))


def _asks(sentence: Sentence, line: Line, stance: Stance) -> bool:
    """Whether a sentence says what is wanted, rather than what somebody did or thought."""
    if sentence.is_a(Kind.LOOKUP, Kind.EXPLAIN, Kind.ORDER, Kind.SERVICE, Kind.RESET, Kind.UNDO, Kind.REMARK):
        return False
    chunks = range(sentence.start, sentence.end)
    if any(line.chunks[i].letter == "T" and not _compares(stance, i) for i in chunks):
        return sentence.is_a(Kind.REQUEST) or any(
            line.chunks[i].letter != "T" and stance.marks[i].negated and stance.marks[i].mode == "want"
            for i in chunks
        )
    if sentence.is_a(Kind.REQUEST, Kind.MORE):
        return True
    denied = any(stance.marks[i].negated for i in chunks)
    skipped = bool(_SKIPS.search(sentence.s))
    if sentence.is_a(Kind.VERDICT):
        return any(stance.marks[i].negated and stance.marks[i].mode in ("want", "like") for i in chunks)
    if sentence.is_a(Kind.CHAT) and not any(line.chunks[i].letter in _ASKED for i in chunks):
        return False
    return denied or skipped or bool(_scope(line, stance, sentence))


def _is_known(line: Line, i: int, negated: bool) -> bool:
    """Whether a word is one, or at least stands like one; a name of somebody's fans is none."""
    word, text = line.chunks[i].norm, line.text
    behind = line.chunks[i + 1] if i + 1 < len(line) else None
    before = line.chunks[i - 1].norm if i else ""
    capital = text.cased and text.raw[text.tokens[line.chunks[i].start].start].isupper()
    if capital and behind is not None and behind.norm in ("fan", "fans"):
        return False
    if " " in word or word in common_words() or singular(word) in common_words():
        return True
    kinds = behind is not None and behind.letter == "O" and len(word) > 4 and is_pronounceable(word)
    kinds = kinds or behind is not None and behind.letter == "O" and singular(behind.norm) != behind.norm
    stuff = behind is not None and behind.norm in ("stuff", "things", "ones")
    return negated or kinds or stuff or before in _OPENS or (len(word) > 6 and is_pronounceable(word))


def _compares(stance: Stance, i: int) -> bool:
    mark = stance.marks[i]
    return mark.mode == "seed" or mark.mode == "want" and mark.negated


def _scope(line: Line, stance: Stance, sentence: Sentence) -> set[int]:
    """Chunks whose words may be wanted: all of a request, else the clauses that wish."""
    if sentence.is_a(Kind.REQUEST, Kind.MORE):
        return set(range(sentence.start, sentence.end))
    out: set[int] = set()
    told = line.chunks[sentence.start].norm == "sorry"
    for start, end in clauses(line, sentence):
        span = range(start, end)
        words = " ".join(line.chunks[i].symbol for i in span)
        wished = any(
            line.chunks[i].letter in _ASKED and stance.marks[i].mode == "want" and not stance.marks[i].negated
            for i in span
        )
        stated = bool(_STATED.search(words))
        if (wished and not stated) or _VAGUE.search(words) or (not told and _elliptic(words)):
            out |= set(span)
        else:
            fond = any(stance.marks[i].cue and stance.marks[i].mode == "like" for i in span)
            out |= {i for i in span if stance.marks[i].mode == "seed" or fond and _fond(line, stance, i)}
        told = told or stated
    return out


def _fond(line: Line, stance: Stance, i: int) -> bool:
    """Whether a word is what somebody likes ("I like vampires"), and no name."""
    mark, first = stance.marks[i], line.text.tokens[line.chunks[i].start].start
    name = line.text.cased and line.text.raw[first].isupper()
    return mark.mode == "like" and not mark.negated and not name


def _elliptic(clause: str) -> bool:
    """A few words without a verb: "heists", "with dragons", "about Vietnam"."""
    words = clause.split()
    if words[:1] in (["the"], ["sorry"]) and not set(words) & _KINDS:
        return False
    opens = bool(words) and words[0] in _OPENS
    content = [w for w in words if len(w) > 1 and is_content(w)]
    known = any(
        w in common_words() or singular(w) in common_words() or (len(w) > 6 and is_pronounceable(w))
        for w in content
    )
    if words[-1:] == ["?"] and not opens:
        return False
    said = [w for w in words if w[0].isalnum()]
    return (len(said) <= 6 or opens) and not _STATED.search(clause) and known


def _phrases(
    line: Line, stance: Stance, sentence: Sentence, lexicon: Lexicon, used: set[int]
) -> list[tuple[bool, str]]:
    aside = asides(line, stance, sentence)
    scope = _scope(line, stance, sentence)
    past = bool(re.search(r"(?:^| )(?:liked|loved|enjoyed|hated|adored)(?= )", sentence.s))
    judges = sentence.is_a(Kind.VERDICT) and not sentence.is_a(Kind.REQUEST, Kind.MORE)
    runs: list[tuple[bool, list[int]]] = []
    for i in range(sentence.start, sentence.end):
        chunk, mark = line.chunks[i], stance.marks[i]
        plain = not chunk.letter and is_content(chunk.norm) and chunk.norm not in lexicon.fillers
        skipped = mark.mode == "drop" and bool(_SKIPS.search(sentence.s))
        negated = mark.negated or skipped
        content = (
            (chunk.letter == "X" or plain)
            and (mark.mode in ("want", "seed") or mark.mode == "like" and not past or skipped)
            and (i not in aside or (chunk.letter == "X" and i in scope))
            and i not in used
            and not mark.cue
            and (negated or i in scope)
            and not (judges and not _denied(line, stance, i))
        )
        if not content:
            continue
        if runs and runs[-1][0] == negated and _adjoins(line, runs[-1][1][-1], i):
            runs[-1][1].append(i)
        else:
            runs.append((negated, [i]))
    out = []
    for negated, run in runs:
        after = line.chunks[run[-1] + 1].norm if run[-1] + 1 < len(line) else ""
        if len(run) > 1 and after in ("directed", "starring", "starred"):
            continue  # somebody unknown
        if not sentence.is_a(Kind.REQUEST, Kind.MORE) and not any(_is_known(line, i, negated) for i in run):
            continue
        first, last = line.chunks[run[0]], line.chunks[run[-1]]
        out.append((negated, line.text.quote(first.start, last.end)))
    return out


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
