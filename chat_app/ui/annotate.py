"""The Annotate tab.

One piece of HTML, the room, with everything about the comparison in it, one line for notices, and the
form that makes a project. What was written is on the page and, as a draft, in the store; a notice alone
never redraws the room.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from chat_app.accounts import may, require
from chat_app.annotation.making import make_for
from chat_app.annotation.projects import Project
from chat_app.annotation.votes import Votes
from chat_app.conversation import Progress
from chat_app.ui import cards, lab_view, project_form
from chat_app.ui.room import Room
from chat_app.ui.session import html, person, read_session
from chat_app.ui.turns import STORING, Errands, Stopped, TurnFailed, plain_sentence
from recsys.errors import TillerError

if TYPE_CHECKING:
    from chat_app.services import Services

Page = dict[Any, Any]  # component -> its new value
WIRE = "tiller.annotate(element, data => trigger('act', data), watch)"


class AnnotateTab:
    """Builds the tab inside a ``gr.Blocks`` and answers its events; ``session`` says who it is."""

    def __init__(self, services: Services, session: gr.BrowserState) -> None:
        self.services = services
        self.answers = Room(Votes(services.store), services.catalog)
        self.session = session
        self.errands = Errands()

    def build(self) -> None:
        """Lay out the components and connect them; called within ``gr.Blocks``."""
        with gr.Column(elem_id="annotate"):
            self.notice = gr.HTML(
                html_template=cards.LIVE, js_on_load=None, apply_default_css=False, elem_id="annotate-notice"
            )
            self.room = html("room", wire=WIRE)
            none_yet = not self.answers.votes.projects.all()
            by_role = self.services.settings.sign_in
            form = "" if by_role else project_form.form(self.services, is_open=none_yet)
            self.form = html("project-form", form)
            self.making = html("project-live")
        private: dict[str, Any] = {
            "trigger_mode": "multiple",
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        shared = [self.session, self.room, self.notice]
        self.room.act(self.on_act, [self.session], shared, **private)
        for part in (self.form, self.making):
            part.act(self.on_make, [self.session], [*shared, self.form, self.making], **private)
        if by_role:
            blocks = gr.context.Context.root_block
            assert blocks is not None
            blocks.load(self.on_load, None, [self.form], **private)

    def on_load(self, request: gr.Request) -> str:
        """A page was opened: an admin gets the form that makes projects."""
        who = person(request, self.services.settings)
        return project_form.form(self.services) if may(who, "admin") else ""

    def on_act(self, session: Any, event: gr.EventData, request: gr.Request) -> Page:
        """Something was pressed in the room."""
        who = person(request, self.services.settings)
        try:
            require(who, "annotator")
        except TillerError as error:
            return {self.notice: cards.live(notice=str(error))}
        session = read_session(session, who)
        data = event._data if isinstance(event._data, dict) else {}
        answer = self.answers.act(session["owner"], data, may(who, "admin"))
        page: Page = {self.session: session}
        if answer.room is not None:
            page[self.room] = answer.room
        if answer.notice is not None:
            page[self.notice] = cards.live(notice=answer.notice) if answer.notice else ""
        return page

    def on_make(self, session: Any, event: gr.EventData, request: gr.Request) -> Iterator[Page]:
        """A project was sent off, or is to be stopped."""
        who, key = person(request, self.services.settings), str(request.session_hash)
        session = read_session(session, who)
        data = event._data if isinstance(event._data, dict) else {}
        if data.get("do") != "project_make":
            self.errands.stop(key)
            yield {self.session: session}
            return
        fields = data.get("form")
        try:
            require(who, "admin")
            wanted = project_form.read_project(fields if isinstance(fields, dict) else {})
            self.answers.votes.projects.check_name(wanted.name)  # before anything slow
        except Exception as error:
            yield {self.making: lab_view.live(trouble=plain_sentence(error))}
            return
        yield from self._make(wanted, session, key)

    def _make(self, wanted: project_form.NewProject, session: dict[str, str], key: str) -> Iterator[Page]:
        def make(tell: Progress) -> Project:
            made = make_for(self.services, wanted.plan, wanted.requests, tell)
            tell(STORING)  # from here on it cannot be stopped
            return self.answers.votes.projects.create(wanted.name, wanted.guidelines, wanted.plan, made)

        stop = "project_stop"
        yield {self.making: lab_view.live("Making the comparisons …", stop=stop)}
        errand = self.errands.start(key, make)
        try:
            for step in errand.steps():
                yield {self.making: lab_view.live(step, stop=stop)}
            assert errand.reply is not None
            answer = self.answers.act(session["owner"], {"do": "next", "project": errand.reply.id})
            page: Page = {self.making: "", self.form: project_form.form(self.services, errand.reply.id)}
            page |= {self.room: answer.room, self.session: session}
            page[self.notice] = cards.live(notice=f"“{wanted.name}” is ready.")
        except Stopped:
            page = {self.making: lab_view.live(trouble="Stopped; no project was made.")}
        except TurnFailed as error:
            page = {self.making: lab_view.live(trouble=str(error))}
        finally:
            self.errands.end(key, errand)
        yield page
