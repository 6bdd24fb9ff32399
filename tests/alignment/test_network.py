"""The losses of a batch: what each of them is, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alignment.guide import Guide
from alignment.network import NEVER, OBEYING, Network
from alignment.packing import Branch, Window, collate, pack
from recsys.lm.base import load_base
from recsys.lm.composition import ItemRows
from recsys.lm.prompt import Prompts
from tests.made_lm import made_base, small_tokenizer

N = 6


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Network:
    torch.manual_seed(0)
    base = load_base(made_base(tmp_path_factory.mktemp("base")), 2)
    rows = ItemRows(np.eye(N, dtype=np.float32), np.ones((N, 3), np.float32), base.config.hidden_size)
    return Network(base, rows, 2, 4, 0.0, np.ones(N, bool)).eval()


@pytest.fixture(scope="module")
def batch(network):
    prompts = Prompts(small_tokenizer(), len(network.words))
    branch = Branch(2, ("2 items.",), (4, 2))
    return collate([pack(Window([1, 3], ["liked", "seen"], (branch,)), prompts)])


def told(permitted: list[list[int]], planned: list[int]) -> Guide:
    mask = torch.zeros(len(permitted), N, dtype=torch.bool)
    for place, rows in enumerate(permitted):
        mask[place, rows] = True
    nothing = torch.empty(0, N)
    return Guide(
        torch.ones(2, N) / N, nothing, torch.tensor([], dtype=torch.long), mask, torch.tensor(planned)
    )


def sharp(network, batch) -> torch.Tensor:
    """Probabilities of the whole vocabulary at the labels of the answer, as they are learned of."""
    rows_in, rows_out = network.rows()
    hidden = network.states(batch, rows_in)[batch.answer >= 0]
    logits = torch.cat([(hidden @ network.words.T).float(), hidden.float() @ rows_out.T], 1)
    return (logits / OBEYING).softmax(1)


@torch.no_grad()
def test_obeying_is_the_probability_of_all_that_may_be_said(network, batch) -> None:
    guide = told([[4, 2, 5], [2], []], [0, 1, 2])
    found, words = sharp(network, batch), len(network.words)
    end = int(batch.answer[batch.answer >= 0][-1])
    kept = [found[0, words + torch.tensor([4, 2, 5])].sum(), found[1, words + 2], found[2, end]]
    expected = -torch.stack(kept).log().mean()
    assert network(batch, None, guide).obeying == pytest.approx(float(expected), rel=1e-4)


@torch.no_grad()
def test_without_plans_nothing_is_to_be_obeyed(network, batch) -> None:
    assert network(batch).obeying == 0
    assert network(batch, None, told([], [])).obeying == 0


def test_rows_that_are_given_are_not_learned(network, batch) -> None:
    with torch.no_grad():
        rows = network.rows()
    losses = network(batch, None, told([[4, 2], [2], []], [0, 1, 2]), rows)
    network.zero_grad()
    (losses.next_item + losses.answer + losses.obeying).backward()
    assert all(p.grad is None for p in network.rows.parameters())
    assert any(p.grad is not None and p.grad.any() for p in network.peft.parameters())


@torch.no_grad()
def test_items_that_may_not_be_learned_are_as_good_as_impossible(network, batch) -> None:
    network.untrained[5] = True
    try:
        with_it, without = (
            network(batch, None, told([kept, [2], []], [0, 1, 2])).obeying for kept in ([4, 5], [4])
        )
    finally:
        network.untrained[5] = False
    assert torch.isclose(with_it, without) and NEVER < -1000
