"""``tiller curve`` on a small catalogue."""

import csv
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chat_app.commands.curve import curve
from recsys.errors import TillerError
from recsys.settings import get_settings

GAMES = str(Path(__file__).parents[2] / "data" / "board-games")
SWEEP = ["--sweep", "share:mechanic=Deck Building", "--users", "8", "--points", "3"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(get_settings(), "home", tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(curve, ["--dataset", GAMES, *arguments], standalone_mode=False)

    return invoke


def test_json_csv_and_picture(run, tmp_path):
    files = ["--csv", str(tmp_path / "c.csv"), "--png", str(tmp_path / "c.png")]
    result = run("--json", *SWEEP, "--models", "als, popularity:free", *files)
    assert result.exception is None
    lines = json.loads(result.stdout)["lines"]
    assert [(line["model"], line["decoding"]) for line in lines] == [
        ("als", "guarded"),
        ("popularity", "free"),
    ]
    assert [point["delivered"]["mean"] for point in lines[0]["points"]] == [0, 50, 100]
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert len(rows) == 6 and (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert "lists" in result.stderr
    again = run("--json", *SWEEP, "--models", "als, popularity:free")
    assert json.loads(again.stdout)["lines"] == lines and "lists" not in again.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["--sweep", "magic"], TillerError, "no sweep"),
        (["--sweep", "share:mechanic=Deck Bilding"], TillerError, "Did you mean Deck Building"),
        ([*SWEEP, "--models", "als:soon"], click.UsageError, "guarded or free"),
        ([*SWEEP, "--models", "magic"], TillerError, "no ranker"),
        ([*SWEEP, "--png", "picture.txt"], TillerError, "end it with"),
        ([], click.UsageError, "sweep"),
    ],
)
def test_refusals(run, arguments, error, says):
    result = run(*arguments)
    assert isinstance(result.exception, error)
    assert says in (getattr(result.exception, "message", None) or str(result.exception))
