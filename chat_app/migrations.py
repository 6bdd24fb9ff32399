"""The store's schema, as named migrations in order.

The names of those applied are kept in the database itself. A migration, once released, is
never changed: what the schema becomes next is another function at the end of the list.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, MetaData, String, Table, Text

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
