"""The Chat tab's answers to events, without a browser: what each leaves on the page and in the store."""

from __future__ import annotations

import gradio as gr
import pytest
import sqlalchemy as sa
from langchain_core.runnables import RunnableLambda

from chat_app.conversation import MAX_TITLE, Conversation
from chat_app.store import ConversationUnreadable, StoreError, turns
from chat_app.ui.chat import ChatTab
from chat_app.ui.limits import Limits
from chat_app.ui.session import Session
from chat_app.ui.turns import SORRY, Desk
from tests.chat_app.tags import Tags

OWNER = "o" * 43


class Page:
    """One browser page: what it shows after the events that were sent."""

    def __init__(self, tab: ChatTab, conversation: str = "") -> None:
        self.tab = tab
        self.shown = {tab.session: {"owner": OWNER, "conversation": conversation}, tab.editing: False}

    def __getitem__(self, name: str):
        return self.shown[getattr(self.tab, name)]

    @property
    def session(self) -> Session:
        return self["session"]

    @property
    def notice(self) -> str:
        return Tags(self["live"]).text.strip()

    def load(self) -> Page:
        return self.take(self.tab.on_load(self.session, None))

    def say(self, text: str) -> Page:
        return self.take(self.tab.on_message(self.session, text, self["editing"], None))

    def click(self, **data: str) -> Page:
        event = gr.EventData(None, data)
        return self.take(self.tab.on_act(self.session, event, None))

    def take(self, answers) -> Page:
        for answer in answers:
            self.shown |= answer
        return self


@pytest.fixture
def tab(services):
    made = ChatTab(services, Limits(max_message=4000, rate_limit=100), Desk(services))
    with gr.Blocks():
        made.build()
    return made


@pytest.fixture
def past(services):
    """The id of a stored conversation that nobody has open."""
    talk = Conversation.new(services, OWNER)
    talk.turn("liked 3")
    talk.turn("genre Drama")
    return talk.id


def test_a_name_is_cut_where_it_is_too_long_and_kept_where_it_says_nothing(tab, past):
    page = Page(tab, past).load().click(do="rename", id=past, title=f" {'long ' * 40}\n")
    title = tab._open(page.session).title
    assert title.startswith("long long") and title.endswith("long…") and len(title) <= MAX_TITLE
    assert "needs a name" in page.click(do="rename", id=past, title=" \u200e\n").notice
    assert tab._open(page.session).title == title


class TestEditing:
    """Editing ends when the new words are answered, not before."""

    def test_what_was_not_answered_is_edited_on(self, tab, past):
        page = Page(tab, past).load().click(do="edit")
        assert page["editing"] and page["box"] == "genre Drama" and "Editing" in page["dock"]
        page.say("x" * 4001)
        assert page["editing"] and page["box"] == "x" * 4001 and "Editing" in page["dock"]
        controller, tab.services.controller = tab.services.controller, RunnableLambda(lambda _: 1 / 0)
        page.say("genre Comedy")
        assert SORRY in page.notice and page["box"] == "genre Comedy"
        assert page["editing"] and "Editing" in page["dock"]
        tab.services.controller = controller
        page.say("genre Comedy")
        assert not page["editing"] and "Editing" not in page["dock"]
        assert [t.text for t in tab._open(page.session).turns] == ["liked 3", "genre Comedy"]

    def test_stop_leaves_it_as_it_was(self, tab, past):
        page = Page(tab, past).load().click(do="edit")
        tab.services.controller = RunnableLambda(lambda _: tab.on_stop(page.session, None))
        answers = tab.on_message(page.session, "genre Comedy", True, None)
        page.shown |= next(answers)  # under way: what is sent now is a message of its own
        assert not page["editing"] and "Editing" not in page["dock"] and page["box"] == ""
        page.take(answers)
        assert "Stopped" in page.notice and page["box"] == "genre Comedy"
        assert page["editing"] and "Editing" in page["dock"]


class TestStoreThatFails:
    @pytest.fixture
    def failing(self, services, monkeypatch):
        def fail(*_, **__):
            raise StoreError("The disk is full.")

        for name in ("append", "delete"):
            monkeypatch.setattr(services.store, name, fail)

    def test_undo_and_redo_say_that_they_were_not_saved(self, tab, past, failing):
        page = Page(tab, past).load()
        assert "could not be saved. The disk is full." in page.click(do="undo").notice
        assert "could not be saved. The disk is full." in page.click(do="redo").notice

    def test_what_could_not_be_deleted_loses_no_turn(self, tab, past, failing):
        page = Page(tab, past).load().say("count 3")
        assert page.click(do="delete", id=past).notice == "The disk is full."
        assert page.session["conversation"] == past
        assert [t.text for t in tab._open(page.session).turns] == ["liked 3", "genre Drama", "count 3"]


class TestUnreadable:
    """A stored conversation that this version cannot read."""

    @pytest.fixture
    def broken(self, services, past):
        with services.store.writing() as db:
            db.execute(turns.update().where(turns.c.text == "liked 3").values(reply='{"text": 3}'))
        with pytest.raises(ConversationUnreadable):
            Conversation.load(services, OWNER, past)
        return past

    @staticmethod
    def stored(services) -> list:
        with services.store.reading() as db:
            return db.execute(sa.select(turns).order_by(turns.c.id)).all()

    def test_the_page_opens_with_a_new_one_and_says_why(self, services, tab, broken):
        before = self.stored(services)
        page = Page(tab, broken).load()
        assert page.session["conversation"] != broken and "“liked 3” is kept" in page.notice
        assert broken in page["side"] and 'data-do="bring"' not in page["thread"]
        assert self.stored(services) == before

    def test_a_message_is_answered_in_a_new_one(self, services, tab, broken):
        before = self.stored(services)
        page = Page(tab, broken).say("genre Comedy")
        assert "“liked 3” is kept" in page.notice and page.session["conversation"] != broken
        assert [t.text for t in tab._open(page.session).turns] == ["genre Comedy"]
        assert [t for t in self.stored(services) if t.text != "genre Comedy"] == before

    def test_opening_it_by_hand_says_why_and_leaves_the_page(self, tab, broken):
        page = Page(tab).load()
        here = page.session["conversation"]
        assert "“liked 3” is kept" in page.click(do="open", id=broken).notice
        assert page.session["conversation"] == here

    def test_it_can_be_deleted_by_its_owner_only(self, services, tab, broken):
        stranger = Page(tab)
        stranger.shown[tab.session]["owner"] = "x" * 43
        stranger.load().click(do="delete", id=broken)
        assert "no such conversation" in stranger.notice and self.stored(services)
        assert broken not in Page(tab).load().click(do="delete", id=broken)["side"]
        assert self.stored(services) == []

    def test_turns_of_another_process_that_cannot_be_read_are_not_replaced(self, services):
        talk = Conversation.new(services, OWNER)
        talk.turn("genre Drama")
        services.live.clear()
        other = Conversation.load(services, OWNER, talk.id)
        other.turn("count 3")
        with services.store.writing() as db:
            db.execute(turns.update().where(turns.c.text == "count 3").values(state="{"))
        at = services.store.position(OWNER, talk.id)
        with pytest.raises(ConversationUnreadable):
            talk.turn("count 4")
        assert services.store.position(OWNER, talk.id) == at
