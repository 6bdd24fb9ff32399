"""Pictures of a running app, wide and narrow, light and dark.

python -m tests.e2e.screenshots http://127.0.0.1:7860 FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import ARGUMENTS, CHROMIUM, Chat

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 360, "height": 740}}
TALK = ("I loved Heat and The Usual Suspects", "ten thrillers, at least half from before 1980, nothing gory")


def take(browser: Browser, url: str, folder: Path, size: str, scheme: str) -> None:
    """The app empty, after a conversation, at the end of the list, and with the side open."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme)
    chat = Chat(context.new_page(), url).open()

    def save(name: str, full: bool = False) -> None:
        chat.page.wait_for_timeout(300)
        chat.page.screenshot(path=folder / f"{size}-{scheme}-{name}.png", full_page=full)

    save("empty")
    for text in TALK:
        chat.say(text)
    save("slate")
    chat.page.locator(".how summary").last.click()
    chat.page.locator(".next").scroll_into_view_if_needed()
    save("end")
    chat.say("ten westerns from 2012 by Woody Allen")
    save("relaxed")
    if size == "narrow":
        chat.page.get_by_role("button", name="Open the list of conversations").click()
        save("side")
    context.close()


def main(url: str, folder: str) -> None:
    """Take them all."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for size in SIZES:
            for scheme in ("light", "dark"):
                take(browser, url, Path(folder), size, scheme)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
