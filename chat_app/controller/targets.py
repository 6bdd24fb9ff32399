"""Which item a question is about, and which facet it asks for."""

from __future__ import annotations

from chat_app.controller.chunks import Line
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.sentences import Kind, Sentence
from chat_app.state import State
from recsys.catalog import ItemId


def find_target(
    lexicon: Lexicon, line: Line, found: list[Sentence], state: State
) -> tuple[ItemId | None, str | None]:
    """The item asked about (a title, an ordinal, "it"), and the facet, None for everything."""
    asking = [s for s in found if s.is_a(Kind.LOOKUP, Kind.EXPLAIN)]
    rows = [
        row
        for s in asking or found
        for c in line.chunks[s.start : s.end]
        if c.letter == "T"
        for row in c.rows
    ] or [row for c in line.chunks if c.letter == "T" for row in c.rows]
    target: ItemId | None = lexicon.catalog.ids[rows[0]] if rows else state.focus
    if target is None and len(state.slate) == 1:
        target = state.slate[0]
    return target, _asked_facet(lexicon, line, asking)


def _asked_facet(lexicon: Lexicon, line: Line, asking: list[Sentence]) -> str | None:
    for sentence in asking:
        if sentence.is_a(Kind.EXPLAIN):
            continue
        words = " ".join(c.norm for c in line.chunks[sentence.start : sentence.end])
        padded = f" {words} "
        best = max(
            ((len(a), w.facet) for w in lexicon.words.values() for a in w.asks if f" {a} " in padded),
            default=None,
        )
        if best:
            return best[1]
        for chunk in line.chunks[sentence.start : sentence.end]:
            if chunk.letter == "F":
                return chunk.facet
    return None
