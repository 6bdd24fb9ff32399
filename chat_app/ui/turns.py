"""Open conversations and their turns under way: watched step by step, stopped on request."""

from __future__ import annotations

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chat_app.conversation import Conversation, Progress
from chat_app.store import ConversationNotFound, ConversationUnreadable
from chat_app.words.reply import Reply
from recsys.errors import TillerError

if TYPE_CHECKING:
    from chat_app.services import Services

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Job = Callable[[Conversation, Progress], Reply]
OPEN = 500
STORING = "storing"  # the step after which a turn can no longer be stopped
SORRY = "Something went wrong on my side, and nothing was changed. Please try again, or say it differently."


def plain_sentence(error: Exception) -> str:
    """What to tell a person about an error; the details of an unexpected one go to the log."""
    if isinstance(error, TillerError):
        return str(error)
    log.error("Unexpected error", exc_info=error)
    return SORRY


class Stopped(Exception):
    """The person stopped the turn: nothing changes."""


class TurnFailed(Exception):
    """The turn failed; the message is a sentence for people."""


class RunningTurn(Generic[Result]):
    """One turn, or another piece of work, in a thread of its own; ``progress`` is the worker's side of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.reply: Result | None = None
        self._steps: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = self._storing = False
        self._error: Exception | None = None

    def steps(self) -> Iterator[str]:
        """The steps as they come, until the turn is done and ``reply`` is there. Raises
        :class:`Stopped` at once when it is stopped, :class:`TurnFailed` when it fails."""
        while (step := self._steps.get()) is not None:
            if step != STORING:
                yield step
        if self._stopped:
            raise Stopped
        if self._error is not None:
            raise TurnFailed(plain_sentence(self._error)) from self._error

    def stop(self) -> bool:
        """Stop the turn, unless it is being stored already; whether it was stopped."""
        with self._lock:
            if not self._storing and not self.done.is_set():
                self._stopped = True
                self._steps.put(None)
            return self._stopped

    def progress(self, step: str) -> None:
        """Called by the worker; raises :class:`Stopped` in it once the turn was stopped."""
        with self._lock:
            if self._stopped:
                raise Stopped
            self._storing = self._storing or step == STORING
        self._steps.put(step)

    def work(self, do: Callable[[Progress], Result]) -> None:
        """Do it, here and now, and keep what came of it."""
        try:
            while self.reply is None and not self._stopped:
                # the conversation may join a turn of the same words that was stopped: go again
                with suppress(Stopped):
                    self.reply = do(self.progress)
        except Exception as error:
            self._error = error
        finally:
            self.done.set()
            self._steps.put(None)


class Errands:
    """Slow work that pages ask for, one piece a page: a newer one stops the one before."""

    def __init__(self) -> None:
        self._running: dict[str, RunningTurn[Any]] = {}

    def start(self, page: str, do: Callable[[Progress], Result]) -> RunningTurn[Result]:
        """Begin a piece of work in a thread; say :meth:`end` when nobody watches it any longer."""
        errand: RunningTurn[Result] = RunningTurn()
        self.stop(page)
        self._running[page] = errand
        threading.Thread(target=errand.work, args=(do,), daemon=True, name="errand").start()
        return errand

    def stop(self, page: str) -> None:
        """Stop what a page has under way."""
        if running := self._running.get(page):
            running.stop()

    def end(self, page: str, errand: RunningTurn[Any]) -> None:
        """Stop a piece of work, where it is not done, and forget it."""
        errand.stop()
        if self._running.get(page) is errand:
            del self._running[page]


class Desk:
    """The conversations that are open, and their turns under way.

    The latest ``OPEN`` conversations are kept in memory, so that one whose store fails goes on.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, str], Conversation] = OrderedDict()
        self._under_way: dict[tuple[str, str], list[RunningTurn[Reply]]] = {}

    # conversations

    def open(self, owner: str, conversation_id: str) -> tuple[Conversation, str | None]:
        """A conversation of the owner; a new one when they have none of this id, or one that cannot be
        read: then with a sentence that says so."""
        try:
            return self.load(owner, conversation_id), None
        except ConversationNotFound:
            return self.new(owner), None
        except ConversationUnreadable as error:
            return self.new(owner), str(error)

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """A conversation of the owner; raises what :meth:`Conversation.load` raises."""
        return self._keep(Conversation.load(self.services, owner, conversation_id))

    def new(self, owner: str) -> Conversation:
        """An empty conversation."""
        return self._keep(Conversation.new(self.services, owner))

    def delete(self, owner: str, conversation_id: str) -> None:
        """Delete a conversation for good; what is under way in it is stopped. Where the store cannot
        (:class:`StoreError`), or it is not theirs, all stays: what is not saved yet is only here."""
        self.services.store.delete(owner, conversation_id)
        self.stop(owner, conversation_id)
        with self._lock:
            self._open.pop((owner, conversation_id), None)
        self.services.live.pop((owner, conversation_id), None)

    def forget(self, owner: str) -> None:
        """Let go of every conversation of an owner; what is under way in them is stopped."""
        with self._lock:
            theirs = [key for key in self._open if key[0] == owner]
            for key in theirs:
                del self._open[key]
        for key in theirs:
            self.stop(*key)
            for turn in self.under_way(*key):  # one that is being stored would be stored anew
                turn.done.wait(10)
            self.services.live.pop(key, None)

    def _keep(self, conversation: Conversation) -> Conversation:
        with self._lock:
            self._open[conversation.owner, conversation.id] = conversation
            self._open.move_to_end((conversation.owner, conversation.id))
            while len(self._open) > OPEN:
                self._open.popitem(last=False)
        return conversation

    # turns

    def start(self, conversation: Conversation, job: Job) -> RunningTurn[Reply]:
        """Begin a turn in a thread. The thread ends by itself, whether or not anyone watches; the
        conversation takes turns one at a time."""
        turn: RunningTurn[Reply] = RunningTurn()
        key = conversation.owner, conversation.id
        with self._lock:
            self._under_way.setdefault(key, []).append(turn)

        def run() -> None:
            try:
                turn.work(lambda progress: job(conversation, progress))
            finally:
                with self._lock:
                    turns = self._under_way[key]
                    turns.remove(turn)
                    if not turns:
                        del self._under_way[key]

        threading.Thread(target=run, daemon=True, name="turn").start()
        return turn

    def under_way(self, owner: str, conversation_id: str) -> list[RunningTurn[Reply]]:
        """The unfinished turns of a conversation of the owner."""
        with self._lock:
            return list(self._under_way.get((owner, conversation_id), ()))

    def stop(self, owner: str, conversation_id: str) -> bool:
        """Stop every turn of a conversation of the owner that is not being stored; whether there was one."""
        stopped = [turn.stop() for turn in self.under_way(owner, conversation_id)]  # every one of them
        return any(stopped)
