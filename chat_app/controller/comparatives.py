"""Comparatives against what is on the table: "newer", "shorter than that", "older than Heat"."""

from __future__ import annotations

import math
import re

import numpy as np

from chat_app.controller.chunks import Line
from chat_app.controller.draft import Draft
from chat_app.controller.patterns import compiled
from chat_app.controller.stance import Stance
from chat_app.state import State
from recsys.controls import LENGTHS, Range

_WILL_DO = compiled("edits_will_do")
_TOO = re.compile(r"(?: (?:O|ones))* (?:too|as well|also)(?= |$)")
_MAY_BE = re.compile(
    r"(?:can|may|could|might)(?: (?:also|even|well|all))* be (?:a bit |a little |slightly )*$"
)
_REFERENCE = frozenset({"that", "it", "this", "those", "these", "them"})


def compare(draft: Draft, line: Line, stance: Stance, state: State, used: set[int]) -> None:
    """Bounds by comparison. ``used`` grows by the chunks that are thereby explained."""
    lexicon = draft.lexicon
    likeliest = sorted(lexicon.catalog.numeric, key=lambda f: LENGTHS.index(f) if f in LENGTHS else -1)
    words = {
        word: (facet, sign)
        for facet in reversed(likeliest)
        for sign, said in ((1, lexicon.words[facet].more), (-1, lexicon.words[facet].less))
        for word in said
    }
    for i in range(len(line)):
        found = _comparative(line, i, words)
        if found is None:
            continue
        (facet, sign), end = found
        if not stance.marks[i].negated and _lifted(draft, line, i, end, facet, sign):
            used |= set(range(i, end))
            continue
        if stance.marks[i].negated or stance.marks[i].mode == "verdict":
            continue
        rows, stop = _compared_with(line, end, state, draft)
        reference = _median(lexicon.catalog.numeric[facet], rows)
        if reference is None:
            continue
        step = 0.01 if lexicon.words[facet].scale else 1
        below, above = _around(reference, step)
        low, high = (above, None) if sign > 0 else (None, below)
        draft.ranges.append(Range(facet=facet, min=low, max=high))
        used |= set(range(i, stop))


def _lifted(draft: Draft, line: Line, i: int, end: int, facet: str, sign: int) -> bool:
    """ "Longer is fine": takes away the bound in force that keeps longer ones out."""
    before = "".join(f"{chunk.symbol} " for chunk in line.chunks[max(0, i - 4) : i])
    behind = "".join(f" {chunk.symbol}" for chunk in line.chunks[end:])
    r = next((r for r in draft.intent.ranges if r.facet == facet), None)
    bound = None if r is None else r.max if sign > 0 else r.min
    fine = _WILL_DO.match(behind) or _TOO.match(behind) or _MAY_BE.search(before)
    if r is None or bound is None or not fine:
        return False
    draft.lift(r, low=sign < 0, high=sign > 0)
    return True


def _comparative(line: Line, i: int, words: dict[str, tuple[str, int]]) -> tuple[tuple[str, int], int] | None:
    """The facet and direction of the comparative that begins at a chunk, and where it ends."""
    for length in (3, 2, 1):
        said = " ".join(c.norm for c in line.chunks[i : i + length])
        if said in words and i + length <= len(line):
            return words[said], i + length
    return None


def _compared_with(line: Line, end: int, state: State, draft: Draft) -> tuple[list[int], int]:
    """Rows compared with, and the end of the words that name them; else the list on the table."""
    catalog = draft.lexicon.catalog
    if end < len(line) and line.chunks[end].norm == "than":
        for at in range(end + 1, min(end + 3, len(line))):
            if line.chunks[at].letter == "T":
                return list(line.chunks[at].rows), at + 1
            if line.chunks[at].norm in _REFERENCE:
                focus = [state.focus] if state.focus is not None else state.slate
                return catalog.rows(focus).tolist(), at + 1
    return catalog.rows(state.slate).tolist(), end


def _median(column: np.ndarray, rows: list[int]) -> float | None:
    values = column[rows] if rows else np.empty(0)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None


def _around(reference: float, step: float) -> tuple[float, float]:
    """The nearest values below and above in whole steps: between 1990 and 1991 lies no year."""
    steps = round(reference / step, 6)
    return round((math.ceil(steps) - 1) * step, 2), round((math.floor(steps) + 1) * step, 2)
