"""Adapters: what is saved is what is served, and damage is one plain sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from alignment.training import child_manifest
from recsys.candidates import fit
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.lm import adapter as adapters
from recsys.lm.adapter import (
    AdapterError,
    Manifest,
    item_keys,
    load_model,
    read_manifest,
    save_adapter,
    write_manifest,
)
from recsys.lm.base import BaseModelError, base_folder, base_hash, load_base, load_tokenizer
from recsys.lm.composition import ItemRows
from recsys.models import AUTO, default_model, load_ranker, own_models, promote, rollback
from recsys.promotion import FILE, PromotionError
from recsys.settings import Settings
from tests.made_lm import made_base
from tests.recsys.made_use import embed_words, made_dataset

DATASET = made_dataset(n_items=12)
CATALOG = DATASET.catalog
RANK, ALPHA, WIDTH = 2, 4, 16


def tensors(catalog: Catalog, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def some(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator) * 0.1

    out = {"rows.in": some(len(catalog), WIDTH), "rows.out": some(len(catalog), WIDTH)}
    out |= {"text.in": some(WIDTH, 16), "text.out": some(WIDTH, 16), "norm": 1 + some(WIDTH)}
    out["text.newcomer"] = some(WIDTH)
    out |= lora(some)
    return {k: v.bfloat16() for k, v in out.items()} | {"items": torch.tensor(item_keys(catalog))}


def lora(some) -> dict[str, torch.Tensor]:
    name = "lora.model.layers.1.mlp.up_proj"
    return {f"{name}.A": some(RANK, WIDTH), f"{name}.B": some(32, RANK)}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return made_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def manifest(base) -> Manifest:
    return Manifest("toys-sft", "sft", str(base), base_hash(base), 2, "toys", 12, RANK, ALPHA)


@pytest.fixture
def folder(tmp_path, manifest) -> Path:
    save_adapter(tmp_path / "toys-sft", manifest, tensors(CATALOG))
    return tmp_path / "toys-sft"


def load(folder: Path, catalog: Catalog = CATALOG):
    def embed(rows):
        return embed_words([catalog.texts[row] for row in rows])

    return load_model(folder, catalog, folder / "data", embed)


def part(catalog: Catalog, rows: list[int], new: int = 0) -> Catalog:
    """Some rows of a catalogue, and new items behind them."""
    titles = [catalog.titles[row] for row in rows] + [f"New {i}" for i in range(new)]
    ids = [catalog.ids[row] for row in rows] + [f"new{i}" for i in range(new)]
    texts = [catalog.texts[row] for row in rows] + ["A pirate and its robot"] * new
    return Catalog(name=catalog.name, ids=ids, titles=titles, texts=texts, categorical={}, numeric={})


def test_what_is_loaded_is_base_plus_lora_and_rows(folder, base) -> None:
    model, saved, plain = load(folder), tensors(CATALOG), load_base(base)
    name = "lora.model.layers.1.mlp.up_proj"
    up = "model.layers.1.mlp.up_proj"
    added = ALPHA / RANK * (saved[f"{name}.B"].float() @ saved[f"{name}.A"].float())
    wanted = plain.get_submodule(up).weight.float() + added
    assert torch.allclose(model.model.get_submodule(up).weight.float(), wanted, atol=0.005)
    down = "model.layers.1.mlp.down_proj"
    assert torch.equal(model.model.get_submodule(down).weight, plain.get_submodule(down).weight)
    words = len(plain.get_input_embeddings().weight)
    assert model.first == words and model.model.config.vocab_size == words + 12
    assert torch.equal(model.model.get_input_embeddings().weight[words:], saved["rows.in"])
    assert torch.equal(model.model.lm_head.weight[words:], saved["rows.out"])
    assert torch.equal(model.model.lm_head.weight[:words], plain.get_input_embeddings().weight)
    assert torch.equal(model.model.model.norm.weight, saved["norm"])
    assert not any(p.requires_grad for p in model.model.parameters())


def test_items_are_known_wherever_they_stand_and_new_ones_by_their_text(folder) -> None:
    rows = [5, 0, 11, 3, 7, 8]
    model, saved = load(folder, part(CATALOG, rows, new=2)), tensors(CATALOG)
    found = model.model.lm_head.weight[model.first :]
    assert torch.equal(found[:6], saved["rows.out"][rows])
    text = torch.tensor(embed_words(["A pirate and its robot"]))[0]
    assert torch.allclose(
        found[6].float(), saved["text.newcomer"].float() + saved["text.out"].float() @ text, atol=0.01
    )
    assert torch.equal(found[6], found[7]) and found[6].any()


@pytest.mark.parametrize("size", [0, 100, -7])
def test_truncated_weights(folder, size) -> None:
    file = folder / adapters.WEIGHTS
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(AdapterError, match="damaged .* get it again"):
        load(folder)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_weights_that_are_no_numbers(folder, manifest, bad) -> None:
    broken = tensors(CATALOG)
    broken["rows.out"][3, 0] = bad
    save_adapter(folder, manifest, broken)
    with pytest.raises(AdapterError, match="are no numbers: train it again"):
        load(folder)


def test_missing_weights(folder) -> None:
    (folder / adapters.WEIGHTS).unlink()
    with pytest.raises(AdapterError, match="cannot be read"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"name": 3}', b"\xff\xfe", '{"rank": "a"}'])
def test_a_broken_manifest(folder, text) -> None:
    (folder / adapters.MANIFEST).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(AdapterError, match="cannot be read .* get the adapter again") as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_no_manifest(tmp_path) -> None:
    with pytest.raises(AdapterError, match="holds no adapter"):
        load(tmp_path)


@pytest.mark.parametrize(
    "missing", ["items", "rows.in", "text.out", "text.newcomer", "lora.model.layers.1.mlp.up_proj.B"]
)
def test_parts_that_are_missing(folder, manifest, missing) -> None:
    left = {name: tensor for name, tensor in tensors(CATALOG).items() if name != missing}
    save_adapter(folder, manifest, left)
    with pytest.raises(AdapterError, match="does not fit together"):
        load(folder, part(CATALOG, list(range(12)), new=1))


@pytest.mark.parametrize("change", [{"layers": 1}, {"rank": 0}])
def test_a_manifest_that_is_not_true(folder, manifest, change) -> None:
    save_adapter(folder, replace(manifest, **change), tensors(CATALOG))
    with pytest.raises(AdapterError, match="does not fit together"):
        load(folder)


def test_another_base(folder, manifest, tmp_path) -> None:
    other = made_base(tmp_path / "other", seed=1)
    save_adapter(folder, replace(manifest, base=str(other)), tensors(CATALOG))
    with pytest.raises(AdapterError, match="other weights"):
        load(folder)


def test_another_catalogue(folder) -> None:
    with pytest.raises(AdapterError, match="was trained on the catalogue toys"):
        load(folder, part(CATALOG, [0, 1], new=3))


class TestParents:
    @pytest.fixture
    def child(self, folder, manifest) -> Path:
        parent = read_manifest(folder)
        own = replace(
            manifest, name="toys-grpo", stage="grpo", parent="toys-sft", parent_sha256=parent.sha256
        )
        save_adapter(folder.parent / "toys-grpo", own, lora(lambda *size: torch.full(size, 0.1).bfloat16()))
        return folder.parent / "toys-grpo"

    def test_a_child_is_added_to_its_parent(self, child, folder) -> None:
        name = "model.layers.1.mlp.up_proj"
        below = load(folder).model.get_submodule(name).weight.float()
        both = load(child).model.get_submodule(name).weight.float()
        assert torch.allclose(both - below, torch.full_like(both, ALPHA / RANK * RANK * 0.01), atol=0.005)

    def test_a_renamed_parent_goes_by_its_folders_name(self, child, folder) -> None:
        renamed = folder.rename(folder.with_name("mine"))
        parent, below = read_manifest(renamed), read_manifest(child)
        assert parent.name == "mine"
        write_manifest(child, child_manifest(parent, below.name, below.stage, RANK, {}))
        write_manifest(child, replace(read_manifest(child), sha256=below.sha256))
        load(child)

    def test_a_missing_or_other_parent(self, child, folder, manifest) -> None:
        save_adapter(folder, manifest, tensors(CATALOG, seed=1))
        with pytest.raises(AdapterError, match="stands on another toys-sft"):
            load(child)
        (folder / adapters.MANIFEST).unlink()
        with pytest.raises(AdapterError, match="not beside it"):
            load(child)

    def test_a_circle_of_parents(self, child) -> None:
        path = child / adapters.MANIFEST
        own = json.loads(path.read_text())
        path.write_text(json.dumps(own | {"parent": "toys-grpo", "parent_sha256": own["sha256"]}))
        with pytest.raises(AdapterError):
            load(child)


class TestBase:
    @pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
    @pytest.mark.parametrize("damage", ["gone", "cut"])
    def test_a_damaged_base_is_a_plain_sentence(self, tmp_path, name, damage) -> None:
        base = made_base(tmp_path / "base")
        (base / "weights.sha256").write_text("0")
        data = (base / name).read_bytes()
        (base / name).unlink() if damage == "gone" else (base / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(BaseModelError, match="cannot be read") as error:
            load_base(base)
            load_tokenizer(base)
        assert "\n" not in str(error.value)

    def test_a_base_that_cannot_be_had(self, tmp_path) -> None:
        with pytest.raises(BaseModelError, match="cannot be had .* from a machine that has it"):
            base_folder(str(tmp_path / "nothing"), tmp_path / "data")
        with pytest.raises(BaseModelError, match="give the folder of a model"):
            base_hash(tmp_path)

    def test_fewer_layers(self, base) -> None:
        assert len(load_base(base, 1).model.layers) == 1
        assert len(load_base(base, 99).model.layers) == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_model_computes_in_the_format_of_the_machine(folder, tmp_path, monkeypatch, dtype) -> None:
    """Whichever it is, what is kept is the same and ranks the same."""
    ids = torch.tensor([[5, 9, 40]])
    here = load_model(folder, CATALOG, tmp_path).model(ids).logits[0, -1].float()
    monkeypatch.setattr("recsys.lm.base.working_dtype", lambda: dtype)
    model = load_model(folder, CATALOG, tmp_path).model
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert torch.corrcoef(torch.stack([here, model(ids).logits[0, -1].float()]))[0, 1] > 0.999


class TestComposition:
    def rows(self, **options) -> ItemRows:
        rng = np.random.default_rng(0)
        factors, texts = rng.normal(size=(6, 3)), embed_words(["a pirate", "robot x", "y", "z", "w", "v"])
        factors[4:] = 0
        rows = ItemRows(factors.astype(np.float32), texts, 8, **options)
        with torch.no_grad():
            for residual in rows.residual.values():
                residual[:4] = 1
        return rows

    @pytest.mark.parametrize("tied", [False, True])
    def test_an_item_without_interactions_stands_on_its_text(self, tied) -> None:
        rows = self.rows(tied=tied)
        texts = torch.tensor(embed_words(["w"]))[0]
        for side, found in zip(("in", "out"), rows(), strict=True):
            assert torch.allclose(found[4], rows.text_weight(side) @ texts, atol=1e-5)
            assert not torch.allclose(found[0], rows.text_weight(side) @ texts, atol=1e-2)

    def test_unknown_items_lose_factor_and_residual(self) -> None:
        rows, known = self.rows(), torch.tensor([False, True, True, True, True, True])
        text = torch.tensor(embed_words(["a pirate"]))[0]
        assert torch.allclose(rows(known)[1][0], rows.text_weight("out") @ text, atol=1e-5)
        assert torch.equal(rows(known)[1][1], rows()[1][1])

    def test_the_scale_is_of_input_rows_alone(self) -> None:
        torch.manual_seed(0)
        small = self.rows(in_scale=1.0)
        torch.manual_seed(0)
        large = self.rows(in_scale=4.0)
        assert torch.allclose(large()[0], 4 * small()[0]) and torch.equal(large()[1], small()[1])
        assert torch.allclose(large.text_weight("in"), 4 * small.text_weight("in"))
        assert torch.equal(large.text_weight("out"), small.text_weight("out"))

    def test_tied_rows_share_one_direction(self) -> None:
        rows_in, rows_out = self.rows(tied=True)()
        assert torch.allclose(torch.nn.functional.cosine_similarity(rows_in, rows_out), torch.ones(6))

    @pytest.mark.parametrize("tied", [False, True])
    def test_along_the_constant_part_rows_have_only_their_bias(self, tied) -> None:
        uses = np.array([9, 3, 1, 1, 0, 0])
        rows, constant = self.rows(tied=tied, uses=uses), np.arange(1, 9, dtype=np.float32)
        rows.set_constant(constant)
        known = torch.tensor([True, True, True, True, False, False])
        scores = rows(known)[1] @ torch.from_numpy(constant)
        expected = np.log1p(uses) - np.log1p(uses).mean() + rows.level.item()
        assert scores[:4].tolist() == pytest.approx(expected[:4].tolist(), abs=1e-4)
        newcomer = float(torch.from_numpy(constant) @ rows.newcomer_row())
        assert scores[4:].tolist() == pytest.approx([newcomer] * 2, abs=1e-4)
        assert torch.allclose(rows(known)[1][4], rows.newcomer_row() + self.text_of(rows, "w"), atol=1e-5)

    def text_of(self, rows: ItemRows, word: str) -> torch.Tensor:
        return rows.text_weight("out") @ torch.tensor(embed_words([word]))[0]

    def test_without_the_text_part_a_new_item_has_no_row(self) -> None:
        rows = self.rows(parts=("cf", "residual"))
        assert not rows.text_weight("out").any() and not rows()[0][4].any()


class TestChoice:
    @pytest.fixture
    def settings(self, tmp_path, monkeypatch) -> Settings:
        monkeypatch.setattr("recsys.models.SHIPPED", tmp_path / "shipped")
        return Settings(home=tmp_path / "home", _env_file=None)

    def put(self, place: Path, manifest: Manifest, **changes) -> None:
        made = replace(manifest, **changes)
        save_adapter(place / made.name, made, tensors(CATALOG))

    def test_of_unmeasured_ones_the_latest_stage_and_a_shipped_one_first(self, settings, manifest) -> None:
        own = own_models(settings)
        assert default_model(CATALOG, settings) == "als"
        self.put(own, manifest, name="other", catalog="films")
        assert default_model(CATALOG, settings) == "als"
        self.put(own, manifest)
        assert default_model(CATALOG, settings) == "toys-sft"
        self.put(own, manifest, name="a-grpo", stage="grpo")
        assert default_model(CATALOG, settings) == "a-grpo"
        self.put(settings.data_dir.parent / "shipped", manifest, name="given")
        assert default_model(CATALOG, settings) == "given"

    def test_a_later_stage_whose_lists_are_worse_does_not_take_over(self, settings, manifest) -> None:
        own = own_models(settings)
        self.put(own, manifest, metrics={"list_ndcg": 0.08})
        self.put(own, manifest, name="a-grpo", stage="grpo", metrics={"list_ndcg": 0.06})
        assert default_model(CATALOG, settings) == "toys-sft"
        self.put(own, manifest, name="b-grpo", stage="grpo", metrics={"list_ndcg": 0.09})
        assert default_model(CATALOG, settings) == "b-grpo"

    def test_what_learned_from_votes_waits_for_its_promotion(self, settings, manifest) -> None:
        own = own_models(settings)
        self.put(own, manifest)
        self.put(own, manifest, name="toys-dpo", stage="dpo")
        assert default_model(CATALOG, settings) == "toys-sft"
        assert promote("toys-dpo", CATALOG, settings) == "toys-sft"
        assert default_model(CATALOG, settings) == "toys-dpo"
        assert self.ranker(AUTO, settings)[0].name == "toys-dpo"
        assert promote("als", CATALOG, settings) == "toys-dpo"
        assert default_model(CATALOG, settings) == "als"
        assert rollback(CATALOG, settings) == ("als", "toys-dpo")
        assert rollback(CATALOG, settings) == ("toys-dpo", "toys-sft")
        with pytest.raises(PromotionError, match="nothing to take back"):
            rollback(CATALOG, settings)

    def test_only_what_loads_on_the_catalogue_is_promoted(self, settings, manifest) -> None:
        own = own_models(settings)
        self.put(own, manifest)
        self.put(own, manifest, name="broken")
        (own / "broken" / adapters.WEIGHTS).write_bytes(b"")
        other = Catalog(name="films", ids=["x"], titles=["X"], texts=["x"], categorical={}, numeric={})
        with pytest.raises(PromotionError, match="no model “nothing”: choose among als, popularity, broken"):
            promote("nothing", CATALOG, settings)
        with pytest.raises(AdapterError, match="damaged"):
            promote("broken", CATALOG, settings)
        with pytest.raises(AdapterError, match="was trained on the catalogue toys"):
            promote("toys-sft", other, settings)
        assert not (settings.data_dir / FILE).exists()
        promote("toys-sft", CATALOG, settings)
        with pytest.raises(PromotionError, match="already"):
            promote("toys-sft", CATALOG, settings)
        assert default_model(other, settings) == "als"

    def test_a_promoted_model_that_is_gone_and_a_damaged_record(self, settings, manifest) -> None:
        own = own_models(settings)
        self.put(own, manifest)
        self.put(own, manifest, name="toys-dpo", stage="dpo")
        promote("toys-dpo", CATALOG, settings)
        (own / "toys-dpo" / adapters.MANIFEST).unlink()
        ranker, said = self.ranker(AUTO, settings)
        assert ranker.name == "toys-sft" and "toys-dpo is gone" in said
        for damage in ("", "[]", '{"toys": [{"model": 3}]}'):
            (settings.data_dir / FILE).write_text(damage)
            ranker, said = self.ranker(AUTO, settings)
            assert ranker.name == "toys-sft" and "delete it" in said
            with pytest.raises(PromotionError, match="cannot be read"):
                promote("als", CATALOG, settings)

    def ranker(self, name: str, settings: Settings):
        said: list[str] = []
        als = fit(DATASET.interactions, 12)
        return load_ranker(name, CATALOG, als, settings, None, said.append), " ".join(said)

    def test_auto_takes_it_and_what_is_damaged_is_replaced_and_said(self, settings, manifest) -> None:
        assert self.ranker(AUTO, settings)[0].name == "als"
        self.put(own_models(settings), manifest)
        ranker, _ = self.ranker(AUTO, settings)
        assert ranker.adapter == ranker.name == "toys-sft"
        path = own_models(settings) / "toys-sft" / adapters.WEIGHTS
        path.write_bytes(path.read_bytes()[:-1])
        ranker, said = self.ranker(AUTO, settings)
        assert ranker.name == "als" and "damaged" in said and "ALS ranks" in said
        with pytest.raises(AdapterError):
            self.ranker("toys-sft", settings)
        self.put(own_models(settings), manifest, base="/no/such/base")
        ranker, said = self.ranker(AUTO, settings)
        assert ranker.name == "als" and "cannot be had" in said
        (own_models(settings) / "toys-sft" / adapters.MANIFEST).write_text("{")
        ranker, said = self.ranker(AUTO, settings)
        assert ranker.name == "als" and "manifest" in said

    def test_names(self, settings, manifest, tmp_path) -> None:
        with pytest.raises(TillerError, match="no model “magic”: choose among auto, als, popularity"):
            self.ranker("magic", settings)
        assert self.ranker("popularity", settings)[0].name == "popularity"
        save_adapter(tmp_path / "else", manifest, tensors(CATALOG))
        assert self.ranker(str(tmp_path / "else"), settings)[0].adapter == "else"
