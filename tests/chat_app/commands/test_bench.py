"""The bench says what is wrong instead of falling over it."""

import subprocess
import sys

import pytest

from chat_app.commands import bench, bench_votes
from recsys.errors import TillerError
from recsys.settings import Settings


def test_an_app_that_does_not_start_is_quoted(monkeypatch):
    dying = [sys.executable, "-c", "import sys; sys.exit('no room')"]
    start = subprocess.Popen
    monkeypatch.setattr(bench.subprocess, "Popen", lambda command, **options: start(dying, **options))
    with pytest.raises(RuntimeError, match="no room"):
        bench._served(Settings(), [["five comedies"]])


def test_messages_that_lead_to_no_list_are_refused():
    with pytest.raises(TillerError, match="nothing to measure"):
        bench._time_turns(None, [])


def test_a_vote_among_many_is_measured():
    found = bench_votes.bench_votes(400, progress=lambda step: None)
    assert (found.votes, found.timed) == (400, bench_votes.TIMED)
    assert 0 < found.median <= found.p95 and "400 votes" in found.table()
