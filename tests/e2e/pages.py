"""What a page does over HTTP, without a browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

import httpx

PASSWORD = "correct horse battery"


def sign_in(url: str, name: str, password: str = PASSWORD, **headers: str) -> httpx.Client:
    """A client that has signed in."""
    client = httpx.Client(base_url=url, timeout=60)
    answer = client.post("/sign-in", data={"name": name, "password": password}, headers=headers)
    assert answer.status_code == 303 and client.cookies, answer.text
    return client


class Page:
    """A page that was opened: presses what is on it, and hears what comes of it.

    ``session`` is what the page says about who and where it is.
    """

    def __init__(self, client: httpx.Client, session: dict[str, str] | None = None) -> None:
        self.client = client
        self.session = session
        self.name = secrets.token_hex(6)
        config = client.get("/config").raise_for_status().json()
        self._parts = {part["id"]: part for part in config["components"]}
        self._events = config["dependencies"]

    def act(self, elem_id: str, **data: Any) -> dict[str, Any]:
        """Send an ``act`` event of a piece of the page; what the pieces are then, by ``elem_id``."""
        return self.fire(elem_id, "act", data)

    def fire(self, elem_id: str, event: str, data: Any = None, inputs: Sequence[Any] = ()) -> dict[str, Any]:
        """Send any event and wait for its answer."""
        return self.hear(elem_id, event, self.send(elem_id, event, data, inputs))[0]

    def send(self, elem_id: str, event: str, data: Any = None, inputs: Sequence[Any] = ()) -> httpx.Response:
        """Only send it: what the queue says."""
        part, dependency = self._event(elem_id, event)
        kinds = [self._parts[i]["type"] for i in dependency["inputs"]]
        given = iter(inputs)
        values = [self.session if kind == "browserstate" else next(given, None) for kind in kinds]
        body = {"data": values, "event_data": data, "fn_index": dependency["id"], "trigger_id": part}
        return self.client.post("/gradio_api/queue/join", json={**body, "session_hash": self.name})

    def hear(self, elem_id: str, event: str, *sent: httpx.Response) -> list[dict[str, Any]]:
        """Wait for the answers to what was sent, in that order. The stream is read to its end, which
        comes with the last answer: who leaves before has the queue forget what is sent next."""
        names = [
            self._parts[i]["props"].get("elem_id") or self._parts[i]["type"]
            for i in self._event(elem_id, event)[1]["outputs"]
        ]
        wanted = [answer.raise_for_status().json()["event_id"] for answer in sent]
        heard: dict[str, dict[str, Any]] = {}
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.name}) as lines:
            for line in lines.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed":
                    assert said["success"], said
                    heard[said["event_id"]] = dict(zip(names, said["output"]["data"], strict=True))
        return [heard[event_id] for event_id in wanted]

    def _event(self, elem_id: str, event: str) -> tuple[int, dict[str, Any]]:
        """The piece of the page, and what happens when that happens to it."""
        part = next(i for i, part in self._parts.items() if part["props"].get("elem_id") == elem_id)
        return part, next(d for d in self._events if [part, event] in map(list, d["targets"]))
