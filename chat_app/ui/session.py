"""What the tabs share: who sits at the browser, and pieces of HTML that send events."""

from __future__ import annotations

import re
import secrets
from typing import Any

import gradio as gr

from chat_app.accounts import ALONE, Account
from recsys.errors import TillerError
from recsys.settings import Settings

Session = dict[str, str]
WIRE = "tiller.wire(element, data => trigger('act', data), watch, server, props)"


class NotSignedIn(TillerError):
    """Nobody is signed in, and somebody has to be."""


def person(request: gr.Request, settings: Settings) -> Account:
    """Who asks. With sign-in, whose session it is, whatever the page says; without, the one person
    whose machine it is."""
    if not settings.sign_in:
        return ALONE
    account = getattr(getattr(request.request, "state", None), "account", None)
    if not isinstance(account, Account):
        raise NotSignedIn("Please sign in.")
    return account


def read_session(value: Any, who: Account) -> Session:
    """Who and which conversation, from what the browser sent; new where that makes no sense. An
    account owns what is kept under its id; without sign-in, that is a secret of the browser."""
    value = value if isinstance(value, dict) else {}
    owner, conversation = str(value.get("owner")), str(value.get("conversation"))
    return {
        "owner": who.id or (owner if re.fullmatch(r"[\w-]{43}", owner) else secrets.token_urlsafe(32)),
        "conversation": conversation if re.fullmatch(r"[0-9a-f]{32}", conversation) else "",
    }


def html(elem_id: str, value: str = "", wire: str = WIRE, **kwargs: Any) -> gr.HTML:
    """A piece of the page whose buttons send ``act`` events."""
    return gr.HTML(value, js_on_load=wire, apply_default_css=False, elem_id=elem_id, **kwargs)
