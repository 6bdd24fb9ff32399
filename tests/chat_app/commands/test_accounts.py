"""``tiller accounts`` from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from chat_app.accounts import AccountError, Accounts
from chat_app.cli import tiller
from chat_app.store import Store
from recsys.settings import get_settings


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("TILLER_HOME", str(tmp_path))
    monkeypatch.delenv("TILLER_STORE_URL", raising=False)
    get_settings.cache_clear()

    def invoke(*arguments: str, said: str = ""):
        return CliRunner().invoke(tiller, ["accounts", *arguments], input=said)

    yield invoke
    get_settings.cache_clear()


def test_the_life_of_an_account(run, tmp_path):
    assert run("new", "--role", "admin", "Root", said="first password\n").exit_code == 0
    assert run("new", "Ada", said="second password\r\n").exit_code == 0
    assert run("role", "Ada", "annotator").exit_code == 0
    listed = json.loads(run("list", "--json").stdout)
    assert [(a["name"], a["role"]) for a in listed] == [("Ada", "annotator"), ("Root", "admin")]
    assert run("list").stdout == "Ada: annotator\nRoot: admin\n"

    store = Store.open(get_settings())
    accounts = Accounts(store)
    token = accounts.sign_in("Ada", "second password")
    assert run("password", "Ada", said="third password\n").exit_code == 0
    assert accounts.session(token) is None and accounts.sign_in("Ada", "third password")
    assert run("remove", "Ada").exit_code == 0
    assert [account.name for account in accounts.all()] == ["Root"]
    store.close()


def test_a_password_is_never_on_the_command_line(run):
    assert run("new", "Ada", "a password here").exit_code == 2
    assert run("new", "--password", "a password here", "Ada").exit_code == 2


@pytest.mark.parametrize(
    "arguments", [("remove", "Ada"), ("password", "Ada"), ("role", "Ada", "admin"), ("new", "Ada")]
)
def test_what_cannot_be_done_is_an_error(run, arguments):
    assert isinstance(run(*arguments, said="short\n").exception, AccountError)
