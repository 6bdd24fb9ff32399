"""What is a person's own: their consent to the use of their feedback, a copy of their data, deletion.

Feedback in the chat (likes, dislikes and "seen" on what was listed) counts only while consent is on,
and only what was said since it was switched on last: switching it off takes everything out again.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from chat_app.annotation.projects import comparisons
from chat_app.annotation.votes import drafts, reservations, skips, votes
from chat_app.store import Store, conversations, turns
from chat_app.tables import Clock, stamp, table

consents = table("consents", "owner created", "seq given")
#: What deletion does, in the words of the page.
DELETES = (
    "Your conversations with all that you said about your taste, your consent, and the drafts and comments "
    "of your votes will be gone for good, also where others compared lists for what you asked. The votes "
    "themselves stay, under a name that nobody knows."
)


@dataclass(frozen=True)
class Deleted:
    """How much of a person was deleted; ``votes`` are those that stay without name and comment."""

    conversations: int
    votes: int


class Personal:
    """A person's own data in a store. ``clock`` gives seconds since 1970."""

    def __init__(self, store: Store, clock: Clock = time.time) -> None:
        self.store = store
        self._clock = clock

    def consent(self, owner: str) -> str | None:
        """Since when this person's feedback may be used (ISO 8601, UTC); None: it may not."""
        with self.store.reading() as db:
            return _latest(db, owner)

    def set_consent(self, owner: str, given: bool) -> None:
        """Switch consent on or off; the same again changes nothing."""
        with self.store.writing() as db:
            if given != bool(_latest(db, owner)):
                row = {"owner": owner, "given": int(given), "created": stamp(self._clock)}
                db.execute(consents.insert().values(row))

    def export(self, owner: str) -> dict[str, Any]:
        """Everything that the store has of a person, ready for JSON; undone turns too."""
        with self.store.reading() as db:
            talks = _rows(db, conversations, conversations.c.owner == owner)
            for talk in talks:
                said = _rows(db, turns, turns.c.conversation == talk["id"])
                parsed = ("turn", "state", "reply")
                talk["turns"] = [t | {name: json.loads(t[name]) for name in parsed} for t in said]
            theirs = {t.name: _rows(db, t, t.c.annotator == owner) for t in (votes, skips, drafts)}
            agreed = _rows(db, consents, consents.c.owner == owner)
        return {"format": "tiller-personal-data", "version": 1, "conversations": talks} | {
            "consents": agreed,
            **theirs,
        }

    def delete(self, owner: str) -> Deleted:
        """Delete what a person said, for good (see :data:`DELETES`). Votes lose their comment, and get a
        new random name in place of the person's: one name, so that agreement can still be counted."""
        nobody = f"deleted {secrets.token_hex(8)}"
        with self.store.writing() as db:
            theirs = sa.select(conversations.c.id).where(conversations.c.owner == owner)
            for conversation in db.scalars(theirs).all():
                _forget_context(db, conversation)
            db.execute(turns.delete().where(turns.c.conversation.in_(theirs)))
            talks = db.execute(conversations.delete().where(conversations.c.owner == owner)).rowcount
            db.execute(consents.delete().where(consents.c.owner == owner))
            for kept in (drafts, reservations):
                db.execute(kept.delete().where(kept.c.annotator == owner))
            db.execute(skips.update().where(skips.c.annotator == owner).values(annotator=nobody))
            mine = votes.update().where(votes.c.annotator == owner)
            left = db.execute(mine.values(annotator=nobody, comment="")).rowcount
        self.store.overwrite()
        return Deleted(talks, left)


def _forget_context(db: sa.Connection, conversation: str) -> None:
    """Take out of comparisons what was asked for in a conversation, and what the lists tell of it; their
    items and votes stay."""
    c = comparisons.c
    said = sa.select(comparisons).where(c.context.contains(f'"conversation": "{conversation}"'))
    for row in db.execute(said).all():
        nothing: dict[str, Any] = {"profile": [], "request": None, "intent": {}, "conversation": None}
        left = {"context": json.loads(row.context) | nothing}
        for name in ("first", "second"):
            slate = json.loads(getattr(row, name))
            items = [item | {"reasons": []} for item in slate["items"]]
            left[name] = slate | {"items": items, "compliance": []}
        texts = {name: json.dumps(part, ensure_ascii=False) for name, part in left.items()}
        db.execute(comparisons.update().where(c.id == row.id).values(**texts, words=""))


def may_be_used(db: sa.Connection, conversation: str | None) -> bool:
    """Whether a conversation is there, and its person consents."""
    c, agreed = conversations.c, consenting().with_only_columns(consents.c.owner)
    return db.scalar(sa.select(c.id).where(c.id == conversation, c.owner.in_(agreed))) is not None


def consenting() -> sa.Select:
    """``owner`` and ``since`` of everybody whose feedback may be used."""
    later = consents.alias("later")
    withdrawn = sa.exists().where(later.c.owner == consents.c.owner, later.c.seq > consents.c.seq)
    named = sa.select(consents.c.owner, consents.c.created.label("since"))
    return named.where(consents.c.given == 1, ~withdrawn)


def _latest(db: sa.Connection, owner: str) -> str | None:
    return db.scalar(consenting().with_only_columns(consents.c.created).where(consents.c.owner == owner))


def _rows(db: sa.Connection, of: sa.Table, condition: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    order = of.c.created if "created" in of.c else of.c.updated
    return [dict(row) for row in db.execute(sa.select(of).where(condition).order_by(order)).mappings()]
