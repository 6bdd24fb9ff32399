"""The store's schema, as named migrations in order.

The names of those applied are kept in the database itself. A migration, once released, is
never changed: what the schema becomes next is another function at the end of the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

applied = Table(
    "migrations", MetaData(), Column("name", String(100), primary_key=True), Column("at", String(40))
)

MIGRATIONS: list[Callable[[sa.Connection], None]] = []
_ADVISORY_LOCK = 7_411_860  # any number that is ours


class NewerDatabase(Exception):
    """The database knows migrations that this version does not."""


def migration(function: Callable[[sa.Connection], None]) -> Callable[[sa.Connection], None]:
    """Append a migration; its function's name is its name for ever."""
    MIGRATIONS.append(function)
    return function


def migrate(connection: sa.Connection) -> list[str]:
    """Apply, inside the caller's transaction, what is missing; the names applied now.

    Raises :class:`NewerDatabase` when the database was written by a later version.
    """
    if connection.dialect.name == "postgresql":  # two processes may start at once
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    applied.create(connection, checkfirst=True)
    done = set(connection.scalars(sa.select(applied.c.name)))
    if strange := done - {m.__name__ for m in MIGRATIONS}:
        raise NewerDatabase(", ".join(sorted(strange)))
    new = [m for m in MIGRATIONS if m.__name__ not in done]
    for step in new:
        step(connection)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute(applied.insert().values(name=step.__name__, at=at))
    return [m.__name__ for m in new]


@migration
def m001_conversations(connection: sa.Connection) -> None:
    """A conversation and its place in the tree of its turns: ``head`` is the turn on the
    table, ``tip`` the one that redo leads to."""
    table = Table(
        "conversations",
        MetaData(),
        Column("id", String(32), primary_key=True),
        Column("owner", Text, nullable=False),
        Column("title", Text, nullable=False),
        Column("head", String(32)),
        Column("tip", String(32)),
        Column("created", String(40), nullable=False),
        Column("updated", String(40), nullable=False),
        Index("conversations_of_owner", "owner", "updated"),
    )
    table.create(connection)


@migration
def m002_turns(connection: sa.Connection) -> None:
    """Turns are only ever added; each names the turn that it answers."""
    meta = MetaData()
    Table("conversations", meta, Column("id", String(32), primary_key=True))
    table = Table(
        "turns",
        meta,
        Column("id", String(32), primary_key=True),
        Column(
            "conversation", String(32), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        Column("parent", String(32), ForeignKey("turns.id", ondelete="CASCADE")),
        Column("text", Text, nullable=False),
        Column("turn", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("reply", Text, nullable=False),
        Column("created", String(40), nullable=False),
        Index("turns_of_conversation", "conversation"),
    )
    table.create(connection)


@migration
def m003_projects(connection: sa.Connection) -> None:
    """Projects of annotation. Guidelines are kept in every version, comparisons are never changed;
    what moves is apart in ``places``: how many votes a comparison takes (NULL: one of everybody)
    and how many it has, in the order of ``rank``."""
    meta = MetaData()
    Table(
        "projects",
        meta,
        Column("id", String(32), primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("plan", Text, nullable=False),
        Column("created", String(40), nullable=False),
    )
    Table(
        "guidelines",
        meta,
        Column("project", String(32), ForeignKey("projects.id"), primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("text", Text, nullable=False),
        Column("created", String(40), nullable=False),
    )
    Table(
        "comparisons",
        meta,
        Column("id", String(32), primary_key=True),
        Column("project", String(32), ForeignKey("projects.id"), nullable=False),
        Column("context", Text, nullable=False),
        Column("first", Text, nullable=False),
        Column("second", Text, nullable=False),
        Column("words", Text, nullable=False),
        Column("known", String(6)),
        Column("created", String(40), nullable=False),
        Index("comparisons_of_project", "project"),
    )
    places = Table(
        "places",
        meta,
        Column("comparison", String(32), ForeignKey("comparisons.id"), primary_key=True),
        Column("project", String(32), ForeignKey("projects.id"), nullable=False),
        Column("rank", Float, nullable=False),
        Column("places", Integer),
        Column("taken", Integer, nullable=False),
        CheckConstraint("taken <= places", name="no_more_votes_than_places"),
        Index("places_of_project", "project", "places", "taken"),
    )
    for name, condition in (("places_open", "taken < places"), ("places_for_all", "places IS NULL")):
        partial = sa.text(condition)
        Index(name, places.c.project, places.c.rank, sqlite_where=partial, postgresql_where=partial)
    meta.create_all(connection, checkfirst=False)


@migration
def m004_votes(connection: sa.Connection) -> None:
    """What annotators do. Votes and skips are only ever added, in the order of ``seq``; a vote that
    was thought over is superseded by another. Of one person, one vote of a comparison is no revision."""
    meta = MetaData()
    for name in ("projects", "comparisons"):
        Table(name, meta, Column("id", String(32), primary_key=True))

    def of_whom() -> list[Column]:
        return [
            Column("project", String(32), ForeignKey("projects.id"), nullable=False),
            Column("comparison", String(32), ForeignKey("comparisons.id"), nullable=False),
            Column("annotator", Text, nullable=False),
        ]

    votes = Table(
        "votes",
        meta,
        Column("seq", Integer, primary_key=True, autoincrement=True),
        Column("key", String(32), nullable=False, unique=True),
        *of_whom(),
        Column("choice", String(4), nullable=False),
        Column("strength", Integer),
        Column("reasons", Text, nullable=False),
        Column("comment", Text, nullable=False),
        Column("seconds", Float),
        Column("seed", Integer, nullable=False),
        Column("guidelines", Integer, nullable=False),
        Column("supersedes", Integer, ForeignKey("votes.seq"), unique=True),
        Column("created", String(40), nullable=False),
        Index("votes_of_annotator", "project", "annotator", "seq"),
        Index("votes_of_comparison", "comparison", "annotator", "seq"),
        sqlite_autoincrement=True,
    )
    first = sa.text("supersedes IS NULL")
    Index(
        "one_vote_each",
        votes.c.comparison,
        votes.c.annotator,
        unique=True,
        sqlite_where=first,
        postgresql_where=first,
    )
    Table(
        "skips",
        meta,
        Column("seq", Integer, primary_key=True, autoincrement=True),
        *of_whom(),
        Column("created", String(40), nullable=False),
        UniqueConstraint("comparison", "annotator"),
        Index("skips_of_annotator", "project", "annotator"),
        sqlite_autoincrement=True,
    )
    Table(
        "reservations",
        meta,
        *of_whom(),
        Column("key", String(32), nullable=False),
        Column("seed", Integer, nullable=False),
        Column("guidelines", Integer, nullable=False),
        Column("supersedes", Integer),
        Column("expires", Float, nullable=False),
        sa.PrimaryKeyConstraint("comparison", "annotator"),
        Index("reservations_of_annotator", "project", "annotator"),
    )
    Table(
        "drafts",
        meta,
        Column("comparison", String(32), ForeignKey("comparisons.id"), nullable=False),
        Column("annotator", Text, nullable=False),
        Column("content", Text, nullable=False),
        Column("updated", String(40), nullable=False),
        sa.PrimaryKeyConstraint("comparison", "annotator"),
    )
    meta.create_all(
        connection, tables=[t for t in meta.sorted_tables if t.name not in ("projects", "comparisons")]
    )


@migration
def m005_makers(connection: sa.Connection) -> None:
    """Who made the two slates of a comparison, in a narrow table: counting votes by maker reads no
    slates. What was compared before is read once."""
    meta = MetaData()
    for name in ("projects", "comparisons"):
        Table(name, meta, Column("id", String(32), primary_key=True))
    makers = Table(
        "makers",
        meta,
        Column("comparison", String(32), ForeignKey("comparisons.id"), primary_key=True),
        Column("project", String(32), ForeignKey("projects.id"), nullable=False),
        Column("first", Text, nullable=False),
        Column("second", Text, nullable=False),
        Column("known", String(6)),
    )
    makers.create(connection)

    def maker(text: str) -> str:
        slate = json.loads(text)
        parts = (slate["ranker"], slate["decoding"], (slate.get("adapter") or "")[:8])
        return ", ".join(part for part in parts if part)

    names = ("id", "project", "first", "second", "known")
    made = sa.table("comparisons", *(sa.column(name) for name in names))
    after = ""
    while rows := connection.execute(
        sa.select(made).where(made.c.id > after).order_by(made.c.id).limit(1000)
    ).all():
        after = rows[-1].id
        found = [
            {"comparison": r.id, "project": r.project, "first": maker(r.first), "second": maker(r.second)}
            | {"known": r.known}
            for r in rows
        ]
        connection.execute(makers.insert(), found)


@migration
def m006_consents(connection: sa.Connection) -> None:
    """Whether a person's feedback in the chat may be used (1 or 0), from when on; only ever added, in
    the order of ``seq``."""
    consents = Table(
        "consents",
        MetaData(),
        Column("seq", Integer, primary_key=True, autoincrement=True),
        Column("owner", Text, nullable=False),
        Column("given", Integer, nullable=False),
        Column("created", String(40), nullable=False),
        Index("consents_of_owner", "owner", "seq"),
        sqlite_autoincrement=True,
    )
    consents.create(connection)


@migration
def m007_accounts(connection: sa.Connection) -> None:
    """Who can sign in, and who is. ``key`` is the name as it is compared, NULL once the account was
    removed; sessions are kept by the SHA-256 of their token, attempts by that of the name tried."""
    meta = MetaData()
    Table(
        "accounts",
        meta,
        Column("id", String(32), primary_key=True),
        Column("key", Text, unique=True),
        Column("name", Text, nullable=False),
        Column("role", String(20), nullable=False),
        Column("password", Text, nullable=False),
        Column("created", String(40), nullable=False),
        Column("removed", String(40)),
    )
    Table(
        "sessions",
        meta,
        Column("token", String(64), primary_key=True),
        Column("account", String(32), ForeignKey("accounts.id"), nullable=False),
        Column("began", Float, nullable=False),
        Column("seen", Float, nullable=False),
        Index("sessions_of_account", "account"),
    )
    Table(
        "sign_in_attempts",
        meta,
        Column("key", String(64), primary_key=True),
        Column("failures", Integer, nullable=False),
        Column("at", Float, nullable=False),
        Column("until", Float, nullable=False),
        Index("sign_in_attempts_by_time", "at"),
    )
    meta.create_all(connection, checkfirst=False)
