"""Prompts of the item-token model as token ids.

A prompt has two parts: the profile, which stays the same for a while, and the request. They are
tokenised apart, so that what was computed for a profile serves every request after it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from recsys.candidates import Taste
from recsys.rankers import Words
from recsys.settings import PROMPTS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

#: The latest entries of a profile that are read, unless a model was trained on other lengths.
HISTORY = 100


@dataclass(frozen=True)
class Layout:
    """What stands around profile, request and answer: prompts/item_tokens.toml."""

    head: str
    before_request: str
    before_answer: str
    marks: dict[str, str]


@lru_cache
def load_layout() -> Layout:
    return Layout(**tomllib.loads((PROMPTS / "item_tokens.toml").read_text()))


class Prompts:
    """Writes prompts for one tokenizer and catalogue.

    Parameters
    ----------
    tokenizer : of the base model; item tokens need not be in it.
    first : token id of catalogue row 0; row r has ``first + r``.
    history : so many of the latest entries of a profile are read.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, first: int, history: int = HISTORY) -> None:
        self._tokenizer = tokenizer
        self._layout = load_layout()
        self.first, self.history = first, history
        self.end: int = tokenizer.eos_token_id
        self.head = self._encode(self._layout.head)
        self.marks = {kind: self._encode(mark) for kind, mark in self._layout.marks.items()}
        self._specials = re.compile("|".join(map(re.escape, tokenizer.all_special_tokens)))
        self._cache: dict[str, list[int]] = {}

    def entry(self, row: int, polarity: str) -> list[int]:
        """One entry of a profile: the item, behind a mark where it was not liked. So every entry ends
        with its item, and what comes next is always read off an item."""
        return [*self.marks[polarity], self.first + row]

    def profile(self, taste: Taste) -> list[int]:
        """The first part of a prompt."""
        disliked, seen = set(taste.disliked), set(taste.seen)
        ids = list(self.head)
        for row in taste.timeline[-self.history :]:
            ids += self.entry(row, "disliked" if row in disliked else "seen" if row in seen else "liked")
        return ids

    def request(self, words: Words) -> list[int]:
        """The second part, up to where the answer begins. Words of a person that look like a token of
        the layout are left out: they would end the request."""
        said = (self._specials.sub(" ", piece) if isinstance(piece, str) else piece for piece in words)
        pieces: Sequence[str | int] = (self._layout.before_request, *said, self._layout.before_answer)
        ids: list[int] = []
        for is_text, run in groupby(pieces, lambda piece: isinstance(piece, str)):
            if is_text:  # neighbouring texts are tokenised as one, as they will be read
                ids += self.text("".join(map(str, run)))
            else:
                ids += [self.first + int(row) for row in run]
        return ids

    def text(self, text: str) -> list[int]:
        """Token ids of a text, remembered: requests repeat one another."""
        ids = self._cache.get(text)
        if ids is None:  # two threads may both do it: neither needs what the other keeps
            if len(self._cache) > 50_000:
                self._cache.clear()
            self._cache[text] = ids = self._encode(text)
        return ids

    def _encode(self, text: str) -> list[int]:
        whole = text.encode("utf-8", "replace").decode("utf-8")  # half a character is "?"
        return self._tokenizer.encode(whole, add_special_tokens=False)
