"""Rows of the item tokens, composed from what is known of an item.

    row = W_cf · ALS factor + W_tx · text embedding + residual

once for the input embedding and once for the output (``tied``: one for both). The residual is
learned; an item that training never saw has none, nor a factor, and stands on its text alone. To
teach the text part to stand alone, factor and residual of a random share of the items are left
out in every training step.

The final states of a language model have a large constant part: along it, whatever moves an output row
moves all scores at once. So rows get nothing there but a *bias*, one number an item, which begins as
the logarithm of its popularity.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

WORDS = 0.13  # deviation of the base model's own embeddings
#: Input rows are multiplied with this. At the size of a word's row an item drowns in what the first layer
#: adds, which is several times as large, and later layers hardly know which item it was.
IN_SCALE = 10.0
#: Final states are so long that a small step of an output row changes scores by much: output rows are
#: multiplied with this, and learn at the rates of input rows.
OUT_SCALE = 0.023


class ItemRows(nn.Module):
    """The composition, as a trainable module.

    Parameters
    ----------
    factors : float32 ``(n_items, f)`` ALS factors, zeros where there is none.
    texts : float32 ``(n_items, t)`` text embeddings, zeros where there is no text.
    width : the model's hidden size.
    parts : which of ``"cf"``, ``"text"``, ``"residual"`` are used.
    uses : ``(n_items,)``, how often each item was used in training.
    in_scale : see :data:`IN_SCALE`.
    """

    factors: Tensor
    texts: Tensor
    along: Tensor
    per_logit: Tensor

    def __init__(
        self,
        factors: np.ndarray,
        texts: np.ndarray,
        width: int,
        tied: bool = False,
        parts: tuple[str, ...] = ("cf", "text", "residual"),
        uses: np.ndarray | None = None,
        in_scale: float = IN_SCALE,
    ) -> None:
        super().__init__()
        self.in_scale = in_scale
        self.text_scale = _mean_norm(texts)
        self.register_buffer("factors", torch.tensor(factors / _mean_norm(factors)) * float("cf" in parts))
        self.register_buffer("texts", torch.tensor(texts / self.text_scale) * float("text" in parts))
        self.tied, self.parts = tied, parts
        sides = ("in",) if tied else ("in", "out")
        self.cf = nn.ModuleDict({s: nn.Linear(factors.shape[1], width, bias=False) for s in sides})
        self.text = nn.ModuleDict({s: nn.Linear(texts.shape[1], width, bias=False) for s in sides})
        self.residual = nn.ParameterDict({s: nn.Parameter(torch.zeros(len(texts), width)) for s in sides})
        for side in sides:
            for part in (self.cf[side], self.text[side]):
                nn.init.normal_(part.weight, std=WORDS / np.sqrt(2))  # type: ignore[arg-type]
        self.register_buffer("along", torch.zeros(width))
        self.register_buffer("per_logit", torch.zeros(width))
        popularity = np.log1p(np.zeros(len(texts)) if uses is None else uses)
        popularity -= popularity.mean()
        self.bias = nn.Parameter(torch.tensor(popularity, dtype=torch.float32))
        # of an item nobody has used, and of all: above the words, whose logits begin at about 10
        self.newcomer = nn.Parameter(torch.tensor(float(np.median(popularity)) if len(texts) else 0.0))
        self.level = nn.Parameter(torch.tensor(20.0))
        self.out_scale = nn.Parameter(torch.tensor(OUT_SCALE), requires_grad=tied)

    def set_constant(self, constant: np.ndarray) -> None:
        """Take the constant part of the final states ``(width,)``; before that, there is none and
        rows have no biases."""
        norm = max(float(np.linalg.norm(constant)), 1e-9)
        self.along.copy_(torch.from_numpy(constant / norm))
        self.per_logit.copy_(self.along / norm)

    def forward(self, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Input and output rows, float32 ``(n_items, width)`` each. ``known`` (bool ``(n_items,)``)
        tells which items keep factor and residual."""
        rows = self._rows("in", known)
        out = (rows if self.tied else self._rows("out", known)) * self.out_scale
        bias = self.bias if known is None else torch.where(known, self.bias, self.newcomer)
        return rows * self.in_scale, self._across(out) + (self.level + bias)[:, None] * self.per_logit

    def text_weight(self, side: str) -> Tensor:
        """``(width, t)`` such that the row of an item without interactions is its text times it, for
        unit vectors of texts; on the output side :meth:`newcomer_row` is added."""
        return self._weight(self.text, side) / self.text_scale * float("text" in self.parts)

    def newcomer_row(self) -> Tensor:
        """The output row ``(width,)`` of an item that is new and has no text."""
        return (self.level + self.newcomer) * self.per_logit

    def _weight(self, part: nn.ModuleDict, side: str) -> Tensor:
        weight = part["in" if self.tied else side].get_parameter("weight")
        return self._across((weight * self.out_scale).T).T if side == "out" else weight * self.in_scale

    def _across(self, rows: Tensor) -> Tensor:
        """Rows without what they have along the constant part."""
        return rows - (rows @ self.along)[:, None] * self.along

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
