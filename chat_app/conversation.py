"""The conversation: from a message to a reply, turn by turn.

States are immutable and every turn appends one, so undo, redo and edit are steps in a tree of
turns. Nothing here knows the web.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from chat_app.controller.turn import TurnIntent
from chat_app.services import Services
from chat_app.state import State
from chat_app.store import ConversationNotFound, ConversationUnreadable, StoredTurn, StoreError, now
from chat_app.words import reply as words
from chat_app.words.markup import legible, shorten
from chat_app.words.reply import Reply

Progress = Callable[[str], None]
UNTITLED = "New conversation"
MAX_TITLE = 120  # characters of a title that a person gives
CLICK = "click"  # the reader of a turn that came from a button


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn on the path: what was said, and the reply."""

    id: str
    parent: str | None
    text: str
    reply: Reply
    created: str


@dataclass(frozen=True, slots=True)
class _Path:
    """The line of turns up to the tip; the first ``at`` are visible, the rest can be redone."""

    line: tuple[TurnRecord, ...] = ()
    at: int = 0

    @property
    def visible(self) -> tuple[TurnRecord, ...]:
        return self.line[: self.at]

    @property
    def head(self) -> str | None:
        return self.line[self.at - 1].id if self.at else None

    @property
    def tip(self) -> str | None:
        return self.line[-1].id if self.line else None

    def state(self) -> State:
        return self.line[self.at - 1].reply.state if self.at else State()


class Conversation:
    """One person's conversation; safe to use from many threads.

    Turns run one at a time. A second identical call that comes while the first is at work (a
    double click) gets the first one's reply. When the store fails, the conversation goes on in
    memory, ``trouble`` and the reply's ``notices`` say so, and the next turn tries again to save
    everything.
    """

    def __init__(self, services: Services, owner: str, conversation_id: str) -> None:
        self.services = services
        self.owner = owner
        self.id = conversation_id
        self.title = UNTITLED
        self.created = now()
        self.trouble: str | None = None  # a sentence for the person while the store is behind
        self._path = _Path()
        self._unsaved: list[TurnRecord] = []
        self._stored = False  # whether the store has a row of it
        self._dirty = False  # whether the store's pointers are behind
        self._work = threading.RLock()
        self._gate = threading.Lock()
        self._calls: dict[str, Future[Reply]] = {}

    @classmethod
    def new(cls, services: Services, owner: str) -> Conversation:
        """An empty conversation; it enters the store with its first turn."""
        conversation = cls(services, owner, uuid.uuid4().hex)
        services.live[owner, conversation.id] = conversation
        return conversation

    @classmethod
    def load(cls, services: Services, owner: str, conversation_id: str) -> Conversation:
        """Resume a conversation. Raises :class:`ConversationNotFound` when the owner has none of
        this id, :class:`ConversationUnreadable` when it holds what cannot be read, :class:`StoreError`
        when the store does not work."""
        with services.gate:
            live = services.live.get((owner, conversation_id))
            if live is None:
                live = cls(services, owner, conversation_id)
                live._read()
                services.live[owner, conversation_id] = live
            return live

    # what it is

    @property
    def state(self) -> State:
        """The state after the last visible turn."""
        return self._path.state()

    @property
    def turns(self) -> tuple[TurnRecord, ...]:
        """The visible path, oldest first; undone turns are not on it."""
        return self._path.visible

    @property
    def can_undo(self) -> bool:
        return self._path.at > 0

    @property
    def can_redo(self) -> bool:
        return self._path.at < len(self._path.line)

    # turns

    def turn(self, text: str, progress: Progress | None = None) -> Reply:
        """Answer a message.

        ``progress`` is called with "understanding", the recommender's steps, and "storing"; an
        exception that it raises passes through, and then nothing has changed.
        """
        return self._once(f"say {text}", lambda: self._say(text, None, progress, self._path.at))

    def act(self, turn: TurnIntent, said: str, progress: Progress | None = None) -> Reply:
        """A click: the same way as words, with the reading given. ``said`` is what stands in the
        conversation for it."""
        turn = turn.model_copy(update={"reader": CLICK})
        key = f"act {turn.model_dump_json()}"
        return self._once(key, lambda: self._say(said, turn, progress, self._path.at))

    def retry(self, progress: Progress | None = None) -> Reply:
        """Answer the last message again; the new turn takes the old one's place."""
        return self._once("retry", lambda: self._retry(progress))

    def edit_last(self, text: str, progress: Progress | None = None) -> Reply:
        """Say the last message differently; the new turn takes the old one's place."""
        return self._once(f"edit {text}", lambda: self._say(text, None, progress, max(self._path.at - 1, 0)))

    def reset(self, progress: Progress | None = None) -> Reply:
        """Start over: no controls, nothing listed; the profile stays."""
        return self.act(TurnIntent(act="reset"), "Start over", progress)

    def undo(self) -> bool:
        """Step back one turn; whether there was one."""
        with self._work:
            self._refresh()
            return self._move(self._path.at - 1)

    def redo(self) -> bool:
        """Take an undone turn back in; whether there was one."""
        with self._work:
            self._refresh()
            return self._move(self._path.at + 1)

    def rename(self, title: str) -> None:
        """Give the conversation another title. Raises :class:`StoreError` when it cannot be saved."""
        with self._work:
            title = shorten(title, MAX_TITLE) or UNTITLED
            if self._stored:
                self.services.store.rename(self.owner, self.id, title)
            self.title = title

    def export(self) -> dict[str, Any]:
        """The visible path as plain data, ready for JSON."""
        path = self._path
        return {
            "format": "tiller-conversation",
            "version": 1,
            "id": self.id,
            "title": self.title,
            "created": self.created,
            "catalog": self.services.catalog.name,
            "turns": [{"text": t.text, "created": t.created, "reply": _plain(t.reply)} for t in path.visible],
            "state": path.state().model_dump(mode="json"),
        }

    # how it works

    def _once(self, key: str, work: Callable[[], Reply]) -> Reply:
        with self._gate:
            running = self._calls.get(key)
            if running is None:
                mine: Future[Reply] = Future()
                self._calls[key] = mine
        if running is not None:
            return running.result()
        try:
            with self._work:
                self._refresh()
                reply = work()
            mine.set_result(reply)
            return reply
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._gate:
                del self._calls[key]

    def _say(self, text: str, turn: TurnIntent | None, progress: Progress | None, at: int) -> Reply:
        """A turn after the first ``at`` of the line."""
        step = progress or (lambda _: None)
        base = _Path(self._path.line, at)
        state = base.state()
        if refusal := words.refuse(text, self.services.settings.max_message):
            return words.passing(refusal, TurnIntent(act="unclear"), state)
        text = legible(text)
        if turn is None:
            step("understanding")
            turn = self.services.controller.invoke({"state": state, "text": text})
        if turn.act == "undo":
            return self._undo_in_words(turn)
        if turn.reader == CLICK and words.is_idle(turn, state):
            return words.passing("That is how it is already.", turn, state)
        self.services.follow_promotion()
        reply = words.answer(self.services, state, turn, text, progress)
        step("storing")
        record = TurnRecord(uuid.uuid4().hex, base.head, text, reply, now())
        self._entitle(base, record)
        self._path = _Path((*base.visible, record), at + 1)
        self._unsaved.append(record)
        return self._with_notice(reply)

    def _entitle(self, base: _Path, record: TurnRecord) -> None:
        """Name the conversation by its first request: anew where the one that named it is replaced."""
        replaced = {shorten(r.text) for r in base.line[base.at :]} - {shorten(r.text) for r in base.visible}
        if self.title in replaced:
            self.title = UNTITLED
        if self.title == UNTITLED and record.reply.turn.act not in ("smalltalk", "unclear"):
            self.title = shorten(record.text)

    def _retry(self, progress: Progress | None) -> Reply:
        if not self._path.at:
            return words.passing("There is nothing to try again yet.", TurnIntent(act="unclear"), self.state)
        last = self._path.line[self._path.at - 1]
        turn = last.reply.turn if last.reply.turn.reader == CLICK else None
        return self._say(last.text, turn, progress, self._path.at - 1)

    def _undo_in_words(self, turn: TurnIntent) -> Reply:
        """Take back the last turn, whatever it was: also the one that was edited to say so."""
        path = self._path
        if not self._move(path.at - 1):
            return words.passing("There is nothing to undo.", turn, path.state())
        said = path.line[path.at - 1].text
        return self._with_notice(words.undone(self.services.catalog, said, turn, self.state))

    def _move(self, at: int) -> bool:
        if not 0 <= at <= len(self._path.line) or at == self._path.at:
            return False
        self._path = _Path(self._path.line, at)
        self._dirty = True
        self._save()
        return True

    # the store

    def _with_notice(self, reply: Reply) -> Reply:
        self._save()
        return reply.model_copy(update={"notices": (self.trouble,)}) if self.trouble else reply

    def _save(self) -> None:
        """Bring the store up to date; ``trouble`` says it when that fails."""
        self.trouble = None
        if not (self._unsaved or self._dirty and self._stored):
            return
        path = self._path
        try:
            self.services.store.append(
                self.owner,
                self.id,
                self.title,
                [_stored(record) for record in self._unsaved],
                path.head,
                path.tip,
                created=None if self._stored else self.created,
            )
        except StoreError as error:
            self._dirty = True
            self.trouble = (
                f"This could not be saved. {error} I go on, and save everything as soon as that works."
            )
            return
        self._unsaved, self._stored, self._dirty = [], True, False

    def _refresh(self) -> None:
        """Follow what another process did to the conversation."""
        if not self._stored or self._unsaved or self._dirty:
            return
        try:
            head, tip, title = self.services.store.position(self.owner, self.id)
            if (head, tip) != (self._path.head, self._path.tip):
                self._read()
            self.title = title
        except (ConversationNotFound, ConversationUnreadable):
            raise  # a turn now would take the place of what is stored
        except StoreError:
            return  # the save after the turn will say so

    def _read(self) -> None:
        stored = self.services.store.load(self.owner, self.id)
        try:
            line = tuple(_record(turn) for turn in stored.line)
        except (ValidationError, ValueError, TypeError) as error:
            raise ConversationUnreadable(
                f"The conversation “{stored.title}” is kept, but this version of Tiller cannot read it."
            ) from error
        self._path = _Path(line, stored.at)
        self.title, self.created, self._stored = stored.title, stored.created, True


def _stored(record: TurnRecord) -> StoredTurn:
    reply = record.reply.model_dump_json(exclude={"turn", "state", "recorded", "notices"})
    turn, state = record.reply.turn.model_dump_json(), record.reply.state.model_dump_json()
    return StoredTurn(record.id, record.parent, record.text, turn, state, reply, record.created)


def _record(stored: StoredTurn) -> TurnRecord:
    parts = {**json.loads(stored.reply), "turn": json.loads(stored.turn), "state": json.loads(stored.state)}
    return TurnRecord(stored.id, stored.parent, stored.text, Reply.model_validate(parts), stored.created)


def _plain(reply: Reply) -> dict[str, Any]:
    return reply.model_dump(mode="json", exclude={"recorded", "notices"})
