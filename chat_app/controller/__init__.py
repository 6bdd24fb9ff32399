"""The controller: a LangChain runnable from what was said to what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from chat_app.controller.turn import TurnIntent
    from chat_app.state import State
    from recsys.catalog import Catalog
    from recsys.settings import Settings


class Said(TypedDict):
    """What the controller reads: the conversation's state before the message, and the message."""

    state: State
    text: str


def build_controller(catalog: Catalog, settings: Settings) -> Runnable[dict[str, Any], TurnIntent]:
    """The controller for a catalogue: the rules, or a chat model with the rules to fall back on.

    Its input is a :class:`Said`. Raises a :class:`TillerError` when the settings name a chat
    model that cannot be set up.
    """
    from langchain_core.runnables import RunnableLambda

    from chat_app.controller.rules import read_rules
    from chat_app.controller.synonyms import synonyms_path

    reader = read_rules(catalog, synonyms_path(catalog, settings.catalog))
    rules: Runnable[dict[str, Any], TurnIntent] = RunnableLambda(
        lambda said: reader.read(said["state"], said["text"]), name="rules"
    )
    if not settings.chat_model:
        return rules
    from chat_app.controller.chat_model import with_chat_model

    return with_chat_model(rules, catalog, settings)
