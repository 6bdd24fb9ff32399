"""Where training starts: output rows fitted to what the untrained base makes of histories.

Final states of the base, as it is, already tell much of what comes next. A linear probe finds it in
closed form, before any step of gradient descent: ridge regression from the state at every entry to the
text embedding and the ALS factor of the item that came next. Fine-tuning from a fitted head keeps what
the base knows, where a random one would first destroy it (Kumar et al., "Fine-Tuning can Distort
Pretrained Features and Underperform Out-of-Distribution", ICLR 2022: LP-FT).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from alignment.network import Network
from alignment.packing import Packed, collate

#: As much as is read, at most; that many windows at once; states that choose a part's weight.
STATES, AT_ONCE, COMPARED = 100_000, 16, 2000
RIDGE = 0.01  # as a share of the states' mean variance
WHITENING = 0.1  # the same of the embeddings'
WEIGHTS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0)


@torch.no_grad()
def probe(network: Network, windows: Iterator[Packed]) -> None:
    """Give the network's item rows the states' constant part and, unless they are tied, fitted output
    projections. Reads windows until there are enough states; without any, nothing changes."""
    states, items = _states(network, windows)
    if not len(states):
        return
    rows = network.rows
    rows.set_constant(states.mean(0).cpu().numpy())
    if rows.tied:
        return
    along = rows.along
    states = states - (states @ along)[:, None] * along
    states -= states.mean(0)
    spread = states.T @ states
    spread += RIDGE * spread.diagonal().mean() * torch.eye(len(spread), device=spread.device)
    some = torch.linspace(0, len(states) - 1, min(COMPARED, len(states))).long()
    logits = rows.bias[None].repeat(len(some), 1)
    parts = (("text", rows.texts, rows.text["out"]), ("cf", rows.factors, rows.cf["out"]))
    for part, embeddings, layer in parts:
        if part not in rows.parts or not embeddings.any():
            continue
        weight = _regress(states, spread, F.normalize(embeddings)[items])
        scores = (states[some] @ weight) @ embeddings.T
        losses = [float(F.cross_entropy(logits + by * scores, items[some])) for by in WEIGHTS]
        best = WEIGHTS[min(range(len(WEIGHTS)), key=losses.__getitem__)]
        logits += best * scores
        layer.get_parameter("weight").copy_(best * weight / rows.out_scale)


def _states(network: Network, windows: Iterator[Packed]) -> tuple[Tensor, Tensor]:
    """Final states ``(n, width)`` where a next item is known, and those items ``(n,)``."""
    training = network.training
    network.eval()
    rows_in, _ = network.rows()
    states, items, found = [], [], 0
    device = rows_in.device
    while found < STATES:
        batch = [window for window, _ in zip(windows, range(AT_ONCE), strict=False)]
        if not batch:
            break
        together = collate(batch).to(device)
        at = together.next_item >= 0
        states.append(network.states(together, rows_in)[at].float())
        items.append(together.next_item[at])
        found += len(items[-1])
    network.train(training)
    if not states:
        return torch.empty(0), torch.empty(0)
    return torch.cat(states), torch.cat(items)


def _regress(states: Tensor, spread: Tensor, targets: Tensor) -> Tensor:
    """``(width, d)`` from centred states ``(n, width)`` to targets ``(n, d)``, whitened: a direction in
    which all items are alike tells little about which one it is."""
    targets = targets - targets.mean(0)
    weight = torch.linalg.solve(spread, states.T @ targets)
    inner = targets.T @ targets / len(targets)
    inner += WHITENING * inner.diagonal().mean() * torch.eye(len(inner), device=inner.device)
    return torch.linalg.solve(inner, weight.T).T
