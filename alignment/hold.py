"""What a later stage must not unlearn: what comes next in a profile.

GRPO teaches what to answer to requests. Guarded lists follow the foresight as well, which is read off the
profile before there is any request (:mod:`recsys.lm.ranker`), and no reward speaks for it. So it is held
to that of the model the training started from, by the divergence between the two. (DPO learns votes there,
too, instead.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

#: So many of a profile's last tokens are held: what follows each of them.
PLACES = 8


def foresight_shift(model: Any, profiles: Sequence[Sequence[int]], first: int, filler: int) -> torch.Tensor:
    """``KL(parent || model)`` of the next item, in nats, the mean over the last :data:`PLACES` tokens of
    each profile.

    Parameters
    ----------
    model : a peft model; without its adapter it is the parent.
    profiles : token ids of profiles without requests; equal ones are computed once.
    first : token id of catalogue row 0; items are the end of the vocabulary.
    """
    distinct = sorted(set(map(tuple, profiles)), key=len)
    device = next(model.parameters()).device
    width = max(map(len, distinct))
    ids = torch.tensor([[filler] * (width - len(p)) + list(p) for p in distinct], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in distinct], device=device)

    def logs() -> torch.Tensor:
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0),
            use_cache=False,
            logits_to_keep=PLACES,
        )
        return F.log_softmax(output.logits[..., first:].float(), -1)[mask[:, -PLACES:].bool()]

    with torch.no_grad(), model.disable_adapter():
        before = logs()
    return F.kl_div(logs(), before, log_target=True, reduction="batchmean")
