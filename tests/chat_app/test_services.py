"""Starting: the data directory is one process's own, and every trouble is one plain sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chat_app.services import LOCK, ServicesError, load_services, lock_directory
from chat_app.ui.app import launch_app
from recsys.errors import TillerError
from recsys.settings import Settings
from tests.chat_app.conftest import read_only

HOLD = """
import sys
from pathlib import Path
from chat_app.services import lock_directory
lock = lock_directory(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_directory_is_made_and_taken_once(tmp_path):
    folder = tmp_path / "a" / "b"
    lock = lock_directory(folder)
    with pytest.raises(ServicesError) as error:
        lock_directory(folder)
    assert str(folder) in str(error.value) and "TILLER_HOME" in str(error.value)
    lock.release()
    lock_directory(folder).release()


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path):
    root = Path(__file__).parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(TillerError, match="Another Tiller is using"):
        load_services(Settings(home=tmp_path, _env_file=None))
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    lock_directory(tmp_path).release()


def test_a_directory_that_cannot_be_written(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    with read_only(folder), pytest.raises(ServicesError, match="cannot be written"):
        lock_directory(folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(ServicesError, match="cannot be written"):
        lock_directory(tmp_path / "file")


def test_when_starting_fails_the_directory_is_free_again(tmp_path):
    settings = Settings(home=tmp_path, catalog="no-such-catalogue", _env_file=None)
    with pytest.raises(TillerError):
        load_services(settings)
    assert (tmp_path / LOCK).exists()
    lock_directory(tmp_path).release()


def test_without_an_admin_the_app_is_refused_before_anything_is_loaded(tmp_path):
    told: list[str] = []
    settings = Settings(home=tmp_path, sign_in=True, port=0, _env_file=None)
    with pytest.raises(TillerError, match="no admin yet"):
        launch_app(settings, progress=told.append)
    assert told == []
    lock_directory(tmp_path).release()
