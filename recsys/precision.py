"""The number format that networks compute in, chosen for the machine at hand.

A processor without bf16 instructions works bf16 products out one by one: 90 times slower than float32
for the matrices of a training step (two cores with AVX2 only, torch 2.13). What is kept on disk is
bf16 everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def working_dtype() -> torch.dtype:
    """bf16 where the machine multiplies in it, float32 elsewhere."""
    import torch

    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if fast else torch.float32
