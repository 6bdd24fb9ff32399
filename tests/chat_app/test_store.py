"""The store: one suite for every database, and what SQLite may meet in the wild."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from chat_app import migrations
from chat_app.store import ConversationNotFound, Store, StoredTurn, StoreError, conversations, turns
from recsys.settings import Settings
from tests.chat_app.conftest import read_only


def turn(parent=None, text="hello", **values) -> StoredTurn:
    return StoredTurn(uuid.uuid4().hex, parent, text, "{}", "{}", "{}", "2026-01-01", **values)


def add(store, owner="ann", conversation=None, texts=("one", "two")) -> tuple[str, list[StoredTurn]]:
    """A conversation with a line of turns."""
    conversation = conversation or uuid.uuid4().hex
    line: list[StoredTurn] = []
    for text in texts:
        line.append(turn(line[-1].id if line else None, text))
        store.append(
            owner,
            conversation,
            "A title",
            line[-1:],
            line[-1].id,
            line[-1].id,
            "2026" if len(line) == 1 else None,
        )
    return conversation, line


@pytest.fixture
def store(url):
    store = Store(url)
    yield store
    store.close()


class TestEveryDatabase:
    def test_a_conversation_comes_back_as_it_went_in(self, store, url):
        conversation, line = add(store, texts=("ünïcödé 🎬", "two", "three"))
        store.close()
        again = Store(url)
        stored = again.load("ann", conversation)
        again.close()
        assert [t.text for t in stored.line] == ["ünïcödé 🎬", "two", "three"]
        assert stored.line == tuple(line) and stored.at == 3 and stored.title == "A title"

    def test_head_and_tip_are_pointers_and_turns_stay(self, store):
        conversation, line = add(store, texts=("one", "two", "three"))
        store.append("ann", conversation, "A title", [], line[0].id, line[2].id)
        stored = store.load("ann", conversation)
        assert [t.text for t in stored.line] == ["one", "two", "three"] and stored.at == 1
        branch = turn(line[0].id, "other")
        store.append("ann", conversation, "A title", [branch], branch.id, branch.id)
        assert [t.text for t in store.load("ann", conversation).line] == ["one", "other"]
        with store.engine.connect() as db:
            assert db.scalar(sa.select(sa.func.count()).select_from(turns)) == 4
        store.append("ann", conversation, "A title", [], None, branch.id)
        assert store.load("ann", conversation).at == 0

    def test_list_is_the_owners_own_latest_first_with_the_last_text(self, store):
        first, _ = add(store, texts=("a", "b"))
        time.sleep(0.01)
        second, _ = add(store, texts=("c",))
        add(store, "bob", texts=("secret",))
        assert [(s.id, s.last_text) for s in store.list_conversations("ann")] == [(second, "c"), (first, "b")]
        assert store.list_conversations("carol") == []

    def test_an_owner_cannot_touch_anothers(self, store):
        conversation, line = add(store)
        for forbidden in (
            lambda: store.load("bob", conversation),
            lambda: store.position("bob", conversation),
            lambda: store.rename("bob", conversation, "mine"),
            lambda: store.delete("bob", conversation),
            lambda: store.append("bob", conversation, "mine", [turn()], None, None),
        ):
            with pytest.raises(ConversationNotFound):
                forbidden()
        with pytest.raises(StoreError):
            store.append("bob", conversation, "mine", [turn()], None, None, "2026")
        stored = store.load("ann", conversation)
        assert stored.title == "A title" and stored.line == tuple(line)

    def test_rename_and_delete(self, store):
        conversation, _ = add(store)
        kept, _ = add(store)
        store.rename("ann", conversation, "Another; DROP TABLE turns")
        assert store.load("ann", conversation).title == "Another; DROP TABLE turns"
        store.delete("ann", conversation)
        with pytest.raises(ConversationNotFound):
            store.load("ann", conversation)
        with store.engine.connect() as db:
            left = db.scalars(sa.select(turns.c.conversation).distinct()).all()
        assert left == [kept]

    def test_an_append_is_all_or_nothing(self, store):
        conversation, line = add(store)
        _, others = add(store)
        twice = turn(line[-1].id)
        with pytest.raises(StoreError):
            store.append("ann", conversation, "new", [twice, others[0]], twice.id, twice.id)
        stored = store.load("ann", conversation)
        assert stored.line == tuple(line) and stored.title == "A title"

    def test_an_append_can_be_made_again(self, store):
        conversation, line = add(store)
        store.append("ann", conversation, "A title", line, line[-1].id, line[-1].id, "2026")
        assert store.load("ann", conversation).line == tuple(line)
        assert len(store.list_conversations("ann")) == 1

    def test_many_threads(self, store):
        errors: list[Exception] = []

        def work(owner):
            try:
                for _ in range(5):
                    add(store, owner, texts=("a", "b", "c"))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(f"owner {i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        for i in range(8):
            mine = store.list_conversations(f"owner {i}")
            assert len(mine) == 5 and all(store.load(f"owner {i}", s.id).at == 3 for s in mine)

    @pytest.mark.parametrize("version", range(len(migrations.MIGRATIONS)))
    def test_every_earlier_version_is_brought_up_to_date(self, url, version, monkeypatch):
        every = list(migrations.MIGRATIONS)
        monkeypatch.setattr(migrations, "MIGRATIONS", every[:version])
        engine = sa.create_engine(url)
        with engine.begin() as db:
            assert migrations.migrate(db) == [m.__name__ for m in every[:version]]
            if version:
                row = {"id": "old", "owner": "ann", "title": "From before", "created": "1", "updated": "1"}
                db.execute(conversations.insert().values(row))
        engine.dispose()
        monkeypatch.setattr(migrations, "MIGRATIONS", every)
        store = Store(url)
        assert [s.title for s in store.list_conversations("ann")] == ["From before"] * bool(version)
        add(store)
        store.close()

    def test_the_schema_is_the_one_that_is_used(self, store):
        inspector = sa.inspect(store.engine)
        for table in (conversations, turns):
            assert {c["name"] for c in inspector.get_columns(table.name)} == {c.name for c in table.columns}

    def test_a_newer_database_is_refused(self, store, url):
        with store.engine.begin() as db:
            db.execute(migrations.applied.insert().values(name="m999_from_the_future", at="2030"))
        with pytest.raises(StoreError, match="newer version"):
            Store(url)


CRASH = """
import sys, uuid
from chat_app.store import Store, StoredTurn
store, parent, conversation = Store(sys.argv[1]), None, "c" * 32
for i in range(100_000):
    turn = StoredTurn(uuid.uuid4().hex, parent, str(i) * 200, "{}", "{}", "{}", "now")
    store.append("ann", conversation, "t", [turn], turn.id, turn.id, None if i else "now")
    parent = turn.id
    print(i, flush=True)
"""


@pytest.mark.parametrize("after", [1, 17])
def test_what_was_acknowledged_survives_a_kill(tmp_path, after):
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    root = Path(__file__).parents[2]
    child = subprocess.Popen([sys.executable, "-c", CRASH, url], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout is not None
    while int(child.stdout.readline()) < after:
        pass
    child.send_signal(signal.SIGKILL)
    acknowledged = after + len(child.stdout.read().split())
    child.wait()
    store = Store(url)
    stored = store.load("ann", "c" * 32)
    assert acknowledged + 1 <= len(stored.line) <= acknowledged + 2
    assert stored.at == len(stored.line) and stored.line[-1].text == str(stored.at - 1) * 200
    assert not store.notices
    next_turn = turn(stored.line[-1].id)
    store.append("ann", "c" * 32, "t", [next_turn], next_turn.id, next_turn.id)
    store.close()


class TestSqlite:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "store.sqlite"

    def test_write_ahead_log_and_full_synchronisation(self, path):
        store = Store.sqlite(path)
        with store.engine.connect() as db:
            assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        store.close()

    def test_deleted_means_that_no_byte_is_left(self, path):
        store = Store.sqlite(path)
        conversation, _ = add(store, texts=("a very private wish", "another"))
        add(store, texts=("a public one",))
        store.delete("ann", conversation)
        left = b"".join(p.read_bytes() for p in path.parent.glob("store.sqlite*"))
        assert b"private wish" not in left and b"public one" in left
        store.close()

    @pytest.mark.parametrize("damage", ["garbage", "half", "holes"])
    def test_a_damaged_file_is_set_aside_and_kept(self, path, damage):
        store = Store.sqlite(path)
        for _ in range(60):
            add(store, texts=("x" * 2000,))
        store.close()
        whole = path.read_bytes()
        broken = {
            "garbage": b"this is no database" * 100,
            "half": whole[: len(whole) // 2],
            "holes": whole[:8192] + os.urandom(len(whole) - 8192),
        }[damage]
        path.write_bytes(broken)
        store = Store.sqlite(path)
        assert "kept as" in store.notices[0]
        aside = [p for p in path.parent.glob("*.damaged-*") if not p.name.endswith(("-wal", "-shm"))]
        assert [p.read_bytes() for p in aside] == [broken]
        conversation, _ = add(store)
        assert store.load("ann", conversation).at == 2
        store.close()

    def test_an_empty_file_is_a_fresh_store(self, path):
        path.write_bytes(b"")
        store = Store.sqlite(path)
        assert store.notices == () and store.list_conversations("ann") == []
        store.close()

    def test_a_full_disk_is_said_and_nothing_is_lost(self, path):
        store = Store.sqlite(path)
        conversation, line = add(store)
        event.listen(store.engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count=1"))
        store.engine.dispose()
        big = turn(line[-1].id, "x" * 1_000_000)
        with pytest.raises(StoreError, match="disk is full"):
            store.append("ann", conversation, "t", [big], big.id, big.id)
        assert "Free some space" in str(store._plain(OSError("disk I/O error")))
        assert store.load("ann", conversation).line == tuple(line)
        store.close()

    def test_a_lock_held_by_another_program_is_said_in_time(self, path):
        store = Store.sqlite(path)
        event.listen(store.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=50"))
        store.engine.dispose()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="busy"):
            add(store)
        other.execute("ROLLBACK")
        other.close()
        add(store)
        store.close()

    def test_a_directory_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match="cannot be created"):
            Store.open(Settings(home=tmp_path / "file" / "home", _env_file=None))

    def test_a_read_only_directory(self, path):
        Store.sqlite(path).close()
        path.chmod(0o444)
        with read_only(path.parent), pytest.raises(StoreError, match="cannot be written"):
            add(Store.sqlite(path))

    def test_a_read_only_file(self, path):
        Store.sqlite(path).close()
        store = Store(f"sqlite:///file:{path}?mode=ro&uri=true")
        with pytest.raises(StoreError, match="cannot be written"):
            add(store)
        store.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "nosuchdatabase://x/y", "postgresql+psycopg://x:pass@127.0.0.1:1/y"]
)
def test_an_address_that_leads_nowhere_is_one_plain_sentence(url):
    with pytest.raises(StoreError) as error:
        Store(url)
    assert "\n" not in str(error.value) and "pass@" not in str(error.value)
