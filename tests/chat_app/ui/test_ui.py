"""The parts of the web app that need no browser: markup, clicks, limits, turns, the picker."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from chat_app.controller.turn import TurnIntent
from chat_app.state import State
from chat_app.ui import api, cards, clicks, limits, picker, turns
from chat_app.words.reply import Chip, Reply
from recsys.constraints import Compliance
from recsys.controls import ControlIntent, Removal
from recsys.errors import TillerError
from recsys.profile import Profile
from recsys.slate import FunnelStep, Relaxation, Slate, SlateItem
from tests.chat_app.tags import EVIL, Tags
from tests.made import catalog_of


@pytest.fixture
def toys():
    colors = [["Red"], ["Red", "Blue"], ["Green"], ["Blue"], [], ["Red"]]
    return catalog_of(colors, [["Round"]] * 6, [1970, 1980, 1990, 2000, float("nan"), 1975])


def conversation(slate=None, text="Here you are.", said="something red", chips=(), n=1):
    reply = Reply(
        text=text, turn=TurnIntent(act="recommend"), slate=slate, chips=chips, suggestions=("more",)
    )
    state = State(profile=Profile(liked=(100,)))
    record = SimpleNamespace(text=said, reply=reply)
    return SimpleNamespace(turns=(record,) * n, state=state, can_undo=True, can_redo=False, id="c")


def made_slate(catalog, **values) -> Slate:
    item = catalog.item(0)
    items = (SlateItem(id=item.id, title=item.title, year=item.year, facets=item.facets, reasons=("red",)),)
    return Slate(items=items, **values)


# markup


def test_nothing_from_outside_becomes_markup(toys):
    item = SlateItem(
        id=100, title=EVIL, facets={"color": [EVIL], "shape": [EVIL]}, reasons=(EVIL,), year=None
    )
    slate = Slate(
        items=(item,),
        compliance=(Compliance(control=EVIL, asked=1, got=0, met=False),),
        relaxations=(Relaxation(control=EVIL, to=EVIL, reason=EVIL),),
        funnel=(FunnelStep(step=EVIL, items=3),),
        timings={EVIL: 1.0},
        model=EVIL,
    )
    chip = Chip(label=EVIL, removal=Removal(field="require", facet="color", value=EVIL))
    talk = conversation(slate, text=EVIL, said=EVIL, chips=(chip,))
    summary = SimpleNamespace(id=EVIL, title=EVIL, updated=EVIL)
    html = cards.thread(talk, toys) + cards.dock(talk, toys) + cards.live(EVIL) + cards.live(notice=EVIL)
    html += cards.sidebar([summary], None, toys, talk.state.profile)
    html += cards.welcome(toys, [EVIL], [], [0])
    page = Tags(html)
    assert not {"img", "script"} & {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert page.text.count("<img src=x onerror=alert(1)>") >= 10


def test_a_card_says_everything_and_every_button_names_its_item(toys):
    page = Tags(cards.thread(conversation(made_slate(toys)), toys))
    acts = [a for tag, a in page.tags if tag == "button" and "act" in (a.get("class") or "")]
    assert [a["data-do"] for a in acts] == ["liked", "disliked", "seen", "similar", "why"]
    assert all(a["aria-label"].endswith(": Toy A0") for a in acts)
    assert [a.get("aria-pressed") for a in acts] == ["true", "false", "false", None, None]
    for words in ("Toy A0", "1970", "★ 1.0", "Red", "Shape", "Round"):
        assert words in page.text


def test_a_card_names_few_values_the_best_known_first():
    names = [["Ann", "Bob", "Cid", "Dan"], ["Dan"], ["Dan", "Cid"]]
    toys = catalog_of([["Red"]] * 3, names, [1970, 1980, 1990])
    item = SlateItem(id=toys.ids[0], title=toys.titles[0], facets={"color": ["Red"], "shape": names[0]})
    [(_, shown)] = cards.card(toys, item).facts
    renown = {v: toys.popularity[toys.categorical["shape"].items_with(v)].sum() for v in names[0]}
    best = sorted(names[0], key=lambda v: -renown[v])
    assert best != names[0] and shown == f"{', '.join(best[:3])} …"


def test_links_only_to_plain_ids(toys):
    from dataclasses import replace

    catalog = replace(
        toys, links={"imdb": ["114709", "tt0113277", 'x"><b>', "", "1", "1"], "tmdb": ["862"] + [""] * 5}
    )
    assert cards.links(catalog, 100) == [
        ("IMDb", "https://www.imdb.com/title/tt0114709/"),
        ("TMDB", "https://www.themoviedb.org/movie/862"),
    ]
    assert cards.links(catalog, 101) == [("IMDb", "https://www.imdb.com/title/tt0113277/")]
    assert cards.links(catalog, 102) == cards.links(catalog, 103) == cards.links(catalog, "nothing") == []


def test_badges_count_and_do_not_rely_on_colour(toys):
    slate = made_slate(
        toys,
        compliance=(
            Compliance(control="color Red about 50 %", asked=1, got=1, met=True),
            Compliance(control="no shape Round", asked=1, got=0, met=False),
            Compliance(control="count", asked=5, got=1, met=False),
        ),
    )
    assert [(b["label"], b["got"], b["of"]) for b in cards.badges(toys, slate)] == [
        ("Red about 50 %", 1, 1),
        ("no Round", 0, 1),
        ("number of toys", 1, 5),
    ]
    html = cards.thread(conversation(slate), toys)
    assert html.count("✓") == 1 and html.count("not met ✕") == 2


def test_old_turns_wait_until_they_are_asked_for(toys):
    long = conversation(n=cards.TURNS_SHOWN + 7)
    assert cards.thread(long, toys).count('class="turn"') == cards.TURNS_SHOWN
    assert "Show 7 earlier" in cards.thread(long, toys)
    assert cards.thread(long, toys, everything=True).count('class="turn"') == cards.TURNS_SHOWN + 7


def test_markdown_shows_words_but_no_html_and_no_script_links():
    html = cards.markdown("**bold** <b onclick=x>y</b> [a](javascript:alert(1)) ![p](http://e.org/p.png)")
    assert "<strong>bold</strong>" in html
    assert "<b " not in html and "href" not in html and "<img" not in html


# clicks


def test_every_button_is_a_turn_with_words(toys):
    turn, said = clicks.read_click(toys, {"do": "liked", "id": "100"})
    assert (turn.act, turn.events[0].kind, turn.events[0].id, said) == (
        "feedback",
        "liked",
        100,
        "I like Toy A0",
    )
    turn, said = clicks.read_click(toys, {"do": "picked", "ids": ["100", 102, "100"]})
    assert [e.id for e in turn.events] == [100, 102] and said == "I like Toy A0 and Toy C2"
    turn, said = clicks.read_click(toys, {"do": "similar", "id": 101})
    assert turn.edit.apply(ControlIntent(like=("Toy A0",))).like == ("Toy B1",) and said == "More like Toy B1"
    turn, said = clicks.read_click(toys, {"do": "why", "id": 101})
    assert (turn.act, turn.target, said) == ("explain", 101, "Why Toy B1?")
    removal = Removal(field="require", facet="color", value="Red").model_dump_json()
    turn, said = clicks.read_click(toys, {"do": "remove", "removal": removal, "label": "Red"})
    red = ControlIntent(require=[{"facet": "color", "any_of": ["Red"]}])
    assert turn.edit.apply(red) == ControlIntent() and said == "Drop “Red”"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"do": "liked"},
        {"do": "liked", "id": 7},
        {"do": "liked", "id": ["100"]},
        {"do": "liked", "id": {"$ne": 1}},
        {"do": "picked", "ids": []},
        {"do": "picked", "ids": "100"},
        {"do": "remove", "removal": "{}"},
        {"do": "remove", "removal": '{"field": "__class__"}'},
        {"do": "__init__", "id": 100},
        {"do": None},
    ],
)
def test_a_forged_click_is_refused(toys, data):
    with pytest.raises(TillerError):
        clicks.read_click(toys, data)


# limits


def test_messages_a_minute_are_counted_by_session(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: clock[0])
    gate = limits.Limits(max_message=10, rate_limit=2)
    gate.check("a", "x")
    gate.check("a", "x")
    with pytest.raises(limits.Refused, match="60 seconds"):
        gate.check("a", "x")
    gate.check("b", "x")
    clock[0] = 61
    gate.check("a", "x")


def test_long_messages_are_refused_and_not_counted():
    gate = limits.Limits(max_message=10, rate_limit=1)
    with pytest.raises(limits.Refused, match="11 characters"):
        gate.check("a", "x" * 11)
    gate.check("a", "x" * 10)


# turns under way


class Store:
    """A conversation that takes its time."""

    id, owner = "c", "o"

    def __init__(self):
        self.go, self.stored = threading.Event(), []

    def job(self, conversation, progress):
        progress("understanding")
        assert self.go.wait(5)
        progress("ranking")
        progress(turns.STORING)
        self.stored.append("x")
        return "reply"


def test_steps_then_the_reply():
    slow, desk = Store(), turns.Desk(None)
    slow.go.set()
    turn = desk.start(slow, slow.job)
    assert list(turn.steps()) == ["understanding", "ranking"]
    assert turn.reply == "reply" and slow.stored == ["x"] and not turn.stop()


def test_a_stopped_turn_ends_at_once_and_stores_nothing():
    slow, desk = Store(), turns.Desk(None)
    turn = desk.start(slow, slow.job)
    steps = turn.steps()
    assert next(steps) == "understanding"
    assert not desk.stop("somebody else", "c") and desk.under_way("somebody else", "c") == []
    assert desk.stop("o", "c")
    with pytest.raises(turns.Stopped):
        next(steps)
    slow.go.set()
    assert turn.done.wait(5)
    assert slow.stored == [] and desk.under_way("o", "other") == []


def test_a_turn_that_is_being_stored_cannot_be_stopped():
    turn = turns.RunningTurn()
    turn.progress(turns.STORING)
    assert not turn.stop()


@pytest.mark.parametrize(
    ("error", "words"),
    [(TillerError("The disk is full."), "The disk is full."), (KeyError("x"), turns.SORRY)],
)
def test_errors_become_one_plain_sentence(error, words):
    def fail(conversation, progress):
        raise error

    turn = turns.Desk(None).start(Store(), fail)
    with pytest.raises(turns.TurnFailed) as caught:
        list(turn.steps())
    assert str(caught.value) == words


# the picker and the schemas


def test_the_picker_mixes_kinds_and_leaves_out_what_is_known(toys):
    assert picker.well_known(toys, n=3) == [0, 1, 2]  # Red, Blue, Green: the most popular of each
    assert 0 not in picker.well_known(toys, known=[100], n=6)
    assert sorted(picker.well_known(toys, n=100)) == list(range(6))


def test_schemas_are_whole():
    for model in (ControlIntent, Slate, api.TurnAnswer):
        text = str(api.schema(model))
        assert "$ref" not in text and "properties" in text
    assert set(api.schema(ControlIntent)["properties"]) == set(ControlIntent.model_fields)


def test_a_newer_errand_of_a_page_stops_the_one_before():
    errands = turns.Errands()

    def endless(tell):
        while True:
            tell("Still at it")
            time.sleep(0.001)

    first, elsewhere = errands.start("page", endless), errands.start("other page", lambda tell: "else")
    second = errands.start("page", lambda tell: "done")
    with pytest.raises(turns.Stopped):
        list(first.steps())
    assert (list(second.steps()), second.reply) == ([], "done")
    assert (list(elsewhere.steps()), elsewhere.reply) == ([], "else")
    errands.end("page", first)  # late, and no longer of this page
    third = errands.start("page", endless)
    errands.stop("page")
    with pytest.raises(turns.Stopped):
        list(third.steps())
