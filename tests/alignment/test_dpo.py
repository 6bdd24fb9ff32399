"""DPO on a model of a few thousand weights, and the loop of simulated votes."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from alignment.dpo import DPOParams, align_dpo, encode, encode_foreseen, preference_odds, run_dpo
from alignment.dpo_trainer import Tokens, collate, list_logs, score_pairs
from alignment.preferences import Context, Pair, split
from alignment.simulated import HiddenPreference, compare, draw_requests, sample_list, simulate_votes
from alignment.sources import Sources
from alignment.training import TrainingError, last_checkpoint
from recsys.controls import ControlIntent
from recsys.errors import TillerError
from recsys.lm.adapter import Manifest, load_model, read_manifest
from recsys.lm.model import ItemTokenModel
from tests.alignment.made_sources import sources_of, untrained_adapter
from tests.made_lm import made_base, small_llama, small_model
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(n_items=24, n_users=24)
CATALOG = DATASET.catalog
PARENT = Manifest("toys-sft", "sft", "small", "0", 2, "toys", 24, 4, 4, sha256="1", metrics={"hr": 0.1})
SMALL = DPOParams(epochs=1, batch=4, rank=2, warmup=1, save_every=2, learning_rate=0.01)
OLDER = HiddenPreference("year", -1, noise=0.1)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return sources_of(DATASET, made_base(tmp_path_factory.mktemp("base") / "small"))


def votes(n: int) -> list[Pair]:
    """Low rows are better than high ones, for people with one like each."""
    rng, out = np.random.default_rng(0), []
    for number in range(n):
        low, high = rng.permutation(12)[:3], 12 + rng.permutation(12)[:3]
        liked = CATALOG.ids[number % 24]
        out.append(
            Pair(
                context=Context(profile=((liked, "liked"),), intent=ControlIntent(count=3), catalog="toys"),
                chosen_items=tuple(CATALOG.ids[row] for row in low),
                rejected_items=tuple(CATALOG.ids[row] for row in high),
            )
        )
    return out


def train(
    work: Path, params: DPOParams = SMALL, model: ItemTokenModel | None = None, n: int = 16
) -> Manifest:
    return run_dpo(model or small_model(CATALOG), PARENT, votes(n), work / "toys-dpo", work, params)


def curves(work: Path) -> list[dict[str, str]]:
    with (work / "curves.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_pair_is_the_products_prompt_and_two_lists() -> None:
    model = small_model(CATALOG)
    ids = CATALOG.ids
    pair = Pair(
        context=Context(profile=((ids[3], "liked"), (ids[4], "seen")), catalog="toys"),
        chosen_items=(ids[1], ids[2]),
        rejected_items=tuple(ids[:24]),
    )
    tokens = encode(pair, model, history=1)
    text = model.full_tokenizer().decode(tokens.prompt)
    assert "~<|item_4|>" in text and "<|item_3|>" not in text and "5 items" in text
    assert tokens.chosen == (model.first + 1, model.first + 2, model.end)
    assert tokens.rejected == tuple(model.first + row for row in range(20))  # cut: it does not end there
    foreseen = encode_foreseen(pair, model, history=1)
    assert foreseen.prompt == tokens.prompt[: len(foreseen.prompt)] and foreseen.prompt[-1] == model.first + 4
    assert foreseen.chosen == tokens.chosen[:-1] and foreseen.rejected == tokens.rejected


def test_a_vote_is_learned_at_the_profiles_end_too_where_foresight_counts(tmp_path) -> None:
    parent = replace(PARENT, foresight=4.0)
    manifest = run_dpo(small_model(CATALOG), parent, votes(8), tmp_path / "toys-dpo", tmp_path, SMALL)
    assert manifest.training["pairs"] == 8 and manifest.training["steps"] == 4  # 16 by fours
    assert manifest.foresight == 4.0


def test_scores_are_those_of_the_plain_way() -> None:
    model = small_llama(40)
    pairs = [Tokens((3, 4, 5, 6), (10, 11, 2), (12, 2)), Tokens((7, 8), (13, 2), (14, 15, 16))]
    found = score_pairs(model, pairs, filler=2)
    for pair, scores in zip(pairs, found, strict=True):
        for answer, score in zip((pair.chosen, pair.rejected), scores, strict=True):
            ids = torch.tensor([[*pair.prompt, *answer]])
            logs = torch.log_softmax(model(ids).logits[0, len(pair.prompt) - 1 : -1], -1)
            assert logs[range(len(answer)), answer].sum().item() == pytest.approx(score, abs=1e-4)
    logs, entropy = list_logs(model, collate(pairs, 2))
    assert logs.shape == entropy.shape == (4, 3)
    assert logs[2, 2] == logs[1, 2] == 0 and (entropy[0] > 0).all()


def test_the_first_step_is_the_loss_by_hand(tmp_path) -> None:
    """Before anything is learned the odds are even: log 2, and the anchor's likelihood."""
    model = small_model(CATALOG)
    tokens = [encode(pair, model, SMALL.history) for pair in votes(16)]
    chosen = score_pairs(model.model, tokens, model.end)[:, 0]
    train(tmp_path, replace(SMALL, batch=16))
    [row] = curves(tmp_path)
    assert float(row["loss"]) == pytest.approx(np.log(2) - 0.1 * chosen.sum() / (16 * 4), abs=1e-3)
    assert float(row["margin"]) == pytest.approx(0, abs=1e-4)
    assert float(row["logs/chosen"]) == pytest.approx(chosen.mean(), abs=1e-2)


def test_training_prefers_the_chosen_and_writes_curves_and_an_adapter(tmp_path) -> None:
    manifest = train(tmp_path, replace(SMALL, epochs=4, learning_rate=0.02))
    rows = curves(tmp_path)
    assert [int(row["step"]) for row in rows] == list(range(1, 17))
    assert float(rows[-1]["margin"]) > 0.2 and float(rows[-1]["accuracy"]) == 1
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert (manifest.name, manifest.stage, manifest.parent) == ("toys-dpo", "dpo", "toys-sft")
    assert manifest.parent_sha256 == "1" and manifest.metrics == {}
    assert manifest.training["pairs"] == 16 and manifest.training["steps"] == 16


def test_going_on_gives_what_one_go_gives(tmp_path) -> None:
    train(tmp_path / "whole", replace(SMALL, epochs=1))
    train(tmp_path / "parts", replace(SMALL, minutes=1e-6))  # one step, and a checkpoint
    assert last_checkpoint(tmp_path / "parts") == tmp_path / "parts" / "checkpoint-1"
    (tmp_path / "parts" / "checkpoint-3").mkdir()  # as if killed while writing
    train(tmp_path / "parts", replace(SMALL, epochs=1))
    whole, parts = curves(tmp_path / "whole"), curves(tmp_path / "parts")
    assert [row["loss"] for row in parts] == [row["loss"] for row in whole]


def test_votes_parent_and_settings_of_a_checkpoint_are_the_same_or_refused(tmp_path) -> None:
    train(tmp_path, replace(SMALL, minutes=1e-6))
    refused = pytest.raises(TrainingError, match="another parent, on other data or with other settings")
    with refused:
        train(tmp_path, n=12)
    with refused:
        train(tmp_path, replace(SMALL, beta=5.0))
    other = replace(PARENT, sha256="2")
    with refused:
        run_dpo(small_model(CATALOG), other, votes(16), tmp_path / "toys-dpo", tmp_path, SMALL)
    assert train(tmp_path, replace(SMALL, epochs=1)).training["steps"] == 4  # how far it goes is free


def test_bad_numbers_stop_with_what_is_good_kept(tmp_path, monkeypatch) -> None:
    from alignment import dpo_trainer

    broken = small_model(CATALOG)
    broken.model.lm_head.weight.data[5] = float("nan")
    with pytest.raises(TrainingError, match="no finite numbers"):
        train(tmp_path, model=broken)
    train(tmp_path, replace(SMALL, minutes=1e-6))
    kept = (tmp_path / "toys-dpo" / "manifest.json").read_bytes()

    def bad(*arguments):
        logs, entropy = list_logs(*arguments)
        return logs * float("nan"), entropy

    monkeypatch.setattr(dpo_trainer, "list_logs", bad)
    monkeypatch.setattr(dpo_trainer, "score_pairs", lambda model, pairs, filler: np.zeros((len(pairs), 2)))
    with pytest.raises(TrainingError, match="checkpoint-1 .* last good state"):
        train(tmp_path)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-1"
    assert (tmp_path / "toys-dpo" / "manifest.json").read_bytes() == kept
    with pytest.raises(TrainingError, match="no pair"):
        run_dpo(small_model(CATALOG), PARENT, [], tmp_path / "x", tmp_path)


def test_a_simulated_annotator_votes_on_sound_lists(sources, tmp_path) -> None:
    ranker = sources.ranker(untrained_adapter(sources, tmp_path / "toys-sft"))
    asked = draw_requests(sources, 12, seed=0, voters=True)
    others = draw_requests(sources, 12, seed=0, voters=False)
    assert not {one.context.key for one in asked} & {one.context.key for one in others}
    exact = HiddenPreference("year", -1, noise=0)
    pairs = list(simulate_votes(ranker, CATALOG, asked, exact))
    assert len(pairs) > 8
    assert pairs[0].chosen_items == next(simulate_votes(ranker, CATALOG, asked, exact)).chosen_items
    requests = {one.context.key: one.request for one in asked}
    for pair in pairs:
        chosen, rejected = (CATALOG.rows(items) for items in (pair.chosen_items, pair.rejected_items))
        assert exact.mean(CATALOG, chosen) < exact.mean(CATALOG, rejected)
        for rows in (chosen, rejected):
            assert all(line.met for line in requests[pair.context.key].plan.constraints.report(rows.tolist()))
    with pytest.raises(TillerError, match="no numeric facet “size”"):
        next(simulate_votes(ranker, CATALOG, asked, HiddenPreference("size")))


def test_noise_turns_votes_round() -> None:
    rng, low, high = np.random.default_rng(0), [0, 1], [5, 6]
    cast = [HiddenPreference("year", -1, 0.3).vote(CATALOG, low, high, rng) for _ in range(300)]
    assert 0.6 < np.mean([vote == (low, high) for vote in cast]) < 0.8
    assert HiddenPreference("year", 1, 0).vote(CATALOG, low, high, rng) == (high, low)
    assert OLDER.vote(CATALOG, low, low[::-1], rng) is None


def test_cold_sampling_is_the_rankers_own_list(sources, tmp_path) -> None:
    ranker = sources.ranker(untrained_adapter(sources, tmp_path / "toys-sft"))
    for one in draw_requests(sources, 3, seed=1, voters=True):
        cold = sample_list(ranker, one.request, np.random.default_rng(0), 1e-4)
        assert cold == ranker.lists([one.request], "guarded")[0]


def test_held_out_odds_rise_and_the_manifest_says_so(sources, tmp_path) -> None:
    parent, adapter = (
        untrained_adapter(sources, tmp_path / "given" / "toys-sft"),
        tmp_path / "own" / "toys-dpo",
    )
    params = DPOParams(epochs=4, batch=4, rank=2, warmup=1, learning_rate=0.02, held_out=0.2)
    said: list[str] = []
    align_dpo(sources, parent, votes(24), adapter, tmp_path / "work", params, said.append)

    _, held_out = split(votes(24), 0.2)
    odds = [preference_odds(sources.ranker(f).model, held_out, 40) for f in (parent, adapter)]
    assert len(held_out) == 5 and odds[1].mean() > max(odds[0].mean(), 0)
    assert (odds[1] > odds[0]).sum() >= 4
    manifest = read_manifest(adapter)
    told = manifest.training["held_out"]
    assert told["pairs"] == 5 and told["after"]["odds"] == pytest.approx(odds[1].mean(), abs=1e-3)
    shares = {"preferred_before": (odds[0] > 0).mean(), "preferred": (odds[1] > 0).mean()}
    assert manifest.metrics == shares and shares["preferred"] >= 0.8
    assert (manifest.catalog, manifest.parent) == ("toys", "toys-sft")
    assert said[-1].startswith(
        f"Held-out pairs whose chosen list is the likelier one: {shares['preferred']:.3f}"
    )

    # the parent was brought beside its child, which is loaded from there
    load_model(adapter, CATALOG, tmp_path / "data")
    with pytest.raises(TrainingError, match="another name"):
        align_dpo(sources, adapter, votes(24), adapter, tmp_path / "again", params)
    untrained_adapter(sources, tmp_path / "else" / "toys-sft", seed=1)
    with pytest.raises(TrainingError, match="another adapter than"):
        align_dpo(sources, tmp_path / "else" / "toys-sft", votes(24), adapter, tmp_path / "again", params)


def test_votes_move_the_lists_of_people_who_were_not_asked(sources, tmp_path) -> None:
    toys = sources_of(made_dataset(n_items=40), sources.base)  # years as the rows
    parent = untrained_adapter(toys, tmp_path / "toys-sft")
    before, catalog = toys.ranker(parent), toys.catalog
    asked = draw_requests(toys, 100, seed=0, voters=True)
    pairs = list(simulate_votes(before, catalog, asked, OLDER, temperature=1.0))
    params = DPOParams(epochs=3, batch=8, rank=4, warmup=1, learning_rate=0.01)
    align_dpo(toys, parent, pairs, tmp_path / "toys-dpo", tmp_path / "work", params)

    unseen = draw_requests(toys, 40, seed=1, voters=False)
    found = compare(before, toys.ranker(tmp_path / "toys-dpo"), catalog, unseen, OLDER)
    shifts = {(shift.decoding, shift.measure): shift for shift in found.shifts()}
    assert shifts["guarded", "mean year"].change.high < 0, found.table()
    assert shifts["guarded", "controls met"].after.mean == 1
    assert "| guarded | mean year |" in found.table() and len(found.table().splitlines()) == 6
    found.plot(tmp_path / "moved.png")
    assert (tmp_path / "moved.png").stat().st_size > 10_000
