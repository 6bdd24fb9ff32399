"""What chats tell without being asked: what was said of listed items, and how controls fared.

Only of people whose consent is on, and only turns since then (``chat_app/personal.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from chat_app.personal import consenting
from chat_app.store import Store, conversations, turns
from recsys.catalog import ItemId
from recsys.controls import ControlIntent
from recsys.profile import Profile

KINDS = tuple(ControlIntent.model_fields)
WORDS = ("liked", "disliked", "seen")


@dataclass(frozen=True)
class Turn:
    """A stored turn. ``visible``: it is on the way to the turn on the table, neither undone nor said anew."""

    text: str
    turn: dict[str, Any]
    state: dict[str, Any]
    reply: dict[str, Any]
    created: str
    visible: bool


@dataclass
class Listed:
    """A list that was shown, for whom and under which controls, and the last word on each of its items."""

    conversation: str
    request: str
    profile: Profile
    intent: ControlIntent
    items: tuple[ItemId, ...]
    created: str
    said: dict[ItemId, str] = field(default_factory=dict)

    def items_said(self, word: str) -> tuple[ItemId, ...]:
        """The items that were called so, in the order of the list."""
        return tuple(item for item in self.items if self.said.get(item) == word)


@dataclass(frozen=True)
class ControlUse:
    """How often a kind of control was set; in how many lists it was in force, fully met, and relaxed
    (theme and likeness are measured in none); how often it was undone: its turn taken back or said
    anew, or it alone taken out again."""

    kind: str
    used: int
    lists: int
    met: int
    relaxed: int
    undone: int


@dataclass(frozen=True)
class ChatInsights:
    """The chats of everybody who consents."""

    people: int
    conversations: int
    turns: int
    lists: int
    said: dict[str, int]
    controls: tuple[ControlUse, ...]


def read_chats(store: Store) -> Iterator[tuple[str, list[Turn]]]:
    """``(conversation, turns)`` of everything that may be used, the turns in the order they were said."""
    agreed = consenting().subquery()
    c, t = conversations.c, turns.c
    query = sa.select(c.id, c.head, agreed.c.since).join(agreed, agreed.c.owner == c.owner).order_by(c.id)
    with store.reading() as db:
        for talk in db.execute(query).all():
            rows = db.execute(
                sa.select(turns).where(t.conversation == talk.id).order_by(t.created, t.id)
            ).all()
            parents, visible = {row.id: row.parent for row in rows}, set()
            at = talk.head
            while at is not None:
                visible.add(at)
                at = parents.get(at)
            found = [_turn(row, row.id in visible) for row in rows if row.created >= talk.since]
            if found:
                yield talk.id, found


def chats_mark(store: Store) -> str:
    """Stays the same as long as what :func:`read_chats` gives does: turns are only ever added, and each is
    its conversation's tip at first."""
    agreed, c = consenting().subquery(), conversations.c
    query = sa.select(agreed.c.owner, agreed.c.since, c.id, c.head, c.tip)
    query = query.outerjoin(conversations, agreed.c.owner == c.owner).order_by(agreed.c.owner, c.id)
    digest = hashlib.sha256()
    with store.reading() as db:
        for row in db.execute(query):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def _turn(row: sa.Row, visible: bool) -> Turn:
    turn, state, reply = (json.loads(part) for part in (row.turn, row.state, row.reply))
    return Turn(row.text, turn, state, reply, row.created, visible)


def listed(conversation: str, said: list[Turn]) -> list[Listed]:
    """The lists on the visible way of a conversation. A word on an item goes to the latest list
    before it that has the item; the last word counts."""
    lists: list[Listed] = []
    for turn in said:
        if not turn.visible:
            continue
        for event in turn.turn.get("events", ()):
            for shown in reversed(lists):
                if event["id"] in shown.items:
                    shown.said[event["id"]] = event["kind"]
                    break
        slate = turn.reply.get("slate")
        if slate and slate["items"]:
            lists.append(
                Listed(
                    conversation,
                    turn.text,
                    Profile.model_validate(turn.state["profile"]),
                    ControlIntent.model_validate(turn.state["intent"]),
                    tuple(item["id"] for item in slate["items"]),
                    turn.created,
                )
            )
    return lists


def read_listed(store: Store) -> Iterator[Listed]:
    """Every list that was shown and may be used."""
    for conversation, said in read_chats(store):
        yield from listed(conversation, said)


def chat_insights(store: Store) -> ChatInsights:
    """What the chats add up to."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    words: Counter[str] = Counter()
    talks = said = lists = 0
    for conversation, found in read_chats(store):
        talks, said = talks + 1, said + len(found)
        for turn in found:
            _count_controls(turn, counts)
        for shown in listed(conversation, found):
            lists += 1
            words.update(shown.said.values())
    with store.reading() as db:
        people = db.scalar(sa.select(sa.func.count()).select_from(consenting().subquery())) or 0
    names = ("used", "lists", "met", "relaxed", "undone")
    controls = [ControlUse(kind, *(counts[kind][name] for name in names)) for kind in KINDS if counts[kind]]
    return ChatInsights(people, talks, said, lists, {word: words[word] for word in WORDS}, tuple(controls))


def _count_controls(turn: Turn, counts: dict[str, Counter[str]]) -> None:
    edit = turn.turn.get("edit", {})
    for kind in KINDS:
        if edit.get("add", {}).get(kind):
            counts[kind]["used"] += 1
            counts[kind]["undone"] += not turn.visible
    if turn.visible:
        for removal in edit.get("remove", ()):
            counts[removal["field"]]["undone"] += 1
    slate = turn.reply.get("slate")
    if not slate:
        return
    met = {control["control"]: control["met"] for control in slate["compliance"]}
    gave_way = {relaxation["control"] for relaxation in slate["relaxations"]}
    for kind, labels in _labels(ControlIntent.model_validate(turn.state["intent"])).items():
        counts[kind]["lists"] += 1
        counts[kind]["met"] += bool(labels) and all(met.get(label, False) for label in labels)
        counts[kind]["relaxed"] += bool(labels & gave_way)


def _labels(intent: ControlIntent) -> dict[str, set[str]]:
    """The kinds of control in force, with the labels under which a slate reports on them."""
    labels: dict[str, set[str]] = {
        "count": {"count"} if intent.count is not None else set(),
        "require": {clause.label for clause in intent.require},
        "exclude": {f"no {clause.label}" for clause in intent.exclude},
        "ranges": {span.label for span in intent.ranges},
        "quotas": {quota.label for quota in intent.quotas},
        "popularity": {intent.popularity} if intent.popularity else set(),
        "order": {f"order {intent.order.replace('_', ' ')}"} if intent.order else set(),
    }
    return {kind: labels.get(kind, set()) for kind in KINDS if getattr(intent, kind)}
