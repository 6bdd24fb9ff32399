"""The form that makes a project: what it offers, and what a page may say with it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.annotation.projects import Plan, Side
from chat_app.ui.project_form import MOST, NewProject, form, read_project
from recsys.errors import TillerError
from recsys.settings import Settings
from tests.chat_app.tags import Tags
from tests.made import catalog_of

FIELDS = {
    "name": ["Toys"],
    "count": ["20"],
    "overlap": ["2"],
    "daily_cap": [""],
    "checks": ["10"],
    "sampling": ["informative"],
    "first": ["als|guarded", "als|guarded", ""],
    "second": ["als|free", "popularity|guarded", ""],
    "requests": ["red toys\n\n three blue toys \n"],
    "guidelines": ["Be **fair**."],
}


def test_what_was_filled_in_is_what_is_made():
    als, free, popular = Side(ranker="als"), Side(ranker="als", decoding="free"), Side(ranker="popularity")
    pairs = ((als, free), (als, popular))
    plan = Plan(pairs=pairs, sampling="informative", overlap=2, checks=0.1, count=20)
    wanted = NewProject("Toys", "Be **fair**.", plan, ["red toys", "three blue toys"])
    assert read_project(FIELDS) == wanted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": [" "]}, "a name"),
        ({"guidelines": [""]}, "guidelines"),
        ({"guidelines": ["x" * 50_000]}, "guidelines of at most"),
        ({"count": ["many"]}, "“many” is no number"),
        ({"count": [str(MOST + 1)]}, "annotate new"),
        ({"overlap": ["-1"]}, "overlap"),
        ({"checks": ["80"]}, "0 to 50 % of checks"),
        ({"checks": ["-1"]}, "0 to 50 % of checks"),
        ({"daily_cap": ["0"]}, "at least 1 vote"),
        ({"sampling": ["astrology"]}, "sampling"),
        ({"first": ["als|guarded"], "second": ["als|guarded"]}, "two different rankers"),
        ({"first": ["als|guarded"], "second": [""]}, "two rankers"),
        ({"first": [], "second": []}, "two rankers"),
        ({"first": ["als|guarded", ""], "second": ["", "als|free"]}, "two rankers"),
        ({"first": ["als|magic"], "second": ["als|free"]}, "decoding"),
        ({"requests": ["x\n" * 2000]}, "at most 1,000 requests"),
    ],
)
def test_what_cannot_be_is_said(change, says):
    with pytest.raises(TillerError, match=says):
        read_project(FIELDS | change)


ANYTHING = st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists)


@given(fields=st.dictionaries(st.sampled_from(sorted(FIELDS)), ANYTHING | st.lists(st.text())))
def test_whatever_a_page_sends_leads_to_a_project_or_a_sentence(fields):
    try:
        assert isinstance(read_project({**FIELDS, **fields}), NewProject)
    except TillerError as error:
        assert str(error)


def test_the_form_offers_what_is_at_hand_and_sends_what_can_be_read(tmp_path):
    toys = catalog_of([["Red"]] * 3, [["Round"]] * 3, [1970] * 3)
    services = SimpleNamespace(settings=Settings(home=tmp_path), catalog=toys)
    page = form(services, is_open=True)
    tags = Tags(page)
    sides = {
        tag[1]["value"] for tag in tags.tags if tag[0] == "option" and "|" in (tag[1].get("value") or "")
    }
    assert sides == {f"{name}|{how}" for name in ("als", "popularity") for how in ("guarded", "free")}
    assert "Somebody asks for a list" in page and "<details" in page and " open>" in page
