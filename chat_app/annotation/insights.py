"""What the votes of a project add up to: who wins, how far people agree, who votes how.

Everything is counted in SQL; what comes out is small, whatever the number of votes. Only votes that
stand count, and known-answer checks only for the people who answer them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import sqlalchemy as sa

from chat_app.annotation.projects import find_project, makers
from chat_app.annotation.ranking import Outcomes, Standing, rank, wilson
from chat_app.annotation.votes import Reason, stands, votes
from chat_app.feedback import ChatInsights, chat_insights, chats_mark
from chat_app.store import Store
from recsys.metrics import Estimate

REASONS: tuple[str, ...] = get_args(Reason)


@dataclass(frozen=True)
class PairCount:
    """Two makers of slates, and the votes on them."""

    first: str
    second: str
    wins: int
    losses: int
    ties: int
    bad: int


@dataclass(frozen=True)
class Annotator:
    """One person. ``pace`` is the median of seconds that a first vote took, NaN where none was measured;
    ``right`` the share of known-answer checks answered as known, of ``checks``."""

    name: str
    votes: int
    pace: float
    checks: int
    right: Estimate


@dataclass(frozen=True)
class ProjectInsights:
    """A project's numbers. ``votes`` are those on comparisons (checks apart); ``judged`` comparisons have
    at least two. ``agreement`` and ``reason_agreement`` are Krippendorff's alpha (nominal), NaN where it
    is not defined; ``side_a`` is the share of A among votes for one side."""

    project: str
    votes: int
    checks: int
    judged: int
    pairs: tuple[PairCount, ...]
    ranking: tuple[Standing, ...]
    agreement: float
    reason_agreement: dict[str, float]
    side_a: Estimate
    days: tuple[tuple[str, int], ...]
    annotators: tuple[Annotator, ...]

    def rows(self) -> Iterator[dict[str, Any]]:
        """All numbers, flat: ``measure``, ``of`` what, ``value``, and its interval where it has one."""
        yield _row("votes", self.project, self.votes)
        yield _row("votes on checks", self.project, self.checks)
        yield _row("comparisons with two votes or more", self.project, self.judged)
        for s in self.ranking:
            yield _row("comparisons", s.name, s.comparisons)
            yield _row("share of wins", s.name, s.share)
            yield _row(f"strength (group {s.group + 1})", s.name, s.strength)
        for p in self.pairs:
            for name in ("wins", "losses", "ties", "bad"):
                yield _row(name, f"{p.first} against {p.second}", getattr(p, name))
        yield _row("alpha", "choice", self.agreement)
        for reason, alpha in self.reason_agreement.items():
            yield _row("alpha", f"reason {reason}", alpha)
        yield _row("share of A", self.project, self.side_a)
        for day, count in self.days:
            yield _row("votes on", day, count)
        for a in self.annotators:
            yield _row("votes", f"annotator {a.name}", a.votes)
            yield _row("median seconds a vote", f"annotator {a.name}", a.pace)
            yield _row("checks", f"annotator {a.name}", a.checks)
            yield _row("checks right", f"annotator {a.name}", a.right)

    def csv(self) -> str:
        """The rows as CSV."""
        return csv_text(self.rows())


class Insights:
    """Insights of a store's projects, kept until there is another vote, and of its chats, kept until
    something in them changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[str, tuple[int, ProjectInsights]] = {}
        self._chats: tuple[str, ChatInsights] | None = None

    def of(self, project_id: str) -> ProjectInsights:
        """A project's numbers; :class:`ProjectError` when there is none of this id."""
        latest = sa.select(sa.func.max(votes.c.seq)).where(votes.c.project == project_id)
        with self.store.reading() as db:
            project, seq = find_project(db, project_id), db.scalar(latest) or 0
            kept = self._kept.get(project_id)
            if kept is None or kept[0] != seq:
                kept = self._kept[project_id] = (seq, _count(db, project_id, project.name))
        return kept[1]

    def of_chats(self) -> ChatInsights:
        """What the chats of people who consent add up to."""
        mark, kept = chats_mark(self.store), self._chats
        if kept is None or kept[0] != mark:
            kept = self._chats = (mark, chat_insights(self.store))
        return kept[1]


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of one kind as CSV, with a header line."""
    rows, text = list(rows), io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def alias(annotator: str) -> str:
    """What an annotator is called here: never what opens their conversations."""
    return hashlib.sha256(annotator.encode()).hexdigest()[:6]


def alias_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names of people by their :func:`alias`, from names by id; an alias that two share tells nobody."""
    shared = Counter(map(alias, names))
    return {alias(who): name for who, name in names.items() if shared[alias(who)] == 1}


def alpha(counts: np.ndarray) -> float:
    """Krippendorff's alpha (nominal) of ``(units, values)``, how often each value was given; NaN where
    nothing can disagree: fewer than two values were given at all to units with two votes."""
    import krippendorff

    pairable = counts[counts.sum(axis=1) > 1]
    if (pairable.sum(axis=0) > 0).sum() < 2:
        return math.nan
    with warnings.catch_warnings(action="ignore"):
        return float(krippendorff.alpha(value_counts=pairable, level_of_measurement="nominal"))


def _count(db: sa.Connection, project_id: str, name: str) -> ProjectInsights:
    pairs: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    days: Counter[str] = Counter()
    people: dict[str, Counter[str]] = defaultdict(Counter)
    sides: Counter[str] = Counter()
    for row in db.execute(_cells(project_id)):
        days[row.day] += row.n
        people[row.annotator]["votes"] += row.n
        if row.known is not None:
            people[row.annotator]["checks"] += row.n
            people[row.annotator]["right"] += row.n * (row.winner == row.known)
        else:
            pairs[row.first, row.second][row.winner] += row.n
            sides[row.choice] += row.n
    units = np.array([tuple(row) for row in db.execute(_patterns(project_id))], int)
    units = units.reshape(-1, 5 + len(REASONS))
    each = np.repeat(units[:, :-1], units[:, -1], axis=0)
    given = each[:, :4].sum(axis=1)
    tags = {reason: each[:, 4 + i] for i, reason in enumerate(REASONS)}
    pace = dict(db.execute(_pace(project_id)).tuples().all())
    outcomes = {
        pair: Outcomes(n["first"], n["second"], n["tie"] + n["bad"]) for pair, n in sorted(pairs.items())
    }
    return ProjectInsights(
        project=name,
        votes=sum(sides.values()),
        checks=sum(n["checks"] for n in people.values()),
        judged=len(each),
        pairs=tuple(
            PairCount(*pair, n["first"], n["second"], n["tie"], n["bad"]) for pair, n in sorted(pairs.items())
        ),
        ranking=tuple(rank(outcomes)),
        agreement=alpha(each[:, :4]),
        reason_agreement={reason: alpha(np.column_stack([tag, given - tag])) for reason, tag in tags.items()},
        side_a=wilson(sides["A"], sides["A"] + sides["B"]),
        days=tuple(sorted(days.items())),
        annotators=tuple(
            Annotator(
                alias(who),
                n["votes"],
                float(pace.get(who, math.nan)),
                n["checks"],
                wilson(n["right"], n["checks"]),
            )
            for who, n in sorted(people.items(), key=lambda entry: (-entry[1]["votes"], entry[0]))
        ),
    )


def _winner() -> sa.ColumnElement[str]:
    """``first``, ``second``, ``tie`` or ``bad``: :attr:`chat_app.annotation.votes.Vote.winner` in SQL."""
    v = votes.c
    swapped = v.seed % 2 == 1
    first = sa.or_(sa.and_(v.choice == "A", ~swapped), sa.and_(v.choice == "B", swapped))
    return sa.case((v.choice.in_(("tie", "bad")), v.choice), (first, "first"), else_="second")


def _standing(project_id: str, *columns: sa.ColumnElement[Any]) -> sa.Select:
    query = sa.select(*columns).select_from(votes).join(makers, makers.c.comparison == votes.c.comparison)
    return query.where(votes.c.project == project_id, stands())


def _cells(project_id: str) -> sa.Select:
    """How many votes are alike in everything that counts."""
    v, m = votes.c, makers.c
    day = sa.func.substr(v.created, 1, 10).label("day")
    of = _standing(
        project_id, v.annotator, day, m.first, m.second, m.known, v.choice, _winner().label("winner")
    )
    each = of.subquery()
    return sa.select(*each.c, sa.func.count().label("n")).group_by(*each.c)


def _patterns(project_id: str) -> sa.Select:
    """How comparisons with two votes or more were judged: votes for the first, the second, a tie, both
    bad, votes that give each reason; and how many comparisons were judged so."""
    v, winner = votes.c, _winner()
    said = [winner == value for value in ("first", "second", "tie", "bad")]
    said += [v.reasons.contains(f'"{reason}"') for reason in REASONS]
    sums = [sa.func.sum(sa.case((was, 1), else_=0)).label(f"n{i}") for i, was in enumerate(said)]
    each = _standing(project_id, *sums).where(makers.c.known.is_(None)).group_by(v.comparison)
    of = each.having(sa.func.count() > 1).subquery()
    return sa.select(*of.c, sa.func.count()).group_by(*of.c)


def _pace(project_id: str) -> sa.Select:
    """Each annotator and the median of their seconds a vote, of first votes: to think one over is quick."""
    v = votes.c
    place = sa.func.row_number().over(partition_by=v.annotator, order_by=v.seconds).label("place")
    n = sa.func.count().over(partition_by=v.annotator).label("n")
    first = (v.project == project_id, v.supersedes.is_(None), v.seconds.is_not(None))
    of = sa.select(v.annotator, v.seconds, place, n).where(*first).subquery()
    middle = (2 * of.c.place >= of.c.n, 2 * of.c.place <= of.c.n + 2)
    return sa.select(of.c.annotator, sa.func.avg(of.c.seconds)).where(*middle).group_by(of.c.annotator)


def _row(measure: str, of: str, value: float | Estimate) -> dict[str, Any]:
    numbers = (value.mean, value.low, value.high) if isinstance(value, Estimate) else (value, None, None)
    shown = ["" if n is None or math.isnan(n) else round(n, 6) for n in numbers]
    return {"measure": measure, "of": of} | dict(zip(("value", "low", "high"), shown, strict=True))
