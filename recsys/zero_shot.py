"""The base language model before any alignment: it is shown titles and writes titles.

This is where alignment starts from, so what it writes is taken as it is: an entry counts as an item
only when it is exactly a title of the catalogue (in upper or lower case, with or without the year, the
article in front or behind); what is nearly one counts as an error and is not repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.lm.wording import canonical
from recsys.rankers import Decoding, Request
from recsys.settings import PROMPTS
from recsys.title_forms import display_title, split_names, split_year

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

#: The latest entries of a profile that are shown.
SHOWN = 10
BATCH = 16
#: Room for one title, and for what is written around the list.
TITLE_TOKENS, MORE_TOKENS = 14, 16
ENTRY = re.compile(r"^\s*(?:\d+[.):]|[-*•])\s*(.+?)\s*$")


class ZeroShot:
    """Makes lists by writing them.

    Parameters
    ----------
    model, tokenizer : a causal language model of transformers (it has ``generate``) with a chat template.
    """

    name = "zero-shot"

    def __init__(self, catalog: Catalog, model: Any, tokenizer: PreTrainedTokenizerFast) -> None:
        self._catalog, self._model, self._tokenizer = catalog, model, tokenizer

    def lists(self, requests: Sequence[Request], decoding: Decoding = "free") -> list[list[int]]:
        """One list of rows a request, -1 for an entry that is no title of the catalogue.

        Raises :class:`TillerError` when asked for guarded lists: titles are written freely.
        """
        if decoding != "free":
            raise TillerError("A model that writes titles cannot be guarded: ask it for free lists.")
        out: list[list[int]] = []
        for start in range(0, len(requests), BATCH):
            batch = requests[start : start + BATCH]
            most = max(request.plan.constraints.count for request in batch)
            texts = self._write([self.prompt(request) for request in batch], most)
            out += [self.rows_of(text) for text in texts]
        return out

    def prompt(self, request: Request) -> str:
        """What the model is told: prompts/zero_shot.md, filled in."""
        from jinja2 import Template

        words = request.words or canonical(request.plan.constraints.intent, self._catalog)
        titles, disliked = self._catalog.titles, set(request.taste.disliked)
        return Template((PROMPTS / "zero_shot.md").read_text("utf-8")).render(
            noun=self._catalog.noun[1],
            known=[(display_title(titles[row]), row in disliked) for row in request.taste.timeline[-SHOWN:]],
            request="".join(p if isinstance(p, str) else display_title(titles[p]) for p in words),
        )

    def rows_of(self, text: str) -> list[int]:
        """The entries of a written list as rows. Of a text with numbered or marked lines those are the
        entries, of any other every line that does not announce something."""
        lines = [line for line in text.splitlines() if line.strip()]
        marked = [found[1] for line in lines if (found := ENTRY.match(line))]
        entries = marked or [line.strip() for line in lines if not line.rstrip().endswith(":")]
        return [self._rows.get(_bare(entry), -1) for entry in entries]

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Ways to write a title, the exact one before others; of what can mean two items, the more
        popular is meant."""
        order = np.argsort(self._catalog.popularity, kind="stable").tolist()
        forms = (lambda title: split_names(title)[0], lambda title: split_year(title)[0], display_title, str)
        return {_bare(form(self._catalog.titles[row])): row for form in forms for row in order}

    def _write(self, prompts: Iterable[str], most: int) -> list[str]:
        import torch

        tokenizer = self._tokenizer
        tokenizer.padding_side = "left"
        chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
        inputs: Any = tokenizer.apply_chat_template(
            chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
        )
        with torch.inference_mode():
            written = self._model.generate(
                **inputs,
                max_new_tokens=TITLE_TOKENS * most + MORE_TOKENS,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        return tokenizer.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def _bare(entry: str) -> str:
    """Without what is only markup: quotes and emphasis around it, case, doubled spaces."""
    return " ".join(entry.strip(" \t\"'“”*_").casefold().split())
