"""A message as a row of chunks: what is known of it becomes one letter, the rest stays words.

"five thrillers like Heat" -> ``N V like T``. The letters: ``V`` a wish for values (or a number, an
order, a popularity), ``P`` a name, ``R`` a numeric range, ``T`` one or more titles, ``F`` a facet's
own name ("genre"), ``O`` what an item is called ("film"),
``X`` a phrase of a theme, ``Q`` a share, ``N`` a count, ``U`` a name that the catalogue lacks.
 Grammar is then patterns over a short line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chat_app.controller.lexicon import Meaning
from chat_app.controller.text import Text


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens ``[start, end)`` of a text, read as one thing. Plain words have ``letter`` ""."""

    start: int
    end: int
    norm: str
    letter: str = ""
    meaning: Meaning | None = None
    rows: tuple[int, ...] = ()
    number: float | None = None
    facet: str | None = None

    @property
    def symbol(self) -> str:
        return self.letter or self.norm

    @property
    def is_wish(self) -> bool:
        return self.letter in ("V", "P", "R")


class Line:
    """The chunks of a text and, as ``s``, their symbols joined by spaces."""

    def __init__(self, text: Text, chunks: Iterable[Chunk]) -> None:
        self.text = text
        self.chunks = tuple(chunks)
        self._starts: list[int] = []
        at = 0
        for chunk in self.chunks:
            self._starts.append(at)
            at += len(chunk.symbol) + 1
        self.s = " ".join(c.symbol for c in self.chunks)

    def __len__(self) -> int:
        return len(self.chunks)

    def at(self, offset: int) -> int:
        """Index of the chunk at an offset of ``s``."""
        return bisect_right(self._starts, offset) - 1

    def span(self, match: re.Match[str], group: int | str = 0) -> tuple[int, int]:
        """Chunk span ``[start, end)`` of a match on ``s``."""
        start, end = match.span(group)
        return self.at(start), self.at(max(end - 1, start)) + 1

    def of(self, match: re.Match[str], group: int | str = 0) -> Sequence[Chunk]:
        """The chunks of a match on ``s``; none when the group took no part."""
        if match.start(group) < 0:
            return ()
        start, end = self.span(match, group)
        return self.chunks[start:end]

    def find(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Matches of a pattern at chunk borders."""
        for match in pattern.finditer(self.s):
            start, end = match.span()
            if (start == 0 or self.s[start - 1] == " ") and (end == len(self.s) or self.s[end] == " "):
                yield match

    def has(self, *letters: str) -> bool:
        return any(c.letter in letters for c in self.chunks)


class Claims:
    """Collects chunks over a text; a token belongs to the first that claims it."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._owner: list[Chunk | None] = [None] * len(text)

    def free(self, start: int, end: int) -> bool:
        return all(owner is None for owner in self._owner[start:end])

    def claim(self, chunk: Chunk) -> bool:
        """Take the chunk's tokens; False (and no change) when one of them is taken."""
        inside = 0 <= chunk.start < chunk.end <= len(self._owner)
        if not inside or not self.free(chunk.start, chunk.end):
            return False
        self._owner[chunk.start : chunk.end] = [chunk] * (chunk.end - chunk.start)
        return True

    def owner(self, index: int) -> Chunk | None:
        return self._owner[index] if 0 <= index < len(self._owner) else None

    def line(self) -> Line:
        """The text as chunks and, between them, plain words."""
        return Line(self.text, self._chunks())

    def _chunks(self) -> Iterator[Chunk]:
        last: Chunk | None = None
        for i, (token, owner) in enumerate(zip(self.text.tokens, self._owner, strict=True)):
            if owner is None:
                yield Chunk(i, i + 1, token.norm)
            elif owner is not last:
                yield owner
            last = owner
