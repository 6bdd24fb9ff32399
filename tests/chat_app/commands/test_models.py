"""``tiller models``: what ranks by default, promoted and taken back."""

from __future__ import annotations

import json

import pytest

from chat_app import cli
from chat_app.commands import models
from recsys.settings import Settings


@pytest.fixture
def run(films, tmp_path, monkeypatch, capsys):
    """Runs ``tiller models …``; gives its exit code, stdout and stderr."""
    monkeypatch.setattr(cli, "_be_quiet", lambda: None)
    monkeypatch.setattr("recsys.datasets.load_dataset", lambda name: films)

    def run(*arguments: str, model: str = "auto"):
        settings = Settings(home=tmp_path, model=model, _env_file=None)
        monkeypatch.setattr(models, "read_settings", lambda: settings)
        with pytest.raises(SystemExit) as stopped:
            cli.main(["models", *arguments])
        return stopped.value.code, *capsys.readouterr()

    return run


def test_the_default_model_changes_on_purpose_and_back(run):
    def default():
        code, out, _ = run("--json")
        assert code == 0
        return json.loads(out)["default"]

    assert run("rollback")[0] == 1
    before = default()
    assert run("promote", "popularity")[0] == 0
    assert default() == "popularity" != before
    code, out, told = run("promote", "magic")
    assert code == 1 and out == "" and told.count("\n") == 1 and "tiller: There is no model “magic”" in told
    code, _, told = run("rollback", model="als")
    assert code == 0 and "TILLER_MODEL names als" in told
    assert default() == before
