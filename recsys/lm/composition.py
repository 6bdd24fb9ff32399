"""Rows of the item tokens, composed from what is known of an item.

    row = W_cf · ALS factor + W_tx · text embedding + residual

once for the input embedding and once for the output (``tied``: one for both). The residual is
learned; an item that training never saw has none, nor a factor, and stands on its text alone. To
teach the text part to stand alone, factor and residual of a random share of the items are left
out in every training step.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

IN_SCALE = 0.13  # deviation of the base model's own embeddings
OUT_SCALE = 0.03  # logits of about one at the start


class ItemRows(nn.Module):
    """The composition, as a trainable module.

    Parameters
    ----------
    factors : float32 ``(n_items, f)`` ALS factors, zeros where there is none.
    texts : float32 ``(n_items, t)`` text embeddings, zeros where there is no text.
    width : the model's hidden size.
    parts : which of ``"cf"``, ``"text"``, ``"residual"`` are used.
    """

    factors: Tensor
    texts: Tensor

    def __init__(
        self,
        factors: np.ndarray,
        texts: np.ndarray,
        width: int,
        tied: bool = False,
        parts: tuple[str, ...] = ("cf", "text", "residual"),
    ) -> None:
        super().__init__()
        self.text_scale = _mean_norm(texts)
        self.register_buffer("factors", torch.tensor(factors / _mean_norm(factors)) * float("cf" in parts))
        self.register_buffer("texts", torch.tensor(texts / self.text_scale) * float("text" in parts))
        self.tied, self.parts = tied, parts
        sides = ("in",) if tied else ("in", "out")
        self.cf = nn.ModuleDict({s: nn.Linear(factors.shape[1], width, bias=False) for s in sides})
        self.text = nn.ModuleDict({s: nn.Linear(texts.shape[1], width, bias=False) for s in sides})
        self.residual = nn.ParameterDict({s: nn.Parameter(torch.zeros(len(texts), width)) for s in sides})
        for side in sides:
            scale = IN_SCALE if side == "in" else OUT_SCALE
            for part in (self.cf[side], self.text[side]):
                nn.init.normal_(part.weight, std=scale / np.sqrt(2))  # type: ignore[arg-type]
        self.out_scale = nn.Parameter(torch.tensor(OUT_SCALE / IN_SCALE), requires_grad=tied)

    def forward(self, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Input and output rows, float32 ``(n_items, width)`` each. ``known`` (bool ``(n_items,)``)
        tells which items keep factor and residual."""
        rows = self._rows("in", known)
        if self.tied:
            return rows, rows * self.out_scale
        return rows, self._rows("out", known)

    def text_weight(self, side: str) -> Tensor:
        """``(width, t)`` such that the row of an item without interactions is its text times it, for
        unit vectors of texts."""
        if self.tied and side == "out":
            return self.text_weight("in") * self.out_scale
        weight: Tensor = self.text[side].weight  # type: ignore[assignment]
        return weight / self.text_scale * float("text" in self.parts)

    def _rows(self, side: str, known: Tensor | None) -> Tensor:
        personal = self.cf[side](self.factors)
        if "residual" in self.parts:
            personal = personal + self.residual[side]
        if known is not None:
            personal = personal * known[:, None]
        return personal + self.text[side](self.texts)


def _mean_norm(vectors: np.ndarray) -> float:
    """Norm of the average row that is not empty: divided by it, the two parts start alike."""
    norms = np.linalg.norm(vectors, axis=1)
    return float(norms[norms > 0].mean()) if norms.any() else 1.0
