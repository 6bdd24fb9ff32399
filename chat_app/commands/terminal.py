"""The conversation in a terminal (``tiller ask``), and slates as plain text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from recsys.settings import Settings
    from recsys.slate import Slate

OWNER = "terminal"


def converse(settings: Settings, progress: Callable[[str], None]) -> None:
    """Read messages from stdin and answer them until the input ends."""
    from chat_app.conversation import Conversation
    from chat_app.services import load_services

    with load_services(settings, progress=progress) as services:
        conversation = Conversation.new(services, OWNER)
        if sys.stdin.isatty():
            noun = services.catalog.noun[1]
            click.echo(f"Which {noun} are you after? (Ctrl-D ends the conversation.)")
        while (text := _read()) is not None:
            reply = conversation.turn(text)
            click.echo("\n".join((reply.plain, *reply.notices)))
            if reply.slate is not None and reply.slate.items:
                click.echo("\n" + slate_text(reply.slate))
            click.echo()


def slate_text(slate: Slate) -> str:
    """A slate as lines of text: the items with their reasons, then how the controls fared."""
    from recsys.titles import display_title

    lines = []
    for number, item in enumerate(slate.items, 1):
        # what kind of thing it is: the first facet that has values
        kinds = ", ".join(next((v for v in item.facets.values() if isinstance(v, list | tuple) and v), []))
        lines.append(f"{number:>3}. {display_title(item.title)}{'  – ' + kinds if kinds else ''}")
        lines += [f"     {reason}" for reason in item.reasons]
    for row in slate.compliance:
        lines.append(f"  {'✓' if row.met else '✗'} {row.control}: {row.got} of {row.asked}")
    lines += [f"  ! {r.control}: {r.reason}" for r in slate.relaxations]
    return "\n".join(lines)


def _read() -> str | None:
    """The next line, or None at the end of the input."""
    if sys.stdin.isatty():
        try:
            return input("> ")
        except EOFError:
            return None
    line = sys.stdin.buffer.readline()
    return line.decode("utf-8", "replace").rstrip("\r\n") if line else None
