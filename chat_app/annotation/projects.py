"""Projects of annotation: what is compared under which guidelines, and the comparisons themselves.

Guidelines are kept in every version and comparisons are never changed, so that a vote can always be
read beside what was in view.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from chat_app.store import Store, StoreError
from chat_app.tables import Clock, stamp, table

projects = table("projects", "id name plan created")
guidelines = table("guidelines", "project text created", "version")
comparisons = table("comparisons", "id project context first second words known created")
places = table("places", "comparison project", "places taken", "rank")
makers = table("makers", "comparison project first second known")

Which = Literal["first", "second"]
MAX_NAME = 120
NO_PROJECT = "There is no such project: choose another one."


class ProjectError(StoreError):
    """A project that is not there, or cannot be made so."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Side(_Frozen):
    """A ranker as a project compares it."""

    ranker: str
    decoding: Literal["guarded", "free"] = "guarded"


class Plan(_Frozen):
    """What a project compares and how.

    Contexts come from the people of the data, or from chats of people who consent (``source``);
    ``overlap`` votes of different people a comparison; ``daily_cap`` votes a person and day (UTC);
    ``checks`` is the share of comparisons with a known answer in what a person gets; ``count``
    comparisons are made, checks apart.
    """

    pairs: tuple[tuple[Side, Side], ...] = Field(min_length=1)
    source: Literal["data", "chat"] = "data"
    sampling: Literal["uniform", "informative"] = "uniform"
    overlap: int = Field(1, ge=1)
    daily_cap: int | None = Field(None, ge=1)
    checks: float = Field(0.0, ge=0, le=0.5)
    count: int = Field(100, ge=1)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Project:
    """A project with its latest guidelines."""

    id: str
    name: str
    plan: Plan
    version: int
    guidelines: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A context and two slate records. ``known`` is the better one of a check; the lowest ``rank``
    comes first in the queue; ``words`` are the request as a language model reads it."""

    context: dict[str, Any]
    first: dict[str, Any]
    second: dict[str, Any]
    words: str = ""
    known: Which | None = None
    rank: float = 0.0
    id: str = ""


def maker(slate: dict[str, Any]) -> str:
    """Who made a slate, by its record: ranker, decoding, and the start of its weights' hash."""
    parts = (slate["ranker"], slate["decoding"], (slate.get("adapter") or "")[:8])
    return ", ".join(part for part in parts if part)


class Projects:
    """The projects of a store. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Clock = time.time) -> None:
        self.store = store
        self._clock = clock

    def create(self, name: str, text: str, plan: Plan, made: Iterable[Comparison]) -> Project:
        """A new project with its guidelines and comparisons, all or nothing."""
        project = Project(uuid.uuid4().hex, name, plan, 1, text)
        with self.store.writing() as db:
            _check_name(db, name)
            row = {"id": project.id, "name": name, "plan": plan.model_dump_json()}
            db.execute(projects.insert().values(**row, created=stamp(self._clock)))
            self._write_guidelines(db, project.id, 1, text)
            self._add(db, project, made)
        return project

    def check_name(self, name: str) -> None:
        """:class:`ProjectError` when a new project cannot be called so."""
        with self.store.reading() as db:
            _check_name(db, name)

    def revise(self, project_id: str, text: str) -> int:
        """Put another version of the guidelines in force; its number."""
        with self.store.writing() as db:
            version = find_project(db, project_id, lock=True).version + 1
            self._write_guidelines(db, project_id, version, text)
        return version

    def all(self) -> list[Project]:
        """All projects by name."""
        with self.store.reading() as db:
            ids = db.scalars(sa.select(projects.c.id).order_by(projects.c.name)).all()
            return [find_project(db, project_id) for project_id in ids]

    def get(self, project_id: str) -> Project:
        """One project; :class:`ProjectError` when there is none of this id."""
        with self.store.reading() as db:
            return find_project(db, project_id)

    def named(self, name: str) -> Project:
        """The project of a name; :class:`ProjectError` when there is none."""
        with self.store.reading() as db:
            found = db.scalar(sa.select(projects.c.id).where(projects.c.name == name))
            if found is None:
                known = ", ".join(db.scalars(sa.select(projects.c.name).order_by(projects.c.name)))
                raise ProjectError(f"There is no project “{name}”; there is {known or 'none yet'}.")
            return find_project(db, found)

    def _write_guidelines(self, db: sa.Connection, project_id: str, version: int, text: str) -> None:
        row = {"project": project_id, "version": version, "text": text, "created": stamp(self._clock)}
        db.execute(guidelines.insert().values(row))

    def _add(self, db: sa.Connection, project: Project, made: Iterable[Comparison]) -> None:
        at, rows, room, by = stamp(self._clock), [], [], []
        for comparison in made:
            told = (comparison.context, comparison.first, comparison.second)
            context, first, second = (json.dumps(part, ensure_ascii=False) for part in told)
            row: dict[str, Any] = {"id": comparison.id or uuid.uuid4().hex, "project": project.id}
            row |= {"context": context, "first": first, "second": second, "words": comparison.words}
            rows.append(row | {"known": comparison.known, "created": at})
            size = None if comparison.known else project.plan.overlap
            room.append(
                {"comparison": row["id"], "project": project.id, "rank": comparison.rank}
                | {"places": size, "taken": 0}
            )
            by.append(
                {"comparison": row["id"], "project": project.id, "known": comparison.known}
                | {"first": maker(comparison.first), "second": maker(comparison.second)}
            )
        if not rows:
            raise ProjectError("There is nothing to compare: the rankers make the same lists.")
        db.execute(comparisons.insert(), rows)
        db.execute(places.insert(), room)
        db.execute(makers.insert(), by)


def _check_name(db: sa.Connection, name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME:
        raise ProjectError(f"A project needs a name of at most {MAX_NAME} characters.")
    if db.scalar(sa.select(projects.c.id).where(projects.c.name == name)):
        raise ProjectError(f"There is a project “{name}” already: choose another name.")


def find_project(db: sa.Connection, project_id: str, lock: bool = False) -> Project:
    """A project; with ``lock`` others who lock it wait for the end of the transaction."""
    query = sa.select(projects.c.id, projects.c.name, projects.c.plan).where(projects.c.id == project_id)
    row = db.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise ProjectError(NO_PROJECT)
    g = guidelines.c
    latest = sa.select(g.version, g.text).where(g.project == project_id).order_by(g.version.desc()).limit(1)
    version, text = db.execute(latest).one()
    return Project(row.id, row.name, Plan.model_validate_json(row.plan), version, text)


def find_comparison(db: sa.Connection, comparison: str) -> Comparison:
    """A comparison that is there."""
    query = sa.select(comparisons, places.c.rank).join(places, places.c.comparison == comparisons.c.id)
    return as_comparison(db.execute(query.where(comparisons.c.id == comparison)).mappings().one())


def as_comparison(row: sa.RowMapping) -> Comparison:
    """A comparison from its columns."""
    told = {name: json.loads(row[name]) for name in ("context", "first", "second")}
    return Comparison(**told, **{name: row[name] for name in ("words", "known", "rank", "id")})
