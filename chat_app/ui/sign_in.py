"""The door of an app with sign-in: every request has to come from a session, whatever it is for.

ASGI middleware, so that nothing of the app is reached around it: pages, Gradio's API, queue, uploads
and files. It answers ``/sign-in`` and ``/sign-out`` itself and leaves the account of a request in its
``state``, where :func:`chat_app.ui.session.person` finds it.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_app.accounts import LONGEST, Account, Accounts, SignInRefused
from chat_app.ui.cards import render
from recsys.errors import TillerError
from recsys.settings import ASSETS

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
#: What anybody may fetch: the icon, and what the server asks itself when it starts.
OPEN = {"/favicon.ico", "/gradio_api/startup-events"}
SAFE = {"GET", "HEAD", "OPTIONS"}
HEARTBEAT = re.compile(r"/gradio_api/heartbeat/([^/]+)")
MAX_FORM, MAX_BODY = 10_000, 5_000_000  # bytes
PAGES = 100_000  # open pages remembered at most; the longest silent is forgotten first

FOREIGN = "That came from another site, so nothing was done."
NOBODY = "Please sign in."
ENDED = "Your session has ended. Please sign in again."
SOMEBODY_ELSE = "That page was opened by somebody else: please reload it."


class TooLong(Exception):
    """A body with more bytes than are read."""


class SignIn:
    """Lets through who is signed in."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self.app = app
        self.accounts = accounts
        self._pages: OrderedDict[str, str] = OrderedDict()  # Gradio's session of a page -> account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks over one
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
        elif is_foreign(scope["method"], Headers(scope=scope)):
            await _said(FOREIGN, 403)(scope, receive, send)
        else:
            request = Request(scope, receive)
            try:
                await self._answer(request, send)
            except TooLong:
                await _said("That is too long.", 413)(scope, receive, send)
            except TillerError as error:  # the store does not work
                await _said(str(error), 503)(scope, receive, send)

    async def _answer(self, request: Request, send: Send) -> None:
        scope, path = request.scope, request.url.path
        account = await self._account(request)
        response: Response | None = None
        if path == SIGN_OUT and request.method == "POST":
            response = await self._sign_out(request)
        elif path == SIGN_IN and request.method == "POST":
            response = await self._sign_in(request)
        elif path == SIGN_IN and account is None:
            notice = ENDED if _cookie(request) in request.cookies else ""
            response = _page(_local(request.query_params.get("next")), notice=notice)
        elif path in (SIGN_IN, SIGN_OUT):
            response = RedirectResponse("/", 303)
        elif account is None:
            response = _sent_away(request)
        if response is None:
            assert account is not None
            receive, names = await _page_names(request)
            if self._belong(names, account):
                scope.setdefault("state", {})["account"] = account
                await self.app(scope, receive, _unstored(path, send))
                return
            response = _said(SOMEBODY_ELSE, 401)
        response.headers.setdefault("Cache-Control", "no-store")
        await response(scope, request.receive, send)

    async def _account(self, request: Request) -> Account | None:
        token = request.cookies.get(_cookie(request))
        return await run_in_threadpool(self.accounts.session, token) if token else None

    async def _sign_in(self, request: Request) -> Response:
        fields = parse_qs((await _body(request, MAX_FORM)).decode("utf-8", "replace"))
        name, password, after = (fields.get(f, [""])[0] for f in ("name", "password", "next"))
        try:
            token = await run_in_threadpool(self.accounts.sign_in, name, password)
        except SignInRefused as error:
            page = _page(_local(after), name, str(error), 429 if error.wait else 401)
            if error.wait:
                page.headers["Retry-After"] = str(round(error.wait) or 1)
            return page
        if before := request.cookies.get(_cookie(request)):
            await run_in_threadpool(self.accounts.sign_out, before)
        response = RedirectResponse(_local(after), 303)
        response.set_cookie(_cookie(request), token, max_age=int(LONGEST), **_kept(request))
        return response

    async def _sign_out(self, request: Request) -> Response:
        if token := request.cookies.get(_cookie(request)):
            await run_in_threadpool(self.accounts.sign_out, token)
        response = RedirectResponse(SIGN_IN, 303)
        response.delete_cookie(_cookie(request), **_kept(request))
        return response

    def _belong(self, names: set[str], account: Account) -> bool:
        """Whether these pages are this account's; a page is whose who first used its name. Without
        this, a name of Gradio's for a page is all that it takes to read what is sent there."""
        if any(self._pages.get(name, account.id) != account.id for name in names):
            return False
        for name in names:
            self._pages[name] = account.id
            self._pages.move_to_end(name)
        while len(self._pages) > PAGES:
            self._pages.popitem(last=False)
        return True


def is_foreign(method: str, headers: Headers) -> bool:
    """Whether a browser says that another site asks. The rule is that of Go's
    ``http.CrossOriginProtection``, and reading from elsewhere by script is refused too; programs
    that are no browsers send neither header."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site in ("same-origin", "none"):
        return False
    if origin is not None:
        try:
            return urlsplit(origin).netloc != headers.get("host")
        except ValueError:
            return True
    return site is not None and method not in SAFE


def _page(after: str, name: str = "", notice: str = "", status: int = 200) -> HTMLResponse:
    style = "".join((ASSETS / file).read_text(encoding="utf-8") for file in ("ui.css", "sign_in.css"))
    return HTMLResponse(render("sign_in.html", style=style, after=after, name=name, notice=notice), status)


def _sent_away(request: Request) -> Response:
    """A person gets to the sign-in, a program gets told."""
    path = request.url.path
    is_page = path == "/" or "text/html" in request.headers.get("accept", "")
    if request.method in ("GET", "HEAD") and is_page:
        here = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(here, safe='')}" if here != "/" else SIGN_IN, 303)
    return _said(NOBODY, 401)


def _said(sentence: str, status: int) -> Response:
    return JSONResponse({"error": sentence}, status)


def _local(address: str | None) -> str:
    """An address on this server to go to; the start for any other."""
    return address if address and re.fullmatch(r"/(?![/\\])[^\s\\]*", address) else "/"


def _is_secure(request: Request) -> bool:
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").split(",")[0].strip())


def _cookie(request: Request) -> str:
    """The cookie's name; browsers take one that begins with ``__Host-`` from this very host only."""
    return "__Host-tiller" if _is_secure(request) else "tiller"


def _kept(request: Request) -> dict[str, Any]:
    return {"path": "/", "secure": _is_secure(request), "httponly": True, "samesite": "lax"}


async def _body(request: Request, most: int) -> bytes:
    """The body of a request; :class:`TooLong` when it has more than ``most`` bytes."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise TooLong
    return b"".join(parts)


async def _page_names(request: Request) -> tuple[Receive, set[str]]:
    """Gradio's names of the pages that a request is about, wherever it says so, and the request's body
    to be read again."""
    names = set(request.query_params.getlist("session_hash")) | set(HEARTBEAT.findall(request.url.path))
    if request.method in SAFE or "multipart" in request.headers.get("content-type", "").lower():
        return request.receive, names
    body, unread = await _body(request, MAX_BODY), True

    def look(pairs: list[tuple[str, Any]]) -> None:
        names.update(value for key, value in pairs if key == "session_hash" and isinstance(value, str))

    with suppress(ValueError, RecursionError):  # the app says what is wrong with it
        json.loads(body, object_pairs_hook=look)

    async def receive() -> Message:
        nonlocal unread
        if unread:
            unread = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await request.receive()

    return receive, names


def _unstored(path: str, send: Send) -> Send:
    """Let nobody keep a copy of an answer, save for what is the same for everybody."""

    async def with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
        await send(message)

    return send if path.startswith(("/assets/", "/static/")) else with_header
