"""The app's named endpoints: for ``gradio_client``, plain HTTP, and as MCP tools.

Gradio makes the descriptions from the docstrings, in which a parameter or a result is one
line; the schemas of structured values come from the pydantic models themselves.
(No ``from __future__ import annotations`` here: Gradio reads the return annotations as types.)
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import gradio as gr
from pydantic import BaseModel, ValidationError

from chat_app.accounts import Account
from chat_app.controller.turn import Act, Event, TurnIntent
from chat_app.conversation import Conversation
from chat_app.state import State
from chat_app.ui.limits import Limits, Refused
from chat_app.ui.session import person
from chat_app.ui.turns import Desk, TurnFailed, plain_sentence
from recsys.constraints import find_title
from recsys.controls import MAX_COUNT, ControlIntent
from recsys.profile import Profile
from recsys.slate import Slate

if TYPE_CHECKING:
    from chat_app.services import Services

# a conversation and the secret that opens it; with sign-in, it opens to its account alone
HANDLE = re.compile(r"([0-9a-f]{32})(?:\.([\w-]{43}))?")
MOST_TITLES = 500


class ParsedTurn(BaseModel):
    """How one message was read."""

    act: Act
    events: list[Event]
    intent: ControlIntent


class TurnAnswer(BaseModel):
    """The answer to one message of a conversation."""

    conversation: str
    text: str
    act: Act
    events: list[Event]
    intent: ControlIntent
    slate: Slate | None
    suggestions: list[str]


def add_endpoints(services: "Services", limits: Limits, desk: Desk) -> None:
    """Offer ``recommend``, ``parse`` and ``turn``; called within ``gr.Blocks``."""
    catalog = services.catalog

    def check(caller: gr.Request, text: str) -> Account:
        with _plain_errors():
            who = person(caller, services.settings)
            _check(limits, caller, who, text)
            return who

    def read(text: str, state: State) -> tuple[TurnIntent, State]:
        turn = services.controller.invoke({"state": state, "text": text})
        return turn, state.apply(turn)

    def recommend(
        caller: gr.Request,
        request: str = "",
        like: list[str] | None = None,
        intent: dict | None = None,
        count: int | None = None,
        decoding: Literal["guarded", "free"] = "guarded",
    ) -> dict:
        """
        Recommend a list of items from the catalogue, from a request in plain words, from
        structured controls, or both. Every control is met whenever the catalogue allows it; what
        gave way is named in "relaxations", and "compliance" holds the list against each control.

        Parameters:
            request: what is wanted, in plain words: "ten, half of them comedies, nothing from before 1990"
            like: titles that the person likes; they shape the list and are not listed themselves
            intent: structured controls (a ControlIntent); the request is added to them
            count: how many items, 1 to 200; without it what the request or the intent says, else 5
            decoding: "guarded" keeps every control while the list is made, "free" does not
        Returns:
            a Slate: items with facets and reasons, compliance, relaxations, funnel, timings, model
        """
        titles = like or []
        check(caller, " ".join((request, *titles)))
        with _plain_errors():
            profile = Profile()
            for title in titles[:MOST_TITLES]:
                profile = profile.add("liked", catalog.ids[find_title(catalog, title)])
            state = State(profile=profile, intent=_intent(intent))
            if request.strip():
                state = read(request, state)[1]
            wanted = state.intent
            if count is not None:
                wanted = _validated(ControlIntent, {**wanted.model_dump(), "count": count})
            services.follow_promotion()
            return _json(services.recommender.recommend(state.profile, wanted, decoding=decoding))

    def parse(caller: gr.Request, text: str, intent: dict | None = None) -> dict:
        """
        Read one message as structured controls, without recommending anything.

        Parameters:
            text: one message of a person, such as "actually, older ones, and no horror"
            intent: the ControlIntent in force before the message; none for a first message
        Returns:
            the act, the events (liked, disliked, seen), and the ControlIntent in force afterwards
        """
        check(caller, text)
        with _plain_errors():
            turn, state = read(text, State(intent=_intent(intent)))
            return _json(ParsedTurn(act=turn.act, events=list(turn.events), intent=state.intent))

    def turn(caller: gr.Request, text: str, conversation: str = "") -> dict:
        """
        Send one message of a conversation and get the answer. The first message starts the
        conversation; every answer names it under "conversation", to be given with the next message.

        Parameters:
            text: the message, in plain words
            conversation: what the previous answer said under "conversation"; empty to start a new one
        Returns:
            conversation, answer in Markdown, act, events, intent in force, Slate or null, suggestions
        """
        who = check(caller, text)
        with _plain_errors():
            talk = _open(desk, who, conversation)
            under_way = desk.start(talk, lambda c, progress: c.turn(text, progress))
            for _ in under_way.steps():
                pass
            reply = under_way.reply
            assert reply is not None
            return _json(
                TurnAnswer(
                    conversation=talk.id if who.id else f"{talk.id}.{talk.owner}",
                    text=reply.text,
                    act=reply.turn.act,
                    events=list(reply.turn.events),
                    intent=reply.state.intent,
                    slate=reply.slate,
                    suggestions=list(reply.suggestions),
                )
            )

    number = {"type": "integer", "minimum": 1, "maximum": MAX_COUNT}
    _publish(recommend, Slate, intent=schema(ControlIntent), count=number)
    _publish(parse, ParsedTurn, intent=schema(ControlIntent))
    _publish(turn, TurnAnswer)


def answer_in_json(blocks: gr.Blocks) -> None:
    """Make the MCP tools of a launched app answer in JSON; Gradio itself writes Python's ``repr``."""
    from mcp.types import TextContent

    def as_json(data: list[Any], root_url: str) -> list[TextContent]:
        return [TextContent(type="text", text=json.dumps(output, ensure_ascii=False)) for output in data]

    if (server := getattr(blocks, "mcp_server_obj", None)) is not None:
        server.postprocess_output_data = as_json


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model in one piece, without references."""
    whole = model.model_json_schema(mode="validation")
    parts = whole.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return inline(parts[node["$ref"].rpartition("/")[2]])
            # Gradio's own reader of schemas knows no "additionalProperties": false
            return {key: inline(value) for key, value in node.items() if not isinstance(value, bool)}
        return [inline(value) for value in node] if isinstance(node, list) else node

    return inline(whole)


def _publish(fn: Callable[..., dict], result: type[BaseModel], **inputs: dict[str, Any]) -> None:
    """Offer a function under its own name, with the given schemas in place of ``dict``."""
    endpoint = gr.api(fn, api_name=fn.__name__, concurrency_limit=None)
    blocks = gr.context.Context.root_block
    assert blocks is not None
    block_fn = blocks.fns[endpoint["id"]]
    names = [name for name in _parameters(fn) if name != "caller"]
    for name, component in zip(names, block_fn.inputs, strict=True):
        if name in inputs:
            _set_schema(component, {"anyOf": [inputs[name], {"type": "null"}]})
    _set_schema(block_fn.outputs[0], schema(result))


def _set_schema(component: Any, value: dict[str, Any]) -> None:
    component._api_info = value  # gr.api knows types only, not pydantic's schemas


def _parameters(fn: Callable[..., Any]) -> tuple[str, ...]:
    return fn.__code__.co_varnames[: fn.__code__.co_argcount]


def _open(desk: Desk, who: Account, handle: str) -> Conversation:
    """The conversation of a handle; a new one for ""."""
    if not handle:
        return desk.new(who.id or secrets.token_urlsafe(32))
    match = HANDLE.fullmatch(handle)
    owner = who.id or (match[2] if match else None)
    if match is None or not owner:
        raise Refused(
            "That is no conversation: give what the last answer said under “conversation”, or nothing."
        )
    return desk.load(owner, match[1])


def _check(limits: Limits, caller: gr.Request, who: Account, text: str) -> None:
    """Length and rate; callers without account and session are told apart by their address."""
    address = caller.client.host if caller.client else ""
    limits.check(who.id or caller.session_hash or address, text)


def _intent(value: dict | None) -> ControlIntent:
    return _validated(ControlIntent, value or {})


def _validated(model: type[ControlIntent], value: dict) -> ControlIntent:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "intent"
        raise Refused(f"The controls are not valid: {where}: {first['msg']}.") from None


def _json(value: BaseModel) -> dict:
    return value.model_dump(mode="json")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Every error reaches the caller as one plain sentence."""
    try:
        yield
    except TurnFailed as error:
        raise gr.Error(str(error), print_exception=False) from None
    except Exception as error:
        raise gr.Error(plain_sentence(error), print_exception=False) from None
