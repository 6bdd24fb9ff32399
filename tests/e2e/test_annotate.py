"""Annotation as a person does it, in a real browser; the project is made on the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import sqlalchemy as sa

from chat_app.annotation.projects import places
from chat_app.annotation.votes import Votes, drafts
from chat_app.store import Store
from tests.e2e.conftest import WAIT, Server
from tests.e2e.test_page import CONTRAST, NAMELESS, PHONE


@pytest.fixture(scope="module")
def annotated(catalog_folder, new_home):
    """A server with a project of 30 comparisons."""
    home = new_home()
    command = [
        "annotate",
        "new",
        "Which list?",
        "--pair",
        "als,popularity",
        "--count",
        "30",
        "--checks",
        ".2",
    ]
    environment = {**os.environ, "TILLER_HOME": str(home), "TILLER_CATALOG": str(catalog_folder)}
    subprocess.run(
        [sys.executable, "-m", "chat_app.cli", "--debug", *command],
        env=environment | {"TILLER_MODEL": "als"},
        check=True,
    )
    running = Server(home, catalog_folder).start()
    yield running
    running.stop()


@pytest.fixture
def kept(annotated):
    """The votes as they are in the store."""
    store = Store.sqlite(annotated.home / "conversations.sqlite")
    votes = Votes(store)
    [project] = votes.projects.all()
    yield lambda: list(votes.record(project.id))
    store.close()


@pytest.fixture
def checks(annotated) -> set[str]:
    """The known-answer checks of the project."""
    store = Store.sqlite(annotated.home / "conversations.sqlite")
    with store.reading() as db:
        found = set(db.scalars(sa.select(places.c.comparison).where(places.c.places.is_(None))))
    store.close()
    assert found
    return found


@pytest.fixture
def begun(annotated):
    """All that is kept of votes that are not cast yet, as text."""
    store = Store.sqlite(annotated.home / "conversations.sqlite")

    def read() -> str:
        with store.reading() as db:
            return "\n".join(db.scalars(sa.select(drafts.c.content)))

    yield read
    store.close()


class Annotation:
    """The tab in one window."""

    def __init__(self, chat) -> None:
        self.page = chat.page
        self.page.get_by_role("tab", name="Annotate").click()
        self.room = self.page.locator(".room")
        self.page.locator(".room[data-comparison]").wait_for(timeout=WAIT)
        self.notice = self.page.locator("#annotate-notice .notice")

    @property
    def comparison(self) -> str:
        return self.room.get_attribute("data-comparison")

    def after(self, press) -> None:
        """Do something and wait until another comparison is there."""
        before = self.comparison
        press()
        self.page.wait_for_function(
            "id => document.querySelector('.room').dataset.comparison !== id", arg=before, timeout=WAIT
        )

    def checked(self) -> list[str]:
        return self.page.locator(".ballot input:checked").evaluate_all("is => is.map(i => i.value)")


def test_votes_by_keys_and_what_is_kept_of_them(new_chat, annotated, kept):
    room = Annotation(new_chat(annotated))
    keys = room.page.keyboard
    before, first = len(kept()), room.comparison

    keys.press("b")
    keys.press("2")
    assert room.checked() == ["B", "2"]
    room.page.get_by_label("Variety").check()
    room.page.get_by_label("Comment").fill("ab txs 1 is no vote")
    assert room.checked() == ["B", "2", "variety"]  # letters in a comment are letters
    room.page.get_by_role("heading", name="The request").click()
    room.after(lambda: keys.press("Enter"))
    [(vote, comparison, superseded)] = kept()[before:]
    assert (vote.choice, vote.strength, vote.reasons, superseded) == ("B", 2, ("variety",), None)
    assert vote.comment == "ab txs 1 is no vote" and 0 < vote.seconds < 60 and comparison.id == first
    assert room.checked() == [] or room.checked() == [""]

    second = room.comparison
    keys.press("Backspace")
    room.page.locator(".again").wait_for(timeout=WAIT)
    assert room.comparison == first and room.checked() == ["B", "2", "variety"]
    keys.press("t")
    room.after(lambda: [keys.press("Enter"), keys.press("Enter")])
    assert room.comparison == second
    assert [(v.choice, by is None) for v, _, by in kept()[before:]] == [("B", False), ("tie", True)]

    room.after(lambda: keys.press("s"))
    keys.press("x")
    room.after(lambda: room.page.get_by_role("button", name="Vote", exact=False).first.dblclick())
    room.page.wait_for_timeout(500)
    assert [v.choice for v, _, _ in kept()[before:]] == ["B", "tie", "bad"]


def test_what_was_begun_survives_a_refusal_and_a_reload(new_chat, annotated, kept, begun):
    chat = new_chat(annotated)
    room, before = Annotation(chat), len(kept())
    here = room.comparison
    room.page.keyboard.press("Enter")
    room.notice.filter(has_text="Choose A, B").wait_for(timeout=WAIT)
    room.page.keyboard.press("a")
    comment = room.page.get_by_label("Comment")
    comment.fill("x" * 50_000)
    room.page.wait_for_timeout(1600)
    room.page.get_by_role("button", name="Vote").first.click()
    room.notice.filter(has_text="50,000 characters").wait_for(timeout=WAIT)
    assert len(comment.input_value()) == 50_000 and len(kept()) == before
    comment.fill("half a thought")
    for _ in range(WAIT // 100):
        if "half a thought" in begun():
            break
        room.page.wait_for_timeout(100)
    room.page.reload()
    again = Annotation(chat)
    assert again.comparison == here and "A" in again.checked()
    assert room.page.get_by_label("Comment").input_value() == "half a thought"


def test_two_people_are_given_different_comparisons(new_chat, annotated, checks):
    rooms = [Annotation(new_chat(annotated)) for _ in range(2)]
    for room in rooms:
        while room.comparison in checks:  # these are for everybody
            room.after(lambda room=room: room.page.keyboard.press("s"))
    assert rooms[0].comparison != rooms[1].comparison


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_room_on_a_phone_and_in_every_light(new_chat, annotated, scheme):
    for size in (PHONE, {"width": 1280, "height": 860}):
        touch = {"has_touch": True, "is_mobile": True} if size is PHONE else {}
        room = Annotation(new_chat(annotated, viewport=size, color_scheme=scheme, **touch))
        assert room.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert room.page.evaluate(NAMELESS) == []
        assert room.page.evaluate(CONTRAST.replace("#shell", "#annotate")) == []
        tops = room.page.locator(".pair > section").evaluate_all(
            "ss => ss.map(s => s.getBoundingClientRect().top)"
        )
        assert (tops[0] == tops[1]) == (size is not PHONE)


def test_the_chat_goes_on_beside_it(new_chat, annotated):
    chat = new_chat(annotated)
    chat.say("three comedies")
    Annotation(chat)
    chat.page.get_by_role("tab", name="Chat").click()
    chat.page.locator(".turn").first.wait_for(timeout=WAIT)
    assert len(chat.titles()) == 3
    chat.say("three dramas")
    assert len(chat.titles()) == 3


def test_a_project_is_made_in_the_page(new_chat, annotated):
    room = Annotation(new_chat(annotated))
    page = room.page
    form = page.locator(".project-form")
    page.get_by_text("New project", exact=True).click()
    make = page.get_by_role("button", name="Make the comparisons")
    make.click()
    page.locator("#project-live", has_text="Give the project a name").wait_for(timeout=WAIT)
    form.get_by_label("Name", exact=True).press_sequentially("Abt by hand")
    assert "A" not in room.checked()  # letters in a form are letters
    form.get_by_label("Comparisons", exact=True).fill("3")
    form.get_by_label("Requests").fill("three comedies\nfilms from the 90s")
    make.click()
    room.notice.filter(has_text="is ready").wait_for(timeout=WAIT)
    page.locator("[data-choose=project]").wait_for(timeout=WAIT)
    chosen = page.locator("[data-choose=project]").locator("option:checked")
    assert chosen.inner_text() == "Abt by hand"
    assert page.locator(".request").inner_text() in ("three comedies", "films from the 90s")
    assert page.locator(".far").inner_text().count("of 3") == 1
    assert not page.locator(".new-project").evaluate("d => d.open")
    page.get_by_text("New project", exact=True).click()
    assert form.get_by_label("Name", exact=True).input_value() == ""
    form.get_by_label("Name", exact=True).fill("Abt by hand")
    make.click()
    page.locator("#project-live", has_text="already").wait_for(timeout=WAIT)
