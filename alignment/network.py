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
        rows_out = rows_out.to(hidden.dtype)
        nothing = hidden.sum() * 0
        at = batch.next_item >= 0
        items = self._seen(hidden[at] @ rows_out.T)
        next_item = F.cross_entropy(items, batch.next_item[at]) if at.any() else nothing
        at = batch.answer >= 0
        both = torch.cat([(hidden[at] @ self.words.T).float(), self._seen(hidden[at] @ rows_out.T)], dim=1)
        answer = F.cross_entropy(both, batch.answer[at]) if at.any() else nothing
        return Losses(next_item, answer)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def adapter_tensors(self) -> dict[str, Tensor]:
        """What an adapter keeps (without the items' keys), in bf16."""
        rows_in, rows_out = self.rows()
        rows = self.rows
        tensors = {NORM: self.inner.norm.weight, ROWS + "in": rows_in, ROWS + "out": rows_out}
        tensors |= {TEXT + "in": rows.text_weight("in"), TEXT + "out": rows.text_weight("out")}
        tensors |= {"cf." + side: layer.weight for side, layer in rows.cf.items()}
        tensors["factors"] = rows.factors
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

    def _seen(self, logits: Tensor) -> Tensor:
        return logits.float().masked_fill(self.untrained, float("-inf"))
