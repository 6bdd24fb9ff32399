"""HTML of the chat: turns, cards, badges, chips, the funnel, the list of conversations.

The markup lives in ``templates/`` (Jinja, everything escaped); here is what goes into it.
Nothing is about films: facets are shown by kind, and a few numbers have a unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

from chat_app.words.phrases import best_known, plain_label
from recsys.catalog import Catalog, ItemId
from recsys.slate import Slate, SlateItem
from recsys.titles import display_title

if TYPE_CHECKING:
    from chat_app.conversation import Conversation
    from chat_app.store import ConversationSummary
    from chat_app.words.reply import Reply
    from recsys.profile import Profile

SITES = {
    "imdb": ("IMDb", lambda ref: f"https://www.imdb.com/title/tt{ref.removeprefix('tt').zfill(7)}/"),
    "tmdb": ("TMDB", lambda ref: f"https://www.themoviedb.org/movie/{ref}"),
}
# numeric facet -> (shown, spoken); others are shown as "name number"
NUMBERS: dict[str, Callable[[float], tuple[str, str]]] = {
    "runtime": lambda n: (f"{n:g} min", f"{n:g} minutes"),
    "rating": lambda n: (f"★ {n:.1f}", f"rated {n:.1f} on average"),
    "popularity": lambda n: (f"{n:,.0f} rating{'s' if n != 1 else ''}",) * 2,
}
MOST_VALUES = 3  # of one facet on one card
TURNS_SHOWN = 30  # older turns come on demand


@lru_cache
def _templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters["markdown"] = markdown
    return env


def markdown(text: str) -> Markup:
    """Markdown as safe HTML: raw HTML stays text, no links, no pictures."""
    renderer = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
        ["image", "link", "autolink"]
    )
    return Markup(renderer.render(text))


@dataclass(frozen=True, slots=True)
class Card:
    """What one card shows. ``name`` is the full title, as buttons speak it."""

    id: ItemId
    name: str
    title: str
    year: int | None
    tags: list[str]
    numbers: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    reasons: tuple[str, ...]
    links: list[tuple[str, str]]


def card(catalog: Catalog, item: SlateItem) -> Card:
    """The card of one recommended item."""
    name, row = display_title(item.title), catalog.row(item.id)
    lists = {f: v for f, v in item.facets.items() if f in catalog.categorical and v}
    tag_facet = next(iter(catalog.categorical), None)
    numbers = [
        NUMBERS[f](n) if f in NUMBERS else (f"{_words(f)} {n:g}",) * 2
        for f, n in item.facets.items()
        if f in catalog.numeric and f != "year"
    ]
    return Card(
        id=item.id,
        name=name,
        title=re.sub(rf"\s*\({item.year}\)$", "", name) if item.year else name,
        year=item.year,
        tags=lists.get(tag_facet or "", []),
        numbers=numbers,
        facts=[
            (_words(f).capitalize(), _few(best_known(catalog, f, row)))
            for f in lists
            if f != tag_facet and row is not None
        ],
        reasons=item.reasons,
        links=links(catalog, item.id),
    )


def links(catalog: Catalog, item_id: ItemId) -> list[tuple[str, str]]:
    """``(site, address)`` of an item's pages elsewhere."""
    row = catalog.row(item_id)
    if row is None:
        return []
    found = ((name, address, catalog.link(site, row)) for site, (name, address) in SITES.items())
    return [(name, address(ref)) for name, address, ref in found if ref and re.fullmatch(r"(tt)?\d+", ref)]


def badges(catalog: Catalog, slate: Slate) -> list[dict[str, Any]]:
    """A badge a control: ``Comedy about 50 % · 5 of 10``, met or not."""
    n = len(slate.items)
    out = []
    for control in slate.compliance:
        of = control.asked if control.control == "count" else n
        label = _asked(catalog, control.control)
        out.append({"label": label, "got": control.got, "of": of, "met": control.met})
    return out


def _asked(catalog: Catalog, control: str) -> str:
    return f"number of {catalog.noun[1]}" if control == "count" else plain_label(catalog, control)


def relaxations(catalog: Catalog, slate: Slate) -> list[tuple[str, str | None, str]]:
    """``(control, what it became, why)`` of the controls that gave way."""
    return [
        (_asked(catalog, r.control), plain_label(catalog, r.to) if r.to else None, r.reason)
        for r in slate.relaxations
    ]


def funnel(slate: Slate) -> list[tuple[str, int, float]]:
    """``(step, items, width of its bar in percent)`` from the catalogue to the list."""
    most = max((step.items for step in slate.funnel), default=0) or 1
    return [(step.step, step.items, max(100 * step.items / most, 0.5)) for step in slate.funnel]


def thread(conversation: Conversation, catalog: Catalog, everything: bool = False) -> str:
    """All turns of a conversation, the latest ``TURNS_SHOWN`` unless ``everything``."""
    records = conversation.turns
    hidden = 0 if everything else max(len(records) - TURNS_SHOWN, 0)
    turns = []
    for record in records[hidden:]:
        slate = record.reply.slate
        turns.append(
            {
                "said": record.text,
                "text": record.reply.text,
                "suggestions": record.reply.suggestions,
                "slate": slate,
                "cards": [card(catalog, item) for item in slate.items] if slate else [],
                "badges": badges(catalog, slate) if slate else [],
                "relaxations": relaxations(catalog, slate) if slate else [],
                "funnel": funnel(slate) if slate else [],
            }
        )
    profile = conversation.state.profile
    known = {"liked": set(profile.liked), "disliked": set(profile.disliked), "seen": set(profile.seen)}
    return render("thread.html", turns=turns, first=hidden + 1, hidden=hidden, known=known)


LIVE = '<div role="status">${value}</div>'  # stays, so that screen readers speak what comes into it


def live(
    said: str | None = None, step: str | None = None, notice: str | None = None, spoken: str | None = None
) -> str:
    """What is going on: the message under way with its steps, a notice that is not stored, or
    words for screen readers only."""
    steps = [("understanding", "Reading"), ("candidates", "Finding candidates"), ("ranking", "Ranking")]
    keys = [key for key, _ in steps]
    at = keys.index(step) if step in keys else (len(keys) - 1 if step == "explaining" else -1)
    return render("live.html", said=said, steps=steps, at=at, notice=notice, spoken=spoken)


def spoken(reply: Reply, catalog: Catalog) -> str:
    """The answer in short, for those who cannot see it."""
    n = len(reply.slate.items) if reply.slate else 0
    listed = f" {n} {catalog.noun[n != 1]} listed." if n else ""
    return reply.plain + listed


def dock(conversation: Conversation, catalog: Catalog, editing: bool = False) -> str:
    """The line over the message box: the controls in force, undo and redo."""
    last = conversation.turns[-1].reply if conversation.turns else None
    chips = [
        (plain_label(catalog, chip.label), chip.removal.model_dump_json(exclude_none=True))
        for chip in (last.chips if last else ())
    ]
    return render("dock.html", chips=chips, conversation=conversation, editing=editing)


def sidebar(
    summaries: Iterable[ConversationSummary],
    current: str | None,
    catalog: Catalog,
    profile: Profile,
    consent: str | None = None,
) -> str:
    """Past conversations, what is known of the person's taste, and since when their feedback may be used."""
    taste = [
        (name, [display_title(catalog.titles[row]) for row in catalog.rows(ids)])
        for name, ids in (("Liked", profile.liked), ("Disliked", profile.disliked), ("Seen", profile.seen))
        if ids
    ]
    values = {"conversations": list(summaries), "taste": taste, "noun": catalog.noun}
    return render("sidebar.html", current=current, consent=consent, **values)


def welcome(
    catalog: Catalog,
    examples: Sequence[str],
    known: Collection[ItemId],
    pool: Sequence[int],
    before: Collection[ItemId] = (),
) -> str:
    """The empty conversation: examples to click, a picker of well-known items, and what is known
    from ``before`` to bring along."""
    values = {"known": len(known), "before": len(before), "tiles": tiles(catalog, pool)}
    return render("welcome.html", catalog=catalog, examples=examples, **values)


def tiles(catalog: Catalog, rows: Iterable[int]) -> Markup:
    """Tiles of the picker for some catalogue rows."""
    facet = next(iter(catalog.categorical.values()), None)
    entries = [
        {
            "id": catalog.ids[row],
            "name": display_title(catalog.titles[row]),
            "tags": ", ".join(facet.values_of(row)[:3]) if facet else "",
        }
        for row in rows
    ]
    return Markup(render("tiles.html", entries=entries))


def fixed(template: str, **values: Any) -> str:
    """A part of the page that never changes."""
    return render(template, **values)


def render(template: str, **values: Any) -> str:
    """A template of ``templates/`` filled in."""
    return _templates().get_template(template).render(**values)


def _few(values: Sequence[str]) -> str:
    return ", ".join(values[:MOST_VALUES]) + (" …" if len(values) > MOST_VALUES else "")


def _words(facet: str) -> str:
    return facet.replace("_", " ")
