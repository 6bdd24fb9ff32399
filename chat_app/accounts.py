"""Accounts: who may do what, signing in, and sessions.

Used when sign-in is switched on. Passwords are kept as Argon2id hashes, session tokens as their
SHA-256, so that nobody can sign in with what is in the store. What the app keeps for somebody is
kept under their account's ``id``, which is random and never given twice, as a name may be.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import unicodedata
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import sqlalchemy as sa

from chat_app.store import Store, StoreError
from chat_app.tables import Clock, stamp, table
from recsys.errors import TillerError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

accounts = table("accounts", "id key name role password created removed")
sessions = table("sessions", "token account", "", "began seen")
attempts = table("sign_in_attempts", "key", "failures", "at until")

#: Each may do what the ones before it may.
Role = Literal["user", "annotator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

MINUTE, DAY = 60.0, 86_400.0
#: Seconds after which a session ends: unused, and in any case.
IDLE, LONGEST = DAY / 2, 7 * DAY
#: Wrong passwords in a row that cost nothing; the next wait is the first, each one after it twice as long.
FREE, FIRST_WAIT, LONGEST_WAIT = 5, 30.0, 3600.0
#: Passwords that are worked on at once: each takes 64 MiB and several threads.
AT_ONCE = 2
SHORTEST, MAX_PASSWORD, MAX_NAME = 10, 1000, 60

WRONG = "The name or the password is not right."
NO_ADMIN = (
    "Sign-in is switched on, and there is no admin yet: `tiller accounts new --role admin NAME` makes one."
)


class AccountError(StoreError):
    """An account that is not there, or cannot be made so."""


class SignInRefused(TillerError):
    """Nobody is signed in; ``wait`` seconds have to pass before another attempt (0: none)."""

    def __init__(self, sentence: str, wait: float = 0.0) -> None:
        super().__init__(sentence)
        self.wait = wait


class NotAllowed(TillerError):
    """This person may not do that."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in."""

    id: str
    name: str
    role: Role


#: Whoever uses an app without sign-in: one person on their own machine, who may do everything.
ALONE = Account("", "", "admin")


def may(who: Account, role: Role) -> bool:
    """Whether somebody's role covers ``role``."""
    return ROLES.index(who.role) >= ROLES.index(role)


def require(who: Account, role: Role) -> None:
    """Raise :class:`NotAllowed` unless somebody's role covers ``role``."""
    if not may(who, role):
        raise NotAllowed(f"That is for {role}s, and you are signed in as {who.role}: ask an admin.")


class Accounts:
    """The accounts of a store and who is signed in. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Clock = time.time, hasher: PasswordHasher | None = None) -> None:
        self.store = store
        self._clock = clock
        self._given = hasher
        self._gate = threading.BoundedSemaphore(AT_ONCE)

    # accounts

    def new(self, name: str, role: Role, password: str) -> Account:
        """Make an account; :class:`AccountError` when the name is taken, or name or password will not do."""
        name = _checked_name(name)
        hashed = self._hash(password)
        account = Account(uuid.uuid4().hex, name, role)
        with self.store.writing() as db:
            if _find(db, name) is not None:
                raise AccountError(f"There is an account “{name}” already: choose another name.")
            row = {"id": account.id, "key": _fold(name), "name": name, "role": role, "password": hashed}
            db.execute(accounts.insert().values(**row, created=stamp(self._clock)))
        return account

    def all(self) -> list[Account]:
        """Every account there is, by name."""
        query = sa.select(accounts).where(accounts.c.key.is_not(None)).order_by(accounts.c.key)
        with self.store.reading() as db:
            return [_account(row) for row in db.execute(query)]

    def names(self) -> dict[str, str]:
        """Names by id, of removed accounts too."""
        with self.store.reading() as db:
            return {row.id: row.name for row in db.execute(sa.select(accounts.c.id, accounts.c.name))}

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password; its sessions end, and it is no longer locked out."""
        hashed = self._hash(password)
        with self.store.writing() as db:
            row = _found(db, name)
            db.execute(accounts.update().where(accounts.c.id == row.id).values(password=hashed))
            _end(db, row)

    def set_role(self, name: str, role: Role) -> None:
        """Give an account another role, from its next request on."""
        with self.store.writing() as db:
            row = _found(db, name)
            db.execute(accounts.update().where(accounts.c.id == row.id).values(role=role))

    def remove(self, name: str) -> Account:
        """Remove an account. Its name is free again; what was kept under its id stays."""
        with self.store.writing() as db:
            row = _found(db, name)
            gone = {"key": None, "password": "", "removed": stamp(self._clock)}
            db.execute(accounts.update().where(accounts.c.id == row.id).values(**gone))
            _end(db, row)
        return _account(row)

    def check_admin(self) -> None:
        """:class:`AccountError` unless there is an admin."""
        if not any(account.role == "admin" for account in self.all()):
            raise AccountError(NO_ADMIN)

    # signing in

    def sign_in(self, name: str, password: str) -> str:
        """A new session's token. :class:`SignInRefused`, with the same words after the same time
        whether or not there is such an account."""
        self._count_attempt(name)
        with self.store.reading() as db:
            row = _find(db, name)
        # a hash that nothing matches costs what a real one does
        right = self._matches(self._nobody if row is None else row.password, password)
        if row is None or not right:
            raise SignInRefused(WRONG)
        token, at = secrets.token_urlsafe(32), self._clock()
        is_old = self._hasher.check_needs_rehash(row.password)
        again = self._hasher.hash(_normal(password)) if is_old else None
        s = sessions.c
        with self.store.writing() as db:
            now = _find(db, name)
            if now is None or now.password != row.password:  # removed or changed meanwhile
                raise SignInRefused(WRONG)
            if again is not None:
                db.execute(accounts.update().where(accounts.c.id == row.id).values(password=again))
            db.execute(attempts.delete().where(attempts.c.key == _digest(_fold(name))))
            db.execute(sessions.delete().where(sa.or_(s.seen < at - IDLE, s.began < at - LONGEST)))
            values = {"token": _digest(token), "account": row.id, "began": at, "seen": at}
            db.execute(sessions.insert().values(values))
        return token

    def session(self, token: str) -> Account | None:
        """Whose session this is; None when there is none (any more). Using it keeps it from ending."""
        query = (
            sa.select(accounts.c.id, accounts.c.name, accounts.c.role, sessions.c.began, sessions.c.seen)
            .join(sessions, sessions.c.account == accounts.c.id)
            .where(sessions.c.token == _digest(token), accounts.c.key.is_not(None))
        )
        with self.store.reading() as db:
            row = db.execute(query).first()
        at = self._clock()
        if row is None or at >= row.seen + IDLE or at >= row.began + LONGEST:
            return None
        if at >= row.seen + MINUTE:
            with suppress(StoreError), self.store.writing() as db:
                db.execute(sessions.update().where(sessions.c.token == _digest(token)).values(seen=at))
        return _account(row)

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self.store.writing() as db:
            db.execute(sessions.delete().where(sessions.c.token == _digest(token)))

    def _count_attempt(self, name: str) -> None:
        """Count an attempt as failed until it is known not to be, so that many at once are no way
        around the limit. Names that no account has are counted too."""
        key, at, a = _digest(_fold(name)), self._clock(), attempts.c
        with self.store.writing() as db:
            db.execute(attempts.delete().where(a.at < at - DAY))
            row = db.execute(sa.select(attempts).where(a.key == key)).first()
            # a wait that is longer than possible was written before the clock was set back
            if row is not None and at < row.until <= at + LONGEST_WAIT:
                wait = row.until - at
                raise SignInRefused(f"That was wrong too often. Try again in {_in_words(wait)}.", wait)
            failures = 1 if row is None else row.failures + 1
            values = {"failures": failures, "at": at, "until": at + wait_after(failures)}
            if row is None:
                db.execute(attempts.insert().values(key=key, **values))
            else:
                db.execute(attempts.update().where(a.key == key).values(values))

    # passwords

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return self._given or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_hex())

    def _hash(self, password: str) -> str:
        if not SHORTEST <= len(password) <= MAX_PASSWORD:
            raise AccountError(f"A password has {SHORTEST} to {MAX_PASSWORD:,} characters.")
        return self._hasher.hash(_normal(password))

    def _matches(self, hashed: str, password: str) -> bool:
        from argon2.exceptions import VerificationError

        with self._gate, suppress(VerificationError):
            return self._hasher.verify(hashed, _normal(password))
        return False


def wait_after(failures: int) -> float:
    """Seconds until another attempt after so many that failed."""
    return min(FIRST_WAIT * 2.0 ** min(failures - FREE, 20), LONGEST_WAIT) if failures >= FREE else 0.0


def _in_words(seconds: float) -> str:
    minutes = round(seconds / MINUTE)
    return f"{minutes} minutes" if minutes > 1 else f"{max(round(seconds), 1)} seconds"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _fold(name: str) -> str:
    """What two spellings of a name have in common."""
    return " ".join(_normal(name).casefold().split())


def _checked_name(name: str) -> str:
    name = " ".join(_normal(name).split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise AccountError(f"A name has 1 to {MAX_NAME} printable characters.")
    return name


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _find(db: sa.Connection, name: str) -> sa.Row | None:
    return db.execute(sa.select(accounts).where(accounts.c.key == _fold(name))).first()


def _found(db: sa.Connection, name: str) -> sa.Row:
    if (row := _find(db, name)) is None:
        raise AccountError(f"There is no account “{name}”: `tiller accounts list` shows them.")
    return row


def _end(db: sa.Connection, row: sa.Row) -> None:
    """End the sessions of an account and its lock-out."""
    db.execute(sessions.delete().where(sessions.c.account == row.id))
    db.execute(attempts.delete().where(attempts.c.key == _digest(row.key)))


def _account(row: sa.Row) -> Account:
    return Account(row.id, row.name, row.role)
