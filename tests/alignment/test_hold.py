"""The hold on foresight: nothing before training, and the plain divergence after it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model

from alignment.hold import PLACES, foresight_shift
from alignment.trainers import lora_of
from tests.made_lm import small_llama

FIRST, ITEMS, FILLER = 8, 12, 0
PROFILES = [(1, 9, 10), (1, 2, 11, 9, 15), (1, *range(8, 8 + PLACES + 2))]


def moved(by: float) -> Any:
    """A model with a LoRA that changes what it says."""
    torch.manual_seed(0)
    model = get_peft_model(small_llama(FIRST + ITEMS), lora_of(4))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=by)
    return model


def shift(model: Any, profiles: list[tuple[int, ...]]) -> float:
    with torch.no_grad():
        return float(foresight_shift(model, profiles, FIRST, FILLER))


def test_an_untrained_model_has_not_shifted() -> None:
    assert shift(moved(0.0), PROFILES) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("profile", PROFILES)
def test_it_is_the_divergence_of_the_next_items(profile: tuple[int, ...]) -> None:
    model = moved(0.3)

    def logs() -> torch.Tensor:
        every = model(input_ids=torch.tensor([profile])).logits[0, -PLACES:, FIRST:]
        return every.double().log_softmax(-1)

    with torch.no_grad():
        now = logs()
        with model.disable_adapter():
            before = logs()
    expected = float((before.exp() * (before - now)).sum(-1).mean())
    assert expected > 1e-3
    assert shift(model, [profile]) == pytest.approx(expected, rel=1e-3)


def test_neither_neighbours_nor_copies_matter() -> None:
    model = moved(0.3)
    alone = [shift(model, [profile]) for profile in PROFILES]
    together = shift(model, [*PROFILES, PROFILES[0], PROFILES[0]])
    places = [min(len(profile), PLACES) for profile in PROFILES]
    mean = sum(a * n for a, n in zip(alone, places, strict=True)) / sum(places)
    assert together == pytest.approx(mean, rel=1e-3)


def test_only_the_adapter_learns_from_it_and_it_leads_back() -> None:
    model = moved(0.3)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.05)
    shifts = []
    for _ in range(20):
        loss = foresight_shift(model, PROFILES, FIRST, FILLER)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shifts.append(float(loss.detach()))
    assert shifts[-1] < shifts[0] / 2
    assert all(p.grad is None for p in model.parameters() if not p.requires_grad)
