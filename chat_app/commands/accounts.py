"""``tiller accounts``: who can sign in, and as what."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from chat_app.commands.common import JSON_OPTION, read_settings, say

if TYPE_CHECKING:
    from chat_app.accounts import Accounts, Role

ROLE = click.Choice(["user", "annotator", "admin"])


@click.group()
def accounts() -> None:
    """Who can sign in to an app started with --sign-in.

    A user has the Chat and the Control Lab, an annotator also Annotate, an admin everything. Passwords
    are asked for on the terminal, or read from standard input.
    """


@accounts.command()
@click.argument("name")
@click.option("--role", type=ROLE, default="user", show_default=True)
def new(name: str, role: Role) -> None:
    """Make an account."""
    with _accounts() as found:
        account = found.new(name, role, _password())
    say(f"{account.name} can sign in, as {role}.")


@accounts.command(name="list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """The accounts and their roles."""
    with _accounts() as found:
        everybody = found.all()
    if as_json:
        click.echo(json.dumps([{"id": a.id, "name": a.name, "role": a.role} for a in everybody]))
        return
    for account in everybody:
        click.echo(f"{account.name}: {account.role}")


@accounts.command()
@click.argument("name")
def password(name: str) -> None:
    """Give an account another password; whoever is signed in with it is signed out."""
    with _accounts() as found:
        found.set_password(name, _password())
    say(f"{name} has a new password.")


@accounts.command()
@click.argument("name")
@click.argument("role", type=ROLE)
def role(name: str, role: Role) -> None:
    """Give an account another role."""
    with _accounts() as found:
        found.set_role(name, role)
    say(f"{name} is {role} now.")


@accounts.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove an account; its conversations and votes stay in the store."""
    with _accounts() as found:
        gone = found.remove(name)
    say(f"{gone.name} can no longer sign in.")


@contextmanager
def _accounts() -> Iterator[Accounts]:
    from chat_app.accounts import Accounts
    from chat_app.store import Store

    store = Store.open(read_settings())
    try:
        yield Accounts(store)
    finally:
        store.close()


def _password() -> str:
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return sys.stdin.readline().rstrip("\r\n")
