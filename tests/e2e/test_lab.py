"""The Control Lab as a person uses it, in a real browser against a real server."""

from __future__ import annotations

import csv
import json
import re

import pytest

from tests.e2e.conftest import WAIT, Chat
from tests.e2e.test_page import CONTRAST, NAMELESS, PHONE


def open_lab(chat: Chat):
    """The page with the Lab in front."""
    page = chat.page
    page.get_by_role("tab", name="Control Lab").click()
    page.locator("[data-form]").wait_for(timeout=WAIT)
    return page


def compare(page) -> None:
    page.locator(".compared").evaluate_all("all => all.forEach(e => e.remove())")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.locator(".compared").wait_for(timeout=WAIT)


def lists(page) -> dict[str, list[str]]:
    """The titles on each list, by ranker."""
    made = page.locator(".side-by-side .made").all()
    return {m.get_attribute("aria-label"): m.locator(".entries .name").all_inner_texts() for m in made}


def test_compare_share_and_reopen(chat: Chat, new_chat, server):
    page = open_lab(chat)
    page.locator("#lab [name=say]").fill("six films from the 90s, half of them comedies")
    page.keyboard.press("Enter")
    page.locator(".lab-chips .chip").nth(1).wait_for(timeout=WAIT)
    assert page.locator("#lab [name=count]").input_value() == "6"
    assert page.locator("#lab [name=say]").input_value() == ""  # it was taken in

    page.locator("#lab [name=kind]").select_option("none")
    page.locator("#lab [name=value]").fill("horor")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator(".lab-note", has_text="Did you mean Horror").wait_for(timeout=WAIT)
    page.locator("#lab [name=value]").fill("horror")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator(".lab-chips .chip", has_text="no Horror").wait_for(timeout=WAIT)
    assert page.locator(".lab-chips .chip").count() == 3

    page.locator("#lab [name=who]").select_option(index=12)
    page.locator("#lab [value='als|free']").check()
    compare(page)
    found = lists(page)
    assert list(found) == ["als, guarded", "als, free", "popularity, guarded"]
    for made in page.locator(".made[aria-label$=guarded]").all():
        assert made.locator(".entries > li").count() == 6
        assert made.locator(".marks .hard.out").count() == 0 and made.locator(".badge.unmet").count() == 0
        assert made.locator(".marks .share.in").count() == 3
        assert all(re.search(r"\(199\d\)$", name) for name in made.locator(".name").all_inner_texts())
    assert page.locator(".marks .hard.out").count() > 0  # by itself ALS knows of no control
    assert "Held out" in page.locator(".target").inner_text()
    assert page.locator(".overlaps li").count() == 3
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as JSON").click()
    data = json.loads(download.value.path().read_text())
    assert [slate["ranker"] for slate in data["slates"]] == ["als", "als", "popularity"]

    link = page.get_by_role("link", name="Open the link").get_attribute("href")
    again = new_chat(server).page
    again.goto(server.url + "/" + link)
    again.locator(".compared").wait_for(timeout=WAIT)
    assert lists(again) == found and again.locator(".lab-chips .chip").count() == 3
    again.goto(server.url + "/?lab=nonsense")
    again.locator(".lab-note", has_text="holds no comparison").wait_for(timeout=WAIT)


def test_a_curve_is_drawn_stopped_and_taken_away(chat: Chat):
    page = open_lab(chat)
    page.locator("#lab [name=users]").fill("1000")
    page.locator("#lab [name=points]").fill("51")
    page.get_by_role("button", name="Draw the curve").click()
    stop = page.get_by_role("button", name="Stop", exact=True)
    stop.wait_for(timeout=WAIT)
    stop.hover(force=True)
    page.mouse.down()  # it is drawn anew before the button is up again
    page.locator(".lab-note", has_text="Stopped").wait_for(timeout=WAIT)
    page.mouse.up()
    assert page.locator(".curve").count() == 0
    page.locator("#lab [name=users]").fill("10")
    page.locator("#lab [name=points]").fill("3")
    page.get_by_role("button", name="Draw the curve").click()
    picture = page.locator(".curve img")
    picture.wait_for(timeout=WAIT)
    assert picture.evaluate("i => i.complete && i.naturalWidth > 500")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == 6 and {row["model"] for row in rows} == {"popularity", "als"}
    page.locator(".curve summary").click()
    assert page.locator(".curve tbody tr").count() == 6


def test_ones_own_profile_comes_from_the_chat(chat: Chat):
    chat.say("I loved Toy Story")
    page = open_lab(chat)
    page.locator("#lab [name=who]").select_option("mine")
    compare(page)
    page.locator(".compared summary").first.click()
    assert "Toy Story" in page.locator(".lab-history").inner_text()
    page.get_by_role("tab", name="Chat").click()
    assert chat.turns.count() == 1 and chat.box.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_named_and_legible(new_chat, server, scheme):
    chat = new_chat(server, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    page = open_lab(chat)
    compare(page)
    for summary in page.locator("#lab summary").all():
        summary.click()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"], f"{wide} px"
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(CONTRAST.replace("#shell *", "#lab :not(option), #tabs [role=tab]")) == []
