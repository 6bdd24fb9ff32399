"""GRPO on a model of a few thousand weights."""

from __future__ import annotations

import csv
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from alignment.grpo import GRPOParams, run_grpo
from alignment.grpo_trainer import Judge, Prompt, token_advantages
from alignment.rewards import Wish
from alignment.rollouts import log_probabilities, sample
from alignment.training import StopRequest, TrainingError, last_checkpoint
from recsys.controls import Clause, ControlIntent
from recsys.lm.adapter import Manifest, _merge, load_tensors, read_manifest
from recsys.lm.model import ItemTokenModel
from tests.made_lm import small_llama
from tests.recsys.made_use import made_dataset

CATALOG = made_dataset(n_items=12).catalog
END, WORDS = 0, 8  # token 0 ends, 1..7 are words, 8..19 items
BLUE = ControlIntent(count=2, require=(Clause(facet="color", any_of=("Blue",)),)).compile(CATALOG)


def small_model(seed: int = 0) -> LlamaForCausalLM:
    return small_llama(WORDS + 12, seed)


def small_tokenizer() -> PreTrainedTokenizerFast:
    words = {"<end>": END} | {f"w{n}": n for n in range(1, WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


def prompt(number: int) -> Prompt:
    ids = (1 + number % 7, *range(1, 3 + number % 4))
    return Prompt(ids, Wish(BLUE, frozenset({number % 12}), np.arange(12, dtype=np.int32), 4))


JUDGE = Judge(prompt, WORDS, 12, END)
SMALL = GRPOParams(steps=4, prompts=2, group=4, rank=4, warmup=1, save_every=2, learning_rate=0.01)


PARENT = Manifest("toys-sft", "sft", "small", "0", 2, "toys", 12, 4, 4, sha256="1", metrics={"HR@10": 0.1})


def train(
    work: Path, params: GRPOParams = SMALL, model: LlamaForCausalLM | None = None
) -> list[dict[str, str]]:
    whole = ItemTokenModel(model or small_model(), small_tokenizer(), CATALOG)
    run_grpo(whole, PARENT, prompt, work / "toys-grpo", work, params)
    with (work / "curves.csv").open() as file:
        return list(csv.DictReader(file))


def test_an_answer_becomes_rows_and_token_rewards() -> None:
    assert JUDGE.rows([WORDS + 2, 3, WORDS + 11, END]) == [2, -1, 11]
    wish = prompt(0).wish
    right, short, endless = [WORDS + 4, WORDS + 2, END], [WORDS + 4, END], [WORDS + 4] + [WORDS + 2] * 3
    assert JUDGE.token_rewards(right, wish) == pytest.approx([1, 0.5 / np.log2(5) + 0.5, 1])
    assert JUDGE.token_rewards(short, wish) == pytest.approx([1, -1])
    assert JUDGE.token_rewards(endless, wish)[2:] == pytest.approx([-1, -1])
    assert JUDGE.token_rewards([], wish).shape == (0,)


def test_a_hold_keeps_the_foresight(tmp_path: Path) -> None:
    def last(hold: float) -> float:
        params = replace(SMALL, steps=8, hold=hold, learning_rate=0.02)
        model, shifts = ItemTokenModel(small_model(), small_tokenizer(), CATALOG), []

        def profiled(number: int) -> Prompt:
            return replace(prompt(number), profile=2)

        run_grpo(model, PARENT, profiled, tmp_path / f"toys-{hold}", tmp_path / f"work-{hold}", params)
        with (tmp_path / f"work-{hold}" / "curves.csv").open() as file:
            shifts = [float(record["foresight"]) for record in csv.DictReader(file)]
        assert len(shifts) == 8 and shifts[0] == pytest.approx(0, abs=1e-6)
        return sum(shifts[4:])

    assert last(50.0) < last(1e-9) * 2 / 3


def test_token_advantages_compare_within_group_and_place() -> None:
    rewards = [np.array([1.0, 1.0]), np.array([0.0]), np.array([3.0]), np.array([3.0, 5.0])]
    advantages = token_advantages(rewards, group=2)
    # deviations: (.5, -.5 | 0) over 3 tokens, and (0, 0 | 0) over 3
    assert advantages[:2] == pytest.approx(np.array([[0.5, 0], [-0.5, 0]]) / np.sqrt(0.5 / 3), rel=1e-3)
    assert not advantages[2:].any()


@pytest.mark.parametrize("first", [None, WORDS])
def test_log_probabilities_are_those_of_the_plain_way(first: int | None) -> None:
    model = small_model()
    prompts, answers = [[1, 2, 3, 4], [5, 6]], [[9, 10, END], [11, 3, 3], [9, 12, 9 if first is None else 14]]
    whose = [1, 0, 1]
    pairs = [(prompts[p], answer) for p, answer in zip(whose, answers, strict=True)]
    ids = torch.tensor([[END] * (4 - len(prompt)) + prompt + answer for prompt, answer in pairs])
    mask = torch.tensor([[0] * (4 - len(prompt)) + [1] * (len(prompt) + 3) for prompt, _ in pairs])
    logs, entropy = log_probabilities(model, ids, mask, 3, temperature=0.7, first=first)
    assert entropy is not None
    logs.sum().backward()
    weight = model.model.layers[0].self_attn.k_proj.weight
    gradient, weight.grad = weight.grad.clone(), None
    for i, (prompt, answer) in enumerate(pairs):
        logits = model(torch.tensor([prompt + answer])).logits[0, -4:-1] / 0.7
        for place in range(3 if first else 0):
            logits[place, [token for token in answer[:place] if token >= WORDS]] = -1e9
        plain = torch.log_softmax(logits, -1)
        assert torch.allclose(logs[i], plain[range(3), answer], atol=1e-5)
        assert torch.allclose(entropy[i], -(plain.exp() * plain).sum(-1), atol=1e-5)
        plain[range(3), answer].sum().backward()
    assert torch.allclose(gradient, weight.grad, atol=1e-4)


def test_sampling_follows_the_model_and_ends() -> None:
    model, prompts = small_model(), [[1, 2, 3], [4, 5], [4, 5]]
    cold = sample(model, prompts, [5, 5, 2], END, temperature=1e-4)
    for answer, ids, limit in zip(cold, prompts, [5, 5, 2], strict=True):
        plain: list[int] = []
        while len(plain) < limit and END not in plain:
            plain.append(int(model(torch.tensor([ids + plain])).logits[0, -1].argmax()))
        assert answer == plain
    warm = sample(model, [[1, 2]] * 200, [6] * 200, END, temperature=2.0)
    assert all(END not in answer[:-1] and (len(answer) == 6 or answer[-1] == END) for answer in warm)
    assert len({tuple(answer) for answer in warm}) > 100


def test_no_item_is_drawn_twice_but_words_are() -> None:
    answers = sample(small_model(), [[1, 2]] * 300, [8] * 300, END, temperature=3.0, first=WORDS)
    items = [[token for token in answer if token >= WORDS] for answer in answers]
    words = [[token for token in answer if 0 < token < WORDS] for answer in answers]
    assert all(len(set(own)) == len(own) for own in items) and max(map(len, items)) > 4
    assert any(len(set(own)) < len(own) for own in words)


def test_training_writes_curves_and_an_adapter_and_raises_rewards(tmp_path: Path) -> None:
    rows = train(
        tmp_path, GRPOParams(steps=30, prompts=2, group=8, rank=8, warmup=1, learning_rate=0.03, beta=0.0001)
    )
    assert [int(row["step"]) for row in rows] == list(range(1, 31))
    assert {"reward/items", "reward/list", "errors/repeat", "errors/non_exist", "kl"} <= set(rows[0])
    early, late = (np.mean([float(row["reward/items"]) for row in part]) for part in (rows[:5], rows[-5:]))
    assert late > early + 0.5
    assert float(rows[-1]["kl"]) > 0
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_adapter_is_the_trained_model(tmp_path: Path) -> None:
    train(tmp_path)
    trained = small_model()
    manifest = read_manifest(tmp_path / "toys-grpo")
    _merge(trained, manifest, load_tensors(tmp_path / "toys-grpo", manifest))
    assert (manifest.name, manifest.stage, manifest.parent) == ("toys-grpo", "grpo", "toys-sft")
    assert manifest.parent_sha256 == "1" and manifest.metrics == {}
    assert manifest.training["steps"] == 4 and manifest.training["last"]["kl"] > 0
    # the LoRA of the last checkpoint, by peft's own hand
    peft = PeftModel.from_pretrained(small_model(), tmp_path / "checkpoint-4")
    ids = torch.tensor([[1, 2, 3, 9]])
    assert torch.allclose(trained(ids).logits, peft(ids).logits, atol=0.02)
    assert not torch.allclose(small_model()(ids).logits, peft(ids).logits, atol=0.05)


@pytest.mark.parametrize("credit", ["token", pytest.param("sum", marks=pytest.mark.slow)])
def test_going_on_gives_what_one_go_gives(tmp_path: Path, credit: str) -> None:
    def params(steps: int) -> GRPOParams:
        return GRPOParams(steps=steps, prompts=2, group=4, rank=4, save_every=2, credit=credit)  # type: ignore[arg-type]

    whole = train(tmp_path / "whole", params(4))
    train(tmp_path / "parts", params(2))
    (tmp_path / "parts" / "checkpoint-3").mkdir()  # as if killed while writing
    parts = train(tmp_path / "parts", params(4))
    for key in ("reward/items", "kl", "loss"):
        assert [row[key] for row in parts] == [row[key] for row in whole]


def test_parent_and_settings_of_a_checkpoint_are_the_same_or_refused(tmp_path: Path) -> None:
    train(tmp_path, replace(SMALL, steps=2))
    refused = pytest.raises(TrainingError, match="another parent, on other data or with other settings")
    with refused:
        train(tmp_path, replace(SMALL, temperature=0.9))
    whole = ItemTokenModel(small_model(), small_tokenizer(), CATALOG)
    with refused:
        run_grpo(whole, replace(PARENT, sha256="2"), prompt, tmp_path / "toys-grpo", tmp_path, SMALL)
    assert len(train(tmp_path, replace(SMALL, steps=3))) == 3  # how far it goes is free
    (tmp_path / "training.sha256").unlink()
    with refused:  # of what, nobody knows
        train(tmp_path)


def test_no_time_left_is_one_step_and_a_checkpoint(tmp_path: Path) -> None:
    rows = train(tmp_path, GRPOParams(steps=50, minutes=1e-6, prompts=2, group=4, rank=4))
    assert len(rows) == 1
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-1"


def test_ctrl_c_ends_after_the_step_and_the_second_at_once(tmp_path: Path) -> None:
    stop = StopRequest()
    with stop.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 1)
    assert not StopRequest()


def test_bad_numbers_stop_with_what_is_good_kept(tmp_path: Path) -> None:
    train(tmp_path, replace(SMALL, steps=2))
    broken = small_model()
    broken.lm_head.weight.data[3] = float("nan")
    with pytest.raises(TrainingError, match="checkpoint-2 .* last good state"):
        train(tmp_path, SMALL, broken)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-2"


def test_a_bad_gradient_never_reaches_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alignment import grpo_trainer

    monkeypatch.setattr(grpo_trainer, "token_advantages", lambda rewards, group: np.full((8, 4), np.nan))
    with pytest.raises(TrainingError, match="nothing was saved yet"):
        train(tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_an_unreadable_state_is_no_checkpoint(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step, text in ((5, json.dumps({})), (10, "{"), (2, "{}")):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(text)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-5"
