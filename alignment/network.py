"""The network in training: base layers in bf16 with LoRA beside them, and composed item rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alignment.packing import Batch
from recsys.lm.composition import ItemRows


@dataclass(frozen=True)
class Losses:
    """Mean losses of a batch, in nats a label."""

    next_item: Tensor
    answer: Tensor


class Network(nn.Module):
    """Base model + LoRA + item rows.

    Parameters
    ----------
    base : the base model's first layers; frozen here.
    rows : the item rows.
    rank, alpha, dropout : of LoRA (Hu et al. 2021), on all linear layers.
    trained : bool ``(n_items,)``: items that may be learned; hidden ones are not even negatives.
    """

    def __init__(
        self, base, rows: ItemRows, rank: int, alpha: int, dropout: float = 0.0, trained=None
    ) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules="all-linear")
        self.words = base.get_input_embeddings().weight  # (v, width), frozen
        self.words.requires_grad_(False)
        self.base = get_peft_model(base, config)
        self.norm = self.base.base_model.model.model.norm
        self.norm.weight = nn.Parameter(self.norm.weight.detach().float())
        self.rows = rows
        self.register_buffer("untrained", None if trained is None else ~torch.as_tensor(trained))

    def forward(self, batch: Batch, known: Tensor | None = None) -> Losses:
        """Losses of a batch. ``known``: see :class:`ItemRows`."""
        rows_in, rows_out = self.rows(known)
        hidden = self.hidden(batch.ids, batch.positions, batch.mask, rows_in)
        at = batch.next_item >= 0
        items = hidden[at] @ rows_out.to(hidden.dtype).T
        next_item = F.cross_entropy(self._without_untrained(items.float()), batch.next_item[at])
        at = batch.answer >= 0
        answers = hidden[at]
        both = torch.cat(
            [
                (answers @ self.words.T).float(),
                self._without_untrained((answers @ rows_out.to(hidden.dtype).T).float()),
            ],
            dim=1,
        )
        answer = F.cross_entropy(both, batch.answer[at]) if at.any() else next_item.new_zeros(())
        return Losses(next_item if len(items) else next_item.new_zeros(()), answer)

    def hidden(self, ids: Tensor, positions: Tensor, mask: Tensor, rows_in: Tensor) -> Tensor:
        """Final states ``(b, l, width)``, bf16."""
        words = len(self.words)
        is_item = ids >= words
        embedded = F.embedding(ids.where(~is_item, 0), self.words)
        items = F.embedding((ids - words).clamp(min=0), rows_in.to(embedded.dtype))
        embedded = torch.where(is_item[..., None], items, embedded)
        return self.base.base_model.model.model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state.to(torch.bfloat16)

    def _without_untrained(self, logits: Tensor) -> Tensor:
        return logits if self.untrained is None else logits.masked_fill(self.untrained, float("-inf"))
