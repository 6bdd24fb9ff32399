"""The network in training: base layers with LoRA beside them, and composed item rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alignment.guide import Guide
from alignment.lora import load_lora, lora_beyond, lora_tensors
from alignment.packing import Batch
from recsys.lm.adapter import NORM, ROWS, TEXT
from recsys.lm.composition import ItemRows

#: Whether an answer obeys is learned of the distribution at this temperature, near to what the likeliest
#: token will be: at 1, all that must not be said has little probability together, and may yet be likeliest.
OBEYING = 0.3
#: Logit of an item that may not be learned; finite, since a probability of 0 is multiplied with its log.
NEVER = -1e4


@dataclass(frozen=True)
class Losses:
    """Mean losses of a batch, in nats a label: of the next item among the items, and of the
    answers over the whole vocabulary; ``obeying`` is minus the logarithm of the probability of all
    that an answer may say, at the temperature :data:`OBEYING`. ``said``: the items' logits at the labels of
    answers, ``(labels, n_items)``, without gradient."""

    next_item: Tensor
    answer: Tensor
    obeying: Tensor
    said: Tensor


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

    def forward(
        self,
        batch: Batch,
        known: Tensor | None = None,
        guide: Guide | None = None,
        rows: tuple[Tensor, Tensor] | None = None,
    ) -> Losses:
        """Losses of a batch. ``known``: see :class:`ItemRows`; with ``rows``, these are the items' and
        stay what they are. With a ``guide``, the loss of a label that it covers is the mean of the
        cross-entropies with the label and with the guide."""
        rows_in, rows_out = self.rows(known) if rows is None else rows
        hidden = self.states(batch, rows_in)
        nothing = hidden.sum() * 0
        at = batch.next_item >= 0
        next_item = nothing
        if at.any():
            found = F.log_softmax(self._item_logits(hidden[at], rows_out), dim=1)
            next_item = F.nll_loss(found, batch.next_item[at])
            if guide is not None:
                next_item = (next_item - (guide.next_item * found).sum(1).mean()) / 2
        at = batch.answer >= 0
        words = (hidden[at] @ self.words.T).float()
        said = self._item_logits(hidden[at], rows_out)
        if not at.any():
            return Losses(next_item, nothing, nothing, said.detach())
        both = torch.cat([words, said], dim=1)
        found = F.log_softmax(both, dim=1)
        losses = F.nll_loss(found, batch.answer[at], reduction="none")
        if guide is not None:
            guided = -(guide.answer * found[guide.places, len(self.words) :]).sum(1)
            losses = losses.index_put((guide.places,), (losses[guide.places] + guided) / 2)
        obeying = self._obeying(both, batch.answer[at], guide)
        return Losses(next_item, losses.mean(), obeying, said.detach())

    def _obeying(self, logits: Tensor, labels: Tensor, guide: Guide | None) -> Tensor:
        if guide is None or not len(guide.planned):
            return logits.new_zeros(())
        sharp = F.log_softmax(logits[guide.planned] / OBEYING, dim=1)
        items = sharp[:, len(self.words) :].masked_fill(~guide.permitted, NEVER)
        end = sharp.gather(1, labels[guide.planned, None])[:, 0]
        listing = guide.permitted.any(1)
        return -torch.where(listing, items.logsumexp(1), end).sum() / len(labels)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to the LoRA and the norm of an adapter."""
        load_lora(self.peft, tensors)
        self.inner.norm.weight.copy_(tensors[NORM])

    @torch.no_grad()
    def child_tensors(self, below: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
        """What an adapter keeps that stands on one with the tensors ``below`` and the same rows; ``scale``
        is that of the LoRAs, alpha by rank."""
        norm = self.inner.norm.weight.detach().to("cpu", torch.bfloat16)
        return {NORM: norm, **lora_beyond(self.peft, below, scale)}

    @torch.no_grad()
    def adapter_tensors(self) -> dict[str, Tensor]:
        """What an adapter keeps (without the items' keys), in bf16."""
        rows = self.rows
        rows_in, rows_out = rows(~self.untrained)
        tensors = {NORM: self.inner.norm.weight, ROWS + "in": rows_in, ROWS + "out": rows_out}
        tensors |= {TEXT + "in": rows.text_weight("in"), TEXT + "out": rows.text_weight("out")}
        tensors |= {TEXT + "newcomer": rows.newcomer_row()}
        kept = {name: tensor.detach().to("cpu", torch.bfloat16) for name, tensor in tensors.items()}
        return kept | lora_tensors(self.peft)

    def states(self, batch: Batch, rows_in: Tensor) -> Tensor:
        """Final states ``(b, l, width)`` in the words' format."""
        words = len(self.words)
        is_item = batch.ids >= words
        text = F.embedding(batch.ids.where(~is_item, 0), self.words)
        items = F.embedding((batch.ids - words).clamp(min=0), rows_in.to(text.dtype))
        return self.inner(
            inputs_embeds=torch.where(is_item[..., None], items, text),
            attention_mask=batch.mask,
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state.to(text.dtype)

    def _item_logits(self, hidden: Tensor, rows_out: Tensor) -> Tensor:
        """In float32: bf16 would round neighbours in a ranking to one score."""
        with torch.autocast(hidden.device.type, enabled=False):
            logits = hidden.float() @ rows_out.float().T
        return logits.masked_fill(self.untrained, NEVER)
