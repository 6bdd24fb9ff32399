"""The annotation room: what every press leads to, and what its HTML gives away."""

from __future__ import annotations

import re

import pytest

from chat_app.annotation.projects import Comparison, Plan, Side
from chat_app.annotation.votes import TAKEN, VOTED, Ballot, Votes
from chat_app.store import Store
from chat_app.ui.room import NO_PROJECTS, NO_PROJECTS_FOR_YOU, NOTHING_BEFORE, Room
from tests.chat_app.tags import EVIL, Tags
from tests.made import catalog_of

PAIR = (Side(ranker="secret-ranker"), Side(ranker="other-secret", decoding="free"))


@pytest.fixture(scope="module")
def toys():
    return catalog_of([["Red"], ["Blue"]] * 20, [["Round"]] * 40, [1970] * 40)


@pytest.fixture
def room(tmp_path, toys):
    store = Store.sqlite(tmp_path / "store.sqlite")
    yield Room(Votes(store), toys)
    store.close()


def comparison(number=0, request="Red toys.", reasons=((), ()), profile=(), items=((0, 1), (2, 3))):
    slates = [
        {"ranker": side.ranker, "adapter": "hash-of-it", "decoding": side.decoding, "seed": 0}
        | {"items": [{"id": 100 + i, "title": f"Toy {i}", "reasons": list(why)} for i in rows]}
        for side, rows, why in zip(PAIR, items, reasons, strict=True)
    ]
    asked = {"profile": [list(entry) for entry in profile], "request": request, "n": number}
    return Comparison(asked, *slates, "Words for the model.", rank=float(number))


def project(room, made=None, name="Toys", guidelines="Be **fair**.", **plan) -> str:
    made = made or [comparison(i) for i in range(4)]
    return room.votes.projects.create(name, guidelines, Plan(pairs=(PAIR,), **plan), made).id


def page(html) -> dict:
    """What the page sends along with every event."""
    found = dict(re.findall(r'data-(project|comparison|key)="(\w+)"', html.split("<header")[0]))
    return found | {"choice": None, "strength": None, "reasons": [], "comment": "", "seconds": 1.0}


def test_a_vote_leads_to_the_next_comparison(room):
    project(room)
    first = room.act("ann", {"do": "next", "project": None})
    answer = room.act("ann", page(first.room) | {"do": "vote", "choice": "A", "reasons": ["novelty"]})
    assert answer.notice == "" and page(answer.room)["comparison"] != page(first.room)["comparison"]
    assert "You: <b>1</b> vote<" in answer.room and "Everybody: <b>1</b> of 4" in answer.room
    again = room.act("ann", page(first.room) | {"do": "vote", "choice": "A"})  # a double click
    assert again == answer


def test_who_chose_no_project_gets_one_with_something_to_do(room):
    done, open_ = project(room, [comparison()], name="A"), project(room, [comparison()], name="B")
    first = room.act("ann", {"do": "next"})
    room.act("ann", page(first.room) | {"do": "vote", "choice": "A"})
    assert page(first.room)["project"] == done
    assert page(room.act("bob", {"do": "next"}).room)["project"] == open_
    chosen = page(room.act("cy", {"do": "next", "project": done}).room)
    assert chosen["project"] == done and "comparison" not in chosen  # who chose is told that it is done


def test_everything_that_is_to_be_judged_is_there_and_nothing_that_tells_who_made_it(room):
    profile = [(100 + i, "liked") for i in range(12)] + [(130, "disliked"), (999, "seen")]
    project(room, [comparison(profile=profile, reasons=(("red",), ("blue",)))])
    html = room.act("ann", {"do": "next"}).room
    text = Tags(html).text
    for words in (
        "Red toys.",
        "Toy A0",
        "1970",
        "Be fair.",
        "version 1",
        "4 earlier",
        "no longer listed: 999",
    ):
        assert words in text
    assert "Liked before" in text and "Why it is here" in html
    for secret in ("secret", "hash-of-it", "free", "guarded", "Words for the model", "first", "second"):
        assert secret not in html


def test_of_a_chat_all_that_it_asks_for_is_said(room):
    made = comparison(request="make it three")
    intent = {"count": 3, "require": [{"facet": "color", "any_of": ["Red"]}]}
    for source, said in (("chat", True), ("data", False)):
        made.context.update(source=source, intent=intent)
        project(room, [made], name=source)
        shown = room.act("ann", {"do": "next", "project": room.votes.projects.named(source).id}).room
        assert (
            "make it three" in shown
            and ("In all" in shown) == said
            and ("Three toys with color Red." in shown) == said
        )


def test_reasons_of_one_list_alone_are_left_out(room):
    project(room, [comparison(reasons=(("because it is red",), ()))])
    assert "because it is red" not in room.act("ann", {"do": "next"}).room


def test_nothing_from_outside_becomes_markup(room, toys):
    made = comparison(request=EVIL, reasons=((EVIL,), (EVIL,)), profile=[(EVIL, "liked")])
    for slate in (made.first, made.second):
        slate["items"].append({"id": EVIL, "title": EVIL, "reasons": [EVIL]})  # gone from the catalogue
    project(room, [made], name=EVIL[:100], guidelines=EVIL)
    html = room.act("ann", {"do": "next"}).room
    draft = page(html) | {"do": "draft", "begun": True, "choice": EVIL, "reasons": [EVIL], "comment": EVIL}
    room.act("ann", draft)
    found = Tags(room.act("ann", {"do": "next"}).room)
    assert not {"img", "script"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert found.text.count("<img src=x onerror=alert(1)>") >= 8


def test_a_comment_of_50_kb_is_refused_and_kept(room):
    project(room)
    html = room.act("ann", {"do": "next"}).room
    data = page(html) | {"choice": "B", "strength": 3, "reasons": ["variety"], "comment": "long " * 10_000}
    answer = room.act("ann", data | {"do": "vote", "begun": True})
    assert answer.room is None and "50,000 characters" in answer.notice
    kept = Tags(room.act("ann", {"do": "next"}).room)
    checked = {a["value"] for tag, a in kept.tags if tag == "input" and "checked" in a}
    assert checked == {"B", "3", "variety"} and kept.text.count("long ") == 10_000
    shorter = page(room.act("ann", {"do": "next"}).room) | data | {"comment": "short"}
    assert room.act("ann", shorter | {"do": "vote"}).notice == ""


def test_a_vote_without_a_choice_stays_where_it_is(room):
    project(room)
    html = room.act("ann", {"do": "next"}).room
    answer = room.act("ann", page(html) | {"do": "vote"})
    assert answer.room is None and "Choose A, B" in answer.notice


def test_thinking_over_shows_the_vote_and_replaces_it(room):
    pid = project(room)
    first = room.act("ann", {"do": "next"}).room
    second = room.act("ann", page(first) | {"do": "vote", "choice": "B", "comment": "hm"}).room
    assert room.act("ann", page(first) | {"do": "back"}).notice == NOTHING_BEFORE
    back = room.act("ann", page(second) | {"do": "back"}).room
    assert page(back)["comparison"] == page(first)["comparison"] and ">hm</textarea>" in re.sub(
        r"\n", "", back
    )
    assert "voting again replaces" in back
    third = room.act("ann", page(back) | {"do": "vote", "choice": "tie"})
    assert page(third.room)["comparison"] == page(second)["comparison"]
    again = {"do": "reopen", "again": page(first)["comparison"]}
    reopened = room.act("ann", page(third.room) | again).room
    assert page(reopened)["comparison"] == page(first)["comparison"]
    assert [(vote.choice, by is None) for vote, _, by in room.votes.record(pid)] == [
        ("B", False),
        ("tie", True),
    ]


def test_what_happened_meanwhile_is_said_and_the_queue_goes_on(room, monkeypatch):
    pid = project(room, [comparison(0), comparison(1), comparison(2)])
    html = room.act("ann", {"do": "next"}).room
    room.votes.vote("ann", page(html)["comparison"], page(html)["key"], Ballot("A"))
    answer = room.act("ann", page(html) | {"do": "vote", "choice": "A", "key": "0" * 32})
    assert answer.notice == VOTED and page(answer.room)["comparison"] != page(html)["comparison"]
    monkeypatch.setattr(room.votes, "_clock", lambda: 4e9)
    other = room.act("bob", {"do": "next"}).room  # takes the place that ann held for too long
    assert page(other)["comparison"] == page(answer.room)["comparison"]
    late = room.act("ann", page(answer.room) | {"do": "vote", "choice": "A"})
    assert late.notice == TAKEN and page(late.room)["comparison"] != page(other)["comparison"]
    assert len(list(room.votes.record(pid))) == 1


def test_the_end_of_the_queue_is_said(room):
    assert NO_PROJECTS in room.act("ann", {"do": "next"}).room
    for said in ({"do": "next"}, {"do": "next", "is_admin": True}):  # who cannot make one is not told to
        assert NO_PROJECTS_FOR_YOU in room.act("ann", said, is_admin=False).room
    project(room, [comparison()])
    html = room.act("ann", {"do": "next"}).room
    done = room.act("ann", page(html) | {"do": "vote", "choice": "bad"})
    assert "everything that there is" in done.room and "Think over your last vote" in done.room
    assert page(room.act("ann", page(done.room) | {"do": "back"}).room)["comparison"]


def test_another_project_is_chosen(room):
    one, two = project(room), project(room, name="Other")
    html = room.act("ann", {"do": "next", "project": two}).room
    assert page(html)["project"] == two and html.count("<option") == 2
    skipped = room.act("ann", page(html) | {"do": "skip"}).room
    assert page(skipped)["project"] == two and page(skipped)["comparison"] != page(html)["comparison"]
    assert page(room.act("ann", {"do": "next", "project": one}).room)["project"] == one


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"do": "__init__"},
        {"do": "vote"},
        {"do": "vote", "choice": "A", "comparison": {"$ne": 1}, "key": ["x"], "project": 7},
        {"do": "back", "project": "x"},
        {"do": "skip", "comparison": None},
        {"do": "reopen", "again": "x"},
        {"do": "draft", "begun": True, "comment": "x" * 300_000},
    ],
)
def test_forged_events_change_nothing(room, data):
    pid = project(room)
    before = room.act("ann", {"do": "next"})
    room.act("bob", data)
    assert list(room.votes.record(pid)) == [] and room.act("ann", {"do": "next"}) == before
