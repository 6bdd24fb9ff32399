"""The Insights tab: what votes and chats add up to, and their export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import gradio as gr

from chat_app.accounts import Accounts, require
from chat_app.annotation.insights import Insights, alias_names
from chat_app.annotation.projects import Project, Projects
from chat_app.ui import insights_view
from chat_app.ui.session import html, person
from chat_app.ui.turns import plain_sentence
from recsys.errors import TillerError

if TYPE_CHECKING:
    from chat_app.services import Services

Page = dict[Any, Any]  # component -> its new value
WIRE = "tiller.insights(element, data => trigger('act', data))"


class InsightsTab:
    """Builds the tab inside a ``gr.Tab`` and answers its events."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.projects, self.insights = Projects(services.store), Insights(services.store)

    def build(self, tab: gr.Tab) -> None:
        """Lay out the components and connect them."""
        with gr.Column(elem_id="insights", min_width=0):
            self.head = html("insights-head", wire=WIRE)
            self.votes = html("insights-votes", wire=WIRE)
            self.chat = html("insights-chat", wire=WIRE)
            self.form = html("insights-export", wire=WIRE)
            self.live = html("insights-live", wire=WIRE)
        parts = [self.head, self.votes, self.chat, self.form, self.live]
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        tab.select(self.on_open, None, parts, **private)
        for part in (self.head, self.form):
            part.act(self.on_act, None, parts, trigger_mode="multiple", **private)

    def on_open(self, request: gr.Request) -> Iterator[Page]:
        """The tab was opened."""
        yield from self._safely(request, lambda: self._open(""))

    def on_act(self, event: gr.EventData, request: gr.Request) -> Iterator[Page]:
        """A project was chosen, or an export asked for."""
        data = event._data if isinstance(event._data, dict) else {}
        if data.get("do") == "export":
            yield from self._safely(request, lambda: self._export(data))
        else:
            yield from self._safely(request, lambda: self._open(str(data.get("project"))))

    def _open(self, wanted: str) -> Iterator[Page]:
        """Votes first: chats may take longer to read."""
        projects = self.projects.all()
        chosen = next((p for p in projects if p.id == wanted), projects[0] if projects else None)
        names = alias_names(Accounts(self.services.store).names())
        yield {
            self.head: insights_view.head(projects, chosen),
            self.votes: insights_view.project_page(self.insights.of(chosen.id), names) if chosen else "",
            self.form: insights_view.export_form(chosen),
            self.live: "",
        }
        yield {self.chat: insights_view.chat_page(self.insights.of_chats())}

    def _export(self, data: Mapping[str, Any]) -> Iterator[Page]:
        from chat_app.annotation.exports import export_zip

        yield {self.live: insights_view.live("Writing the export …")}
        kind, items, filters = read_export(data, self.projects.all())
        made, file = export_zip(self.services.store, self.services.catalog, kind, items, filters)
        words = f"{made.rows:,} rows; left out: {made.ties:,} ties, {made.left_out:,} that do not fit."
        yield {self.live: insights_view.live(words, file=file)}

    def _safely(self, request: gr.Request, pages: Callable[[], Iterator[Page]]) -> Iterator[Page]:
        """The pages, for an admin; and a plain sentence where one cannot be made."""
        try:
            require(person(request, self.services.settings), "admin")
            yield from pages()
        except Exception as error:
            yield {self.live: insights_view.live(trouble=plain_sentence(error))}


def read_export(data: Mapping[str, Any], projects: list[Project]) -> tuple[Any, Any, Any]:
    """Kind, contents and filters of an export, from what a page says; nothing in it is trusted."""
    from chat_app.annotation.exports import Filters

    def day(name: str) -> date | None:
        try:
            return date.fromisoformat(str(data[name])) if data.get(name) else None
        except ValueError:
            raise TillerError("A day is written like 2026-05-31.") from None

    try:
        agreement = min(max(float(data.get("agreement") or 0), 0.0), 1.0)
    except ValueError:
        raise TillerError("The agreement is a number from 0 to 1.") from None
    source: Any = data.get("source")
    project = next((p.name for p in projects if p.id == data.get("project")), None)
    filters = Filters(
        project, agreement, source if source in ("annotation", "chat") else None, day("since"), day("until")
    )
    kind = "single" if data.get("kind") == "single" else "pairs"
    return kind, "token" if data.get("items") == "token" else "title", filters
