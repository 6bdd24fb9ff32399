"""What the tabs share: who sits at the browser, and pieces of HTML that send events."""

from __future__ import annotations

import re
import secrets
from typing import Any

import gradio as gr

Session = dict[str, str]
WIRE = "tiller.wire(element, data => trigger('act', data), watch, server, props)"


def read_session(value: Any) -> Session:
    """Who and which conversation, from what the browser sent; new where that makes no sense."""
    value = value if isinstance(value, dict) else {}
    owner, conversation = str(value.get("owner")), str(value.get("conversation"))
    return {
        "owner": owner if re.fullmatch(r"[\w-]{43}", owner) else secrets.token_urlsafe(32),
        "conversation": conversation if re.fullmatch(r"[0-9a-f]{32}", conversation) else "",
    }


def html(elem_id: str, value: str = "", wire: str = WIRE, **kwargs: Any) -> gr.HTML:
    """A piece of the page whose buttons send ``act`` events."""
    return gr.HTML(value, js_on_load=wire, apply_default_css=False, elem_id=elem_id, **kwargs)
