"""``tiller bench --votes N``: from a vote to the next comparison on the page, with N votes in the store.

The votes are of a project as it could be: two votes a comparison, every twentieth vote thought over,
checks mixed in, more comparisons waiting. Timed is what the app does when somebody votes, from the
event to the HTML of the next comparison, and when Insights is opened, from the event to its HTML with
all numbers and pictures: for the first time since the start, and after another vote.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from chat_app.annotation.making import Asked, context, slate_record
from chat_app.annotation.projects import Comparison, Plan, Side, Which, places
from chat_app.annotation.votes import Reason, Votes, votes
from chat_app.store import Store
from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.errors import TillerError
from recsys.profile import Profile
from recsys.slate import Slate, SlateItem

ANNOTATORS, OVERLAP, WAITING = 20, 2, 2_000
TIMED = 200
ITEMS, LISTED, LIKED = 2_000, 5, 40
EACH = 10_000  # rows written at once


@dataclass(frozen=True)
class VoteTimes:
    """Seconds from a vote to the next comparison; until Insights is open, and open anew."""

    votes: int
    timed: int
    median: float
    p95: float
    insights: float
    again: float

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def table(self) -> str:
        """As a Markdown table."""
        rows = [
            (f"vote to next comparison, median, {self.votes:,} votes in the store", self.median),
            (f"vote to next comparison, 95 % ({self.timed} votes)", self.p95),
            ("Insights opens, the first time", self.insights),
            ("Insights opens, after another vote", self.again),
        ]
        lines = (f"| {what} | {seconds * 1000:.0f} ms |" for what, seconds in rows)
        return "\n".join(["| what | measured |", "|---|---|", *lines])


def bench_votes(n: int, progress: Callable[[str], None]) -> VoteTimes:
    """Measure in a store of its own, in a temporary folder."""
    from chat_app.commands.made_catalog import made_dataset

    catalog = made_dataset(ITEMS, 10 * ITEMS).catalog
    with tempfile.TemporaryDirectory() as folder:
        kept = Votes(Store.sqlite(Path(folder) / "store.sqlite"))
        try:
            progress(f"Writing {n:,} votes …")
            project = fill(kept, catalog, n)
            progress("Voting …")
            before = _time_insights(kept.store, project)
            seconds = sorted(_time_votes(kept, catalog, project))
            after = _time_insights(kept.store, project)
        finally:
            kept.store.close()
    p95 = seconds[min(int(0.95 * len(seconds)), len(seconds) - 1)]
    return VoteTimes(n, len(seconds), statistics.median(seconds), p95, before, after)


def fill(kept: Votes, catalog: Catalog, n: int) -> str:
    """A project with ``n`` votes, written past the queue: as many syncs to the disk would take long."""
    draw = random.Random(0)
    pair = (Side(ranker="als"), Side(ranker="popularity"))
    plan = Plan(pairs=(pair,), overlap=OVERLAP, checks=0.1, count=n // OVERLAP + WAITING)
    made = [_comparison(catalog, pair, draw, i) for i in range(plan.count)]
    made += [_comparison(catalog, pair, draw, i, check=True) for i in range(WAITING)]
    project = kept.projects.create("bench", "Be fair.", plan, made)
    rows: list[dict[str, Any]] = []
    days = [f"2026-01-{day:02}T00:00:00.000+00:00" for day in range(1, 31)]
    for number in range(n):
        at = number // OVERLAP
        row: dict[str, Any] = {
            "key": uuid.uuid4().hex,
            "project": project.id,
            "comparison": made[at].id,
            "choice": draw.choice(("A", "A", "B", "tie", "bad")),
        }
        row |= {"annotator": f"annotator {(at + number % OVERLAP) % ANNOTATORS}", "strength": None}
        reasons = json.dumps(draw.sample(get_args(Reason), 2))
        row |= {"reasons": reasons, "comment": "x" * 40, "seconds": draw.uniform(2, 60), "guidelines": 1}
        row |= {"seed": draw.getrandbits(31), "created": days[number * len(days) // n]}
        rows.append(row | {"supersedes": None})
    # every twentieth of them stands for one thought over: the vote before it by the same person
    for number in range(ANNOTATORS * OVERLAP, n, 20):
        at = number // OVERLAP
        rows[number] |= {"comparison": made[at - 1].id, "annotator": rows[number - OVERLAP]["annotator"]}
        rows[number] |= {"supersedes": number - OVERLAP + 1}
    with kept.store.writing() as db:
        for start in range(0, n, EACH):
            db.execute(votes.insert(), rows[start : start + EACH])
        full = [c.id for c in made[: n // OVERLAP]]
        for start in range(0, len(full), 500):
            chosen = places.c.comparison.in_(full[start : start + 500])
            db.execute(places.update().where(chosen).values(taken=OVERLAP))
    return project.id


def _comparison(
    catalog: Catalog, pair: tuple[Side, Side], draw: random.Random, rank: int, check: bool = False
) -> Comparison:
    liked = tuple(draw.sample(catalog.ids, LIKED))
    request = ("Five comedies.", ControlIntent(count=LISTED))
    asked = context(Asked(Profile(liked=liked), request), catalog)
    first, second = (_slate(catalog, side, draw) for side in pair)
    known: Which | None = "first" if check else None
    return Comparison(asked, first, second, "5 items.", known, float(rank), uuid.uuid4().hex)


def _slate(catalog: Catalog, side: Side, draw: random.Random) -> dict[str, Any]:
    rows = draw.sample(range(len(catalog)), LISTED)
    items = tuple(SlateItem(id=catalog.ids[row], title=catalog.titles[row]) for row in rows)
    return slate_record(side, Slate(items=items), 0)


def _time_votes(kept: Votes, catalog: Catalog, project_id: str) -> list[float]:
    from chat_app.ui.room import Room

    room = Room(kept, catalog)
    seconds = []
    for number in range(TIMED):
        who = f"annotator {number % ANNOTATORS}"
        at = kept.next(project_id, who)
        data: dict[str, Any] = {
            "do": "vote",
            "project": project_id,
            "comparison": at.comparison.id,
            "key": at.key,
        }
        data |= {"choice": "A", "strength": 2, "reasons": ["relevance"], "comment": "", "seconds": 5.0}
        before = time.perf_counter()
        answer = room.act(who, json.loads(json.dumps(data)))
        seconds.append(time.perf_counter() - before)
        if answer.notice:
            raise TillerError(f"A vote was not counted, so there is nothing to measure: {answer.notice}")
    return seconds


def _time_insights(store: Store, project_id: str) -> float:
    from chat_app.annotation.insights import Insights
    from chat_app.ui.insights_view import project_page

    before = time.perf_counter()
    project_page(Insights(store).of(project_id))
    return time.perf_counter() - before
