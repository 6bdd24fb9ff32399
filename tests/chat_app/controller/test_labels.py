"""The labelled conversations hold together: known values, known titles, no texts of others."""

import json
from pathlib import Path
from typing import get_args

import pytest

from chat_app.controller.scoring import dialogues_folder
from chat_app.controller.turn import Act
from recsys.catalog import Catalog
from recsys.controls import Clause, ControlIntent
from recsys.datasets import Dataset

DATA = Path(__file__).parents[2] / "data"
WRITTEN = {
    "turns_dev.jsonl": (220, 90),
    "turns_dev2.jsonl": (260, 80),
    "turns_dev3.jsonl": (150, 30),
    "turns_test.jsonl": (120, 45),
}
REQUESTS = tuple(sorted(file.name for file in DATA.glob("requests_*.jsonl")))
REAL = ("real_dev.jsonl", "real_dev2.jsonl", "real_test.jsonl")


@pytest.fixture(scope="module")
def catalog(films: Dataset) -> Catalog:
    return films.catalog


def lines(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def labels(name: str) -> list[dict]:
    return [turn for line in lines(name) for turn in line.get("turns", [line])]


@pytest.mark.parametrize("name", [*WRITTEN, *REAL, *REQUESTS])
def test_every_label_is_in_the_words_of_the_catalogue(name: str, catalog: Catalog) -> None:
    titles = set(catalog.titles)
    for turn in labels(name):
        turn = {"act": "recommend", "events": [], **turn}
        assert turn["act"] in get_args(Act), turn
        intent = ControlIntent.model_validate(turn["intent"])
        assert all(value not in (None, [], "") for value in turn["intent"].values()), turn
        assert {*intent.like, *intent.unlike, *(e["item"] for e in turn["events"])} <= titles, turn
        assert {e["kind"] for e in turn["events"]} <= {"liked", "disliked", "seen"}, turn
        clauses = (*intent.require, *intent.exclude)
        quotas = [Clause(facet=q.facet, any_of=(q.value,)) for q in intent.quotas if q.value]
        for clause in (*clauses, *quotas):
            for value in clause.values:
                assert catalog.categorical[clause.facet].spelling(value) == value, turn
        assert {r.facet for r in intent.ranges} <= set(catalog.numeric), turn


@pytest.mark.parametrize("name", [*WRITTEN, *REQUESTS])
def test_every_intent_compiles(name: str, catalog: Catalog) -> None:
    for turn in labels(name):
        intent = ControlIntent.model_validate(turn["intent"])
        assert len(intent.compile(catalog).seeds) == len(intent.like), turn


@pytest.mark.parametrize(("name", "least"), WRITTEN.items())
def test_there_are_enough_and_all_acts_occur(name: str, least: tuple[int, int]) -> None:
    conversations = lines(name)
    turns = labels(name)
    assert len(turns) >= least[0]
    assert len(conversations) >= least[1]
    assert len({line["id"] for line in conversations}) == len(conversations)
    assert {turn["act"] for turn in turns} == set(get_args(Act))


def test_dev_and_test_share_no_text() -> None:
    texts = {name: {turn["user"].casefold() for turn in labels(name)} for name in WRITTEN}
    test = texts.pop("turns_test.jsonl")
    assert not {text for text in test.intersection(set().union(*texts.values())) if len(text.split()) > 2}


def test_requests_are_many_possible_and_said_once(catalog: Catalog) -> None:
    requests = [request for name in REQUESTS for request in labels(name)]
    assert len(requests) >= 220
    others = {turn["user"].casefold() for name in WRITTEN for turn in labels(name)}
    texts = [request["text"].casefold() for request in requests]
    assert len(set(texts)) == len(texts) and not others.intersection(texts)
    for request in requests:
        assert request.keys() == {"text", "intent"}
        intent = ControlIntent.model_validate(request["intent"])
        assert intent != ControlIntent() and intent.compile(catalog).mask.any(), request


def test_texts_of_published_dialogues_are_not_in_the_repository() -> None:
    keys = {"file", "id", "turn", "act", "events", "intent"}
    assert all(turn.keys() == keys for name in REAL for turn in labels(name))
    folder = dialogues_folder()
    if not folder.is_dir():
        pytest.skip("the published dialogues are not here")
    theirs = {
        turn["text"].casefold().strip(" .!?")
        for file in folder.glob("*.jsonl")
        for row in file.read_text(encoding="utf-8").splitlines()
        for turn in json.loads(row)["turns"]
    }
    ours = {turn["user"].casefold().strip(" .!?") for name in WRITTEN for turn in labels(name)}
    ours |= {request["text"].casefold().strip(" .!?") for name in REQUESTS for request in labels(name)}
    assert not {text for text in ours & theirs if len(text.split()) > 6}
