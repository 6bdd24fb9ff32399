"""The Insights' HTML and what comes back from its form; nothing from outside is trusted."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest

from chat_app.annotation.exports import Filters
from chat_app.annotation.insights import Annotator, PairCount, ProjectInsights, alias, alias_names
from chat_app.annotation.projects import Plan, Project
from chat_app.annotation.ranking import Outcomes, rank, wilson
from chat_app.feedback import ChatInsights, ControlUse
from chat_app.ui import insights_view as view
from chat_app.ui.insights import read_export
from recsys.errors import TillerError
from tests.chat_app.made_votes import PAIR
from tests.chat_app.tags import EVIL, Tags

STRANGE = f"$x^$ {EVIL}"  # TeX that is none, and markup
FOUND = ProjectInsights(
    project=EVIL,
    votes=12,
    checks=1,
    judged=4,
    pairs=(PairCount(STRANGE, "als", 5, 4, 2, 1),),
    ranking=tuple(rank({(STRANGE, "als"): Outcomes(5, 4, 3)})),
    agreement=0.7,
    reason_agreement=dict.fromkeys(("relevance", "request", "variety", "novelty", "explanation"), math.nan),
    side_a=wilson(5, 9),
    days=(("2026-01-01", 5), ("2026-03-01", 7)),
    annotators=(Annotator(EVIL, 12, math.nan, 1, wilson(1, 1)),),
)
PROJECT = Project("p" * 32, EVIL, Plan(pairs=(PAIR,)), 1, EVIL)
CHAT = ChatInsights(1, 2, 3, 3, {"liked": 1, "disliked": 0, "seen": 2}, (ControlUse("count", 2, 3, 2, 1, 0),))


def test_names_are_text_on_the_page_and_in_the_picture():
    page = Tags(
        view.project_page(FOUND)
        + view.head([PROJECT, replace(PROJECT, id="q")], PROJECT)
        + view.export_form(PROJECT)
        + view.live(trouble=EVIL)
        + view.live(EVIL, file=b"zip")
    )
    images = [attrs["src"] for tag, attrs in page.tags if tag == "img"]
    assert len(images) == 1 and images[0].startswith("data:image/png;base64,")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert page.text.count("<img src=x onerror=alert(1)>") >= 8
    assert "enough for tentative conclusions" in page.text and "12 votes" in page.text


def test_a_page_names_people_and_the_file_does_not():
    found = replace(FOUND, annotators=(Annotator(alias("a1"), 12, 3, 0, wilson(0, 0)),))
    names = alias_names({"a1": EVIL, "a2": "Bob"})
    page = Tags(view.project_page(found, names))
    assert f"{EVIL} ({alias('a1')})" in page.text and "Bob" not in page.text
    assert not [tag for tag, attrs in page.tags if tag == "img" and attrs.get("src") == "x"]
    rows = [row["of"] for row in found.rows()]
    assert f"annotator {alias('a1')}" in rows and not any("Bob" in of for of in rows)


def test_an_alias_that_two_people_share_names_nobody():
    names = {str(n): f"Person {n}" for n in range(9000)}  # more than 6 hex digits tell apart
    told = alias_names(names)
    assert len(told) < len(names) and all(
        told[alias(who)] == names[who] for who in names if alias(who) in told
    )
    assert sum(alias(who) in told for who in names) == len(told)


def test_nothing_to_show_yet():
    empty = replace(FOUND, votes=0, checks=0, pairs=(), ranking=(), annotators=(), days=())
    assert "Nobody has voted" in view.project_page(empty) and "no project yet" in view.head([], None)
    page = view.chat_page(replace(CHAT, controls=(), turns=0))
    assert "<img" not in page and "<img" in view.chat_page(CHAT)


@pytest.mark.parametrize(
    ("alpha", "words"),
    [(0.9, "good"), (0.1, "differently"), (-0.2, "differently"), (math.nan, "not defined")],
)
def test_what_agreement_means(alpha, words):
    assert words in view.project_page(replace(FOUND, agreement=alpha))


def test_the_form_is_read():
    data = {"project": PROJECT.id, "kind": "single", "items": "token", "agreement": "0.66", "source": "chat"}
    kind, items, filters = read_export(data | {"since": "2026-01-01", "until": ""}, [PROJECT])
    assert (kind, items) == ("single", "token")
    assert filters == Filters(EVIL, 0.66, "chat", date(2026, 1, 1), None)
    assert read_export({"kind": EVIL, "items": 7, "source": [], "agreement": "9"}, [])[0] == "pairs"
    for wrong in ({"since": "tomorrow"}, {"agreement": "much"}):
        with pytest.raises(TillerError):
            read_export(wrong, [])
