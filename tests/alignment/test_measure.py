"""Measuring an adapter: the weights are those that are best for what is served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alignment.measure import measure_again
from alignment.sources import FORESIGHT, Sources, list_weights
from recsys.cases import cases_of
from recsys.controls import ControlIntent
from recsys.datasets import leave_last_out
from recsys.errors import TillerError
from recsys.lm import ranker
from recsys.lm.adapter import read_manifest, write_manifest
from recsys.lm.ranker import LanguageModel
from recsys.metrics import ndcg, rank_of
from recsys.rankers import ALS
from tests.alignment.made_sources import sources_of, untrained_adapter
from tests.made_lm import made_base
from tests.recsys.made_use import made_dataset


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Sources:
    dataset = made_dataset(n_items=40, n_users=24)
    cases = list(cases_of(dataset.interactions, leave_last_out(dataset.interactions), "valid"))
    return sources_of(dataset, made_base(tmp_path_factory.mktemp("base")), cases)


@pytest.fixture
def adapter(sources, tmp_path) -> Path:
    return untrained_adapter(sources, tmp_path / "toys-sft")


def served(
    sources: Sources, adapter: Path, foresight: float, listed: tuple[float, float], few: bool
) -> float:
    """NDCG@10 of the first place of a plain list, as the product decodes it."""
    model, als = sources.ranker(adapter).model, ALS(sources.catalog, sources.als)
    served_model = LanguageModel(model, "toys", als, 0.0, foresight, listed=listed)
    ranks = []
    for case in sources.cases:
        rest = np.ones(len(sources.catalog), bool)
        rest[case.history] = False
        rest[case.target] = True
        taste = case.shortened(5, seed=0) if few else case.taste
        scores = served_model.steps(taste, ControlIntent(count=10)).scores
        ranks.append(rank_of(scores, case.target, rest))
    return float(ndcg(np.array(ranks), 10).mean())


def test_the_weights_of_lists_are_the_best_for_lists_as_served(sources, adapter, monkeypatch) -> None:
    monkeypatch.setattr(ranker, "BRIEF", 5)
    monkeypatch.setattr(ranker, "LONG", 10)  # as everybody here has
    metrics = measure_again(sources, adapter)
    foresight, (few, many) = metrics["foresight"], metrics["list_fusion"]
    by_foresight = {w: served(sources, adapter, w, (0.0, 0.0), False) for w in FORESIGHT}
    by_few = {w: served(sources, adapter, foresight, (w, w), True) for w in list_weights(foresight)}
    by_many = {w: served(sources, adapter, foresight, (few, w), False) for w in list_weights(foresight)}
    for chosen, found in ((foresight, by_foresight), (few, by_few), (many, by_many)):
        assert found[chosen] == pytest.approx(max(found.values()), abs=1e-6)
        assert len(set(found.values())) > 1  # there is a choice
    assert metrics["list_ndcg"] == pytest.approx(by_many[many], abs=1e-6)
    assert metrics["list_brief_ndcg"] == pytest.approx(by_few[few], abs=1e-6)


def test_figures_and_weights_are_written_and_nothing_else(sources, adapter) -> None:
    before = replace(read_manifest(adapter), revision="abc")
    write_manifest(adapter, before)
    metrics = measure_again(sources, adapter)
    after = read_manifest(adapter)
    assert (after.foresight, after.fusion, after.fusion_brief, after.list_fusion) == tuple(
        metrics[name] for name in ("foresight", "fusion", "fusion_brief", "list_fusion")
    )
    plain = replace(after, metrics={}, foresight=0.0, fusion=0.0, fusion_brief=None, list_fusion=None)
    assert plain == before and after.metrics["ndcg"] == metrics["ndcg"]


def test_what_cannot_be_measured_is_left_as_it_is(sources, adapter) -> None:
    kept = (adapter / "manifest.json").read_bytes()
    with pytest.raises(TillerError, match="Nobody in toys"):
        measure_again(replace(sources, cases=[]), adapter)
    assert (adapter / "manifest.json").read_bytes() == kept
    write_manifest(adapter, replace(read_manifest(adapter), stage="dpo", parent="toys-sft"))
    with pytest.raises(TillerError, match="keeps the weights of toys-sft"):
        measure_again(sources, adapter)
