"""Measures hyper-parameters of the teacher on the validation item:
``python -m recsys.sequence_tuning [DATASET] [NAME=VALUE …]``.

Trains on all but the last two interactions of each user with the default parameters, those named
changed, and after every few epochs ranks the last but one among the 5-core's items (full ranking).
``part=test`` ranks the last item instead, once, at the end.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np

from recsys.datasets import Dataset, five_core, leave_last_out, load_dataset
from recsys.metrics import hit_ratio, ndcg, rank_of
from recsys.sequence import SequenceModel, SequenceParams, fit_sequence, params_for

K, EVERY = 10, 5


def next_item_ranks(model: SequenceModel, dataset: Dataset, part: str = "valid") -> np.ndarray:
    """Ranks of the held-out item among the unseen items of the 5-core, one a user of it."""
    interactions = dataset.interactions
    split = leave_last_out(interactions)
    users, core = five_core(interactions, model.n_items)
    targets = split.valid if part == "valid" else split.test
    chosen = np.flatnonzero(users & (targets >= 0) & core[targets])
    bounds, back = interactions.bounds(), 2 if part == "valid" else 1
    histories = [interactions.item[bounds[user] : bounds[user + 1] - back] for user in chosen]
    ranks = []
    for start in range(0, len(chosen), 256):
        scores = model.scores(histories[start : start + 256])
        for own, history, target in zip(
            scores, histories[start : start + 256], targets[chosen[start : start + 256]], strict=True
        ):
            rest = core.copy()
            rest[history] = False
            rest[target] = True
            ranks.append(rank_of(own, int(target), rest))
    return np.array(ranks)


def train(dataset: Dataset, params: SequenceParams, part: str = "valid") -> SequenceModel:
    """Train once and print HR@10 and NDCG@10 as it goes."""

    def report(epoch: int, model: SequenceModel) -> None:
        if epoch == params.epochs or (part == "valid" and epoch % EVERY == 0):
            ranks = next_item_ranks(model, dataset, part)
            print(f"epoch {epoch}  {part}  HR@10 {hit_ratio(ranks, K).mean():.4f}", end="  ")
            print(f"NDCG@10 {ndcg(ranks, K).mean():.4f}", flush=True)

    train = leave_last_out(dataset.interactions).train
    say = lambda message: print(message, flush=True)  # noqa: E731
    return fit_sequence(train, len(dataset.catalog), params, say, after_epoch=report)


def main(words: list[str]) -> None:
    names = [word for word in words if "=" not in word] or ["ml-latest-small"]
    given: dict[str, Any] = dict(word.split("=", 1) for word in words if "=" in word)
    part = given.pop("part", "valid")
    dataset, params = load_dataset(names[0]), params_for(names[0])
    given = {name: type(getattr(params, name))(value) for name, value in given.items()}
    params = replace(params, **given)
    print(params, flush=True)
    train(dataset, params, part)


if __name__ == "__main__":
    main(sys.argv[1:])
