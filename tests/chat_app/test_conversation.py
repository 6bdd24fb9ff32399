"""Conversations: the tree of turns, replay, stopping, double clicks, and a store that fails."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from sqlalchemy import event

from chat_app.controller.turn import TurnIntent
from chat_app.conversation import UNTITLED, Conversation
from chat_app.state import State
from chat_app.store import ConversationNotFound, Store
from chat_app.words.reply import answer
from recsys.controls import Clause, ControlEdit, ControlIntent, Range, Removal
from tests.chat_app.conftest import Codes


@pytest.fixture
def talk(services):
    return Conversation.new(services, "ann")


def resumed(conversation) -> Conversation:
    """The same conversation as another process would see it."""
    conversation.services.live.clear()
    return Conversation.load(conversation.services, conversation.owner, conversation.id)


def replay(conversation) -> State:
    """The state that the visible path leads to when every turn is answered again."""
    state = State()
    for record in conversation.turns:
        state = answer(conversation.services, state, record.reply.turn, record.text).state
    return state


class TestTurns:
    def test_more_repeats_nothing_and_ends_with_a_way_out(self, talk):
        listed = list(talk.turn("genre Western").state.slate)
        while (reply := talk.turn("more")).slate is not None:
            listed += reply.state.slate
            assert len(listed) < 300
        assert (
            len(listed)
            == len(set(listed))
            == len(talk.state.intent.compile(talk.services.catalog).mask.nonzero()[0])
        )
        assert "nothing new" in reply.text and "start over" in reply.suggestions
        assert talk.state.slate and talk.turn("more").slate is None

    def test_other_controls_begin_a_new_listing(self, talk):
        first = talk.turn("genre Drama").state
        talk.turn("more")
        other = talk.turn("genre Comedy").state
        assert other.shown == other.slate
        assert talk.turn("genre Drama").state.slate == first.slate

    def test_feedback_refreshes_the_list_and_keeps_what_was_shown(self, talk):
        page1 = talk.turn("genre Drama").state.slate
        page2 = talk.turn("more").state.slate
        row = talk.services.catalog.row(page2[0])
        reply = talk.turn(f"liked {row}")
        assert "you liked" in reply.text and reply.slate is not None
        assert page2[0] not in reply.state.slate and not set(page1) & set(reply.state.slate)
        assert set(page1) | set(page2) <= set(reply.state.shown)
        assert reply.state.profile.liked == (page2[0],)

    def test_feedback_without_a_list_is_acknowledged(self, talk):
        reply = talk.turn("seen 3")
        assert reply.slate is None and "you have seen" in reply.text
        assert "recommend something" in reply.suggestions

    def test_undo_redo_edit_retry(self, talk):
        talk.turn("genre Drama")
        drama = talk.state
        talk.turn("count 7")
        assert talk.undo() and talk.state == drama and talk.can_redo
        assert talk.redo() and talk.state.intent.count == 7 and not talk.redo()
        assert talk.edit_last("count 3").state.intent.count == 3
        assert [t.text for t in talk.turns] == ["genre Drama", "count 3"]
        before = talk.state
        assert talk.retry().state == before and len(talk.turns) == 2
        assert talk.undo() and talk.undo() and not talk.undo() and talk.state == State()

    def test_undo_in_words_takes_back_the_turn_before(self, talk):
        talk.turn("genre Drama")
        drama = talk.state
        talk.turn("count 7")
        seven = talk.state
        talk.turn("about 5")
        assert talk.turn("undo").state == seven == talk.state
        reply = talk.turn("undo")
        assert not reply.recorded and "count 7" in reply.text and talk.state == drama
        talk.turn("undo")
        assert talk.turn("undo").text == "There is nothing to undo." and talk.state == State()
        assert talk.redo() and talk.state == drama

    def test_a_message_edited_to_undo_takes_back_itself_alone(self, talk):
        talk.turn("genre Drama")
        talk.turn("count 7")
        reply = talk.edit_last("undo")
        assert "count 7" in reply.text and not reply.recorded
        assert [t.text for t in talk.turns] == ["genre Drama"] and talk.redo()

    def test_reset_keeps_the_profile(self, talk):
        talk.turn("liked 3")
        talk.turn("genre Drama")
        state = talk.reset().state
        assert state == State(profile=state.profile) and len(state.profile.liked) == 1
        assert talk.undo() and talk.state.intent != ControlIntent()

    def test_a_click_is_a_turn_and_clicking_twice_changes_nothing(self, talk):
        talk.turn("genre Drama")
        chip = talk.turns[-1].reply.chips[0]
        click = TurnIntent(act="recommend", edit=ControlEdit(remove=(chip.removal,)))
        assert talk.act(click, "No more drama only").state.intent == ControlIntent()
        assert not talk.act(click, "No more drama only").recorded
        assert len(talk.turns) == 2
        talk.retry()
        assert talk.turns[-1].reply.turn.edit == click.edit

    def test_impossible_controls_are_said_and_change_nothing(self, talk):
        talk.turn("genre Drama")
        before = talk.state
        bad = ControlEdit(add=ControlIntent(require=(Clause(facet="genre", any_of=("<Nonsense>",)),)))
        reply = talk.act(TurnIntent(act="recommend", edit=bad), "nonsense")
        assert "&lt;Nonsense&gt;" in reply.text and reply.slate is None and talk.state == before
        gone = ControlEdit(add=ControlIntent(ranges=(Range(facet="year", min=3000),)))
        reply = talk.act(TurnIntent(act="recommend", edit=gone), "the future")
        assert reply.slate is not None and reply.slate.relaxations and reply.slate.items

    @pytest.mark.parametrize("text", ["", "   \n", "\u200e\u202e", "\x00\x01\x02\x03\x04", "x" * 5000])
    def test_unreadable_messages_get_a_polite_answer(self, talk, text):
        talk.turn("genre Drama")
        reply = talk.turn(text)
        assert reply.text and not reply.recorded and len(talk.turns) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "🎬🍿",
            "مرحبا كيف حالك",
            "<script>alert(1)</script>",
            "'; DROP TABLE turns; --",
            "\ud800 half a character",
        ],
    )
    def test_odd_messages_are_turns_like_others(self, talk, text):
        reply = talk.turn(text)
        again = resumed(talk)
        assert reply.recorded and again.turns == talk.turns and len(again.turns) == 1
        assert again.title == talk.title == UNTITLED  # none of them asks for anything

    def test_title_from_the_first_request(self, talk):
        talk.turn("smalltalk")
        assert talk.title == UNTITLED
        talk.turn("genre Drama")
        talk.turn("genre Comedy")
        assert talk.title == "genre Drama" == resumed(talk).title
        talk.rename("  Evenings\n")
        assert talk.title == "Evenings" == resumed(talk).title

    def test_the_title_goes_with_the_message_that_gave_it(self, talk):
        talk.turn("genre Drama")
        talk.edit_last("genre Comedy")
        assert talk.title == "genre Comedy" == resumed(talk).title
        talk.turn("genre Drama")
        talk.turn("genre Comedy")
        talk.edit_last("genre Western")  # the first one still says what the title says
        assert talk.title == "genre Comedy"

    def test_a_title_that_a_person_gave_stays(self, talk):
        talk.turn("genre Drama")
        talk.rename("Evenings")
        talk.edit_last("genre Comedy")
        assert talk.title == "Evenings" == resumed(talk).title

    def test_export_is_json_of_the_visible_path(self, talk):
        talk.turn("genre Drama")
        talk.turn("count 9")
        talk.undo()
        data = json.loads(json.dumps(talk.export()))
        assert [t["text"] for t in data["turns"]] == ["genre Drama"]
        assert State.model_validate(data["state"]) == talk.state
        assert data["turns"][0]["reply"]["slate"]["items"]


STEPS = st.lists(
    st.one_of(
        st.sampled_from(
            ["undo()", "redo()", "retry()", "resume()", "more", "undo", "reset", "recommend", "hm", "explain"]
        ),
        st.builds("genre {}".format, st.sampled_from(["Drama", "Comedy", "Western"])),
        st.builds(
            "{} {}".format,
            st.sampled_from(["liked", "disliked", "seen", "about", "count"]),
            st.integers(1, 12),
        ),
        st.builds("edit count {}".format, st.integers(1, 9)),
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_state_is_what_the_visible_path_leads_to(services, steps):
    talk = Conversation.new(services, "ann")
    undone: list[State] = []
    for step in steps:
        before, depth = talk.state, len(talk.turns)
        if step == "undo()":
            undone += [before] if talk.undo() else []
            continue
        if step == "redo()":
            if talk.redo():
                assert talk.state == undone.pop()
            continue
        undone = undone if step in ("resume()", "undo") else []
        if step == "resume()":
            if talk.turns or talk.can_redo:
                talk = resumed(talk)
            assert talk.state == before
        elif step == "retry()":
            talk.retry()
            assert talk.state == before
            undone = []
        elif step == "undo":
            talk.turn(step)
            undone += [before] if depth else []
            assert len(talk.turns) == max(depth - 1, 0)
        elif step.startswith("edit "):
            talk.edit_last(step.removeprefix("edit "))
        else:
            reply = talk.turn(step)
            assert reply.state == talk.state
    assert talk.state == replay(talk)
    shown = talk.state.shown
    assert len(shown) == len(set(shown)) and set(talk.state.slate) <= set(shown)
    if talk.turns or talk.can_redo:
        again = resumed(talk)
        assert again.state == talk.state and again.turns == talk.turns and again.can_redo == talk.can_redo


class Stop(Exception):
    pass


@pytest.mark.parametrize("at", ["understanding", "candidates", "ranking", "explaining", "storing"])
def test_a_stopped_turn_leaves_no_trace(talk, at):
    talk.turn("genre Drama")
    before, steps = talk.export(), []

    def progress(step):
        steps.append(step)
        if step == at:
            raise Stop

    for ask in (
        lambda: talk.turn("genre Comedy", progress),
        lambda: talk.edit_last("genre Western", progress),
    ):
        with pytest.raises(Stop):
            ask()
        assert talk.export() == before == resumed(talk).export()
    assert steps[-1] == at
    assert talk.turn("genre Comedy").slate is not None


def test_the_steps_come_in_order(talk):
    steps: list[str] = []
    talk.turn("genre Drama", steps.append)
    assert steps == ["understanding", "candidates", "ranking", "explaining", "storing"]


class TestTogether:
    def test_a_double_click_is_one_turn(self, services):
        reading, go = threading.Event(), threading.Event()
        codes = Codes(services.catalog)

        def slow(said):
            reading.set()
            go.wait(5)
            return codes(said)

        services.controller = RunnableLambda(slow)
        talk = Conversation.new(services, "ann")
        replies: list = []
        clicks = [threading.Thread(target=lambda: replies.append(talk.turn("genre Drama"))) for _ in range(3)]
        clicks[0].start()
        assert reading.wait(5)
        for click in clicks[1:]:
            click.start()
        time.sleep(0.1)
        go.set()
        for click in clicks:
            click.join()
        assert len(talk.turns) == 1 and len(replies) == 3 and replies[0] is replies[1] is replies[2]

    def test_different_turns_at_once_all_happen_one_after_another(self, talk):
        texts = [f"count {n}" for n in range(1, 9)]
        threads = [threading.Thread(target=talk.turn, args=(text,)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(t.text for t in talk.turns) == texts
        parents = [t.parent for t in talk.turns]
        assert parents == [None, *(t.id for t in talk.turns[:-1])]
        assert resumed(talk).turns == talk.turns

    def test_two_windows_share_one_conversation(self, talk):
        talk.turn("genre Drama")
        assert Conversation.load(talk.services, "ann", talk.id) is talk

    def test_two_processes_follow_each_other(self, talk):
        talk.turn("genre Drama")
        other = resumed(talk)
        assert other is not talk
        other.turn("count 3")
        talk.turn("count 4")
        assert [t.text for t in talk.turns] == ["genre Drama", "count 3", "count 4"]

    def test_people_never_see_each_other(self, services):
        ann, bob = Conversation.new(services, "ann"), Conversation.new(services, "bob")
        ann.turn("liked 3")
        ann.turn("genre Drama")
        assert bob.turn("recommend").state.profile.known == ()
        with pytest.raises(ConversationNotFound):
            Conversation.load(services, "bob", ann.id)
        assert [c.id for c in services.store.list_conversations("bob")] == [bob.id]

    def test_a_deleted_conversation_does_not_come_back(self, talk):
        talk.turn("genre Drama")
        talk.services.store.delete("ann", talk.id)
        with pytest.raises(ConversationNotFound):
            talk.turn("count 3")
        assert talk.services.store.list_conversations("ann") == []


class TestTrouble:
    @pytest.fixture
    def full(self, services):
        """Switches the disk full and back."""
        limit = {"pages": 1_000_000}
        event.listen(
            services.store.engine,
            "connect",
            lambda c, _: c.execute(f"PRAGMA max_page_count={limit['pages']}"),
        )

        def switch(on: bool):
            limit["pages"] = 1 if on else 1_000_000
            services.store.engine.dispose()

        return switch

    def test_a_full_disk_loses_nothing(self, talk, full):
        talk.turn("genre Drama")
        full(True)
        notices = [talk.turn(f"count {n}").notices for n in range(1, 30)]
        assert "disk is full" in notices[-1][0] and "could not be saved" in notices[-1][0]
        assert talk.undo() and "disk is full" in talk.trouble
        assert len(talk.turns) == 29
        assert talk.redo() and "disk is full" in talk.trouble
        full(False)
        assert talk.turn("more").notices == () and talk.trouble is None
        assert resumed(talk).turns == talk.turns and len(talk.turns) == 31

    def test_a_conversation_that_was_never_saved_is_saved_later(self, services, full):
        full(True)
        talk = Conversation.new(services, "ann")
        reply = talk.turn("genre Drama")
        for n in range(1, 20):
            reply = talk.turn(f"count {n}")
        assert reply.notices
        full(False)
        talk.undo()
        again = resumed(talk)
        assert again.turns == talk.turns and again.can_redo

    def test_a_restart_loses_nothing(self, talk):
        talk.turn("liked 3")
        talk.turn("genre Drama")
        talk.turn("count 4")
        talk.undo()
        services = talk.services
        services.store.close()
        services.store = Store.open(services.settings)
        again = resumed(talk)
        assert again.export() == talk.export() and again.redo() and again.state.intent.count == 4


def test_removing_every_chip_leaves_nothing_in_force(talk):
    everything = ControlIntent(
        count=3,
        require=(
            Clause(facet="genre", any_of=("Drama", "Comedy")),
            Clause(facet="genre", all_of=("War", "Drama")),
        ),
        exclude=(Clause(facet="genre", any_of=("Horror",)), Clause(facet="genre", all_of=("Crime", "War"))),
        ranges=(Range(facet="year", min=1950),),
        like=(talk.services.catalog.titles[3],),
        popularity="niche",
        order="newest",
    )
    talk.act(TurnIntent(act="recommend", edit=ControlEdit(add=everything)), "all at once")
    while chips := talk.turns[-1].reply.chips:
        removal: Removal = chips[0].removal
        reply = talk.act(TurnIntent(act="recommend", edit=ControlEdit(remove=(removal,))), "away with it")
        assert len(reply.chips) < len(chips)
    assert talk.state.intent == ControlIntent()
