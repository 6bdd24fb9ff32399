"""The rule reader reads well enough: floors on the labelled conversations of tests/data."""

from pathlib import Path

import pytest

from chat_app.controller.requests import read_requests
from chat_app.controller.rules import RuleReader, read_rules
from chat_app.controller.scoring import load, score
from chat_app.state import State
from recsys.datasets import load_dataset
from recsys.sentences import read_requests as load_requests

DATA = Path(__file__).parents[2] / "data"


FLOORS = {
    "turns_dev.jsonl": 0.93,
    "turns_dev2.jsonl": 0.93,
    "turns_dev3.jsonl": 0.88,
    "turns_dev4.jsonl": 0.82,
    "turns_test.jsonl": 0.90,
    "real_dev.jsonl": 0.90,
    "real_dev2.jsonl": 0.90,
}


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_slots_and_acts_are_read_well(reader: RuleReader, name: str, floor: float) -> None:
    try:
        conversations = load(DATA / name)
    except FileNotFoundError as error:
        pytest.skip(f"the published dialogues are not here: {error.filename}")
    report = score(reader.read, conversations)
    hint = f"python -m chat_app.controller.scoring tests/data/{name} --errors lists the misreadings"
    assert report.slots.f1 >= floor, hint
    assert report.act_accuracy >= floor, hint


@pytest.mark.parametrize(
    ("name", "floor"),
    {
        "albums": 0.88,
        "books": 0.95,
        "courses": 0.93,
        "games": 0.9,
        "podcasts": 0.85,
        "recipes": 0.92,
        "wines": 0.88,
    }.items(),
)
def test_catalogues_without_synonyms_are_read_well(name: str, floor: float) -> None:
    folder = DATA / "catalogs" / name
    catalog = load_dataset(str(folder)).catalog
    rules = read_rules(catalog)
    requests = load_requests(folder / "requests.jsonl")
    reading = read_requests(lambda text: State().apply(rules.read(State(), text)).intent, requests, catalog)
    assert reading.hard >= floor, "\n".join(map(str, reading.misread))


@pytest.mark.parametrize(("name", "floor"), {"courses": 0.9, "wines": 0.9}.items())
def test_conversations_on_other_catalogues_are_read_well(name: str, floor: float) -> None:
    folder = DATA / "catalogs" / name
    report = score(read_rules(load_dataset(str(folder)).catalog).read, load(folder / "turns.jsonl"))
    assert report.slots.f1 >= floor
    assert report.act_accuracy >= floor
