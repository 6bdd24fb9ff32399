"""The start of training: output rows that say of untrained states what came next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alignment.network import Network
from alignment.packing import Packed, Window, collate, pack
from alignment.probe import probe
from recsys.lm.composition import ItemRows
from recsys.lm.prompt import Prompts
from tests.made_lm import small_llama, small_tokenizer, words_of

N = 12


def _normal(rng: np.random.Generator, d: int) -> np.ndarray:
    return rng.normal(size=(N, d)).astype(np.float32)


def made(**options) -> tuple[Network, list[Packed]]:
    """A network, and histories in which every item has its follower."""
    tokenizer = small_tokenizer()
    base = small_llama(words_of(tokenizer), tied=True, spread=0.1)
    rng = np.random.default_rng(0)
    rows = ItemRows(_normal(rng, 4), _normal(rng, 5), 16, uses=np.ones(N), **options)
    prompts = Prompts(tokenizer, words_of(tokenizer))
    starts = rng.integers(0, N, 40)
    windows = [Window([int(start + step) % N for step in range(8)], ["liked"] * 8) for start in starts]
    network = Network(base, rows, 2, 4, 0.0, np.ones(N, bool))
    return network, [pack(window, prompts) for window in windows]


@torch.no_grad()
def loss(network: Network, windows: list[Packed]) -> float:
    network.eval()
    batch = collate(windows)
    rows_in, rows_out = network.rows()
    at = batch.next_item >= 0
    states = network.states(batch, rows_in)[at].float()
    return float(F.cross_entropy(states @ rows_out.T, batch.next_item[at]))


def test_it_finds_what_the_states_tell() -> None:
    network, windows = made()
    before = loss(network, windows)
    probe(network, iter(windows))
    assert loss(network, windows) < min(before, np.log(N)) - 0.3


def test_rows_have_only_biases_along_the_constant_part() -> None:
    network, windows = made()
    probe(network, iter(windows))
    rows = network.rows
    _, out = rows()
    constant = rows.along / rows.per_logit.norm()
    assert torch.allclose(out @ constant, rows.level + rows.bias, atol=1e-3)


def test_parts_that_are_left_out_stay_out() -> None:
    network, windows = made(parts=("text",))
    start = network.rows.cf["out"].weight.clone()
    probe(network, iter(windows))
    assert torch.equal(network.rows.cf["out"].weight, start)


def test_tied_rows_learn_the_constant_part_alone() -> None:
    network, windows = made(tied=True)
    start = network.rows.text["in"].weight.clone()
    probe(network, iter(windows))
    assert network.rows.along.any() and torch.equal(network.rows.text["in"].weight, start)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_changes(training) -> None:
    network, windows = made()
    network.train(training)
    kept = {name: p.clone() for name, p in network.named_parameters() if ".out." not in name}
    probe(network, iter(windows))
    assert network.training is training
    assert all(torch.equal(network.get_parameter(name), value) for name, value in kept.items())


def test_no_histories_change_nothing() -> None:
    network, _ = made()
    before = network.rows()[1].clone()
    probe(network, iter(()))
    assert torch.equal(network.rows()[1], before)
