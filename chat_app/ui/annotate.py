"""The Annotate tab.

One piece of HTML, the room, with everything about the comparison in it, and one line for notices.
What was written is on the page and, as a draft, in the store; a notice alone never redraws the room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from chat_app.accounts import require
from chat_app.ui import cards
from chat_app.ui.room import Room
from chat_app.ui.session import html, person, read_session
from chat_app.votes import Votes
from recsys.errors import TillerError

if TYPE_CHECKING:
    from chat_app.services import Services

WIRE = "tiller.annotate(element, data => trigger('act', data), watch)"


class AnnotateTab:
    """Builds the tab inside a ``gr.Blocks`` and answers its events; ``session`` says who it is."""

    def __init__(self, services: Services, session: gr.BrowserState) -> None:
        self.settings = services.settings
        self.answers = Room(Votes(services.store), services.catalog)
        self.session = session

    def build(self) -> None:
        """Lay out the components and connect them; called within ``gr.Blocks``."""
        with gr.Column(elem_id="annotate"):
            self.notice = gr.HTML(
                html_template=cards.LIVE, js_on_load=None, apply_default_css=False, elem_id="annotate-notice"
            )
            self.room = html("room", wire=WIRE)
        self.room.act(
            self.on_act,
            [self.session],
            [self.session, self.room, self.notice],
            trigger_mode="multiple",
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=None,
        )

    def on_act(self, session: Any, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        """Something was pressed."""
        try:
            require(who := person(request, self.settings), "annotator")
        except TillerError as error:
            return {self.notice: cards.live(notice=str(error))}
        session = read_session(session, who)
        answer = self.answers.act(session["owner"], event._data if isinstance(event._data, dict) else {})
        page: dict[Any, Any] = {self.session: session}
        if answer.room is not None:
            page[self.room] = answer.room
        if answer.notice is not None:
            page[self.notice] = cards.live(notice=answer.notice) if answer.notice else ""
        return page
