"""The network in training: base layers in bf16 with LoRA beside them, and composed item rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alignment.lora import lora_tensors
from alignment.packing import Batch
from recsys.lm.adapter import NORM, ROWS, TEXT
from recsys.lm.composition import ItemRows


@dataclass(frozen=True)
class Losses:
    """Mean losses of a batch, in nats a label: of the next item among the items, and of the
    answers over the whole vocabulary."""

    next_item: Tensor
    answer: Tensor


class Network(nn.Module):
    """Base model + LoRA + item rows.

    Parameters
    ----------
    base : the base model's first layers; frozen but for the weight of the last norm.
    rank, alpha, dropout : of LoRA (Hu et al. 2021), on all linear layers.
    trained : bool ``(n_items,)``: items that may be learned; the others are not even negatives.
    """

    untrained: Tensor
    inner: Any

    def __init__(
        self, base: Any, rows: ItemRows, rank: int, alpha: int, dropout: float, trained: np.ndarray
    ) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules="all-linear")
        self.words = base.get_input_embeddings().weight  # (v, width)
        self.peft: Any = get_peft_model(base, config)
        self.inner = self.peft.get_base_model().model
        self.inner.norm.weight = nn.Parameter(self.inner.norm.weight.detach().float())
        self.rows = rows
        self.register_buffer("untrained", ~torch.as_tensor(trained))

    def forward(self, batch: Batch, known: Tensor | None = None) -> Losses:
        """Losses of a batch. ``known``: see :class:`ItemRows`."""
        rows_in, rows_out = self.rows(known)
        hidden = self._hidden(batch, rows_in)
        nothing = hidden.sum() * 0
        at = batch.next_item >= 0
        next_item = nothing
        if at.any():
            next_item = F.cross_entropy(self._item_logits(hidden[at], rows_out), batch.next_item[at])
        at = batch.answer >= 0
        words = (hidden[at] @ self.words.T).float()
        both = torch.cat([words, self._item_logits(hidden[at], rows_out)], dim=1)
        answer = F.cross_entropy(both, batch.answer[at]) if at.any() else nothing
        return Losses(next_item, answer)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def adapter_tensors(self) -> dict[str, Tensor]:
        """What an adapter keeps (without the items' keys), in bf16."""
        rows = self.rows
        rows_in, rows_out = rows(~self.untrained)
        tensors = {NORM: self.inner.norm.weight, ROWS + "in": rows_in, ROWS + "out": rows_out}
        tensors |= {TEXT + "in": rows.text_weight("in"), TEXT + "out": rows.text_weight("out")}
        tensors |= {"cf." + side: layer.weight for side, layer in rows.cf.items()}
        tensors |= {TEXT + "newcomer": rows.newcomer_row(), "factors": rows.factors}
        kept = {name: tensor.detach().to("cpu", torch.bfloat16) for name, tensor in tensors.items()}
        return kept | lora_tensors(self.peft)

    def _hidden(self, batch: Batch, rows_in: Tensor) -> Tensor:
        """Final states ``(b, l, width)``, bf16."""
        words = len(self.words)
        is_item = batch.ids >= words
        text = F.embedding(batch.ids.where(~is_item, 0), self.words)
        items = F.embedding((batch.ids - words).clamp(min=0), rows_in.to(text.dtype))
        return self.inner(
            inputs_embeds=torch.where(is_item[..., None], items, text),
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state.to(torch.bfloat16)

    def _item_logits(self, hidden: Tensor, rows_out: Tensor) -> Tensor:
        """In float32: bf16 would round neighbours in a ranking to one score."""
        with torch.autocast(hidden.device.type, enabled=False):
            logits = hidden.float() @ rows_out.float().T
        return logits.masked_fill(self.untrained, float("-inf"))


@torch.no_grad()
def constant_part(base: Any, head: list[int], rows_in: Tensor, seed: int = 0) -> np.ndarray:
    """The mean final state ``(width,)`` of an untrained base over profiles of random items."""
    draws = torch.randint(len(rows_in), (16, 64), generator=torch.Generator().manual_seed(seed))
    words = base.get_input_embeddings()(torch.tensor([head] * len(draws)))
    profiles = torch.cat([words, rows_in[draws].to(words.dtype)], dim=1)
    states = base.model(inputs_embeds=profiles, use_cache=False).last_hidden_state
    return states[:, len(head) :].float().mean(dim=(0, 1)).numpy()
