import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from recsys import semantic, sequence
from recsys.candidates import Taste
from recsys.contenders import Contender, Grounds, contenders
from recsys.datasets import leave_last_out
from recsys.errors import TillerError
from recsys.evaluation import evaluate
from recsys.lm import adapter
from recsys.lm.adapter import MANIFEST, Manifest
from recsys.seeds import check_seeds
from recsys.semantic import item_texts
from recsys.sequence import SequenceParams
from recsys.settings import get_settings
from tests.recsys.made_use import embed_words, made_dataset

DATASET = made_dataset(80, 30)


@pytest.fixture
def grounds(tmp_path, monkeypatch):
    monkeypatch.setattr(get_settings(), "home", tmp_path)
    small = SequenceParams(width=8, layers=1, heads=1, epochs=1)
    monkeypatch.setattr(sequence, "params_for", lambda name: small)
    return Grounds(DATASET.catalog, leave_last_out(DATASET.interactions).train)


def test_names_become_rankers(grounds):
    found = contenders(["popularity", "als", "teacher", "teacher-seed1"], grounds)
    assert [contender.name for contender in found] == ["popularity", "als", "teacher", "teacher-seed1"]
    assert all(contender.scorer and not contender.reads_words for contender in found)
    one, other = (contender.scorer.scores_many([Taste()]) for contender in found[2:])
    assert (one != other).any()  # another seed is another model


def test_one_that_only_makes_lists_has_no_scores():
    class Lists:
        name = "lists"

        def lists(self, requests, decoding):
            return [[0]] * len(requests)

    made = Contender(Lists(), decodings=("free",))
    assert made.scorer is None
    report = evaluate(DATASET, ["popularity", made], quick=True, users=2, categories=1)
    assert {row.model for row in report.accuracy} == {"popularity"} and not report.differences
    assert {(row.model, row.decoding) for row in report.control} >= {("lists", "free")}
    assert ("lists", "guarded") not in {(row.model, row.decoding) for row in report.control}


def test_the_teacher_is_compared_with_and_guides(grounds):
    report = evaluate(DATASET, ["als", "teacher"], quick=True, users=2, categories=1)
    assert [(row.model, row.against) for row in report.differences] == [("als", "teacher")] * 2
    assert {row.against for row in report.control_differences} == {"teacher"}


def test_unknown_names_are_refused(grounds):
    for name in ("magic", "teacher-seed", "zero-shots"):
        with pytest.raises(TillerError, match="no ranker"):
            contenders(["als", name], grounds)


class Model:
    """Plays the item-token model of an adapter."""


def made_adapter(folder, **training):
    folder.mkdir(parents=True)
    manifest = Manifest(
        "sft",
        "sft",
        "base",
        "",
        1,
        "toys",
        80,
        1,
        1,
        fusion=0.3,
        fusion_brief=0.5,
        list_fusion=(0.7, 0.2),
        training=training,
    )
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest)))


def test_folders_of_one_name_are_told_apart(grounds, tmp_path, monkeypatch):
    monkeypatch.setattr(adapter, "load_model", lambda *_, **__: Model())
    folders = [str(tmp_path / place / f"x-seed{seed}") for place in "ab" for seed in (0, 1)]
    for folder in folders:
        made_adapter(Path(folder))
    assert [c.name for c in contenders(folders[:2], grounds)] == ["x-seed0", "x-seed1"]
    found = contenders([*folders, folders[0] + "+als"], grounds)
    assert [c.name for c in found] == [*folders, "x-seed0+als"]
    check_seeds(c.name for c in found)
    for twice in (["als", "als"], [folders[0]] * 2):
        with pytest.raises(TillerError, match="takes part twice"):
            contenders(twice, grounds)


def test_new_items_get_their_rows_from_their_texts(grounds, tmp_path, monkeypatch):
    made_adapter(tmp_path / "models" / "sft")
    given = []

    def load(folder, catalog, data_dir, embed, progress):
        given.append(embed([3, 5]))
        return Model()

    monkeypatch.setattr(adapter, "load_model", load)
    monkeypatch.setattr(semantic, "load_embedder", lambda: embed_words)
    contenders(["sft"], grounds)
    texts = item_texts(DATASET.catalog)
    assert np.array_equal(given[0], embed_words([texts[3], texts[5]]))


def test_adapters_take_part_alone_and_fused(grounds, tmp_path, monkeypatch):
    made_adapter(tmp_path / "models" / "sft-seed0", hidden=0.1, seed=3)
    loaded = []
    monkeypatch.setattr(adapter, "load_model", lambda folder, *_, **__: loaded.append(folder) or Model())
    alone, fused = contenders(["sft-seed0", "sft-seed0+als"], grounds)
    assert (alone.name, fused.name) == ("sft-seed0", "sft-seed0+als") and len(loaded) == 1
    assert alone.reads_words and alone.scorer is alone.ranker
    assert (alone.ranker._weights, fused.ranker._weights) == ((0, 0), (0.5, 0.3))
    assert (alone.ranker._listed, fused.ranker._listed) == ((0, 0), (0.7, 0.2))
    assert alone.cold.tolist() == (np.random.default_rng(3).random(80) < 0.1).tolist()
    (given,) = contenders([str(tmp_path / "models" / "sft-seed0") + "+als"], replace(grounds, fusion=0.7))
    assert given.ranker._weights == given.ranker._listed == (0.7, 0.7) and given.name == "sft-seed0+als"
