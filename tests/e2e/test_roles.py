"""Sign-in and roles over HTTP: what the server gives to whom, whatever a page shows or sends."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from html import unescape
from types import SimpleNamespace

import httpx
import pandas as pd
import pytest
import sqlalchemy as sa

from chat_app import accounts as module
from chat_app.accounts import FREE, IDLE, Accounts
from chat_app.annotation.insights import alias
from chat_app.annotation.projects import Comparison, Plan, Side
from chat_app.annotation.votes import Votes
from chat_app.store import Store
from chat_app.ui.lab_form import MINE
from chat_app.ui.sign_in import OPEN
from recsys.promotion import promotions
from tests.e2e.conftest import WAIT, Server
from tests.e2e.pages import PASSWORD, Page, sign_in
from tests.e2e.test_page import NAMELESS, PHONE

PEOPLE = {"Ann": "user", "Bob": "user", "Vera": "annotator", "Vic": "annotator", "Root": "admin"}
CROWD, CROWDED = [f"Annotator {n}" for n in range(20)], 40
OURS = {"Sec-Fetch-Site": "same-origin"}
THEIRS = [
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
]


@pytest.fixture(scope="module")
def guarded(catalog_folder, new_home):
    """A server with sign-in, its accounts, and two projects of annotation; ``store`` looks into it."""
    home = new_home()
    store = Store.sqlite(home / "conversations.sqlite")
    accounts, votes = Accounts(store), Votes(store)
    ids = {name: accounts.new(name, role, PASSWORD).id for name, role in PEOPLE.items()}
    films = pd.read_csv(catalog_folder / "films.csv")
    rows = [{"id": int(id), "title": str(title)} for id, title in zip(films.id, films.title, strict=True)]
    few, many = (
        votes.projects.create(
            name,
            "Choose.",
            Plan(pairs=((Side(ranker="als"), Side(ranker="popularity")),), overlap=3),
            made(rows, n),
        ).id
        for name, n in (("A few", 20), ("For the crowd", CROWDED))
    )
    running = Server(home, catalog_folder, rate_limit=1000, sign_in=1, model="auto").start()
    kept = {"store": store, "accounts": accounts, "votes": votes, "ids": ids, "few": few, "many": many}
    yield SimpleNamespace(url=running.url, home=home, film=rows[0]["id"], **kept)
    running.stop()
    store.close()


def made(rows: list[dict], n: int) -> list[Comparison]:
    def slate(ranker: str, start: int) -> dict:
        items = [{**row, "reasons": []} for row in rows[start : start + 3]]
        kept = {"ranker": ranker, "adapter": None, "decoding": "guarded", "seed": 0}
        return {**kept, "items": items, "compliance": []}

    context = {"profile": [], "request": "anything", "intent": {}, "catalog": "few-films"}
    context |= {"source": "data", "conversation": None}
    return [Comparison(context, slate("als", i), slate("popularity", i + 3)) for i in range(n)]


@pytest.fixture(scope="module")
def people(guarded):
    """A client of everybody, signed in."""
    clients = {name: sign_in(guarded.url, name) for name in PEOPLE}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def stranger(guarded):
    with httpx.Client(base_url=guarded.url, timeout=60) as client:
        yield client


def room(page: Page, **data) -> tuple[dict[str, str], str]:
    """What an event of the annotation room leads to: what the room is about, and the notice."""
    answer = page.act("room", **data)
    notice = answer["annotate-notice"] if isinstance(answer["annotate-notice"], str) else ""
    return about(answer["room"]), notice


def about(shown: object) -> dict[str, str]:
    """The project, comparison and key of a room; nothing where none is shown."""
    opening = shown.partition(">")[0] if isinstance(shown, str) else ""
    return dict(re.findall(r'data-(project|comparison|key)="(\w+)"', opening))


# the door


def test_nothing_is_open_to_who_has_not_signed_in(stranger):
    import gradio as gr
    from gradio.routes import App

    routes = set(all_routes(App.create_app(gr.Blocks()).routes))
    routes |= {("GET", "/gradio_api/mcp/"), ("POST", "/gradio_api/mcp/"), ("GET", "/made/up"), ("PUT", "/")}
    assert {("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload")} <= routes
    assert any("/file=" in path for _, path in routes) and len(routes) > 60
    opened = []
    for method, path in sorted(routes):
        answer = stranger.request(method, re.sub(r"{[^}]*}", "x", path))
        to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        if answer.status_code != 401 and not to_sign_in:
            opened.append(path)
    assert set(opened) == OPEN


def all_routes(routes) -> Iterator[tuple[str, str]]:
    """Method and path of every route, of routers within routers too."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from all_routes(inner.routes)
        else:
            yield from ((method, route.path) for method in getattr(route, "methods", None) or ("GET",))


def test_a_person_is_led_to_the_sign_in_and_on_to_where_they_wanted(stranger):
    answer = stranger.get("/?lab=abc", headers={"accept": "text/html"})
    assert answer.status_code == 303
    page = stranger.get(answer.headers["location"])
    assert page.status_code == 200 and 'name="next" value="/?lab=abc"' in page.text
    fields = {"name": "Ann", "password": PASSWORD, "next": "/?lab=abc"}
    assert stranger.post("/sign-in", data=fields).headers["location"] == "/?lab=abc"
    assert stranger.get("/sign-in").headers["location"] == "/"


@pytest.mark.parametrize(
    "after", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil", ""]
)
def test_the_sign_in_leads_nowhere_else(stranger, after):
    answer = stranger.post("/sign-in", data={"name": "Ann", "password": PASSWORD, "next": after})
    assert answer.headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(stranger):
    fields = {"name": "Ann", "password": PASSWORD}
    cookie = stranger.post("/sign-in", data=fields).headers["set-cookie"].lower()
    assert cookie.startswith("tiller=") and "secure" not in cookie
    assert {"httponly", "samesite=lax", "path=/"} <= set(re.split("; ", cookie))
    answer = stranger.post("/sign-in", data=fields, headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-tiller=")
    assert {"httponly", "samesite=lax", "path=/", "secure"} <= set(re.split("; ", cookie))


def test_a_wrong_password_is_told_from_a_wrong_name_by_nothing(guarded, stranger):
    guarded.accounts.new("Locked", "user", PASSWORD)
    said = {}
    for name in ("Locked", "Nobody at all"):
        answers = [stranger.post("/sign-in", data={"name": name, "password": "x"}) for _ in range(FREE + 1)]
        said[name] = [
            (
                a.status_code,
                re.sub(r"\d+ seconds", "N seconds", a.text.replace(name, "NAME")),
                sorted(a.headers),
            )
            for a in answers
        ]
    assert said["Locked"] == said["Nobody at all"]
    assert [status for status, _, _ in said["Locked"]] == [401] * FREE + [429]
    assert "N seconds" in said["Locked"][-1][1] and "retry-after" in said["Locked"][-1][2]
    assert stranger.post("/sign-in", data={"name": "Locked", "password": PASSWORD}).status_code == 429
    assert not stranger.cookies


def test_a_forged_cookie_is_nobody(guarded, people, stranger):
    token = people["Ann"].cookies["tiller"]
    with guarded.store.reading() as db:
        kept = [row.token for row in db.execute(sa.select(module.sessions))]
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    for forged in (*kept, token[:-1], token.swapcase(), "x" * 43, "", "'; --", guarded.ids["Ann"]):
        assert stranger.get("/config", headers={"cookie": f"tiller={forged}"}).status_code == 401
    assert stranger.get("/config", headers={"cookie": f"session={token}"}).status_code == 401
    assert stranger.get("/config", headers={"cookie": f"tiller={token}"}).status_code == 200


def test_an_expired_session_is_over(guarded):
    with closing(sign_in(guarded.url, "Ann")) as client:
        page = Page(client)
        token = hashlib.sha256(client.cookies["tiller"].encode()).hexdigest()
        mine = module.sessions.update().where(module.sessions.c.token == token)
        with guarded.store.writing() as db:
            assert db.execute(mine.values(seen=module.sessions.c.seen - IDLE)).rowcount == 1
        assert page.send("message", "submit", inputs=["three comedies", False]).status_code == 401
        assert client.get("/config").status_code == 401
        assert "Your session has ended" in client.get("/sign-in").text
    assert "has ended" not in httpx.get(f"{guarded.url}/sign-in").text


def test_a_session_is_never_one_that_was_there_before_the_sign_in(guarded, stranger):
    stranger.cookies.set("tiller", "chosen-by-somebody-else")
    stranger.post("/sign-in", data={"name": "Ann", "password": PASSWORD})
    assert stranger.get("/config", headers={"cookie": "tiller=chosen-by-somebody-else"}).status_code == 401
    with closing(sign_in(guarded.url, "Bob")) as bob:  # left signed in on Ann's machine
        before = bob.cookies["tiller"]
        bob.post("/sign-in", data={"name": "Ann", "password": PASSWORD})
        assert bob.cookies["tiller"] != before
        assert stranger.get("/config", headers={"cookie": f"tiller={before}"}).status_code == 401


def test_signing_out_in_one_tab_ends_the_other(guarded):
    with closing(sign_in(guarded.url, "Ann")) as client, closing(sign_in(guarded.url, "Ann")) as elsewhere:
        one, two = Page(client), Page(client)
        token = client.cookies["tiller"]
        assert one.fire("message", "submit", inputs=["three comedies", False])["thread"]
        assert client.get("/sign-out").headers["location"] == "/"  # a link or picture signs nobody out
        assert client.get("/config").status_code == 200
        assert client.post("/sign-out", headers=OURS).headers["location"] == "/sign-in"
        client.cookies.set("tiller", token)  # the cookie is gone from the browser; a copy is worth nothing
        for page in (one, two):
            assert page.send("message", "submit", inputs=["four comedies", False]).status_code == 401
        assert elsewhere.get("/config").status_code == 200


@pytest.mark.parametrize("headers", THEIRS, ids=str)
def test_what_another_site_sends_is_refused(guarded, people, stranger, headers):
    fields = {"name": "Ann", "password": PASSWORD}
    assert stranger.post("/sign-in", data=fields, headers=headers).status_code == 403
    assert not stranger.cookies
    root = people["Root"]
    page = Page(root)
    root.headers.update(headers)
    try:
        event = page.send("lab-models", "act", {"do": "lab_promote", "name": "popularity"})
        assert event.status_code == 403 and root.post("/sign-out").status_code == 403
    finally:
        for name in headers:
            del root.headers[name]
    assert root.get("/config").status_code == 200
    assert not promotions("few-films", guarded.home)


def test_what_our_own_page_sends_is_not(guarded, people):
    host = guarded.url.removeprefix("http://")
    for headers in (OURS, {"Origin": guarded.url}, {"Origin": f"https://{host}", **OURS}, {}):
        sign_in(guarded.url, "Ann", **headers).close()
    with httpx.Client(base_url=guarded.url, cookies=people["Ann"].cookies) as ann:
        assert ann.get("/config", headers={"Origin": "http://127.0.0.1:1"}).status_code == 403  # reads, too


def test_long_bodies_are_not_read(people, stranger):
    assert stranger.post("/sign-in", data={"name": "x" * 20_000}).status_code == 413
    answer = people["Ann"].post("/gradio_api/queue/join", content=b" " * 6_000_000)
    assert answer.status_code == 413


# conversations


def test_a_user_never_reaches_the_conversations_of_another(guarded, people):
    ann = Page(people["Ann"])
    ann.session = ann.fire("message", "submit", inputs=["three comedies from the 90s", False])["browserstate"]
    assert ann.session["owner"] == guarded.ids["Ann"]
    conversation = ann.session["conversation"]

    def reached(page: Page) -> dict[str, bool]:
        """By each way, whether a page got at what Ann said."""
        ways = {
            "open": page.act("side-list", do="open", id=conversation),
            "export": page.act("side-list", do="export", id=conversation),
            "edit": page.act("thread", do="edit"),
            "undo": page.act("in-force", do="undo"),
            "earlier": page.act("thread", do="earlier"),
            "bring": page.act("thread", do="bring"),
        }
        return {way: "comedies from the 90s" in str(answer) for way, answer in ways.items()}

    # Bob's page says that it is Ann's, in Ann's conversation
    for session in (ann.session, {**ann.session, "owner": guarded.ids["Bob"]}, None):
        assert not any(reached(Page(people["Bob"], session)).values())
    assert not any(reached(Page(people["Root"], ann.session)).values())  # an admin neither

    bob = Page(people["Bob"], ann.session)
    bob.act("side-list", do="rename", id=conversation, title="Mine now")
    bob.act("side-list", do="delete", id=conversation)
    answer = bob.fire("message", "submit", inputs=["make it four", False])
    assert answer["browserstate"]["owner"] == guarded.ids["Bob"]
    assert answer["browserstate"]["conversation"] != conversation
    kept = guarded.store.load(guarded.ids["Ann"], conversation)
    assert [turn.text for turn in kept.line] == ["three comedies from the 90s"] and kept.title != "Mine now"

    again = reached(Page(people["Ann"], ann.session))
    assert again["open"] and again["export"] and again["edit"]


def test_nor_by_the_api(guarded, people):
    from gradio_client import Client
    from gradio_client.exceptions import AppError, AuthenticationError

    def client(name: str) -> Client:
        return Client(guarded.url, verbose=False, httpx_kwargs={"cookies": dict(people[name].cookies)})

    ann, bob = client("Ann"), client("Bob")
    first = ann.predict(text="three comedies", api_name="/turn")
    handle = first["conversation"]
    assert ann.predict(text="make it four", conversation=handle, api_name="/turn")["intent"]["count"] == 4
    for forged in (handle, f"{handle}.{guarded.ids['Ann']}", f"{handle}.{'a' * 43}"):
        with pytest.raises(AppError, match="no such conversation|no conversation"):
            bob.predict(text="make it five", conversation=forged, api_name="/turn")
    kept = guarded.store.load(guarded.ids["Ann"], handle)
    assert [turn.text for turn in kept.line] == ["three comedies", "make it four"]
    with pytest.raises(AuthenticationError):
        Client(guarded.url, verbose=False)


def test_nor_by_the_name_of_a_page(people):
    ann, bob = Page(people["Ann"]), Page(people["Bob"])
    sent = ann.send("message", "submit", inputs=["three comedies from the 90s", False])
    for client, status in ((people["Bob"], 401), (people["Ann"], 200)):
        for address in (f"queue/data?session_hash={ann.name}", f"heartbeat/{ann.name}"):
            with client.stream("GET", f"/gradio_api/{address}") as answer:
                assert answer.status_code == status, address
                if "queue" in address and status == 200:
                    for line in answer.iter_lines():
                        if sent.json()["event_id"] in line and "process_completed" in line:
                            break
    bob.name = ann.name
    assert bob.send("message", "submit", inputs=["hello", False]).status_code == 401
    twice = f'{{"session_hash": "{ann.name}", "fn_index": 0, "session_hash": "of-my-own"}}'
    for kind in ("application/json", "application/JSON", "text/plain"):
        sent = people["Bob"].post("/gradio_api/cancel", content=twice, headers={"content-type": kind})
        assert sent.status_code == 401


def test_nor_through_the_lab(guarded, people):
    def mine(page: Page) -> list:
        """One's own profile from the chat, as the Lab has it."""
        form = page.act("lab-form", do="lab_say", form={"who": [MINE], "say": ["ten"]})["lab-form"]
        return json.loads(unescape(re.search(r'name="items" value="([^"]*)"', form)[1]))

    ann = Page(people["Ann"])
    ann.session = ann.act("thread", do="liked", id=guarded.film)["browserstate"]
    assert mine(ann) == [[guarded.film, "liked"]]
    assert mine(Page(people["Bob"], ann.session)) == []


# votes


def test_an_annotator_never_reaches_the_votes_of_another(guarded, people):
    vera, vic = Page(people["Vera"]), Page(people["Vic"])
    vic.session = {"owner": guarded.ids["Vera"], "conversation": ""}  # what his page says
    at, _ = room(vera, do="next", project=guarded.few)
    said = {**at, "choice": "A", "comment": "what Vera thinks", "seconds": 3}
    room(vera, do="vote", **said)

    own, _ = room(vic, do="next", project=guarded.few)
    for data in (
        {"do": "back", "project": guarded.few},
        {"do": "back", "project": guarded.few, "comparison": own["comparison"]},
        {"do": "reopen", "project": guarded.few, "again": at["comparison"]},
        {"do": "draft", "begun": True, **said},
        {"do": "skip", **at},
        {"do": "vote", **said},
        {"do": "next", **at},
    ):
        assert "what Vera thinks" not in str(vic.act("room", **data)), data
    kept = [(v.annotator, v.choice, by) for v, c, by in guarded.votes.record(guarded.few)]
    assert kept == [(guarded.ids["Vera"], "A", None)]
    assert "what Vera thinks" in str(
        vera.act("room", do="reopen", project=guarded.few, again=at["comparison"])
    )


def test_a_user_does_not_annotate(guarded, people):
    before = len(list(guarded.votes.record(guarded.few)))
    ann = Page(people["Ann"], {"owner": guarded.ids["Vera"], "conversation": ""})
    for do in ("next", "back", "vote", "skip", "draft", "reopen"):
        at, notice = room(ann, do=do, project=guarded.few, choice="A")
        assert at == {} and "for annotators" in notice
    assert len(list(guarded.votes.record(guarded.few))) == before


# what only admins do


def test_only_an_admin_promotes_and_takes_it_back(guarded, people):
    def promoted() -> list[str]:
        return [entry.model for entry in promotions("few-films", guarded.home)]

    for name in ("Ann", "Vera"):
        cards = str(Page(people[name]).act("lab-models", do="lab_promote", name="popularity"))
        assert "That is for admins" in cards and 'data-do="lab_promote"' not in cards and promoted() == []
    root = Page(people["Root"])
    cards = root.act("lab-models", do="lab_promote", name="popularity")["lab-models"]
    assert "popularity ranks by default, for everybody from the next answer on" in cards
    assert promoted() == ["popularity"]
    assert 'data-do="lab_promote" data-name="als"' in cards and 'data-do="lab_rollback"' in cards
    assert "There is no model" in str(root.act("lab-models", do="lab_promote", name="../../etc"))
    assert "That is for admins" in str(Page(people["Ann"]).act("lab-models", do="lab_rollback"))
    assert promoted() == ["popularity"]
    cards = root.act("lab-models", do="lab_rollback")["lab-models"]
    assert "als ranks by default again, for everybody from the next answer on" in cards and promoted() == []
    assert "nothing to take back" in str(root.act("lab-models", do="lab_rollback"))


def test_only_an_admin_makes_projects(guarded, people):
    sides = {"first": ["als|guarded"], "second": ["popularity|guarded"]}
    form = {"name": ["Made in the page"], "guidelines": ["Choose."], "count": ["2"], **sides}

    def make(name: str) -> str:
        return str(Page(people[name]).act("project-form", do="project_make", form=form))

    before = [project.name for project in guarded.votes.projects.all()]
    for name in ("Ann", "Vera"):
        assert "That is for admins" in make(name)
        assert guarded.votes.projects.named("A few") and len(guarded.votes.projects.all()) == len(before)
    assert "is ready" in make("Root")
    assert [p.name for p in guarded.votes.projects.all() if p.name not in before] == ["Made in the page"]


def test_only_an_admin_reads_the_insights_and_exports(guarded, people):
    def told(name: str, **data) -> str:
        return str(Page(people[name]).act("insights-export", **data))

    vera = Page(people["Vera"])
    at, _ = room(vera, do="next", project=guarded.few)
    room(vera, do="vote", **at, choice="A", seconds=3)
    for name in ("Ann", "Vera"):
        for data in ({"do": "export"}, {"do": "show", "project": guarded.few}):
            answer = told(name, **data)
            assert "That is for admins" in answer and "Bradley" not in answer and ".zip" not in answer
        assert "That is for admins" in str(Page(people[name]).fire("insights-tab", "select"))
    root = Page(people["Root"])
    root.send("insights-tab", "select").raise_for_status()
    page = root.client.get("/gradio_api/queue/data", params={"session_hash": root.name}).text
    assert f"Vera ({alias(guarded.ids['Vera'])})" in page and guarded.ids["Vera"] not in page
    assert "preferences.zip" in told("Root", do="export")


# many at once


@pytest.mark.slow
def test_twenty_annotators_at_once_and_every_vote_is_kept_once_as_it_was_said(guarded):
    """Everybody votes until nothing is left, often twice with a double click."""
    ids = {name: guarded.accounts.new(name, "annotator", PASSWORD).id for name in CROWD}
    begin = threading.Barrier(len(CROWD))

    def annotate(name: str) -> dict[str, tuple[str, str]]:
        """What was said: by comparison, the choice and the comment."""
        said: dict[str, tuple[str, str]] = {}
        with closing(sign_in(guarded.url, name)) as client:
            page = Page(client, {"owner": ids[CROWD[0]], "conversation": ""})
            begin.wait(120)
            at, _ = room(page, do="next", project=guarded.many)
            while "key" in at:
                assert at["comparison"] not in said
                choice = ("A", "B", "tie", "bad")[len(said) % 4]
                said[at["comparison"]] = (choice, f"{name} on {at['comparison']}")
                ballot = {"do": "vote", **at, "choice": choice, "comment": said[at["comparison"]][1]}
                sent = [page.send("room", "act", ballot) for _ in range(1 + len(said) % 2)]
                at = about(page.hear("room", "act", *sent)[-1]["room"])
        return said

    with ThreadPoolExecutor(len(CROWD)) as pool:
        said = dict(zip(CROWD, pool.map(annotate, CROWD), strict=True))
    kept = [(vote, by) for vote, _, by in guarded.votes.record(guarded.many)]
    assert all(by is None for _, by in kept)
    found = {(v.annotator, v.comparison): (v.choice, v.comment) for v, _ in kept}
    assert len(found) == len(kept) == 3 * CROWDED  # nobody twice on one, and every place taken
    assert found == {(ids[name], c): vote for name, votes in said.items() for c, vote in votes.items()}
    assert set(Counter(v.comparison for v, _ in kept).values()) == {3}
    assert sum(map(bool, said.values())) == len(CROWD)


# the page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_signs_in_by_keyboard_on_a_phone_and_out_again(guarded, browser, scheme):
    context = browser.new_context(viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    page = context.new_page()
    try:
        page.goto(guarded.url)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
        page.keyboard.type("Vera")
        page.keyboard.press("Tab")
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.get_by_role("alert").filter(has_text="not right").wait_for(timeout=WAIT)
        page.keyboard.type(PASSWORD)  # the name is still there
        page.keyboard.press("Enter")
        page.locator(".welcome, .turn").first.wait_for(timeout=WAIT)
        tabs = page.get_by_role("tab")
        page.get_by_role("tab", name="Annotate").wait_for(timeout=WAIT)
        assert tabs.all_inner_texts() == ["Chat", "Control Lab", "Annotate"]
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("button", name="Open the list of conversations").click()
        page.get_by_text("Signed in as Vera").wait_for(timeout=WAIT)
        other = context.new_page()
        other.goto(guarded.url)
        other.locator(".welcome, .turn").first.wait_for(timeout=WAIT)
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for(timeout=WAIT)
        other.get_by_role("button", name="New conversation").first.evaluate("b => b.click()")
        other.get_by_role("heading", name="Sign in").wait_for(timeout=WAIT)
    finally:
        context.close()


def test_a_user_has_no_tab_but_their_own(guarded, browser):
    context = browser.new_context()
    page = context.new_page()
    try:
        page.goto(guarded.url)
        page.get_by_label("Name").fill("Ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Signed in as Ann").wait_for(timeout=WAIT)
        assert page.get_by_role("tab").all_inner_texts() == ["Chat", "Control Lab"]
    finally:
        context.close()
