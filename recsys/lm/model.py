"""The item-token model as it is served: a plain causal LM whose vocabulary ends in the items.

Nothing of training is left in it: LoRA is merged, item rows are ordinary embedding rows. Scores are
logits of the next token.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from recsys.candidates import Taste
from recsys.catalog import Catalog
from recsys.lm.prompt import HISTORY, Prompts
from recsys.rankers import Words

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

#: Profiles whose states are kept for the next request.
KEPT = 8
#: Prompts computed together.
BATCH = 32


@dataclass
class State:
    """Prompts read so far: cache, mask ``(b, l)``, and the states after the last token
    ``(b, width)``."""

    cache: Any
    mask: Tensor
    last: Tensor


class ItemTokenModel:
    """A causal LM with one token an item.

    Parameters
    ----------
    model : its vocabulary is the base's and then one token for each catalogue row.
    tokenizer : of the base; :meth:`full_tokenizer` knows the item tokens too.
    history : so many of the latest entries of a profile are read.
    """

    def __init__(
        self,
        model: LlamaForCausalLM,
        tokenizer: PreTrainedTokenizerFast,
        catalog: Catalog,
        history: int = HISTORY,
    ) -> None:
        self.model, self.catalog = model.eval(), catalog
        self.first = model.config.vocab_size - len(catalog)
        self.prompts = Prompts(tokenizer, self.first, history)
        self._base_tokenizer = tokenizer
        self._profiles: OrderedDict[tuple[int, ...], State] = OrderedDict()
        self._lock = Lock()

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return self.prompts.end

    def prompt_ids(self, taste: Taste, words: Words) -> list[int]:
        """A whole prompt."""
        return [*self.prompts.profile(taste), *self.prompts.request(words)]

    def full_tokenizer(self) -> PreTrainedTokenizerFast:
        """The base's tokenizer with a token ``<|item_R|>`` for every catalogue row R."""
        from transformers import AddedToken

        tokenizer = deepcopy(self._base_tokenizer)
        spare = range(len(tokenizer), self.first)  # many a model's vocabulary is longer than its words
        names = [f"<|spare_{id}|>" for id in spare] + [f"<|item_{row}|>" for row in range(len(self.catalog))]
        tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in names])
        return tokenizer

    # -- reading ------------------------------------------------------------------------------

    @torch.no_grad()
    def read(self, prompts: Sequence[Sequence[int]], after: State | None = None) -> State:
        """Read prompts of any lengths side by side (padded on the left), after what was read."""
        width = max(map(len, prompts))
        ids = torch.tensor([[self.end] * (width - len(p)) + list(p) for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        if after is not None:
            mask = torch.cat([after.mask, mask], 1)
        return self._forward(ids, mask, after.cache if after else None)

    @torch.no_grad()
    def step(self, state: State, tokens: Sequence[int]) -> State:
        """Read one more token of each."""
        mask = torch.cat([state.mask, state.mask.new_ones(len(tokens), 1)], 1)
        return self._forward(torch.tensor(tokens)[:, None], mask, state.cache)

    def read_one(self, taste: Taste, words: Words) -> State:
        """Read one prompt, with what is kept of its profile."""
        return self.read([self.prompts.request(words)], deepcopy(self.read_profile(taste)))

    def read_profile(self, taste: Taste) -> State:
        """Read a profile, or use what was computed for it before; the state must not be stepped on."""
        profile = tuple(self.prompts.profile(taste))
        with self._lock:  # conversations share the model
            kept = self._profiles.get(profile)
        if kept is None:
            kept = self.read([profile])
        with self._lock:
            self._profiles[profile] = kept
            self._profiles.move_to_end(profile)
            while len(self._profiles) > KEPT:
                self._profiles.popitem(last=False)
        return kept

    def _forward(self, ids: Tensor, mask: Tensor, cache: Any) -> State:
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        output = self.model.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
        )
        return State(output.past_key_values, mask, output.last_hidden_state[:, -1])

    # -- scoring ------------------------------------------------------------------------------

    def item_scores(self, state: State) -> np.ndarray:
        """Logits of the items as the next token, float32 ``(b, n_items)``."""
        return self._logits(state, self.model.lm_head.weight[self.first :])

    def token_scores(self, state: State) -> np.ndarray:
        """Logits of the whole vocabulary, float32 ``(b, vocabulary)``."""
        return self._logits(state, self.model.lm_head.weight)

    @torch.no_grad()
    def _logits(self, state: State, rows: Tensor) -> np.ndarray:
        return (state.last.float() @ rows.float().T).numpy()

    def scores_many(self, prompts: Sequence[Sequence[int]]) -> np.ndarray:
        """Scores of every item after each prompt, ``(n, n_items)``: one pass a prompt."""
        out = np.empty((len(prompts), len(self.catalog)), np.float32)
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for start in range(0, len(order), BATCH):
            chunk = order[start : start + BATCH]
            out[chunk] = self.item_scores(self.read([prompts[i] for i in chunk]))
        return out
