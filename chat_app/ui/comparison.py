"""HTML of the annotation room: who asks for what, two lists side by side, and the ballot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chat_app.annotation.projects import Comparison, Project
from chat_app.annotation.votes import Assignment, Progress, Vote
from chat_app.ui.cards import Card, card, render
from chat_app.words.markup import plain
from chat_app.words.phrases import describe, sentence
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.slate import SlateItem
from recsys.titles import display_title

CHOICES = (
    ("A", "A is better", "a"),
    ("B", "B is better", "b"),
    ("tie", "Tie", "t"),
    ("bad", "Both bad", "x"),
)
STRENGTHS = ((1, "slightly"), (2, "clearly"), (3, "by far"), (None, "leave open"))
REASONS = (
    ("relevance", "Relevance"),
    ("request", "Followed the request"),
    ("variety", "Variety"),
    ("novelty", "Novelty"),
    ("explanation", "Explanation"),
)
KINDS = (("liked", "Liked"), ("disliked", "Disliked"), ("seen", "Seen"))
SHOWN = 8  # of what somebody liked, the latest; the rest folds out
LATEST = 8  # votes of one's own that are listed


def room(
    catalog: Catalog,
    project: Project,
    projects: Sequence[Project],
    progress: Progress,
    assignment: Assignment,
    mine: Sequence[tuple[Vote, Comparison]],
) -> str:
    """A comparison to vote on."""
    comparison = assignment.comparison
    shown = assignment.shown
    # reasons that only one list has would tell which ranker made it
    explained = all(any(item.get("reasons") for item in slate["items"]) for slate in shown)
    return render(
        "annotate.html",
        project=project,
        projects=projects,
        progress=progress,
        assignment=assignment,
        request=comparison.context["request"],
        in_all=_in_all(catalog, comparison.context),
        noun=catalog.noun,
        profile=_profile(catalog, comparison.context["profile"]),
        slates=[
            (letter, [_card(catalog, item, explained) for item in slate["items"]])
            for letter, slate in zip("AB", shown, strict=True)
        ],
        said=_said(assignment),
        choices=CHOICES,
        strengths=STRENGTHS,
        reasons=REASONS,
        mine=_mine(mine),
        sentence=None,
    )


def _in_all(catalog: Catalog, context: Mapping[str, Any]) -> str:
    """What all of a chat asks for, in words: its last message may only change what came before."""
    if context.get("source") != "chat" or not context["intent"]:
        return ""
    return sentence(plain(describe(ControlIntent.model_validate(context["intent"]), catalog)))


def rest(
    project: Project | None,
    projects: Sequence[Project] = (),
    progress: Progress | None = None,
    sentence: str = "",
    mine: Sequence[tuple[Vote, Comparison]] = (),
) -> str:
    """Nothing to vote on, and why."""
    return render(
        "annotate.html",
        project=project,
        projects=projects,
        progress=progress,
        assignment=None,
        mine=_mine(mine),
        sentence=sentence,
    )


def _said(assignment: Assignment) -> dict[str, Any]:
    """What stands on the ballot: what was begun, else what was said before. A draft comes from a page,
    so anything may be in it."""
    draft, vote = assignment.draft, assignment.vote
    if draft is not None:
        reasons = draft.get("reasons")
        kept = {name: draft.get(name) for name in ("choice", "strength")}
        comment = str(draft.get("comment") or "")
        return kept | {"reasons": reasons if isinstance(reasons, list) else [], "comment": comment}
    if vote is not None:
        return {name: getattr(vote, name) for name in ("choice", "strength", "reasons", "comment")}
    return {"choice": None, "strength": None, "reasons": [], "comment": ""}


def _profile(catalog: Catalog, profile: Sequence[Sequence[Any]]) -> list[tuple[str, list[str], list[str]]]:
    """``(kind, the latest, the earlier)`` by title, the latest first."""
    out = []
    for kind, name in KINDS:
        titles = [_title(catalog, item) for item, said in reversed(profile) if said == kind]
        if titles:
            out.append((name, titles[:SHOWN], titles[SHOWN:]))
    return out


def _title(catalog: Catalog, item: Any) -> str:
    row = catalog.row(item)
    return display_title(catalog.titles[row]) if row is not None else f"(no longer listed: {item})"


def _card(catalog: Catalog, kept: dict[str, Any], explained: bool) -> Card:
    """The card of an item on a kept slate; what the catalogue no longer has goes by its title."""
    row = catalog.row(kept["id"])
    reasons = tuple(kept.get("reasons", ())) if explained else ()
    if row is None:
        return card(catalog, SlateItem(id=kept["id"], title=kept["title"], reasons=reasons))
    item = catalog.item(row)
    return card(
        catalog, SlateItem(id=item.id, title=item.title, year=item.year, facets=item.facets, reasons=reasons)
    )


def _mine(mine: Sequence[tuple[Vote, Comparison]]) -> list[dict[str, Any]]:
    names = {value: name for value, name, _ in CHOICES}
    return [
        {
            "comparison": comparison.id,
            "choice": names[vote.choice],
            "request": comparison.context["request"] or "nothing in particular",
            "at": vote.created[:16].replace("T", " "),
        }
        for vote, comparison in mine
    ]
