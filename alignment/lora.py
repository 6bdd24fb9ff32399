"""The LoRA of a model in training, as an adapter keeps it."""

from __future__ import annotations

from typing import Any

import torch
from peft import get_peft_model_state_dict
from torch import Tensor

from recsys.lm.adapter import LORA


def lora_tensors(model: Any) -> dict[str, Tensor]:
    """The LoRA of a peft model under an adapter's names (``lora.LAYER.A``, ``.B``), bf16."""
    out = {}
    for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items():
        layer, part = name.removeprefix("base_model.model.").rsplit(".lora_", 1)
        out[f"{LORA}{layer}.{part[0]}"] = tensor.detach().to("cpu", torch.bfloat16)
    return out
