"""SFT on a model of a few thousand weights: it learns, stops, goes on and refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import accelerate
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from alignment import sft
from alignment import sources as made_of
from alignment.data import WindowParams, Windows
from alignment.sft import CHECKPOINT, LOG, PRACTISED, SFTParams, _Run, run_sft
from alignment.sources import Sources, load_sources
from alignment.training import StopRequest, TrainingError
from recsys.accuracy import hidden_items
from recsys.datasets import Dataset, leave_last_out
from recsys.errors import TillerError
from recsys.interactions import Interactions, no_interactions
from recsys.lm.adapter import WEIGHTS, load_model, read_manifest
from recsys.lm.base import base_hash
from recsys.settings import Settings
from tests.alignment.made_sources import sources_of
from tests.made_lm import made_base
from tests.recsys.made_use import made_dataset

PARAMS = SFTParams(
    layers=2,
    rank=2,
    alpha=4,
    epochs=1,
    practice=1,
    own_lists=True,
    batch=4,
    warmup=2,
    save_every=1000,
    windows=WindowParams(history=8),
    practised=WindowParams(history=8, shortest=3, branches=4, firsts=0),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return made_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def sources(base) -> Sources:
    return sources_of(made_dataset(n_items=24, n_users=24), base)


def train(sources: Sources, folder: Path, params: SFTParams = PARAMS) -> Path:
    made = run_sft(sources, folder / "work", folder / "toys-sft", params)
    assert made is not None
    return made


def run_of(sources: Sources, folder: Path, params: SFTParams) -> _Run:
    work = folder / "work" / ("" if params.epochs else PRACTISED)
    return _Run(sources, work, folder / "toys-sft", params, StopRequest(), lambda message: None)


@pytest.fixture(scope="module")
def whole(sources, tmp_path_factory) -> Path:
    """The practised adapter of a training in one go, beside its parent; no test changes them."""
    return train(sources, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def trained(sources, tmp_path_factory) -> Path:
    """Where a training of one epoch lies."""
    folder = tmp_path_factory.mktemp("trained")
    train(sources, folder, replace(PARAMS, practice=0))
    return folder


@pytest.fixture
def begun(trained, tmp_path) -> Path:
    """A training of one epoch of the test's own, to go on with."""
    return Path(shutil.copytree(trained, tmp_path, dirs_exist_ok=True))


def weights(adapter: Path) -> str:
    return read_manifest(adapter).sha256


class StopAfter:
    """A stop request after so many looks at it."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self, minutes: float | None) -> StopRequest:
        request, after = StopRequest(), self

        class Counting(StopRequest):
            def __bool__(self) -> bool:
                after.left -= 1
                self.interrupted = after.left <= 0
                return self.interrupted

        request.__class__ = Counting
        return request


def test_the_loss_falls(sources, tmp_path) -> None:
    items = np.concatenate([(user + np.arange(10)) % 24 for user in range(24)])  # one after the other
    users = np.repeat(np.arange(24), 10)
    walks = Interactions.sorted(list(range(24)), users, items, np.full(240, 5.0), np.arange(240))
    orderly = sources_of(Dataset(sources.catalog, walks), sources.base)
    train(orderly, tmp_path, replace(PARAMS, epochs=8, practice=0, learning_rate=0.01, row_rate=0.03))
    log = [json.loads(line) for line in (tmp_path / "work" / LOG).read_text().splitlines()]
    assert log[-1]["next_item"] < log[0]["next_item"] - 0.1
    assert log[-1]["answer"] < log[0]["answer"] - 0.2


@pytest.mark.parametrize(("history", "shortest"), [(8, None), (8, 3), (4, 4)])
def test_pieces_are_the_histories_and_of_the_sizes_asked_for(sources, history, shortest) -> None:
    params = WindowParams(history=history, shortest=shortest)
    windows = Windows(sources.train, sources.maker(0), np.ones(24, bool), params, 0)
    spans = sorted(windows.spans(0))
    covered = np.concatenate([np.arange(begin, end) for begin, end in spans])
    assert len(set(covered.tolist())) == len(covered)  # nothing twice, nothing but single entries left out
    assert all(2 <= end - begin <= history for begin, end in spans)
    bounds = set(sources.train.bounds().tolist())
    left = np.setdiff1d(np.arange(len(sources.train)), covered)
    ends = bounds | {begin for begin, _ in spans} | {end for _, end in spans}
    assert all(row in ends and row + 1 in ends for row in left.tolist())
    if shortest:
        assert all(end - begin >= shortest or end in bounds or end + 1 in bounds for begin, end in spans)


def test_practice_makes_answers_obey_and_is_a_child_with_its_parents_rows(sources, begun) -> None:
    parent = read_manifest(begun / "toys-sft")
    before = load_model(begun / "toys-sft", sources.catalog, begun).model
    adapter = train(sources, begun, replace(PARAMS, practice=6))
    child = read_manifest(adapter)
    assert (child.name, child.stage, child.parent) == ("toys-practice", "practice", "toys-sft")
    assert child.parent_sha256 == parent.sha256 == read_manifest(begun / "toys-sft").sha256
    assert {name.split(".")[0] for name in load_file(adapter / WEIGHTS)} == {"lora", "norm"}
    after = load_model(adapter, sources.catalog, begun).model
    assert torch.equal(before.lm_head.weight, after.lm_head.weight)
    ids = torch.tensor([[1, 2, 3]])
    assert not torch.allclose(before(ids).logits, after(ids).logits, atol=1e-3)
    log = (begun / "work" / PRACTISED / LOG).read_text().splitlines()
    obeying = [json.loads(line)["obeying"] for line in log]
    assert obeying[-1] < obeying[0] - 0.1


def test_practice_goes_on_from_the_epoch_that_was_kept(sources, begun, monkeypatch) -> None:
    figures = iter([{"hr": 0.5, "ndcg": 0.3}, {"hr": 0.4, "ndcg": 0.1}, {"hr": 0.3, "ndcg": 0.05}])
    monkeypatch.setattr(Sources, "measure", lambda self, adapter: next(figures))
    train(sources, begun / "two", replace(PARAMS, epochs=2, practice=0))
    assert read_manifest(begun / "two" / "toys-sft").metrics["ndcg"] == 0.3  # the first epoch
    run = run_of(sources, begun / "two", replace(PARAMS, epochs=0))
    for name, tensor in run.network.child_tensors(run.below, 2.0).items():
        if name.endswith(".B"):
            assert not tensor.any(), name
    assert read_manifest(run.train()).metrics["ndcg"] == 0.05  # though it ranks worse


def test_more_epochs_after_practice_go_on_with_what_was_learned_before_it(
    sources, whole, begun, tmp_path
) -> None:
    never_practised = train(sources, begun, replace(PARAMS, epochs=2, practice=0))
    shutil.copytree(whole.parent, tmp_path / "late")
    parent = train(sources, tmp_path / "late", replace(PARAMS, epochs=2, practice=0))
    assert weights(parent) == weights(never_practised)
    kept = weights(train(sources, tmp_path / "late", replace(PARAMS, epochs=1, practice=0)))
    assert kept == weights(parent)  # fewer than are done: nothing to do
    with pytest.raises(TrainingError, match="another parent"):  # than the one that practised
        train(sources, tmp_path / "late", replace(PARAMS, epochs=2))


def test_an_adapter_without_its_training_can_practise(sources, begun) -> None:
    shutil.rmtree(begun / "work")
    before = weights(begun / "toys-sft")
    plainly = replace(PARAMS, epochs=0, own_lists=False)
    child = train(sources, begun, plainly)
    assert read_manifest(child).parent_sha256 == before == weights(begun / "toys-sft")
    assert weights(child) == weights(train(sources, begun, plainly))  # nothing more to do
    other = train(sources, begun / "other", replace(PARAMS, practice=0, seed=5))
    shutil.copytree(other, begun / "toys-sft", dirs_exist_ok=True)
    with pytest.raises(TrainingError, match="another parent"):
        train(sources, begun, plainly)


@pytest.mark.parametrize(
    ("name", "of", "said"), [("toys-sft", 1, "rank 2"), ("toys-practice", 2, "toys-sft")]
)
def test_what_cannot_practise_is_refused(sources, whole, tmp_path, name, of, said) -> None:
    for adapter in ("toys-sft", "toys-practice"):
        shutil.copytree(whole.parent / adapter, tmp_path / adapter)
    with pytest.raises(TrainingError, match=said):
        run_sft(sources, tmp_path / "work", tmp_path / name, replace(PARAMS, epochs=0, rank=of))


@pytest.mark.parametrize("practising", [False, True])
def test_going_on_ends_where_one_go_ends(sources, whole, tmp_path, monkeypatch, practising) -> None:
    learning = read_manifest(whole.with_name("toys-sft")).training["steps"]
    looks, work = 3, tmp_path / "work"  # it is asked once a batch
    if practising:  # when one batch is practised, which is two steps; it is asked between the two, too
        looks, work = learning + 1 + 1, work / PRACTISED
    monkeypatch.setattr(sft, "StopRequest", StopAfter(looks))
    said: list[str] = []
    assert run_sft(sources, tmp_path / "work", tmp_path / "toys-sft", PARAMS, said.append) is None
    assert said[-1].startswith("Interrupted") and "is not made yet" in said[-1]
    assert (tmp_path / "toys-sft").exists() == practising and not (tmp_path / "toys-practice").exists()
    place = torch.load(work / CHECKPOINT, weights_only=True)["place"]
    assert place == ([2, 0, 1] if practising else [3, 0, 3])
    monkeypatch.undo()
    parts = train(sources_of(made_dataset(n_items=24, n_users=24), sources.base), tmp_path)
    assert parts.name == whole.name and weights(parts) == weights(whole)
    assert weights(tmp_path / "toys-sft") == weights(whole.with_name("toys-sft"))
    assert train(sources, tmp_path) == parts  # once more: there is nothing left to do


def test_when_time_is_up_what_was_learned_is_there_and_practice_waits(sources, tmp_path) -> None:
    said: list[str] = []
    made = run_sft(
        sources, tmp_path / "work", tmp_path / "toys-sft", replace(PARAMS, minutes=1e-9), said.append
    )
    assert made == tmp_path / "toys-sft" and read_manifest(made).training["steps"] == 1
    assert "Practice has not begun" in said[-1] and not (tmp_path / "toys-practice").exists()


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_bad_numbers_stop_and_what_was_saved_is_kept(sources, begun, monkeypatch, what) -> None:
    kept = (begun / "work" / CHECKPOINT).read_bytes()
    run = run_of(sources, begun, replace(PARAMS, epochs=2))
    forward = run.network.forward

    def broken(*args):
        losses = forward(*args)
        if what == "loss":
            return replace(losses, answer=losses.answer * float("nan"))
        losses.answer.register_hook(lambda gradient: gradient * float("inf"))
        return losses

    monkeypatch.setattr(run.network, "forward", broken)
    with pytest.raises(TrainingError, match="no finite number at step .* checkpoint before it is kept"):
        run.train()
    assert (begun / "work" / CHECKPOINT).read_bytes() == kept
    assert all(p.isfinite().all() for p in run.network.parameters())


def test_several_processes_are_refused(sources, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(accelerate, "PartialState", lambda: SimpleNamespace(num_processes=2))
    with pytest.raises(TrainingError, match="one process"):
        train(sources, tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_settings_or_data_in_the_folder_are_refused(sources, begun) -> None:
    with pytest.raises(TrainingError, match="on other data or with other settings"):
        train(sources, begun, replace(PARAMS, rank=4))
    with pytest.raises(TrainingError, match="on other data or with other settings"):
        train(sources_of(made_dataset(n_items=24, n_users=25), sources.base), begun, PARAMS)
    assert train(sources, begun, PARAMS) == begun / "toys-practice"  # more epochs are no other training


@pytest.mark.parametrize("size", [0, 200, -100])
def test_a_truncated_checkpoint_is_refused(sources, begun, size) -> None:
    file = begun / "work" / CHECKPOINT
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(TrainingError, match="cannot be read .* delete it") as error:
        train(sources, begun, PARAMS)
    assert "\n" not in str(error.value)


def test_the_manifest_says_what_it_is_and_the_model_is_served(sources, whole) -> None:
    manifest = read_manifest(whole.with_name("toys-sft"))
    assert (manifest.name, manifest.stage, manifest.catalog, manifest.items) == (
        "toys-sft",
        "sft",
        "toys",
        24,
    )
    assert manifest.base_hash == base_hash(sources.base) and len(manifest.sha256) == 64
    assert (manifest.layers, manifest.rank, manifest.alpha) == (2, 2, 4) and manifest.parent is None
    assert "last two" in manifest.split and manifest.metrics == {}
    assert manifest.training["steps"] > 4 and manifest.training["seed"] == 0


def test_the_served_model_says_what_the_trained_one_says(sources, tmp_path) -> None:
    run = run_of(sources, tmp_path, PARAMS)
    adapter = run.train()
    model = load_model(adapter, sources.catalog, tmp_path)
    ids = torch.tensor([[*model.prompts.head, model.first + 3, model.first + 8]])
    from alignment.packing import Window, collate, pack

    run.network.eval()
    batch = collate([pack(Window([3, 8], ["liked", "liked"]), model.prompts)])
    with torch.no_grad():
        rows_in, rows_out = run.network.rows()
        trained = run.network.states(batch, rows_in)[0, -1].float() @ rows_out.T
        served = model.model(ids).logits[0, -1, model.first :].float()
    assert torch.allclose(trained, served, atol=0.05 * float(trained.abs().max()))
    assert torch.corrcoef(torch.stack([trained, served]))[0, 1] > 0.995  # rows are kept in bf16


def test_hidden_items_are_never_learned(sources, tmp_path) -> None:
    run = run_of(sources, tmp_path, replace(PARAMS, hidden=0.3))
    hidden = np.flatnonzero(~run.trained)
    assert 0 < len(hidden) < 24
    tokens = set((run.prompts.first + hidden).tolist())
    for batch in run._batches():
        for packed in batch:
            assert not tokens & {*packed.ids, *packed.answer} and not set(hidden.tolist()) & {
                *packed.next_item
            }
    run.train()
    for residual in run.network.rows.residual.values():
        assert not residual[hidden].any() and residual[run.trained].any()
    assert not run.network.rows.factors[hidden].any()


def test_als_and_teacher_have_not_seen_hidden_items(base, tmp_path, monkeypatch) -> None:
    taught: list[Interactions] = []
    monkeypatch.setattr(made_of, "load_or_fit_sequence", lambda train, *_, **__: taught.append(train))
    monkeypatch.setattr(made_of, "text_vectors", lambda catalog: None)
    dataset, settings = made_dataset(24, 24), Settings(home=tmp_path, base_model=str(base), _env_file=None)
    plain, part = load_sources(dataset, settings), load_sources(dataset, settings, hidden=0.3, seed=5)
    hidden = hidden_items(24, 0.3, 5)
    assert hidden[taught[0].item].any() and not hidden[taught[1].item].any()
    assert plain.als.factors[hidden].any() and not part.als.factors[hidden].any()
    assert len(part.train) == len(plain.train)


def test_the_best_epoch_is_kept_and_its_figures_stand_in_the_manifest(base, tmp_path) -> None:
    from recsys.cases import cases_of

    dataset = made_dataset(n_items=24, n_users=24)
    cases = list(cases_of(dataset.interactions, leave_last_out(dataset.interactions), "valid"))
    adapter = train(sources_of(dataset, base, cases), tmp_path)
    metrics = read_manifest(adapter).metrics
    assert {"foresight", "fusion", "fusion_brief", "brief_hr", "list_hr", "list_ndcg"} < set(metrics)
    assert read_manifest(adapter).list_fusion == tuple(metrics["list_fusion"])
    assert 0 <= metrics["ndcg"] <= metrics["fused_ndcg"] <= 1 and metrics["ndcg"] <= metrics["hr"]


class TestPoorData:
    def test_nothing_to_learn_from(self, base, tmp_path) -> None:
        settings = Settings(home=tmp_path, base_model=str(base), _env_file=None)
        with pytest.raises(TillerError, match="nothing to learn from"):
            load_sources(Dataset(made_dataset(6, 0).catalog, no_interactions()), settings)

    def test_nobody_used_two_items(self, base, tmp_path) -> None:
        dataset = made_dataset(n_items=24, n_users=4)
        first = dataset.interactions.select(np.arange(len(dataset.interactions)) % 12 == 0)
        with pytest.raises(TrainingError, match="nobody has used two"):
            train(sources_of(Dataset(dataset.catalog, first), base), tmp_path)

    def test_no_texts(self, base, tmp_path) -> None:
        sources = sources_of(made_dataset(n_items=24, n_users=6), base)
        empty = replace(sources, vectors=np.zeros_like(sources.vectors))
        assert read_manifest(train(empty, tmp_path, replace(PARAMS, practice=0))).items == 24
