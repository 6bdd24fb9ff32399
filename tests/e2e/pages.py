"""What a page does over HTTP, without a browser."""

from __future__ import annotations

import json
import secrets
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

    def fire(self, elem_id: str, event: str, data: Any = None, inputs: list[Any] | None = None) -> dict:
        """Send any event."""
        dependency, answer = self.send(elem_id, event, data, inputs)
        answer.raise_for_status()
        return self.hear(dependency, answer.json()["event_id"])

    def send(
        self, elem_id: str, event: str, data: Any = None, inputs: list[Any] | None = None
    ) -> tuple[dict, httpx.Response]:
        """Only ask; the event and what the queue says."""
        part = next(i for i, part in self._parts.items() if part["props"].get("elem_id") == elem_id)
        dependency = next(d for d in self._events if [part, event] in map(list, d["targets"]))
        kinds = [self._parts[i]["type"] for i in dependency["inputs"]]
        given = iter(inputs or [])
        values = [self.session if kind == "browserstate" else next(given, None) for kind in kinds]
        body = {"data": values, "event_data": data, "fn_index": dependency["id"], "trigger_id": part}
        return dependency, self.client.post(
            "/gradio_api/queue/join", json={**body, "session_hash": self.name}
        )

    def hear(self, dependency: dict, event: str) -> dict[str, Any]:
        """Wait for the answer to an event."""
        names = [self._parts[i]["props"].get("elem_id") or self._parts[i]["type"] for i in dependency["outputs"]]
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.name}) as lines:
            for line in lines.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") == "process_completed" and said["event_id"] == event:
                    assert said["success"], said
                    return dict(zip(names, said["output"]["data"], strict=True))
        raise AssertionError("The answer did not come.")
