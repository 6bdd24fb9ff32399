"""HTML of the Insights: a project's numbers and pictures, chats, the export."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from chat_app.annotation.insights import ProjectInsights, csv_text
from chat_app.annotation.plots import chat_png, votes_png
from chat_app.annotation.projects import Project
from chat_app.feedback import ChatInsights
from chat_app.ui.cards import render
from chat_app.ui.comparison import REASONS
from recsys.report import number, show

Table = tuple[Sequence[str], list[tuple[str, ...]]]  # heads and rows
CONTROLS = {
    "count": "length",
    "require": "required",
    "exclude": "excluded",
    "ranges": "ranges",
    "quotas": "shares",
    "like": "like …",
    "unlike": "unlike …",
    "theme": "theme",
    "avoid_theme": "no theme",
    "popularity": "popularity",
    "order": "order",
}
#: A common reading of alpha (Krippendorff 2004): below the first hardly usable, from the second on good.
TENTATIVE, GOOD = 0.667, 0.8


def head(projects: Sequence[Project], chosen: Project | None) -> str:
    """The choice of a project."""
    return render("insights_head.html", projects=projects, chosen=chosen)


def project_page(found: ProjectInsights, names: Mapping[str, str] | None = None) -> str:
    """The numbers of a project, with a picture of them. ``names``: of annotators, by what they are called
    in the numbers; for the page alone, not for the file."""
    return render(
        "insights_votes.html",
        found=found,
        picture=_data_url("image/png", votes_png(found)) if found.votes else "",
        download=_data_url("text/csv", found.csv().encode()),
        agreement=number(found.agreement),
        reading=_reading(found.agreement),
        side_a=show(found.side_a),
        tables={
            "Ranking": _ranking(found),
            "Pairs": _pairs(found),
            "People": _people(found, names or {}),
            "Agreement on reasons": _reasons(found),
        },
    )


def chat_page(found: ChatInsights) -> str:
    """What chats tell, with a picture."""
    words = [CONTROLS[use.kind] for use in found.controls]
    rows = [
        (name, *(f"{n:,}" for n in (use.used, use.lists, use.met, use.relaxed, use.undone)))
        for name, use in zip(words, found.controls, strict=True)
    ]
    heads = ("control", "used", "lists", "met", "relaxed", "undone")
    return render(
        "insights_chat.html",
        found=found,
        picture=_data_url("image/png", chat_png(found, words)) if found.controls else "",
        download=_data_url("text/csv", csv_text(map(asdict, found.controls)).encode()),
        numbers=(heads, rows),
    )


def export_form(chosen: Project | None) -> str:
    """What is to be exported."""
    return render("insights_export.html", chosen=chosen)


def live(words: str = "", trouble: str = "", file: bytes | None = None) -> str:
    """What is going on with the export: under way, what went wrong, or the file."""
    link = _data_url("application/zip", file) if file is not None else ""
    return render("insights_live.html", words=words, trouble=trouble, link=link)


def _ranking(found: ProjectInsights) -> Table:
    several = len({s.group for s in found.ranking}) > 1
    heads = ("ranker", "votes", "share of wins", "strength", *(["group"] if several else []))
    return heads, [
        (s.name, f"{s.comparisons:,}", show(s.share), show(s.strength), *([str(s.group + 1)] * several))
        for s in found.ranking
    ]


def _pairs(found: ProjectInsights) -> Table:
    rows = [(p.first, p.second, *(f"{n:,}" for n in (p.wins, p.losses, p.ties, p.bad))) for p in found.pairs]
    return ("first", "second", "for the first", "for the second", "tie", "both bad"), rows


def _people(found: ProjectInsights, names: Mapping[str, str]) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            f"{names[a.name]} ({a.name})" if a.name in names else a.name,
            f"{a.votes:,}",
            "-" if math.isnan(a.pace) else f"{a.pace:.0f} s",
            f"{a.checks:,}",
            show(a.right),
        )
        for a in found.annotators
    ]
    return ("annotator", "votes", "median time", "checks", "checks right"), rows


def _reasons(found: ProjectInsights) -> Table:
    rows: list[tuple[str, ...]] = [(words, number(found.reason_agreement[name])) for name, words in REASONS]
    return ("given as a reason", "alpha"), rows


def _reading(value: float) -> str:
    if math.isnan(value):
        return "not defined yet: two votes on one comparison, and different ones somewhere, are needed"
    if value >= GOOD:
        return "good agreement"
    return "enough for tentative conclusions" if value >= TENTATIVE else "people see it differently"


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
