"""What one person may send: message length, and messages a minute."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

from recsys.errors import TillerError

MINUTE = 60.0
SESSIONS = 10_000  # remembered at most; the longest silent is forgotten first


class Refused(TillerError):
    """A message that is not taken; the sentence says why and what to do."""


class Limits:
    """Message length and rate, counted for each session. Safe to use from many threads."""

    def __init__(self, max_message: int, rate_limit: int) -> None:
        self.max_message = max_message
        self.rate_limit = rate_limit
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, session: str, text: str) -> None:
        """Count a message of a session; :class:`Refused` when it is too long or one too many."""
        if len(text) > self.max_message:
            raise Refused(
                f"That message has {len(text):,} characters and I read at most {self.max_message:,}. "
                "Please shorten it; nothing was changed."
            )
        wait = self._count(session)
        if wait > 0:
            raise Refused(
                f"That was a lot in one minute ({self.rate_limit} messages at most). "
                f"Please go on in {wait:.0f} seconds; nothing was changed."
            )

    def _count(self, session: str) -> float:
        """0 when one more message is allowed now (and counted), else the seconds to wait."""
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(session, deque())
            self._times.move_to_end(session)
            while times and times[0] <= now - MINUTE:
                times.popleft()
            if len(times) >= self.rate_limit:
                return max(times[0] + MINUTE - now, 1.0)
            times.append(now)
            while len(self._times) > SESSIONS:
                self._times.popitem(last=False)
        return 0.0
