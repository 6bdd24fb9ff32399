"""Contexts and lists as chat messages, for preference files that other tools read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from recsys.candidates import Taste
from recsys.catalog import Catalog, ItemId
from recsys.controls import ControlIntent
from recsys.lm.prompt import load_layout
from recsys.lm.wording import canonical
from recsys.settings import PROMPTS

Contents = Literal["title", "token"]
Message = dict[str, str]
#: What a chat format might take for one of its own tokens.
SPECIAL = re.compile(r"<\|[^<>|]*\|>")


@lru_cache
def load_texts() -> dict[str, Any]:
    """What stands around titles: prompts/preferences.toml."""
    return tomllib.loads((PROMPTS / "preferences.toml").read_text(encoding="utf-8"))


class Messages:
    """Writes messages for one catalogue.

    ``contents`` names items by title, for people and models that talk, or by token
    (``<|item_ROW|>``), laid out as the item-token model reads them in its chat format.
    """

    def __init__(self, catalog: Catalog, contents: Contents) -> None:
        self._catalog, self._contents = catalog, contents

    def prompt(self, taste: Taste, intent: ControlIntent) -> list[Message]:
        """The profile and the controls in force, in canonical words."""
        words = canonical(intent, self._catalog)
        request = "".join(_plain(w) if isinstance(w, str) else self._name(int(w)) for w in words)
        profile = self._entries(taste) if self._contents == "token" else self._told(taste)
        between = load_layout().before_request
        return [{"role": "user", "content": profile + between + request if profile else request}]

    def answer(self, items: Sequence[ItemId]) -> list[Message]:
        """A list, one message."""
        rows = self._catalog.rows(items).tolist()
        if self._contents == "token":
            content = "".join(self._name(row) for row in rows)
        else:
            line = load_texts()["item"]
            numbered = enumerate(rows, start=1)
            content = "\n".join(line.format(number=n, title=self._name(row)) for n, row in numbered)
        return [{"role": "assistant", "content": content}]

    def _name(self, row: int) -> str:
        return f"<|item_{row}|>" if self._contents == "token" else _plain(self._catalog.titles[row])

    def _entries(self, taste: Taste) -> str:
        marks, polarity = load_layout().marks, _polarities(taste)
        return "".join(marks[polarity[row]] + self._name(row) for row in taste.timeline)

    def _told(self, taste: Taste) -> str:
        """One sentence a polarity."""
        texts, sentences = load_texts(), []
        for kind, rows in (("liked", taste.liked), ("disliked", taste.disliked), ("seen", taste.seen)):
            if rows:
                titles = texts["between"].join(texts["entry"].format(title=self._name(row)) for row in rows)
                sentences.append(texts["profile"][kind].format(titles=titles))
        return " ".join(sentences)


def _polarities(taste: Taste) -> dict[int, str]:
    kinds = (("liked", taste.liked), ("disliked", taste.disliked), ("seen", taste.seen))
    return {row: kind for kind, rows in kinds for row in rows}


def _plain(text: str) -> str:
    return SPECIAL.sub(" ", text)
