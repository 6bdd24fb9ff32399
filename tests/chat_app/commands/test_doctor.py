"""``tiller doctor`` where something is wrong; ``test_cli.py`` has it where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat_app import cli
from recsys.errors import TillerError
from recsys.settings import Settings

GAMES = Path(__file__).parents[2] / "data" / "board-games"


def test_what_is_wrong_is_named_with_what_to_do(tmp_path, monkeypatch, capsys):
    def no_embedder():
        raise TillerError("The embedder\nis gone; run `make setup`.")

    (tmp_path / "file").touch()
    settings = Settings(home=tmp_path / "file" / "below", catalog=str(GAMES), model="als", _env_file=None)
    monkeypatch.setattr(cli, "read_settings", lambda: settings)
    monkeypatch.setattr(cli, "_be_quiet", lambda: None)
    monkeypatch.setattr("recsys.semantic.load_embedder", no_embedder)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor"])
    told = {}
    for line in capsys.readouterr().out.splitlines():
        mark, check = line.split(maxsplit=1)
        name, _, detail = check.partition(": ")
        told[name] = mark, detail
    assert stopped.value.code == 1
    assert told["data directory"][0] == "FAIL" and "set TILLER_HOME" in told["data directory"][1]
    assert told["text embeddings"] == ("FAIL", "The embedder is gone; run `make setup`.")
    assert told["catalogue"][0] == "ok" and told["ranker"] == ("ok", "als")
