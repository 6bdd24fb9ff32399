"""The web app: the page around the tabs, and how it is served."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_app.accounts import Accounts, Role, may
from chat_app.store import Store
from chat_app.ui import cards
from chat_app.ui.annotate import AnnotateTab
from chat_app.ui.api import add_endpoints, answer_in_json
from chat_app.ui.chat import ChatTab
from chat_app.ui.insights import InsightsTab
from chat_app.ui.lab import LINK, LabTab
from chat_app.ui.limits import Limits
from chat_app.ui.session import person
from chat_app.ui.sign_in import SignIn
from chat_app.ui.turns import Desk
from recsys.errors import TillerError
from recsys.settings import ASSETS, Settings

if TYPE_CHECKING:
    from chat_app.services import Services

SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
# Gradio's templates need inline code and eval; nothing may come from or go to another host.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)


def build_app(services: Services) -> gr.Blocks:
    """The app as a ``gr.Blocks``, not yet served."""
    settings = services.settings
    limits, desk = Limits(settings.max_message, settings.rate_limit), Desk(services)
    with gr.Blocks(title="Tiller", analytics_enabled=False, fill_width=True) as app:
        chat = ChatTab(services, limits, desk)
        with gr.Tabs(selected="chat", elem_id="tabs") as tabs:
            with gr.Tab("Chat", id="chat"):
                chat.build()
            with gr.Tab("Control Lab", id=LINK) as tab:
                LabTab(services, limits, desk).build(tabs, tab, chat.session)
            with gr.Tab("Annotate", id="annotate", visible=not settings.sign_in) as annotate:
                AnnotateTab(services, chat.session).build()
            with gr.Tab(
                "Insights", id="insights", elem_id="insights-tab", visible=not settings.sign_in
            ) as insights:
                InsightsTab(services).build(insights)
        add_endpoints(services, limits, desk)
        if settings.sign_in:
            _show_by_role(settings, chat.account, {annotate: "annotator", insights: "admin"})
    app.queue(default_concurrency_limit=None, max_size=500)
    return app


def _show_by_role(settings: Settings, name: gr.HTML, tabs: dict[gr.Tab, Role]) -> None:
    """Show who is signed in, and of these tabs the ones that are for them. What is done in a tab is
    checked where it is done."""

    def show(request: gr.Request) -> list[Any]:
        who = person(request, settings)
        visible = [gr.Tab(visible=may(who, role)) for role in tabs.values()]
        return [cards.render("account.html", name=who.name), *visible]

    blocks = gr.context.Context.root_block
    assert blocks is not None
    blocks.load(show, None, [name, *tabs], api_visibility="private", show_progress="hidden", queue=False)


def launch_options(accounts: Accounts | None = None) -> dict[str, Any]:
    """How the page looks and what it may do, for ``gr.Blocks.launch``; with ``accounts``, for who is
    signed in only."""
    door = [Middleware(SignIn, accounts=accounts)] if accounts else []
    return {
        "theme": gr.themes.Base(font=SANS, font_mono=MONO),
        # in the head, as Gradio rewrites what comes as css= and loses some of it
        "head": f"<style>{_assets('ui.css', 'lab.css', 'annotate.css')}</style>"
        f"<script>{_assets('ui.js', 'annotate.js', 'insights.js')}</script>",
        "favicon_path": ASSETS / "mark.svg",
        "app_kwargs": {"middleware": [Middleware(_Policy), *door], "docs_url": None, "redoc_url": None},
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
        "pwa": False,
        "mcp_server": accounts is None,  # its tools are called by Gradio itself, for nobody
    }


def launch_app(settings: Settings, progress: Callable[[str], None] = print) -> None:
    """Load everything and serve the app until it is interrupted; ``progress`` is told in words.
    Raises :class:`TillerError` when the port is taken or the data directory cannot be used."""
    from chat_app.services import load_services

    port = _free_port(settings.host, settings.port)
    with load_services(settings, progress, _check_admin if settings.sign_in else None) as services:
        accounts = Accounts(services.store) if settings.sign_in else None
        for notice in services.notices:
            progress(notice)
        app = build_app(services)
        _, address, _ = app.launch(
            server_name=settings.host,
            server_port=port,
            quiet=True,
            prevent_thread_lock=True,
            **launch_options(accounts),
        )
        answer_in_json(app)
        progress(f"Tiller is at {address}")
        threading.Thread(target=services.recommender.warm_up, daemon=True, name="warm up").start()
        app.block_thread()


def _check_admin(store: Store) -> None:
    Accounts(store).check_admin()


def _assets(*names: str) -> str:
    return "".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def _free_port(host: str, port: int) -> int:
    """The port, when it can be listened on; any free one for 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return probe.getsockname()[1]
    except OSError as error:
        raise TillerError(
            f"Cannot listen on {host}, port {port} ({error.strerror}). "
            "Is Tiller running already? Choose another port with --port."
        ) from error


class _Policy:
    """Says in every answer that the page talks to this host only."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["Referrer-Policy"] = "same-origin"  # without it, forms send no origin
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
