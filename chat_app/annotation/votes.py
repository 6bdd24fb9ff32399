"""Votes: which of two lists annotators prefer, and who looks at which comparison when.

Votes are only ever added. Their order is that of ``seq``, never that of a clock; a vote that was
thought over is superseded by a later one. A comparison has so many places; one that somebody is
looking at is held for them for a while, and a late vote still counts while its place is free.
Every call names the annotator and touches only what is theirs.
"""

from __future__ import annotations

import json
import random
import secrets
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Literal

import sqlalchemy as sa

from chat_app.annotation.projects import (
    Comparison,
    Project,
    Projects,
    Which,
    as_comparison,
    comparisons,
    find_comparison,
    find_project,
    places,
)
from chat_app.store import Store, StoreError
from chat_app.tables import Clock, stamp, table

votes = table(
    "votes",
    "key project comparison annotator choice reasons comment created",
    "seq strength seed guidelines supersedes",
    "seconds",
)
skips = table("skips", "project comparison annotator created", "seq")
reservations = table(
    "reservations", "project comparison annotator key", "seed guidelines supersedes", "expires"
)
drafts = table("drafts", "comparison annotator content updated")

#: Seconds for which a comparison is held for the person who looks at it.
HOLD = 20 * 60.0
MAX_DRAFT = 200_000

Choice = Literal["A", "B", "tie", "bad"]
Reason = Literal["relevance", "request", "variety", "novelty", "explanation"]

TAKEN = "Your time for this comparison was over and somebody else has it now, so this vote was not counted."
VOTED = "You have voted on this comparison already, and that vote stands; go back to it to change it."
NOT_YOURS = "This comparison was not given to you, so the vote was not counted; please reload the page."
ALL_DONE = "You have seen everything that there is to compare in this project. Thank you."


class VoteRefused(StoreError):
    """A vote, draft or project that is not taken; nothing was changed."""


class NothingToDo(StoreError):
    """There is nothing (more) for this person in the queue now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a person says of a comparison as it was shown to them."""

    choice: Choice
    strength: int | None = None
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote as it is kept. ``seed`` decided the order shown, ``guidelines`` is the version in view."""

    seq: int
    key: str
    project: str
    comparison: str
    annotator: str
    choice: Choice
    strength: int | None
    reasons: tuple[Reason, ...]
    comment: str
    seconds: float | None
    seed: int
    guidelines: int
    supersedes: int | None
    created: str

    @property
    def winner(self) -> Which | None:
        """The preferred slate of the comparison, whatever side it was shown on; None: neither."""
        if self.choice not in ("A", "B"):
            return None
        return "first" if (self.choice == "A") != swapped(self.seed) else "second"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A comparison as it is shown to one person; their vote has to name the ``key``. ``draft`` is
    what they had begun to say, ``vote`` what they said before."""

    comparison: Comparison
    key: str
    seed: int
    guidelines: int
    draft: dict[str, Any] | None = None
    vote: Vote | None = None

    @property
    def shown(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The slate records called A and B."""
        pair = (self.comparison.first, self.comparison.second)
        return pair[::-1] if swapped(self.seed) else pair


@dataclass(frozen=True, slots=True)
class Progress:
    """Votes of one person, in all and today; votes of everybody, and how many there will be."""

    mine: int
    today: int
    cap: int | None
    taken: int
    places: int


def swapped(seed: int) -> bool:
    """Whether this seed shows the second slate as A."""
    return bool(seed & 1)


def is_check(project: Project, annotator: str, place: int) -> bool:
    """Whether this person's ``place`` (from 0) in a project is for a known-answer check.

    Places come in blocks that follow from the plan's share of checks, each with one check at a place drawn
    for this person: nobody can know it, reloading the page does not move it, and whoever votes through one
    block has met one. A project smaller than such a block is one block.
    """
    if not project.plan.checks:
        return False
    share = max(Fraction(str(project.plan.checks)), Fraction(1, project.plan.count))
    block = int(place * share)
    first, after = ceil(block / share), ceil((block + 1) / share)
    return place == random.Random(f"{project.id} {annotator} {block}").randrange(first, after)


class Votes:
    """Queue and votes of the projects in a store. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Clock = time.time) -> None:
        self.store = store
        self.projects = Projects(store, clock)
        self._clock = clock

    # the queue

    def next(self, project_id: str, annotator: str) -> Assignment:
        """What this person is to look at now, held for them: what they look at already, else the
        first comparison that has a free place for them. :class:`NothingToDo` where there is none."""
        with self.store.writing() as db:
            project = find_project(db, project_id, lock=True)
            self._check_cap(db, project, annotator)
            found = self._held(db, project, annotator) or self._choose(db, project, annotator)
            if found is None:
                raise NothingToDo(ALL_DONE)
            return self._hold(db, project, annotator, found)

    def back(self, project_id: str, annotator: str, comparison: str | None = None) -> Assignment | None:
        """The comparison on which this person voted before this one (None: last of all), to be
        thought over. None: there is none before."""
        v = votes.c
        mine = (v.project == project_id, v.annotator == annotator, v.supersedes.is_(None))
        query = sa.select(v.comparison).where(*mine).order_by(v.seq.desc()).limit(1)
        with self.store.reading() as db:
            own = db.scalar(sa.select(v.seq).where(*mine, v.comparison == comparison))
            found = db.scalar(query if own is None else query.where(v.seq < own))
        return None if found is None else self.reopen(annotator, found)

    def reopen(self, annotator: str, comparison: str) -> Assignment:
        """A comparison on which this person has voted, to be thought over."""
        with self.store.writing() as db:
            vote = _current(db, comparison, annotator)
            if vote is None:
                raise VoteRefused("You have no vote on this comparison.")
            project = find_project(db, vote.project, lock=True)
            return self._hold(db, project, annotator, comparison)

    def skip(self, annotator: str, comparison: str) -> None:
        """Pass a comparison over for good. What this person does not look at is left alone."""
        with self.store.writing() as db:
            held = _reservation(db, comparison, annotator)
            if held is None or held.supersedes is not None:
                return
            row = {"project": held.project, "comparison": comparison, "annotator": annotator}
            db.execute(skips.insert().values(**row, created=stamp(self._clock)))
            _let_go(db, comparison, annotator)

    def save_draft(self, annotator: str, comparison: str, content: dict[str, Any]) -> None:
        """Keep what this person has begun to say of a comparison they look at."""
        text = json.dumps(content, ensure_ascii=False)
        if len(text) > MAX_DRAFT:
            raise VoteRefused("That is too much to keep as a draft: please shorten the comment.")
        with self.store.writing() as db:
            if _reservation(db, comparison, annotator) is not None:
                db.execute(drafts.delete().where(*_theirs(drafts, comparison, annotator)))
                row = {"comparison": comparison, "annotator": annotator, "content": text}
                db.execute(drafts.insert().values(**row, updated=stamp(self._clock)))

    def _check_cap(self, db: sa.Connection, project: Project, annotator: str) -> None:
        cap = project.plan.daily_cap
        if cap is not None and self._count(db, project, annotator, today=True) >= cap:
            raise NothingToDo(f"You have reached the {cap} votes of today. Thank you; come back tomorrow.")

    def _count(self, db: sa.Connection, project: Project, annotator: str, today: bool = False) -> int:
        v = votes.c
        query = sa.select(sa.func.count()).where(v.project == project.id, v.annotator == annotator)
        if today:  # what a clock that went wrong dated later than now counts too
            query = query.where(v.created >= stamp(self._clock)[:10])
        return db.scalar(query.where(v.supersedes.is_(None))) or 0

    def _held(self, db: sa.Connection, project: Project, annotator: str) -> str | None:
        r = reservations.c
        query = (
            sa.select(r.comparison)
            .join(places, places.c.comparison == r.comparison)
            .where(r.project == project.id, r.annotator == annotator, r.supersedes.is_(None))
            .where(sa.or_(places.c.places.is_(None), self._free(annotator)))
            .order_by(r.expires.desc())
            .limit(1)
        )
        return db.scalar(query)

    def _choose(self, db: sa.Connection, project: Project, annotator: str) -> str | None:
        s = skips.c
        skipped = sa.select(sa.func.count()).where(s.project == project.id, s.annotator == annotator)
        done = self._count(db, project, annotator) + (db.scalar(skipped) or 0)
        p = places.c
        mine = [sa.exists().where(*_theirs(of, p.comparison, annotator)) for of in (votes, skips)]
        query = sa.select(p.comparison).where(p.project == project.id, *(~seen for seen in mine))
        query = query.order_by(p.rank).limit(1)
        regular = db.scalar(query.where(p.taken < p.places, self._free(annotator)))
        if regular is not None and is_check(project, annotator, done):
            return db.scalar(query.where(p.places.is_(None))) or regular
        return regular

    def _free(self, annotator: str) -> sa.ColumnElement[bool]:
        """Whether a row of ``places`` has one that is neither taken nor held for somebody else. What
        is held for longer than possible was written before the clock was set back."""
        r, at = reservations.c, self._clock()
        live = (r.supersedes.is_(None), r.expires > at, r.expires <= at + 2 * HOLD)
        held = sa.select(sa.func.count()).where(
            r.comparison == places.c.comparison, r.annotator != annotator, *live
        )
        return places.c.taken + held.correlate(places).scalar_subquery() < places.c.places

    def _hold(self, db: sa.Connection, project: Project, annotator: str, comparison: str) -> Assignment:
        vote, held = _current(db, comparison, annotator), _reservation(db, comparison, annotator)
        seq = None if vote is None else vote.seq
        if held is not None and held.supersedes == seq:
            key, seed = held.key, held.seed
        else:
            key, seed = uuid.uuid4().hex, secrets.randbits(31) if vote is None else vote.seed
        if held is not None:
            db.execute(reservations.delete().where(*_theirs(reservations, comparison, annotator)))
        row = {"project": project.id, "comparison": comparison, "annotator": annotator, "key": key}
        row |= {"seed": seed, "guidelines": project.version, "supersedes": seq}
        db.execute(reservations.insert().values(**row, expires=self._clock() + HOLD))
        draft = db.scalar(sa.select(drafts.c.content).where(*_theirs(drafts, comparison, annotator)))
        begun = json.loads(draft) if draft else None
        return Assignment(find_comparison(db, comparison), key, seed, project.version, begun, vote)

    # votes

    def vote(self, annotator: str, comparison: str, key: str, ballot: Ballot) -> Vote:
        """Count a vote. The same key again counts once: the vote that stands is returned.

        Raises :class:`VoteRefused` when the comparison is somebody else's by now or was never this
        person's, :class:`NothingToDo` when they have reached the daily cap.
        """
        with self.store.writing() as db:
            project_id = db.scalar(sa.select(comparisons.c.project).where(comparisons.c.id == comparison))
            project = find_project(db, project_id or "", lock=True)
            same = db.execute(sa.select(votes).where(votes.c.key == key)).first()
            if same is not None and (same.annotator, same.comparison) == (annotator, comparison):
                return as_vote(same)
            held = _reservation(db, comparison, annotator)
            if held is None or held.key != key:
                raise VoteRefused(VOTED if _current(db, comparison, annotator) else NOT_YOURS)
            if held.supersedes is None:
                self._take_place(db, project, annotator, comparison)
            row = {"key": key, "project": project.id, "comparison": comparison, "annotator": annotator}
            row |= {name: getattr(ballot, name) for name in ("choice", "strength", "comment", "seconds")}
            row |= {name: getattr(held, name) for name in ("seed", "guidelines", "supersedes")}
            row |= {"reasons": json.dumps(ballot.reasons), "created": stamp(self._clock)}
            db.execute(votes.insert().values(row))
            _let_go(db, comparison, annotator)
            return as_vote(db.execute(sa.select(votes).where(votes.c.key == key)).one())

    def _take_place(self, db: sa.Connection, project: Project, annotator: str, comparison: str) -> None:
        self._check_cap(db, project, annotator)
        room = sa.or_(places.c.places.is_(None), self._free(annotator))
        take = places.update().where(places.c.comparison == comparison, room)
        if db.execute(take.values(taken=places.c.taken + 1)).rowcount == 0:
            raise VoteRefused(TAKEN)

    def mine(self, project_id: str, annotator: str, limit: int = 50) -> list[tuple[Vote, Comparison]]:
        """The votes of this person that stand, the latest first."""
        v = votes.c
        query = sa.select(votes).where(v.project == project_id, v.annotator == annotator, stands())
        with self.store.reading() as db:
            found = db.execute(query.order_by(v.seq.desc()).limit(limit)).all()
            return [(as_vote(row), find_comparison(db, row.comparison)) for row in found]

    def progress(self, project_id: str, annotator: str = "") -> Progress:
        """How far the project is, and this person in it."""
        p, total = places.c, sa.func.coalesce
        sums = sa.select(total(sa.func.sum(p.taken), 0), total(sa.func.sum(p.places), 0))
        with self.store.reading() as db:
            project = find_project(db, project_id)
            taken, size = db.execute(sums.where(p.project == project_id, p.places.is_not(None))).one()
            mine = self._count(db, project, annotator)
            today = self._count(db, project, annotator, today=True)
        return Progress(mine, today, project.plan.daily_cap, int(taken), int(size))

    def record(self, project_id: str) -> Iterator[tuple[Vote, Comparison, int | None]]:
        """Everything that was ever voted in a project, in order: the vote, what it is about, and the
        ``seq`` of the vote that superseded it (None: it stands)."""
        later, about = votes.alias("later"), comparisons.c
        query = (
            sa.select(votes, later.c.seq.label("superseded_by"), places.c.rank)
            .add_columns(about.context, about.first, about.second, about.words, about.known, about.id)
            .select_from(votes)
            .join(comparisons, about.id == votes.c.comparison)
            .join(places, places.c.comparison == about.id)
            .outerjoin(later, later.c.supersedes == votes.c.seq)
            .where(votes.c.project == project_id)
            .order_by(votes.c.seq)
        )
        with self.store.reading() as db:
            for row in db.execute(query):
                yield as_vote(row), as_comparison(row._mapping), row.superseded_by


def _theirs(of: sa.Table, comparison: Any, annotator: str) -> tuple[sa.ColumnElement[bool], ...]:
    return of.c.comparison == comparison, of.c.annotator == annotator


def stands() -> sa.ColumnElement[bool]:
    """Whether a row of ``votes`` is superseded by none."""
    later = votes.alias("later")
    return ~sa.exists().where(later.c.supersedes == votes.c.seq)


def _current(db: sa.Connection, comparison: str, annotator: str) -> Vote | None:
    """The vote of this person on a comparison that stands."""
    query = sa.select(votes).where(*_theirs(votes, comparison, annotator), stands())
    row = db.execute(query).first()
    return None if row is None else as_vote(row)


def _reservation(db: sa.Connection, comparison: str, annotator: str) -> sa.Row | None:
    return db.execute(sa.select(reservations).where(*_theirs(reservations, comparison, annotator))).first()


def _let_go(db: sa.Connection, comparison: str, annotator: str) -> None:
    for kept in (reservations, drafts):
        db.execute(kept.delete().where(*_theirs(kept, comparison, annotator)))


def as_vote(row: sa.Row) -> Vote:
    values = {name: getattr(row, name) for name in Vote.__slots__}
    return Vote(**values | {"reasons": tuple(json.loads(row.reasons))})
