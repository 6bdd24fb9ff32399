"""The form that makes a project of annotation: its HTML, and what a page may say with it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from chat_app.annotation.projects import MAX_NAME, Plan, Side
from chat_app.ui.cards import render
from chat_app.ui.fields import Fields, FormError, checked, field, number, texts
from recsys.models import adapters
from recsys.rankers import RANKERS
from recsys.settings import ASSETS

if TYPE_CHECKING:
    from chat_app.services import Services

PAIRS, MOST = 3, 1000  # the command line makes more of both
MOST_CHECKS = 50  # per cent
LONGEST_GUIDELINES, MOST_REQUESTS = 20_000, 1000
SOURCES = (("data", "people of the data"), ("chat", "chats, with consent"))
SAMPLINGS = (("uniform", "at random"), ("informative", "least alike first"))


@dataclass(frozen=True)
class NewProject:
    """A project to be made."""

    name: str
    guidelines: str
    plan: Plan
    requests: list[str]


def form(services: Services, after: str = "", is_open: bool = False) -> str:
    """The form, folded in or open; empty again ``after`` the project of that id."""
    settings, catalog = services.settings, services.catalog
    own = [name for name, (_, card) in adapters(settings).items() if card.catalog == catalog.name]
    names = sorted((*RANKERS, *own), key=lambda name: name in RANKERS)  # what was trained comes first
    sides = [(f"{name}|guarded", name) for name in names] + [
        (f"{name}|free", f"{name}, free") for name in names
    ]
    guidelines = (ASSETS / "guidelines.md").read_text(encoding="utf-8")
    return render(
        "project.html",
        after=after,
        open=is_open,
        pairs=PAIRS,
        most=MOST,
        most_checks=MOST_CHECKS,
        longest_name=MAX_NAME,
        sources=SOURCES,
        samplings=SAMPLINGS,
        sides=sides,
        guidelines=guidelines,
    )


def read_project(fields: Fields) -> NewProject:
    """The project that the form describes. Raises :class:`FormError` where it describes none."""
    name, guidelines = field(fields, "name"), field(fields, "guidelines")
    if not name:
        raise FormError("Give the project a name.")
    if not guidelines or len(guidelines) > LONGEST_GUIDELINES:
        raise FormError(f"Write guidelines of at most {LONGEST_GUIDELINES:,} characters.")
    requests = [
        line.strip() for text in texts(fields, "requests") for line in text.splitlines() if line.strip()
    ]
    if len(requests) > MOST_REQUESTS:
        raise FormError(f"Give at most {MOST_REQUESTS:,} requests.")
    count = number(fields, "count")
    if count is None or not 1 <= count <= MOST:
        raise FormError(f"Choose 1 to {MOST:,} comparisons; `tiller annotate new` makes more.")
    checks, cap = number(fields, "checks") or 0, number(fields, "daily_cap")
    if not 0 <= checks <= MOST_CHECKS:
        raise FormError(f"Choose 0 to {MOST_CHECKS} % of checks.")
    if cap is not None and cap < 1:
        raise FormError("A daily cap is at least 1 vote; leave it empty for none.")
    plan = checked(
        lambda: Plan(
            pairs=_pairs(fields),
            source=field(fields, "source") or "data",  # type: ignore[arg-type]
            sampling=field(fields, "sampling") or "uniform",  # type: ignore[arg-type]
            overlap=number(fields, "overlap") or 1,
            daily_cap=cap,
            checks=checks / 100,
            count=count,
        )
    )
    return NewProject(name, guidelines, plan, requests)


def _pairs(fields: Fields) -> tuple[tuple[Side, Side], ...]:
    rows = list(zip_longest(texts(fields, "first"), texts(fields, "second"), fillvalue=""))
    rows = [row for row in rows if any(row)]
    if not rows or not all(map(all, rows)):
        raise FormError("Choose two rankers for each pair.")
    pairs = [(_side(first), _side(second)) for first, second in rows]
    if any(first == second for first, second in pairs):
        raise FormError("Choose two different rankers for each pair: a ranker against itself shows nothing.")
    return tuple(dict.fromkeys(pairs))


def _side(text: str) -> Side:
    ranker, _, decoding = text.rpartition("|")
    return Side.model_validate({"ranker": ranker, "decoding": decoding})
