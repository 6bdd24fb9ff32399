"""The second reader: any chat model that LangChain can reach, with the rules to fall back on."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from chat_app.controller.resolve import Nonsense, read_json, resolve, schema
from chat_app.controller.turn import TurnIntent
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.settings import REPO, Settings
from recsys.titles import display_title

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from chat_app.state import State

log = logging.getLogger(__name__)

PROMPT = Path(REPO) / "prompts" / "read_turn.md"
MOST_VALUES = 60  # facets with more values are not spelled out in the prompt
REFUSED = (400, 404, 422, 501)  # what servers answer that know no JSON schema


class ChatModelError(TillerError):
    """The chat model of the settings cannot be used."""


def with_chat_model(
    rules: Runnable[dict[str, Any], TurnIntent], catalog: Catalog, settings: Settings
) -> Runnable[dict[str, Any], TurnIntent]:
    """The chat model's reading, or the rules' when it fails, is late or talks nonsense.

    Raises :class:`ChatModelError` when the settings name a model that cannot be set up.
    """
    from langchain_core.runnables import RunnableLambda

    reader = ChatReader(chat_model(settings), catalog, settings)

    def by_rules(said: dict[str, Any]) -> TurnIntent:
        trouble = _trouble(said["error"])
        log.warning("The chat model %s; the rules read this message.", trouble)
        turn = rules.invoke({"state": said["state"], "text": said["text"]})
        return turn.model_copy(update={"reader": f"rules (the chat model {trouble})"})

    chat = RunnableLambda(reader.read, name="chat model")
    return chat.with_fallbacks([RunnableLambda(by_rules, name="rules")], exception_key="error")


def chat_model(settings: Settings) -> BaseChatModel:
    """The chat model of the settings; nothing is asked of it yet."""
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {"timeout": settings.chat_timeout, "max_retries": 0}
    name = settings.chat_model or ""
    if settings.chat_base_url:
        options |= {"base_url": settings.chat_base_url, "temperature": 0}
        if ":" not in name:
            options["model_provider"] = "openai"
    if settings.chat_api_key is not None:
        options["api_key"] = settings.chat_api_key.get_secret_value()
    elif settings.chat_base_url:
        options["api_key"] = "none"  # servers of one's own often want no key, the client does
    try:
        return init_chat_model(name, **options)
    except ImportError as error:
        raise ChatModelError(f"The chat model {name} needs another package: {error}") from error
    except Exception as error:
        said = " ".join(str(error).split())
        raise ChatModelError(
            f"The chat model {name!r} cannot be set up ({said}). Check TILLER_CHAT_MODEL."
        ) from error


def ping(settings: Settings) -> None:
    """Ask the chat model for a word; :class:`ChatModelError` when none comes."""
    model = chat_model(settings)
    try:
        _in_time(lambda: model.invoke("Say yes."), settings.chat_timeout)
    except Exception as error:
        raise ChatModelError(f"The chat model {settings.chat_model} {_trouble(error)}.") from error


class ChatReader:
    """Reads turns with a chat model. It returns the *edit* of the turn, not the whole intent: a
    small model that forgets to repeat a control must not thereby drop it."""

    def __init__(self, model: BaseChatModel, catalog: Catalog, settings: Settings) -> None:
        self.catalog = catalog
        self.name = settings.chat_model or ""
        self.timeout = settings.chat_timeout
        self.template = Template(PROMPT.read_text("utf-8"))
        self._plain = model
        self._structured: Runnable[Any, Any] | None = None
        try:
            self._structured = model.with_structured_output(
                schema(catalog), method="json_schema", include_raw=True
            )
        except (NotImplementedError, TypeError, ValueError):
            log.info("%s takes no JSON schema; the prompt alone asks for JSON.", self.name)

    def read(self, said: dict[str, Any]) -> TurnIntent:
        """The turn of ``{"state", "text"}``. Raises whatever goes wrong."""
        messages = [("system", self._prompt(said["state"])), ("human", _fenced(said["text"]))]
        data = _in_time(lambda: self._ask([*messages]), self.timeout)
        turn = resolve(data, self.catalog)
        return turn.model_copy(update={"reader": self.name})

    def _ask(self, messages: list[tuple[str, str]]) -> Any:
        if self._structured is not None:
            try:
                answer = self._structured.invoke(messages)
                parsed = answer["parsed"]
                return parsed if isinstance(parsed, dict) else read_json(_content(answer["raw"]))
            except Exception as error:
                if getattr(error, "status_code", None) not in REFUSED:
                    raise
                self._structured = None  # a server without JSON schemas: the prompt asks for JSON too
        return read_json(_content(self._plain.invoke(messages)))

    def _prompt(self, state: State) -> str:
        rows = self.catalog.rows(state.slate)
        focus = None if state.focus is None else self.catalog.row(state.focus)
        return self.template.substitute(
            self._facts,
            intent=state.intent.model_dump_json(exclude_defaults=True),
            slate=json.dumps([display_title(self.catalog.titles[r]) for r in rows], ensure_ascii=False),
            focus=json.dumps(focus if focus is None else self.catalog.titles[focus], ensure_ascii=False),
        )

    @cached_property
    def _facts(self) -> dict[str, str]:
        """What the prompt says of the catalogue."""
        lines, numbers = [], []
        for name, facet in self.catalog.categorical.items():
            values = ", ".join(facet.values) if len(facet.values) <= MOST_VALUES else "any name"
            lines.append(f"- {name}: {values}")
        for name, column in self.catalog.numeric.items():
            if np.isfinite(column).any():
                numbers.append(f"{name} ({np.nanmin(column):g} to {np.nanmax(column):g})")
        year = self.catalog.numeric.get("year")
        last = int(np.nanmax(year)) if year is not None and np.isfinite(year).any() else None
        recent = f"{last - 9} to {last}" if last else "of what there is"
        return {
            "noun": self.catalog.noun[1],
            "values": "\n".join(lines),
            "numbers": ", ".join(numbers),
            "recent": recent,
        }


def _fenced(text: str) -> str:
    """The message as data: it cannot close its own fence."""
    inside = text.replace("END MESSAGE", "END  MESSAGE")
    return f"BEGIN MESSAGE\n{inside}\nEND MESSAGE"


def _content(message: Any) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") if isinstance(part, dict) else str(part) for part in content)


def _in_time(ask: Any, seconds: float) -> Any:
    """The result, or TimeoutError: a client's own timeout starts anew with every byte."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name="chat model").start()
    return future.result(timeout=seconds)


def _trouble(error: BaseException) -> str:
    """What went wrong, as the end of "the chat model …"."""
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return "did not answer in time"
    if isinstance(error, Nonsense | ValueError):
        return "gave an answer that makes no sense"
    if "Connection" in name:
        return "cannot be reached"
    if status := getattr(error, "status_code", None):
        return f"answered with error {status}"
    return f"failed ({name})"
