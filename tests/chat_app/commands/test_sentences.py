"""Labelled requests through the chat's reader, and the options of ``tiller evaluate``."""

import json

import pytest

from chat_app import cli
from chat_app.commands.sentences import evaluate_requests
from recsys import datasets, recommender
from recsys.settings import Settings
from recsys.slate import Slate, SlateItem, plan_slate
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(80, 30)
RED = {"require": [{"facet": "color", "any_of": ["Red"]}]}


class Obedient:
    name, catalog = "als", DATASET.catalog

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def recommend(self, profile, intent, *, decoding):
        rows = plan_slate(intent.compile(self.catalog)).pick(self.catalog.popularity)
        return Slate(items=tuple(SlateItem(id=self.catalog.ids[row], title="") for row in rows))


@pytest.fixture
def requests(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda name: DATASET)
    monkeypatch.setattr(recommender, "load_recommender", lambda *_, **__: Obedient())
    path = tmp_path / "requests.jsonl"
    entries = [("three red toys", {**RED, "count": 3}), ("something wooden", RED)]
    path.write_text("\n".join(json.dumps({"text": text, "intent": label}) for text, label in entries))
    return path


def test_the_chats_reader_reads_them(requests, tmp_path):
    report = evaluate_requests(Settings(home=tmp_path), requests, ["als"], 0, lambda said: None)
    held = {(row.decoding, row.reading): row.held.mean for row in report.rows}
    assert held["guarded", "reader"] == 0.5  # nobody can read "red" out of the second
    assert held["guarded", "label"] == 1


def test_the_command_prints_them(requests, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", "--requests", str(requests), "--models", "als", "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["requests"] == 2


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--plot", "picture.txt"], 1, "end it with"),
        (["--seeds"], 1, "several seeds"),
        (["--models", "magic"], 1, "no ranker"),
        (["--users", "0"], 2, "--users"),
    ],
)
def test_refusals(requests, capsys, options, code, said):
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", *options])
    assert end.value.code == code and said in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", "--requests", str(requests), "--plot", "a.png"])
    assert end.value.code == 2 and "--plot" in capsys.readouterr().err
