"""Consent, a copy of one's data, deletion; and what chats tell of those who consent."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from alignment.preferences import PreferenceError, Single, read_pairs
from chat_app.annotation.exports import Filters, export_preferences
from chat_app.annotation.insights import Insights
from chat_app.annotation.making import make_for
from chat_app.annotation.projects import Plan, Side
from chat_app.annotation.votes import Votes
from chat_app.controller.turn import Event, TurnIntent
from chat_app.conversation import Conversation
from chat_app.feedback import chat_insights, read_listed
from chat_app.personal import Personal, consents
from chat_app.store import ConversationNotFound, Store
from chat_app.ui.turns import Desk
from recsys.controls import ControlEdit, ControlIntent, Removal
from tests.chat_app.made_votes import PAIR, comparison, project, vote

AGES_AGO = lambda: 1_000_000_000.0  # noqa: E731
LATER = lambda: 4_000_000_000.0  # noqa: E731


@pytest.fixture
def personal(services) -> Personal:
    return Personal(services.store, AGES_AGO)


def thumb(talk: Conversation, kind: str, place: int) -> object:
    """A click on an item of the list on the table."""
    item = talk.state.slate[place]
    title = talk.services.catalog.titles[talk.services.catalog.row(item)]
    talk.act(TurnIntent(act="feedback", events=(Event(kind=kind, item=title, id=item),)), "click")
    return item


class TestConsent:
    def test_off_at_first_and_stored_with_its_time(self, url):
        store = Store(url)
        personal = Personal(store, AGES_AGO)
        assert personal.consent("ann") is None
        personal.set_consent("ann", False)
        personal.set_consent("ann", True)
        personal.set_consent("ann", True)
        assert personal.consent("ann") == "2001-09-09T01:46:40.000+00:00" and personal.consent("bob") is None
        personal.set_consent("ann", False)
        assert personal.consent("ann") is None
        Personal(store, LATER).set_consent("ann", True)
        assert str(personal.consent("ann")).startswith("2096")
        with store.reading() as db:
            kept = db.execute(sa.select(consents.c.given).order_by(consents.c.seq)).scalars().all()
            assert {c["name"] for c in sa.inspect(db).get_columns("consents")} == set(consents.c.keys())
        assert kept == [1, 0, 1]
        store.close()

    def test_nothing_counts_without_it_and_nothing_from_before_it(self, services, personal):
        talk = Conversation.new(services, "ann")
        talk.turn("genre Comedy")
        thumb(talk, "liked", 0)
        assert list(read_listed(services.store)) == [] and chat_insights(services.store).turns == 0
        Personal(services.store, LATER).set_consent("ann", True)
        assert list(read_listed(services.store)) == []
        personal.set_consent("ann", False)
        personal.set_consent("ann", True)
        assert chat_insights(services.store).turns == 2
        personal.set_consent("ann", False)
        assert list(read_listed(services.store)) == []
        with pytest.raises(Exception, match="nothing to export"):
            export_preferences(services.store, services.catalog, services.settings.data_dir / "p.jsonl")


class TestWhatChatsTell:
    @pytest.fixture
    def talk(self, services, personal) -> Conversation:
        personal.set_consent("ann", True)
        return Conversation.new(services, "ann")

    def test_items_liked_and_disliked_of_a_list(self, services, talk, tmp_path):
        talk.turn("count 4")
        first = talk.state
        liked, disliked = thumb(talk, "liked", 1), thumb(talk, "disliked", 2)
        seen = thumb(talk, "seen", 0)
        other = Conversation.new(services, "bob")
        other.turn("count 4")
        thumb(other, "liked", 0)

        shown = [one for one in read_listed(services.store) if one.said]
        assert {kind for one in shown for kind in one.said.values()} == {"liked", "disliked", "seen"}
        assert shown[0].items == first.slate and shown[0].said[liked] == "liked" and seen not in shown[0].said
        assert shown[0].intent == first.intent and shown[0].profile == first.profile

        path = tmp_path / "kto.jsonl"
        made = export_preferences(services.store, services.catalog, path, "single")
        singles = [Single.model_validate(json.loads(line)) for line in path.read_text().splitlines()]
        assert {(s.items, s.label) for s in singles} == {((liked,), True), ((disliked,), False)}
        assert {s.source for s in singles} == {"chat"} == {s.context.source for s in singles}
        assert singles[0].context.conversation == talk.id and singles[0].context.request == "count 4"
        assert made.rows == 2

    def test_a_pair_is_of_one_list(self, services, talk, tmp_path):
        talk.turn("count 4")
        shown = talk.state.slate
        said = (("liked", 1), ("disliked", 2))
        events = tuple(Event(kind=kind, item=str(shown[n]), id=shown[n]) for kind, n in said)
        talk.act(TurnIntent(act="feedback", events=events), "click")
        path = tmp_path / "p.jsonl"
        export_preferences(services.store, services.catalog, path)
        [pair] = read_pairs(path, services.catalog)[0]
        assert (pair.chosen_items, pair.rejected_items) == ((shown[1],), (shown[2],))
        assert pair.source == "chat" and pair.agreement == 1 and pair.project == ""
        with pytest.raises(Exception, match="nothing to export"):
            export_preferences(services.store, services.catalog, path, filters=Filters(source="annotation"))

    def test_the_last_word_counts_and_what_is_undone_does_not(self, services, talk):
        talk.turn("count 4")
        shown = talk.state.slate
        for kind in ("liked", "disliked"):
            event = Event(kind=kind, item="x", id=shown[0])
            talk.act(TurnIntent(act="feedback", events=(event,)), "click")
        [one, *_] = read_listed(services.store)
        assert one.said == {shown[0]: "disliked"}
        talk.undo()
        [one, *_] = read_listed(services.store)
        assert one.said == {shown[0]: "liked"}

    def test_controls_used_met_relaxed_and_undone(self, services, talk):
        talk.turn("genre Comedy")
        talk.turn("count 3")
        talk.act(
            TurnIntent(act="recommend", edit=ControlEdit(remove=(Removal(field="count"),))), "Drop “three”"
        )
        many = ControlEdit(
            add=ControlIntent(count=200, popularity="niche", like=(services.catalog.titles[0],))
        )
        talk.act(TurnIntent(act="recommend", edit=many), "200 of them")
        talk.undo()
        found = chat_insights(services.store)
        use = {control.kind: control for control in found.controls}
        assert (found.people, found.conversations, found.turns) == (1, 1, 4)
        require = use["require"]
        assert (require.used, require.lists, require.met, require.undone) == (1, 4, 4, 0)
        assert (use["count"].used, use["count"].undone, use["count"].lists) == (2, 2, 2)
        assert use["count"].met + use["count"].relaxed == 2 and use["popularity"].undone == 1
        assert (use["like"].lists, use["like"].met) == (1, 0) and "ranges" not in use

    def test_counted_again_only_when_something_changed(self, services, personal):
        kept, talk = Insights(services.store), Conversation.new(services, "bob")
        other = Conversation.new(services, "cid")
        steps = [
            lambda: personal.set_consent("bob", True),
            lambda: talk.turn("genre Comedy"),
            lambda: talk.turn("count 3"),
            talk.undo,
            talk.redo,
            talk.undo,
            lambda: talk.turn("count 4"),
            lambda: talk.edit_last("count 6"),
            lambda: talk.turn("liked 3"),
            lambda: personal.set_consent("cid", True),
            lambda: other.turn("genre Drama"),
            lambda: personal.set_consent("bob", False),
            lambda: personal.set_consent("bob", True),
            lambda: personal.delete("cid"),
        ]
        for step in steps:
            step()
            found = kept.of_chats()
            assert found == chat_insights(services.store) and kept.of_chats() is found


class TestOnesOwnData:
    def test_a_copy_has_everything_of_oneself_and_nothing_of_others(self, services, personal):
        for owner, text in (("ann", "genre Comedy"), ("bob", "genre Drama")):
            talk = Conversation.new(services, owner)
            talk.turn(text)
            talk.undo()
        personal.set_consent("ann", True)
        kept = Votes(services.store)
        pid = project(kept, [comparison(n) for n in range(3)])
        vote(kept, pid, "ann", "first", comment="my words")
        vote(kept, pid, "bob", "first", comment="his words")
        data = json.loads(json.dumps(personal.export("ann")))
        [talk] = data["conversations"]
        assert talk["turns"][0]["text"] == "genre Comedy" and talk["turns"][0]["turn"]["act"] == "recommend"
        assert [v["comment"] for v in data["votes"]] == ["my words"] and data["consents"][0]["given"] == 1
        assert "Drama" not in json.dumps(data) and "his words" not in json.dumps(data)

    def test_deletion_leaves_no_words_of_theirs_in_the_files(self, services, personal):
        secret = "unrepeatable words"
        talk, other = Conversation.new(services, "ann"), Conversation.new(services, "bob")
        talk.turn(secret)
        other.turn("genre Comedy")
        personal.set_consent("ann", True)
        kept = Votes(services.store)
        pid = project(kept, [comparison(n) for n in range(3)], overlap=2)
        vote(kept, pid, "ann", "first", comment=secret)
        vote(kept, pid, "bob", "second")
        at = kept.next(pid, "ann")
        kept.save_draft("ann", at.comparison.id, {"comment": secret})

        gone = personal.delete("ann")
        assert (gone.conversations, gone.votes) == (1, 1)
        empty = personal.export("ann")
        assert not any(empty[name] for name in ("conversations", "consents", "votes", "skips", "drafts"))
        assert len(personal.export("bob")["conversations"]) == 1 and len(personal.export("bob")["votes"]) == 1
        record = list(kept.record(pid))
        assert [v.winner for v, _, _ in record] == ["first", "second"] and record[0][0].comment == ""
        assert record[0][0].annotator.startswith("deleted ")
        for file in services.settings.data_dir.glob("*.sqlite*"):
            assert secret.encode() not in file.read_bytes(), file.name

    def test_comparisons_made_of_a_chat_follow_its_person(self, services, personal, tmp_path):
        """Withdrawn consent keeps them out of exports; deletion takes the words out of them."""
        secret, path, sides = (
            "genre Comedy",
            tmp_path / "p.jsonl",
            (PAIR[0], Side(ranker="popularity")),
        )
        personal.set_consent("ann", True)
        talk = Conversation.new(services, "ann")
        talk.turn("count 4")
        thumb(talk, "liked", 0)
        talk.turn(secret)
        kept, plan = Votes(services.store), Plan(pairs=(sides,), count=1, source="chat")
        made = make_for(services, plan)
        pid = kept.projects.create("Chats", "Be fair.", plan, made).id
        vote(kept, pid, "bob", "first")
        votes_only = Filters(source="annotation")
        assert export_preferences(services.store, services.catalog, path, filters=votes_only).rows == 1
        assert secret in path.read_text()
        personal.set_consent("ann", False)
        with pytest.raises(PreferenceError, match="nothing to export"):
            export_preferences(services.store, services.catalog, path, filters=votes_only)
        personal.set_consent("ann", True)
        personal.delete("ann")
        [(_, about, _)] = kept.record(pid)
        assert about.context["request"] is None and about.context["intent"] == {} and about.words == ""
        assert about.first["items"] and len(list(kept.record(pid))) == 1
        for file in services.settings.data_dir.glob("*.sqlite*"):
            assert secret.encode() not in file.read_bytes(), file.name
        with pytest.raises(PreferenceError, match="nothing to export"):
            export_preferences(services.store, services.catalog, path, filters=votes_only)

    def test_a_conversation_that_is_open_is_let_go(self, services, personal):
        desk = Desk(services)
        talk = desk.new("ann")
        talk.turn("genre Comedy")
        desk.forget("ann")
        personal.delete("ann")
        assert desk.open("ann", talk.id)[0].id != talk.id
        with pytest.raises(ConversationNotFound):
            talk.turn("genre Drama")  # a window that still shows it
        assert personal.export("ann")["conversations"] == []
