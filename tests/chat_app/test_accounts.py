"""Accounts, signing in, lock-out and sessions, with a clock that the test moves."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from chat_app import accounts as module
from chat_app.accounts import (
    ALONE,
    FREE,
    IDLE,
    LONGEST,
    LONGEST_WAIT,
    ROLES,
    Account,
    AccountError,
    Accounts,
    NotAllowed,
    SignInRefused,
    may,
    require,
    wait_after,
)
from chat_app.store import Store

PASSWORD = "correct horse battery"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


class CountingHasher(PasswordHasher):
    """Cheap, and counts what it verified."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, *args, **kwargs):
        self.verified += 1
        return super().verify(*args, **kwargs)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def accounts(url, clock):
    store = Store(url)
    found = Accounts(store, clock, CountingHasher())
    found.new("Ada", "annotator", PASSWORD)
    yield found
    store.close()


def test_a_hash_made_anew_fits_every_spelling_of_the_password(url, clock):
    store, spelt, composed = Store(url), "cafe\u0301 con \ufb01lm", "caf\u00e9 con film"
    Accounts(store, clock, PasswordHasher(1, 8, 1)).new("Zoe", "user", spelt)
    stronger = Accounts(store, clock, PasswordHasher(2, 8, 1))
    for password in (spelt, spelt, composed):
        assert stronger.session(stronger.sign_in("Zoe", password))
    store.close()


def refused(accounts: Accounts, name: str, password: str) -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        accounts.sign_in(name, password)
    return caught.value


def rows(accounts: Accounts, table: sa.Table) -> list[sa.Row]:
    with accounts.store.reading() as db:
        return list(db.execute(sa.select(table)))


def test_whoever_knows_the_password_gets_a_session_of_their_own(accounts):
    one, two = accounts.sign_in("Ada", PASSWORD), accounts.sign_in("  aDA ", PASSWORD)
    assert one != two
    ada = accounts.session(one)
    assert (ada.name, ada.role) == ("Ada", "annotator") and accounts.session(two) == ada
    accounts.sign_out(one)
    assert accounts.session(one) is None and accounts.session(two) == ada
    assert accounts.session("") is None and accounts.session("x" * 43) is None


def test_nobody_can_sign_in_with_what_is_in_the_store(accounts):
    token = accounts.sign_in("Ada", PASSWORD)
    [account], [session] = rows(accounts, module.accounts), rows(accounts, module.sessions)
    assert account.password.startswith("$argon2id$") and PASSWORD not in str(account)
    assert token not in str(session) and accounts.session(session.token) is None
    refused(accounts, "Ada", account.password)
    refused(accounts, PASSWORD, "typed into the wrong field")
    assert PASSWORD not in str(rows(accounts, module.attempts))


def test_a_name_that_nobody_has_gets_the_same_answer_for_the_same_work(accounts):
    said = {}
    for name in ("Ada", "Nobody"):
        before, answers = accounts._hasher.verified, []
        for _ in range(FREE + 2):
            error = refused(accounts, name, "not the password")
            answers.append((str(error), error.wait, accounts._hasher.verified - before))
        said[name] = answers
    assert said["Ada"] == said["Nobody"]
    assert [wait > 0 for _, wait, _ in said["Ada"]] == [False] * FREE + [True] * 2
    assert said["Ada"][-1][2] == FREE  # who is locked out is told so without looking at the password


def test_the_lock_out_grows_holds_against_the_right_password_and_ends(accounts, clock):
    waits = []
    for _ in range(FREE - 1):
        refused(accounts, "Ada", "wrong")
    for _ in range(4):
        refused(accounts, "Ada", "wrong")
        error = refused(accounts, "Ada", PASSWORD)
        waits.append(error.wait)
        clock.at += error.wait - 0.001
        assert refused(accounts, "Ada", PASSWORD).wait > 0
        clock.at += 0.001
    assert waits == [30.0, 60.0, 120.0, 240.0]
    token = accounts.sign_in("Ada", PASSWORD)
    assert accounts.session(token) and rows(accounts, module.attempts) == []


def test_failures_are_forgotten_after_a_day_and_a_clock_set_back_locks_nobody_out(accounts, clock):
    for _ in range(FREE):
        refused(accounts, "Ada", "wrong")
    clock.at -= 100 * LONGEST_WAIT
    assert accounts.sign_in("Ada", PASSWORD)
    for _ in range(FREE - 1):
        refused(accounts, "Ada", "wrong")
    clock.at += module.DAY + 1
    assert refused(accounts, "Ada", "wrong").wait == 0
    assert [row.failures for row in rows(accounts, module.attempts)] == [1]


@given(st.integers(0, 10_000))
def test_waits_only_grow_up_to_the_longest(failures):
    assert wait_after(failures) <= wait_after(failures + 1) <= LONGEST_WAIT
    assert (wait_after(failures) == 0) == (failures < FREE)


def test_many_attempts_at_once_are_no_way_around_the_limit(accounts):
    said: list[float] = []

    def attempt() -> None:
        said.append(refused(accounts, "Ada", "wrong").wait)

    threads = [threading.Thread(target=attempt) for _ in range(4 * FREE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait == 0 for wait in said) == FREE == accounts._hasher.verified


def test_a_session_ends_when_it_is_not_used_and_in_any_case(accounts, clock):
    unused, used = accounts.sign_in("Ada", PASSWORD), accounts.sign_in("Ada", PASSWORD)
    began = clock.at
    while clock.at + IDLE / 2 < began + LONGEST:
        assert accounts.session(used)
        clock.at += IDLE / 2
    assert accounts.session(unused) is None and accounts.session(used)
    clock.at = began + LONGEST
    assert accounts.session(used) is None
    accounts.sign_in("Ada", PASSWORD)
    clock.at += IDLE
    accounts.sign_in("Ada", PASSWORD)
    assert len(rows(accounts, module.sessions)) == 2  # what is over goes with the next sign-in


def test_another_password_and_removal_end_every_session(accounts):
    token = accounts.sign_in("Ada", PASSWORD)
    for _ in range(FREE):
        refused(accounts, "Ada", "wrong")
    accounts.set_password("ada", "another password")
    assert accounts.session(token) is None
    refused(accounts, "Ada", PASSWORD)
    token = accounts.sign_in("Ada", "another password")
    gone = accounts.remove("ADA")
    assert accounts.session(token) is None and accounts.all() == []
    refused(accounts, "Ada", "another password")
    refused(accounts, "Ada", "")
    new = accounts.new("Ada", "user", PASSWORD)
    assert new.id != gone.id and accounts.names() == {gone.id: "Ada", new.id: "Ada"}


def test_a_role_counts_from_the_next_request_on(accounts):
    token = accounts.sign_in("Ada", PASSWORD)
    accounts.set_role("Ada", "user")
    assert accounts.session(token).role == "user"


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("ada", PASSWORD, "already"),
        ("  ", PASSWORD, "A name has"),
        ("x" * 61, PASSWORD, "A name has"),
        ("a\x00b", PASSWORD, "A name has"),
        ("Bob", "short", "A password has 10"),
        ("Bob", "x" * 1001, "A password has 10"),
    ],
)
def test_what_makes_no_account_is_said_in_one_sentence(accounts, name, password, words):
    with pytest.raises(AccountError, match=words):
        accounts.new(name, "user", password)
    assert len(accounts.all()) == 1


def test_there_has_to_be_an_admin(accounts):
    with pytest.raises(AccountError, match="--role admin"):
        accounts.check_admin()
    accounts.new("Root", "admin", PASSWORD)
    accounts.check_admin()
    with pytest.raises(AccountError, match="no account"):
        accounts.remove("Nobody")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_the_ones_before_it_may(role):
    who = Account("1", "A", role)
    assert [may(who, wanted) for wanted in ROLES] == [ROLES.index(w) <= ROLES.index(role) for w in ROLES]
    for wanted in ROLES:
        if may(who, wanted):
            require(who, wanted)
            require(ALONE, wanted)
        else:
            with pytest.raises(NotAllowed, match=f"for {wanted}s"):
                require(who, wanted)
