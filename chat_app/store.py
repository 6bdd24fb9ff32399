"""The store: every conversation, as an append-only tree of turns.

SQLite in WAL mode with ``synchronous=FULL`` by default, any database that SQLAlchemy speaks
by URL. Undo, redo and edit move two pointers of the conversation (``head``, ``tip``); turns
are never changed. Every call names the owner and touches only what is theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Column, MetaData, String, Table, Text, event
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from chat_app.migrations import NewerDatabase, migrate
from recsys.errors import TillerError
from recsys.settings import Settings

_meta = MetaData()
conversations = Table(
    "conversations",
    _meta,
    Column("id", String(32), primary_key=True),
    *(Column(name, Text) for name in ("owner", "title", "head", "tip", "created", "updated")),
)
turns = Table(
    "turns",
    _meta,
    Column("id", String(32), primary_key=True),
    *(Column(name, Text) for name in ("conversation", "parent", "text", "turn", "state", "reply", "created")),
)

FILE = "conversations.sqlite"
NOT_FOUND = "There is no such conversation: it was deleted, or belongs to someone else."


class StoreError(TillerError):
    """The store cannot do what was asked; the message is a sentence for people."""


class ConversationNotFound(StoreError):
    """No conversation of this owner has this id."""


class ConversationUnreadable(StoreError):
    """The conversation is stored, but not in a form that can be read; it stays as it is."""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line in the list of conversations; times are ISO 8601, UTC."""

    id: str
    title: str
    created: str
    updated: str
    last_text: str | None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn; ``turn``, ``state`` and ``reply`` are JSON text."""

    id: str
    parent: str | None
    text: str
    turn: str
    state: str
    reply: str
    created: str


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """A conversation and the line of its turns from the first to the tip. The first ``at`` of
    them are on the table, the rest can be redone."""

    id: str
    title: str
    created: str
    updated: str
    line: tuple[StoredTurn, ...]
    at: int


def now() -> str:
    """This moment as the store writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """Conversations in a database; safe to use from many threads.

    Parameters
    ----------
    url : any SQLAlchemy URL. A SQLite file that turns out to be damaged is set aside under
        another name, never overwritten; ``notices`` says so.

    Raises :class:`StoreError` when the database cannot be opened, or is a later version's.
    """

    def __init__(self, url: str) -> None:
        self.notices: tuple[str, ...] = ()
        self._write_lock = threading.Lock()
        self.engine = self._connect(url)
        try:
            self._prepare()
        except DamagedStore:
            self._set_aside()
            self.engine = self._connect(url)
            self._prepare()

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """The store of the settings: ``store_url``, else a SQLite file in the data directory."""
        if settings.store_url:
            return cls(settings.store_url)
        try:
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The data directory {settings.data_dir} cannot be created ({error.strerror}). "
                "Set TILLER_HOME to another one."
            ) from error
        return cls.sqlite(settings.data_dir / FILE)

    @classmethod
    def sqlite(cls, path: Path) -> Store:
        """A store in one SQLite file."""
        return cls(sa.URL.create("sqlite", database=str(path)).render_as_string())

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    # conversations

    def list_conversations(self, owner: str, limit: int = 200) -> list[ConversationSummary]:
        """The owner's conversations, the latest first."""
        c = conversations.c
        query = (
            sa.select(c.id, c.title, c.created, c.updated, turns.c.text)
            .outerjoin(turns, turns.c.id == c.head)
            .where(c.owner == owner)
            .order_by(c.updated.desc(), c.id)
            .limit(limit)
        )
        with self.reading() as db:
            return [ConversationSummary(*row) for row in db.execute(query)]

    def load(self, owner: str, conversation_id: str) -> StoredConversation:
        """A whole conversation; :class:`ConversationNotFound` when the owner has none of this id."""
        with self.reading() as db:
            row = db.execute(sa.select(conversations).where(*_theirs(owner, conversation_id))).first()
            if row is None:
                raise ConversationNotFound(NOT_FOUND)
            found = db.execute(sa.select(turns).where(turns.c.conversation == conversation_id))
            by_id = {t.id: t for t in found}
        line: list[StoredTurn] = []
        step = by_id.get(row.tip)
        while step is not None:
            line.insert(
                0,
                StoredTurn(step.id, step.parent, step.text, step.turn, step.state, step.reply, step.created),
            )
            step = by_id.get(step.parent)
        at = next((i for i, t in enumerate(line, 1) if t.id == row.head), 0)
        return StoredConversation(row.id, row.title, row.created, row.updated, tuple(line), at)

    def position(self, owner: str, conversation_id: str) -> tuple[str | None, str | None, str]:
        """``(head, tip, title)``: what another window or process may have moved."""
        c = conversations.c
        with self.reading() as db:
            row = db.execute(
                sa.select(c.head, c.tip, c.title).where(*_theirs(owner, conversation_id))
            ).first()
        if row is None:
            raise ConversationNotFound(NOT_FOUND)
        return row.head, row.tip, row.title

    def append(
        self,
        owner: str,
        conversation_id: str,
        title: str,
        new: Sequence[StoredTurn],
        head: str | None,
        tip: str | None,
        created: str | None = None,
    ) -> None:
        """Add turns and move the pointers, all or nothing. With the time ``created`` the
        conversation is new. What is there already stays as it is: an append whose success was
        not heard of can be made again."""
        at = now()
        with self.writing() as db:
            if created is not None and not db.scalar(_exists(*_theirs(owner, conversation_id))):
                row = {"id": conversation_id, "owner": owner, "created": created}
                db.execute(conversations.insert().values(**row, title=title, updated=at))
            ids = [turn.id for turn in new]
            mine = turns.c.conversation == conversation_id
            known = set(db.scalars(sa.select(turns.c.id).where(mine, turns.c.id.in_(ids))))
            new = [turn for turn in new if turn.id not in known]
            if new:
                rows = [
                    {name: getattr(turn, name) for name in StoredTurn.__slots__}
                    | {"conversation": conversation_id}
                    for turn in new
                ]
                db.execute(turns.insert(), rows)
            values = {"head": head, "tip": tip, "title": title, "updated": at}
            self._update(db, owner, conversation_id, values)

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        with self.writing() as db:
            self._update(db, owner, conversation_id, {"title": title})

    def delete(self, owner: str, conversation_id: str) -> None:
        """Delete a conversation and all its turns, for good: the bytes are overwritten too."""
        with self.writing() as db:
            mine = sa.select(conversations.c.id).where(*_theirs(owner, conversation_id))
            db.execute(turns.delete().where(turns.c.conversation.in_(mine)))
            gone = db.execute(conversations.delete().where(*_theirs(owner, conversation_id)))
            if gone.rowcount == 0:
                raise ConversationNotFound(NOT_FOUND)
        self.overwrite()

    def overwrite(self) -> None:
        """Make what was deleted unreadable in the files, too."""
        if self._sqlite:
            with self.reading() as db:  # the write-ahead log still holds the old pages
                db.exec_driver_sql("COMMIT")
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                db.exec_driver_sql("BEGIN")

    @staticmethod
    def _update(db: sa.Connection, owner: str, conversation_id: str, values: dict) -> None:
        done = db.execute(conversations.update().where(*_theirs(owner, conversation_id)).values(**values))
        if done.rowcount == 0:
            raise ConversationNotFound(NOT_FOUND)

    # the database underneath

    @property
    def _sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def _connect(self, url: str) -> sa.Engine:
        try:
            engine = sa.create_engine(url, pool_pre_ping=True)
        except (SQLAlchemyError, NoSuchModuleError, ImportError) as error:
            said = " ".join(str(error).split())
            raise StoreError(
                f"The store's address cannot be used ({said}). Check TILLER_STORE_URL; "
                'PostgreSQL needs `pip install "tiller[postgres]"`.'
            ) from error
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _sqlite_connect)
            event.listen(engine, "begin", _sqlite_begin)
        return engine

    def _prepare(self) -> None:
        if self._sqlite:
            with self.reading() as db:
                if (found := db.exec_driver_sql("PRAGMA quick_check(1)").scalar()) != "ok":
                    raise DamagedStore(str(found))
        try:
            with self.writing() as db:
                migrate(db)
        except NewerDatabase as error:
            raise StoreError(
                f"The store at {self._place} was written by a newer version of Tiller. "
                "Update Tiller, or set TILLER_HOME to another directory."
            ) from error

    def _set_aside(self) -> None:
        """Rename a damaged SQLite file, with its log, so that nothing of it is lost."""
        self.engine.dispose()
        path = Path(self.engine.url.database or "")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = path.with_name(f"{path.name}.damaged-{stamp}")
        try:
            for suffix in ("-wal", "-shm", ""):
                part = path.with_name(path.name + suffix)
                if part.exists():
                    part.rename(aside.with_name(aside.name + suffix))
        except OSError as error:
            raise StoreError(
                f"The store at {path} is damaged and cannot be moved aside ({error.strerror}). "
                "Move it away by hand, or set TILLER_HOME to another directory."
            ) from error
        self.notices += (
            f"The store was damaged, so a new one was started; the old one is kept as {aside.name}.",
        )

    @property
    def _place(self) -> str:
        return self.url.removeprefix("sqlite:///")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with; what goes wrong is a :class:`StoreError`."""
        with self._plain_errors(), self.engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction, all or nothing, acknowledged when it is on the disk."""
        # one writer at a time in this process; BEGIN IMMEDIATE waits for other processes
        engine = self.engine.execution_options(immediate=True)
        with self._plain_errors(), self._write_lock, engine.begin() as db:
            yield db

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise self._plain(error) from error

    def _plain(self, error: Exception) -> StoreError:
        said = str(error.orig if isinstance(error, DBAPIError) else error)
        low = said.lower()
        if "malformed" in low or "not a database" in low:
            return DamagedStore(
                f"The store at {self._place} is damaged; restart Tiller and it will be set aside."
            )
        if "disk is full" in low or "no space left" in low or "could not extend file" in low:
            return StoreError(
                f"The disk is full, so the store at {self._place} cannot be written. Free some space."
            )
        if "disk i/o error" in low:  # what SQLite says when not even its shared memory file fits
            return StoreError(
                f"The store at {self._place} cannot be read or written: the disk may be full or failing. "
                "Free some space, or set TILLER_HOME to another directory."
            )
        if "readonly" in low or "read-only" in low or "unable to open" in low or "permission denied" in low:
            return StoreError(
                f"The store at {self._place} cannot be written. Check the permissions of its directory, "
                "or set TILLER_HOME to another one."
            )
        if "locked" in low:
            return StoreError(
                f"The store at {self._place} is busy with another program. Try again in a moment."
            )
        first = said.strip().splitlines()[0] if said.strip() else type(error).__name__
        return StoreError(f"The store at {self._place} does not work: {first}")


class DamagedStore(StoreError):
    """The database file is not what it should be."""


def _exists(*conditions: sa.ColumnElement[bool]) -> sa.Select:
    return sa.select(sa.literal(True)).where(sa.exists().where(*conditions))


def _theirs(owner: str, conversation_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return conversations.c.owner == owner, conversations.c.id == conversation_id


def _sqlite_connect(connection, _record) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that DDL is transactional too
    for pragma in (
        "busy_timeout=5000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
