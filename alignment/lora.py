"""The LoRA of a model in training, as an adapter keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor

from recsys.lm.adapter import LORA

_PEFT = "base_model.model."


def lora_tensors(model: Any) -> dict[str, Tensor]:
    """The LoRA of a peft model under an adapter's names (``lora.LAYER.A``, ``.B``), bf16."""
    return {name: tensor.bfloat16() for name, tensor in _lora(model).items()}


def load_lora(model: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give a peft model the LoRA among an adapter's tensors."""
    own = {}
    for name, tensor in tensors.items():
        if name.startswith(LORA):
            layer, part = name.removeprefix(LORA).rsplit(".", 1)
            own[f"{_PEFT}{layer}.lora_{part}.weight"] = tensor.float()
    set_peft_model_state_dict(model, own)


def lora_beyond(model: Any, tensors: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
    """What the LoRA of a peft model adds to that among an adapter's tensors, as a LoRA of its rank and of
    scale 1 (both had ``scale``): the nearest there is, by SVD (Eckart and Young, 1936). bf16."""
    now, out = _lora(model), {}
    for name in [name for name in now if name.endswith(".A")]:
        other = name[:-1] + "B"
        low, high = now[name], now[other]
        moved = scale * (high @ low - tensors[other].float() @ tensors[name].float())
        left, size, right = torch.linalg.svd(moved, full_matrices=False)
        half = size[: len(low)].sqrt()
        out[name] = (half[:, None] * right[: len(low)]).bfloat16()
        out[other] = (left[:, : len(low)] * half).bfloat16()
    return out


def _lora(model: Any) -> dict[str, Tensor]:
    out = {}
    for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items():
        layer, part = name.removeprefix(_PEFT).rsplit(".lora_", 1)
        out[f"{LORA}{layer}.{part[0]}"] = tensor.detach().to("cpu", torch.float32)
    return out
