"""TRL's DPO trainer on lists of item tokens, with the prompt of a pair computed once.

A prompt is several times longer than a list: both lists of a pair share its keys and values, and only
the lists' own tokens meet the long vocabulary. The numbers are those of the plain way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad
from trl import DPOTrainer

from alignment.rollouts import log_probabilities

BATCH = 16  # pairs scored together


@dataclass(frozen=True)
class Tokens:
    """A pair as the model reads it: token ids."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]


def collate(pairs: Sequence[Tokens], filler: int) -> dict[str, torch.Tensor]:
    """B pairs as TRL wants them: ``input_ids``, ``attention_mask`` and ``completion_mask``, all
    ``(2 B, P + T)``, the chosen lists first. Prompts are padded on the left, lists on the right."""
    width = max(len(pair.prompt) for pair in pairs)
    prompts = [pair.prompt for pair in pairs] * 2
    lists = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    longest = max(map(len, lists))
    ids, attention, completion = [], [], []
    for prompt, answer in zip(prompts, lists, strict=True):
        before, behind = width - len(prompt), longest - len(answer)
        ids.append([filler] * before + [*prompt, *answer] + [filler] * behind)
        attention.append([0] * before + [1] * (len(prompt) + len(answer)) + [0] * behind)
        completion.append([0] * width + [1] * len(answer) + [0] * behind)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(attention),
        "completion_mask": torch.tensor(completion),
    }


def list_logs(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability and entropy of each list token of a batch, ``(2 B, T)``, 0 in the padding."""
    completion = batch["completion_mask"]
    length = int(completion.any(0).sum())
    logs, entropy = log_probabilities(model, batch["input_ids"], batch["attention_mask"], length)
    assert entropy is not None  # it was asked for
    inside = completion[:, -length:]
    return logs * inside, entropy * inside


@torch.no_grad()
def score_pairs(model: torch.nn.Module, pairs: Sequence[Tokens], filler: int) -> np.ndarray:
    """Log-probability of the chosen and of the rejected list of each pair, float64 ``(n, 2)``."""
    device = next(model.parameters()).device
    out = np.empty((len(pairs), 2))
    order = sorted(range(len(pairs)), key=lambda i: len(pairs[i].prompt))
    for start in range(0, len(order), BATCH):
        chunk = order[start : start + BATCH]
        batch = collate([pairs[i] for i in chunk], filler)
        logs, _ = list_logs(model, {name: tensor.to(device) for name, tensor in batch.items()})
        out[chunk] = logs.sum(1).reshape(2, -1).T.double().cpu().numpy()
    return out


class ListDPOTrainer(DPOTrainer):
    """DPO on :class:`Tokens`.

    The data have the columns ``prompt``, ``chosen``, ``rejected`` (token ids) and ``ref_chosen_logps``,
    ``ref_rejected_logps``: what the model to start from says (:func:`score_pairs`), computed once.
    """

    def __init__(self, filler: int, **kwargs: Any) -> None:
        self._filler = filler
        super().__init__(data_collator=self._collate, **kwargs)
        self.precompute_ref_logps = True  # they stand in the data

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        columns: Any = ["prompt", "chosen", "rejected", "ref_chosen_logps", "ref_rejected_logps"]
        self._signature_columns = columns

    def _collate(self, examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        pairs = [Tokens(example["prompt"], example["chosen"], example["rejected"]) for example in examples]
        reference = {
            name: torch.tensor([example[name] for example in examples], dtype=torch.float32)
            for name in ("ref_chosen_logps", "ref_rejected_logps")
        }
        return collate(pairs, self._filler) | reference

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        def forward(**_: Any) -> SimpleNamespace:
            logs, entropy = list_logs(model, inputs)
            before = inputs["input_ids"].shape[1] - 1 - logs.shape[1]
            nothing = torch.zeros_like(inputs["input_ids"][:, 1:])  # what only TRL's own log shows
            return SimpleNamespace(
                log_probs=pad(logs, (before, 0)),
                entropy=pad(entropy, (before, 0)),
                mean_logits=nothing.float(),
                is_top1=nothing.bool(),
            )

        return super()._compute_loss(forward, inputs, return_outputs)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The manifest says what a model card would."""
