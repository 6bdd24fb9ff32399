"""The page itself: keyboard, names for screen readers, narrow and dark."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import WAIT, Chat

PHONE = {"width": 360, "height": 740}
# name of every control as a browser computes it for assistive technology
NAMELESS = """() => [...document.querySelectorAll(
    'button, a[href], input, textarea, select, summary, [role=button]')]
  .filter(e => e.checkVisibility({ visibilityProperty: true }))
  .filter(e => ![e.getAttribute('aria-label'), e.innerText, e.title,
    ...[...(e.labels ?? [])].map(l => l.textContent)].some(name => name?.trim()))
  .map(e => e.outerHTML.slice(0, 200))"""


def states(chat: Chat):
    """The page empty, with a slate, and with a question about one of its items."""
    yield "empty"
    chat.say("four comedies, at most two from the 90s, no horror")
    chat.page.locator(".how summary").last.click()
    yield "slate"
    chat.page.locator(".card [data-do=why]").first.evaluate("b => b.scrollIntoView()")
    chat.after(lambda: chat.page.locator(".card [data-do=why]").first.click())
    yield "why"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_width_has_no_sideways_scroll(new_chat, server, scheme):
    chat = new_chat(server, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    for state in states(chat):
        wide = chat.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{state}: {wide} px"
    chat.page.get_by_role("button", name="Open the list of conversations").click()
    chat.page.get_by_role("button", name="Rename").first.wait_for(timeout=WAIT)
    chat.page.get_by_role("button", name="Close the list of conversations").click()
    chat.page.locator("#side").wait_for(state="hidden", timeout=WAIT)


def test_everything_has_a_name(new_chat, server):
    for options in ({}, {"viewport": PHONE}):
        chat = new_chat(server, **options)
        for state in states(chat):
            assert chat.page.evaluate(NAMELESS) == [], state
    names = chat.page.locator(".card [data-do]").evaluate_all(
        "bs => bs.map(b => b.getAttribute('aria-label'))"
    )
    assert len(names) == len(set(names)) == 20  # no two buttons sound alike


def test_keyboard_only(chat: Chat):
    page = chat.page
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.type("four comedies")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("no horror")
    assert chat.box.input_value() == "four comedies\nno horror" and chat.turns.count() == 0
    chat.after(lambda: page.keyboard.press("Enter"))
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"  # the focus is kept

    wanted = {
        "liked",
        "disliked",
        "seen",
        "similar",
        "why",
        "remove",
        "undo",
        "edit",
        "retry",
        "say",
        "new",
        "export",
    }
    reached, visible = set(), []
    for _ in range(90):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "() => { const e = document.activeElement, c = getComputedStyle(e);"
            " return [e.dataset.do ?? '', c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) > 1]; }"
        )
        reached.add(at[0])
        visible += [at[1]] if at[0] else []
    assert wanted <= reached and all(visible)

    chip = page.locator(".chip").first
    chip.focus()
    chat.after(lambda: page.keyboard.press("Enter"))
    assert page.evaluate("document.activeElement !== document.body")


def test_theme_follows_the_system_and_the_person(new_chat, server):
    chat = new_chat(server, color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = chat.page.evaluate(background)
    assert sum(map(int, dark[4:-1].split(","))) < 150
    chat.page.get_by_role("button", name="Switch between light and dark").click()
    light = chat.page.evaluate(background)
    assert sum(map(int, light[4:-1].split(","))) > 600
    chat.page.reload()
    chat.page.locator(".welcome").wait_for(timeout=WAIT)
    assert chat.page.evaluate(background) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(new_chat, server, scheme):
    """Contrast of every piece of text on its background, after WCAG 2: at least 4.5."""
    chat = new_chat(server, color_scheme=scheme)
    for state in states(chat):
        assert chat.page.evaluate(CONTRAST) == [], state


CONTRAST = """() => {
  const parse = c => {
    const m = c.match(/[\\d.]+/g).map(Number);
    return { rgb: m.slice(0, 3), a: m[3] ?? 1 };
  };
  const light = rgb => rgb.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('#shell *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const shown = e.checkVisibility({ visibilityProperty: true }) && !e.closest('.sr, :disabled');
    if (!own || !shown) continue;
    const color = parse(getComputedStyle(e).color);
    if (getComputedStyle(e).backgroundColor.startsWith('color(')) continue;
    const [a, b] = [light(color.rgb), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.push([e.className, e.textContent.trim().slice(0, 40), ratio.toFixed(2)]);
  }
  return poor;
}"""


def test_nothing_jumps_when_the_answer_comes(chat: Chat):
    """Layout shift as browsers measure it stays near none, and not for coming soon after a key either."""
    chat.say("three comedies")
    chat.page.evaluate(
        "() => { window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries())"
        " window.shift += e.value; }).observe({ type: 'layout-shift', buffered: false }); }"
    )
    top = chat.page.evaluate("document.querySelector('#dock').getBoundingClientRect().top")
    chat.say("three thrillers")
    chat.page.wait_for_timeout(400)
    assert chat.page.evaluate("document.querySelector('#dock').getBoundingClientRect().top") == top
    assert chat.page.evaluate("window.shift") < 0.1
