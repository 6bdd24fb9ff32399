"""The rule reader reads well enough: floors on the labelled conversations of tests/data."""

from pathlib import Path

import pytest

from chat_app.controller.rules import read_rules
from chat_app.controller.scoring import Reader, load, score
from recsys.datasets import load_dataset

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return read_rules(load_dataset("ml-latest-small").catalog).read


FLOORS = {
    "turns_dev.jsonl": 0.93,
    "turns_dev2.jsonl": 0.93,
    "turns_test.jsonl": 0.90,
    "real_dev.jsonl": 0.90,
    "real_dev2.jsonl": 0.90,
}


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_slots_and_acts_are_read_well(reader: Reader, name: str, floor: float) -> None:
    try:
        conversations = load(DATA / name)
    except FileNotFoundError as error:
        pytest.skip(f"the published dialogues are not here: {error.filename}")
    report = score(reader, conversations)
    hint = f"python -m chat_app.controller.scoring tests/data/{name} --errors lists the misreadings"
    assert report.slots.f1 >= floor, hint
    assert report.act_accuracy >= floor, hint
