"""From a person's own data to a model that recommends, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alignment.preferences import Context, Pair, write_pairs
from chat_app import cli
from chat_app.commands import align
from recsys.datasets import load_dataset
from recsys.lm.adapter import read_manifest
from recsys.settings import Settings
from recsys.slate import Slate
from tests.made_lm import made_base

GAMES = Path(__file__).parents[1] / "data" / "board-games"


@pytest.mark.slow
def test_own_data_end_in_a_usable_adapter(tmp_path: Path) -> None:
    base = made_base(tmp_path / "base")
    own = {
        "TILLER_HOME": str(tmp_path / "home"),
        "TILLER_CATALOG": str(GAMES),
        "TILLER_BASE_MODEL": str(base),
    }
    own["TILLER_MODEL"] = "auto"

    def tiller(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "chat_app.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **own})

    assert (
        "board-games-sft"
        in tiller("align", "sft", "--epochs", "3", "--layers", "2", "--requests", "5").stderr
    )
    manifest = read_manifest(tmp_path / "home" / "models" / "board-games-sft")
    assert (manifest.catalog, manifest.stage, manifest.items) == ("board-games", "sft", 60)
    windows = manifest.training["windows"]
    assert (windows["branches"], windows["firsts"]) == (3, 2)
    for model in (["--model", "board-games-sft"], []):  # by name, and by itself
        asked = ("recommend", "--json", "--count", "4", "--request", "cooperative games", *model)
        slate = Slate.model_validate_json(tiller(*asked).stdout)
        assert slate.adapter == slate.model == "board-games-sft"
        assert len(slate.items) == 4 and all(control.met for control in slate.compliance)
    listed = json.loads(tiller("models", "--json").stdout)
    assert "board-games-sft" in listed["adapters"] and listed["default"] == "board-games-sft"

    votes = tmp_path / "votes.jsonl"
    catalog = load_dataset(str(GAMES)).catalog
    contexts = [Context(profile=((id, "liked"),), catalog=catalog.name) for id in catalog.ids[:10]]
    lists = {"chosen_items": tuple(catalog.ids[10:13]), "rejected_items": tuple(catalog.ids[20:23])}
    write_pairs(votes, [Pair(context=context, **lists) for context in contexts], catalog)
    votes.write_text(votes.read_text() + "{\n")
    said = tiller("align", "dpo", "--preferences", str(votes), "--epochs", "1").stderr
    assert "Line 11 is left out: Invalid JSON" in said and "tiller models promote board-games-dpo" in said
    made = read_manifest(tmp_path / "home" / "models" / "board-games-dpo")
    assert (made.stage, made.parent, made.training["pairs"]) == ("dpo", "board-games-sft", 8)
    assert "board-games-sft (default for board-games)" in tiller("models").stdout
    tiller("models", "promote", "board-games-dpo")
    assert "board-games-dpo (default for board-games)" in tiller("models").stdout
    tiller("models", "rollback")
    assert "board-games-sft (default for board-games)" in tiller("models").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--epochs", "0"], "add --practice 1"), (["--epochs", "0", "--practice", "1"], "“board-games-sft”")],
)
def test_practice_needs_something_to_practise(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(home=tmp_path, catalog=str(GAMES), _env_file=None)
    monkeypatch.setattr(align, "read_settings", lambda **_: settings)
    monkeypatch.setattr(cli, "_be_quiet", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["align", "sft", *arguments])
    told = capsys.readouterr().err
    assert stopped.value.code == 2 and said in told and told.count("tiller: ") == 1
