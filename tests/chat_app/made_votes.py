"""A project of annotation with votes as wanted."""

from __future__ import annotations

import uuid
from typing import Any

from chat_app.annotation.making import Asked, context
from chat_app.annotation.projects import Comparison, Plan, Side
from chat_app.annotation.votes import Assignment, Ballot, Vote, Votes, swapped
from chat_app.annotation.votes import votes as votes_table
from recsys.catalog import Catalog
from recsys.controls import Clause, ControlIntent
from recsys.profile import Profile
from tests.recsys.made_use import made_dataset

PAIR = (Side(ranker="als"), Side(ranker="popularity", decoding="free"))
BLUE = ControlIntent(count=2, require=(Clause(facet="color", any_of=("Blue",)),))
TOYS = made_dataset(n_items=12).catalog


def slate(side: Side, rows: list[int], catalog: Catalog = TOYS, adapter: str | None = None) -> dict[str, Any]:
    """A slate record of some rows."""
    items = [{"id": catalog.ids[row], "title": catalog.titles[row]} for row in rows]
    return {"ranker": side.ranker, "decoding": side.decoding, "adapter": adapter, "seed": 0} | {
        "items": items,
        "compliance": [],
    }


def comparison(
    n: int, known=None, pair=PAIR, rows=((0, 2), (4, 6)), adapters=(None, None), id: str = ""
) -> Comparison:
    """The ``n``-th comparison of a project: the first list against the second."""
    first, second = (
        slate(*made[:2], adapter=made[2]) for made in zip(pair, map(list, rows), adapters, strict=True)
    )
    liked = Profile(liked=(TOYS.ids[8 + n % 4],))
    asked = context(Asked(liked, ("blue toys", BLUE)), TOYS)
    return Comparison(asked, first, second, "2 items.", known, float(n), id)


def project(votes: Votes, made: list[Comparison], name: str = "Which?", **plan: Any) -> str:
    """Its id."""
    plan = Plan(pairs=(PAIR,), **plan)
    return votes.projects.create(name, "Be fair.", plan, made).id


def say(votes: Votes, who: str, at: Assignment, what: str, **more: Any) -> Vote:
    """Vote for the ``first`` or ``second`` list, whatever side it is on; a ``tie``; both ``bad``."""
    choice: Any = what
    if what in ("first", "second"):
        choice = "A" if (what == "first") != swapped(at.seed) else "B"
    return votes.vote(who, at.comparison.id, at.key, Ballot(choice, **more))


def vote(votes: Votes, project_id: str, who: str, *said: str, **more: Any) -> list[Vote]:
    """Votes of one person on what comes next."""
    return [say(votes, who, votes.next(project_id, who), what, **more) for what in said]


def check(votes: Votes, project_id: str, comparison_id: str, who: str, choice: str, seed: int) -> None:
    """A vote on a check, which the queue gives out at random."""
    row = {"project": project_id, "comparison": comparison_id, "annotator": who, "choice": choice}
    row |= {"key": uuid.uuid4().hex, "reasons": "[]", "comment": "", "seed": seed, "guidelines": 1}
    with votes.store.writing() as db:
        db.execute(votes_table.insert().values(**row, created="2026-01-01T00:00:00.000+00:00"))
