"""From a person's own data to a model that recommends, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.lm.adapter import read_manifest
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

    assert "board-games-sft" in tiller("align", "sft", "--epochs", "3", "--layers", "2").stderr
    manifest = read_manifest(tmp_path / "home" / "models" / "board-games-sft")
    assert (manifest.catalog, manifest.stage, manifest.items) == ("board-games", "sft", 60)
    for model in (["--model", "board-games-sft"], []):  # by name, and by itself
        asked = ("recommend", "--json", "--count", "4", "--request", "cooperative games", *model)
        slate = Slate.model_validate_json(tiller(*asked).stdout)
        assert slate.adapter == slate.model == "board-games-sft"
        assert len(slate.items) == 4 and all(control.met for control in slate.compliance)
    listed = json.loads(tiller("models", "--json").stdout)
    assert "board-games-sft" in listed["adapters"]
