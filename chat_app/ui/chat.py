"""The Chat tab.

The page is four pieces of HTML (the thread, what is under way, the controls in force, past
conversations) and a message box. Every button in them sends one ``act`` event with its data.
The browser keeps who the person is (a random token) and which conversation is open; the
server keeps nothing between two events but what is in the store.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from chat_app.accounts import ALONE
from chat_app.conversation import Conversation
from chat_app.personal import DELETES, Personal
from chat_app.store import ConversationUnreadable
from chat_app.ui import cards, picker
from chat_app.ui.clicks import read_click, remember
from chat_app.ui.limits import Limits
from chat_app.ui.session import Session, html, person, read_session
from chat_app.ui.turns import Desk, Job, Stopped, TurnFailed, plain_sentence
from chat_app.words.markup import clean
from chat_app.words.reply import Reply
from recsys.errors import TillerError
from recsys.profile import Profile

if TYPE_CHECKING:
    from chat_app.services import Services

Page = dict[Any, Any]  # component -> its new value
# The key is no secret: it only has to stay the same, so that a restart finds the browser's state.
STORAGE = "tiller"


class ChatTab:
    """Builds the tab inside a ``gr.Blocks`` and answers its events."""

    def __init__(self, services: Services, limits: Limits, desk: Desk) -> None:
        self.services = services
        self.catalog = services.catalog
        self.limits = limits
        self.desk = desk
        self.personal = Personal(services.store)

    # the page

    def build(self) -> None:
        """Lay out the components and connect them; called within ``gr.Blocks``."""
        self.session = gr.BrowserState(None, storage_key=STORAGE, secret=STORAGE)
        self.editing = gr.State(False)
        with gr.Row(elem_id="shell"):
            with gr.Column(elem_id="side", scale=0, min_width=0):
                self.head = html("side-head", cards.fixed("side.html"))
                self.side = html("side-list")
                self.account = html("account")
            with gr.Column(elem_id="main", min_width=0):
                self.top = html("top", cards.fixed("top.html"))
                self.thread = html("thread", server_functions=[self._search()])
                self.live = html("live", html_template=cards.LIVE)
                with gr.Column(elem_id="dock", min_width=0):
                    self.dock = html("in-force")
                    with gr.Row(elem_id="composer"):
                        self.box = gr.Textbox(
                            label="Your message",
                            show_label=False,
                            container=False,
                            placeholder=f"Which {self.catalog.noun[1]} are you after?",
                            lines=1,
                            max_lines=8,
                            elem_id="message",
                            scale=1,
                            autofocus=True,
                            html_attributes=gr.InputHTMLAttributes(autocomplete="off", enterkeyhint="send"),
                        )
                        self.send = gr.Button("Send", elem_id="send", min_width=0, scale=0)
                        self.stop = gr.Button("Stop", elem_id="stop", min_width=0, scale=0, visible="hidden")
        self.download = html("download", html_template="")
        html("dialogs", cards.fixed("dialogs.html", deletes=DELETES))
        self._connect()

    def _connect(self) -> None:
        everything = [self.session, self.editing, self.thread, self.live, self.dock, self.side]
        everything += [self.box, self.send, self.stop, self.download]
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
            "outputs": everything,
        }
        blocks = gr.context.Context.root_block
        assert blocks is not None
        blocks.load(self.on_load, [self.session], **private)
        gr.on(
            [self.box.submit, self.send.click],
            self.on_message,
            [self.session, self.box, self.editing],
            trigger_mode="multiple",  # nothing typed meanwhile is lost; turns wait for each other
            **private,
        )
        for part in (self.thread, self.dock, self.side, self.head, self.top):
            part.act(self.on_act, [self.session], trigger_mode="multiple", **private)
        self.stop.click(self.on_stop, [self.session], **(private | {"outputs": None}), queue=False)

    def _search(self) -> Callable[[Any], str]:
        def search(query: Any) -> str:
            rows = picker.search(self.catalog, str(query)) if str(query).strip() else []
            return str(cards.tiles(self.catalog, rows))

        return search

    # events

    def on_load(self, session: Any, request: gr.Request) -> Iterator[Page]:
        """A page was opened: resume what the browser had open."""
        session = self._session(session, request)
        if turns := self.desk.under_way(session["owner"], session["conversation"]):
            yield {self.session: session, self.live: cards.live(notice="Still at work on your last message…")}
            for turn in turns:
                turn.done.wait(60)
        yield self._safely(session, lambda: self._everything(session, *self._opened(session)))

    def on_message(self, session: Any, text: str, editing: bool, request: gr.Request) -> Iterator[Page]:
        """A message was sent (or, when ``editing``, the last one is replaced)."""
        session, text = self._session(session, request), str(text or "").strip()
        if not text:
            yield {self.editing: gr.skip()}  # nothing changes
            return
        job: Job = lambda c, p: c.edit_last(text, p) if editing and c.turns else c.turn(text, p)  # noqa: E731
        yield from self._turn(session, text, job, typed=text, editing=editing)

    def on_act(self, session: Any, event: gr.EventData, request: gr.Request) -> Iterator[Page]:
        """A button was clicked; see ``templates/`` for the names of what they do."""
        session = self._session(session, request)
        data = event._data if isinstance(event._data, dict) else {}
        do = str(data.get("do"))
        if do == "say":
            text = str(data.get("text", "")).strip()
            yield from self._turn(session, text, lambda c, p: c.turn(text, p))
        elif do == "retry":
            yield from self._turn(session, "Once more, please", lambda c, p: c.retry(p))
        elif handler := getattr(self, f"_do_{do}", None):
            yield self._safely(session, lambda: handler(session, data))
        else:
            yield from self._click(session, data)

    def on_stop(self, session: Any, request: gr.Request) -> None:
        """Stop was clicked."""
        session = self._session(session, request)
        self.desk.stop(session["owner"], session["conversation"])

    def _session(self, session: Any, request: gr.Request) -> Session:
        return read_session(session, person(request, self.services.settings))

    def _click(self, session: Session, data: dict[str, Any]) -> Iterator[Page]:
        try:
            if data.get("do") == "bring":
                turn, said = remember(self.catalog, self._known_before(session))
            else:
                turn, said = read_click(self.catalog, data)
        except TillerError as error:
            yield {self.live: cards.live(notice=str(error))}
            return
        yield from self._turn(session, said, lambda c, p: c.act(turn, said, p))

    # small things that are no turns: each takes the session and the button's data

    def _do_undo(self, session: Session, data: dict[str, Any]) -> Page:
        conversation = self._open(session)
        notice = conversation.trouble if conversation.undo() else "There is nothing to undo."
        return self._everything(session, conversation, notice)

    def _do_redo(self, session: Session, data: dict[str, Any]) -> Page:
        conversation = self._open(session)
        notice = conversation.trouble if conversation.redo() else "There is nothing to redo."
        return self._everything(session, conversation, notice)

    def _do_edit(self, session: Session, data: dict[str, Any]) -> Page:
        conversation = self._open(session)
        if not conversation.turns:
            return {self.live: cards.live(notice="There is nothing to edit yet.")}
        return {
            self.box: conversation.turns[-1].text,
            self.editing: True,
            self.dock: cards.dock(conversation, self.catalog, editing=True),
        }

    def _do_cancel_edit(self, session: Session, data: dict[str, Any]) -> Page:
        return {self.box: "", self.editing: False, self.dock: cards.dock(self._open(session), self.catalog)}

    def _do_earlier(self, session: Session, data: dict[str, Any]) -> Page:
        return {self.thread: cards.thread(self._open(session), self.catalog, everything=True)}

    def _do_new(self, session: Session, data: dict[str, Any]) -> Page:
        return self._everything(session, self.desk.new(session["owner"]))

    def _do_open(self, session: Session, data: dict[str, Any]) -> Page:
        conversation = self.desk.load(session["owner"], str(data.get("id")))
        return self._everything(session, conversation)

    def _do_rename(self, session: Session, data: dict[str, Any]) -> Page:
        title = clean(str(data.get("title", "")))
        if not title:
            return {self.live: cards.live(notice="A conversation needs a name; the old one was kept.")}
        self.desk.load(session["owner"], str(data.get("id"))).rename(title)
        return {self.side: self._sidebar(session, self._open(session))}

    def _do_delete(self, session: Session, data: dict[str, Any]) -> Page:
        self.desk.delete(session["owner"], str(data.get("id")))
        if data.get("id") == session["conversation"]:
            return self._do_new(session, data)
        return {self.side: self._sidebar(session, self._open(session))}

    def _do_export(self, session: Session, data: dict[str, Any]) -> Page:
        conversation = self.desk.load(session["owner"], str(data.get("id")))
        name = re.sub(r"\W+", "-", conversation.title).strip("-")[:60] or "conversation"
        return self._downloaded(name, conversation.export())

    def _do_consent(self, session: Session, data: dict[str, Any]) -> Page:
        self.personal.set_consent(session["owner"], data.get("on") == "yes")
        return {self.session: session, self.side: self._sidebar(session, self._open(session))}

    def _do_my_data(self, session: Session, data: dict[str, Any]) -> Page:
        return self._downloaded("my-data", self.personal.export(session["owner"]))

    def _do_forget_me(self, session: Session, data: dict[str, Any]) -> Page:
        self.desk.forget(session["owner"])
        gone = self.personal.delete(session["owner"])
        if not self.services.settings.sign_in:
            session = read_session(None, ALONE)  # somebody new
        said = f"Deleted: {gone.conversations} conversation{'s' if gone.conversations != 1 else ''}"
        kept = f"; {gone.votes} votes stay without your name and comments" if gone.votes else ""
        return self._everything(session, self.desk.new(session["owner"]), f"{said}{kept}.")

    def _downloaded(self, name: str, content: dict[str, Any]) -> Page:
        text = json.dumps(content, ensure_ascii=False, indent=2)
        return {
            self.download: json.dumps({"name": f"tiller-{name}.json", "text": text, "at": uuid.uuid4().hex})
        }

    # the way of a turn

    def _turn(
        self, session: Session, said: str, job: Job, typed: str | None = None, editing: bool = False
    ) -> Iterator[Page]:
        """Run one turn: its steps as they come, then everything anew. What was ``typed`` goes
        back into the message box when it was not answered, and is ``editing`` again if it was."""
        composer: Page = {} if typed is None else {self.box: typed, self.editing: editing}
        try:
            self.limits.check(session["owner"], said)
            conversation, opened = self._opened(session)
        except TillerError as error:
            yield self._failed(session, str(error), composer)
            return
        session = {**session, "conversation": conversation.id}
        if editing:
            composer[self.dock] = cards.dock(conversation, self.catalog, editing=True)
        yield {
            self.session: session,
            self.live: cards.live(said),
            **({} if typed is None else {self.box: "", self.editing: False}),
            **({self.dock: cards.dock(conversation, self.catalog)} if editing else {}),
            self.send: gr.update(visible="hidden"),
            self.stop: gr.update(visible=True),
        }
        turn = self.desk.start(conversation, job)
        try:
            for step in turn.steps():
                yield {self.live: cards.live(said, step)}
        except Stopped:
            yield self._failed(session, "Stopped; nothing was changed.", composer)
        except TurnFailed as error:
            yield self._failed(session, str(error), composer)
        else:
            yield self._safely(session, lambda: self._answered(session, conversation, turn.reply, opened))

    def _failed(self, session: Session, notice: str, composer: Page | None = None) -> Page:
        return {
            **self._idle(),
            self.session: session,
            self.live: cards.live(notice=notice),
            **(composer or {}),
        }

    def _idle(self) -> Page:
        return {self.send: gr.update(visible=True), self.stop: gr.update(visible="hidden")}

    def _safely(self, session: Session, make: Callable[[], Page]) -> Page:
        """The page, or a plain sentence when it cannot be made."""
        try:
            return make()
        except Exception as error:
            return self._failed(session, plain_sentence(error))

    def _open(self, session: Session) -> Conversation:
        """The session's conversation, a new one where there is none (any more)."""
        return self._opened(session)[0]

    def _opened(self, session: Session) -> tuple[Conversation, str | None]:
        """The same with a sentence where the session's own conversation cannot be read."""
        return self.desk.open(session["owner"], session["conversation"])

    def _answered(
        self, session: Session, conversation: Conversation, reply: Reply | None, opened: str | None
    ) -> Page:
        """The page after a turn; ``opened`` is what there was to say when the conversation was opened."""
        notice = " ".join(filter(None, (opened, _in_passing(reply)))) or None
        page = self._everything(session, conversation, notice)
        if reply is not None and not notice:
            page[self.live] = cards.live(spoken=cards.spoken(reply, self.catalog))
        return page

    def _everything(self, session: Session, conversation: Conversation, notice: str | None = None) -> Page:
        if conversation.turns:
            thread = cards.thread(conversation, self.catalog)
        else:
            known = conversation.state.profile.known
            pool = picker.well_known(self.catalog, known)
            before = self._known_before(session) if not known else Profile()
            examples = picker.examples(self.catalog, known)
            thread = cards.welcome(self.catalog, examples, known, pool, before.known)
        return {
            **self._idle(),
            self.session: {**session, "conversation": conversation.id},
            self.editing: False,
            self.thread: thread,
            self.live: cards.live(notice=notice),
            self.dock: cards.dock(conversation, self.catalog),
            self.side: self._sidebar(session, conversation),
        }

    def _known_before(self, session: Session) -> Profile:
        """The profile of the person's latest conversation; empty where that cannot be read."""
        latest = self.services.store.list_conversations(session["owner"], limit=1)
        try:
            return self.desk.load(session["owner"], latest[0].id).state.profile if latest else Profile()
        except ConversationUnreadable:
            return Profile()

    def _sidebar(self, session: Session, conversation: Conversation) -> str:
        summaries = self.services.store.list_conversations(session["owner"])
        profile, consent = conversation.state.profile, self.personal.consent(session["owner"])
        return cards.sidebar(summaries, conversation.id, self.catalog, profile, consent)


def _in_passing(reply: Reply | None) -> str | None:
    """What is to be said of a reply outside the thread: troubles, and what was not recorded."""
    if reply is None:
        return None
    said = () if reply.recorded else (reply.plain,)
    return " ".join((*said, *reply.notices)) or None
