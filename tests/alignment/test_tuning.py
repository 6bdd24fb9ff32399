"""The comparison of networks: each run is made once, with what was asked for, and goes on when it was
interrupted."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from alignment import sft, tuning
from recsys.cases import cases_of
from recsys.datasets import leave_last_out
from recsys.lm.adapter import MANIFEST, read_manifest
from recsys.settings import Settings
from tests.alignment.made_sources import sources_of
from tests.alignment.test_sft import StopAfter
from tests.made_lm import made_base
from tests.recsys.made_use import made_dataset

ASKED = ["text only", "--seeds", "2", "--layers", "2", "--requests", "2", "--batch", "8"]


@pytest.fixture
def compare(tmp_path, monkeypatch):
    dataset = made_dataset(n_items=24, n_users=24)
    cases = list(cases_of(dataset.interactions, leave_last_out(dataset.interactions), "valid"))
    sources = sources_of(dataset, made_base(tmp_path / "base"), cases)
    monkeypatch.setattr(tuning, "load_dataset", lambda name: None)
    monkeypatch.setattr(tuning, "load_sources", lambda *_: sources)
    monkeypatch.setattr(tuning, "get_settings", lambda: Settings(home=tmp_path))
    return lambda: CliRunner().invoke(tuning.main, ASKED)


def test_runs_are_made_once_and_as_asked(compare, tmp_path, monkeypatch) -> None:
    first = compare()
    assert first.exit_code == 0, first.output
    found = [read_manifest(path.parent) for path in tmp_path.rglob(f"*-seed*/{MANIFEST}")]
    assert sorted(manifest.name for manifest in found) == ["text-only-seed0", "text-only-seed1"]
    for manifest in found:
        assert manifest.layers == 2 and manifest.training["parts"] == ["text"]
        assert (manifest.training["windows"]["branches"], manifest.training["windows"]["firsts"]) == (1, 1)
    row = first.stdout.splitlines()[-1]
    mean = sum(manifest.metrics["hr"] for manifest in found) / 2
    assert row.startswith(f"| text only | {mean:.3f} ± ")
    monkeypatch.setattr(tuning, "run_sft", None)
    assert compare().stdout.splitlines()[-1] == row


def test_runs_of_other_settings_are_put_aside_and_made_anew(compare, tmp_path, monkeypatch) -> None:
    compare()
    monkeypatch.setitem(tuning.VARIANTS, "text only", {"parts": ("text",), "rank": 4})
    again = compare()
    assert again.stderr.count("was trained with other settings") == 2
    ranks = {
        path.parent.name: read_manifest(path.parent).rank
        for path in tmp_path.rglob(f"*-seed?/{MANIFEST}")
        if path.parent.name == path.parent.parent.name  # not put aside
    }
    assert ranks == {"text-only-seed0": 4, "text-only-seed1": 4}
    assert len(list(tmp_path.rglob("text-only-seed0-*/done"))) == 1


def test_an_interrupted_run_goes_on_before_the_next(compare, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sft, "StopRequest", StopAfter(2))
        assert compare().exit_code == 1
    assert [path.name for path in tmp_path.rglob("*-seed*") if path.is_dir()] == ["text-only-seed0"]
    assert compare().exit_code == 0
    assert len(list(tmp_path.rglob("done"))) == 2
