"""Insights, consent and one's own data as people use them, in a real browser against a real server."""

from __future__ import annotations

import csv
import json
import os
import zipfile

import pytest

from chat_app.annotation.votes import Votes
from chat_app.store import Store
from recsys.catalog import Catalog
from recsys.datasets import load_dataset
from tests.chat_app.made_votes import PAIR, slate, vote
from tests.chat_app.made_votes import project as made_project
from tests.e2e.conftest import WAIT, Server
from tests.e2e.test_page import CONTRAST, NAMELESS, PHONE


@pytest.fixture(scope="module")
def counted(catalog_folder, new_home):
    """A server with a project of two people's votes."""
    home = new_home()
    catalog = load_dataset(str(catalog_folder)).catalog
    kept = Votes(Store.sqlite(home / "conversations.sqlite"))
    pid = made_project(kept, [comparison(catalog, n) for n in range(12)], overlap=2)
    vote(kept, pid, "ann", *["first", "first", "second", "tie"] * 3, seconds=4.0, reasons=("variety",))
    vote(kept, pid, "bob", *["first", "bad"] * 6, seconds=7.0)
    kept.store.close()
    running = Server(home, catalog_folder).start()
    yield running
    running.stop()


def comparison(catalog: Catalog, n: int):
    from chat_app.annotation.making import Asked, context
    from chat_app.annotation.projects import Comparison
    from recsys.controls import ControlIntent
    from recsys.profile import Profile

    asked = Asked(Profile(liked=(catalog.ids[n],)), ("five films", ControlIntent(count=5)))
    first, second = (
        slate(side, list(range(start, start + 5)), catalog)
        for side, start in zip(PAIR, (20, 40), strict=True)
    )
    return Comparison(context(asked, catalog), first, second, rank=float(n))


def open_insights(chat):
    page = chat.page
    page.get_by_role("tab", name="Insights").click()
    page.get_by_role("heading", name="From the chat").wait_for(timeout=WAIT)
    return page


def test_votes_are_counted_drawn_and_taken_away(new_chat, counted):
    page = open_insights(new_chat(counted))
    page.get_by_role("heading", name="Which?").wait_for(timeout=WAIT)
    picture = page.locator("#insights-votes img")
    assert picture.evaluate("i => i.complete && i.naturalWidth > 500")
    assert "24 votes on comparisons by 2 people" in page.locator("#insights-votes").inner_text()
    with page.expect_download() as download:
        page.locator("#insights-votes").get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    told = {(row["measure"], row["of"]): row["value"] for row in rows}
    assert told["wins", "als, guarded against popularity, free"] == "12"
    assert "ann" not in {row["of"].removeprefix("annotator ") for row in rows}

    page.locator("[name=kind]").last.select_option("single")
    page.locator("#insights-export").get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Download preferences.zip")
    link.wait_for(timeout=WAIT)
    with page.expect_download() as download, zipfile.ZipFile(download_of(link, download)) as archive:
        lines = archive.read("preferences.jsonl").decode().splitlines()
        assert "# Preferences on few-films" in archive.read("preferences.jsonl.md").decode()
    assert {json.loads(line)["label"] for line in lines} == {True, False}
    page.locator("[name=since]").fill("2099-01-01")
    page.locator("#insights-export").get_by_role("button", name="Export").click()
    page.locator("#insights-live .trouble", has_text="nothing that fits").wait_for(timeout=WAIT)


def download_of(link, download) -> str:
    link.click()
    return os.fspath(download.value.path())


def test_consent_and_ones_own_data(new_chat, counted):
    chat = new_chat(counted, viewport={"width": 1280, "height": 900})
    page, switch = chat.page, chat.page.get_by_role("switch", name="Learn from my feedback")
    chat.say("three comedies")
    assert switch.get_attribute("aria-checked") == "false"
    switch.click()
    page.locator("[role=switch][aria-checked=true]").wait_for(timeout=WAIT)
    assert page.evaluate("document.activeElement.dataset.do") == "consent"  # the focus is kept
    chat.say("three dramas")
    page.reload()
    page.locator("[role=switch][aria-checked=true]").wait_for(timeout=WAIT)
    assert "1 person lets" in open_insights(chat).locator("#insights-chat").inner_text()
    page.get_by_role("tab", name="Chat").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    data = json.loads(download.value.path().read_text())
    assert [t["text"] for t in data["conversations"][0]["turns"]] == ["three comedies", "three dramas"]

    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Keep it").last.click()
    assert chat.turns.count() == 2
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Delete everything").click()
    page.locator(".welcome").wait_for(timeout=WAIT)
    assert "1 conversation" in chat.notice.inner_text()
    assert page.locator(".past .open").count() == 0 and switch.get_attribute("aria-checked") == "false"
    page.reload()
    page.locator(".welcome").wait_for(timeout=WAIT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_named_and_legible(new_chat, counted, scheme):
    chat = new_chat(counted, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    page = open_insights(chat)
    for summary in page.locator("#insights summary").all():
        if summary.locator("..").get_attribute("open") is None:
            summary.click()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"], f"{wide} px"
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(CONTRAST.replace("#shell *", "#insights :not(option), #tabs [role=tab]")) == []
