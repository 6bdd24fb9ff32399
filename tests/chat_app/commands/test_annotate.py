"""Projects from the command line."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from chat_app.annotation.votes import Votes
from chat_app.commands import annotate
from recsys.errors import TillerError


@pytest.fixture
def run(services, monkeypatch):
    """Runs a command on the services of the test; its result."""

    @contextmanager
    def load_services(settings, progress=None):
        yield services

    monkeypatch.setattr("chat_app.services.load_services", load_services)
    monkeypatch.setattr(annotate, "read_settings", lambda: services.settings)
    return lambda *arguments: CliRunner().invoke(annotate.annotate, arguments)


def new(run, *more, name="Which?"):
    return run("new", name, "--pair", "als,popularity:free", "--count", "4", *more)


def test_a_project_is_made_listed_and_revised(run, services, tmp_path):
    requests, guidelines = tmp_path / "requests.txt", tmp_path / "guidelines.md"
    requests.write_text("genre Comedy\n\ngenre Drama\n")
    guidelines.write_text("Be fair.")
    how = ("--overlap", "2", "--daily-cap", "9", "--checks", "0.25", "--sampling", "informative")
    made = new(run, *how, "--requests", str(requests), "--guidelines", str(guidelines))
    assert made.exit_code == 0, made.output
    [project] = Votes(services.store).projects.all()
    plan = project.plan.model_dump(mode="json")
    assert plan == {
        "pairs": [[{"ranker": "als", "decoding": "guarded"}, {"ranker": "popularity", "decoding": "free"}]],
        "source": "data",
        "sampling": "informative",
        "overlap": 2,
        "daily_cap": 9,
        "checks": 0.25,
        "count": 4,
        "seed": 0,
    }
    assert "Which?: 0 of 8 votes; guidelines 1" in run("list").output
    [listed] = json.loads(run("list", "--json").stdout)
    assert listed["plan"] == plan and (listed["votes"], listed["places"]) == (0, 8)
    guidelines.write_text("Be fairer.")
    assert run("guidelines", "Which?", str(guidelines)).exit_code == 0
    assert Votes(services.store).projects.get(project.id).guidelines == "Be fairer."
    with pytest.raises(TillerError, match="already"):
        raise new(run).exception


@pytest.mark.parametrize(
    ("pair", "says"),
    [("als", "two different"), ("als,als", "two different"), ("als,", "two different"), ("a,b,c", "two")],
)
def test_a_pair_is_two_rankers(run, pair, says):
    result = run("new", "Which?", "--pair", pair)
    assert result.exit_code == 2 and says in result.output


def test_names_that_are_not_there(run, tmp_path):
    with pytest.raises(TillerError, match="no model “nothing”"):
        raise run("new", "Which?", "--pair", "als,nothing").exception
    (tmp_path / "text").write_text("x")
    with pytest.raises(TillerError, match="there is none yet"):
        raise run("guidelines", "nothing", str(tmp_path / "text")).exception
    assert json.loads(run("list", "--json").stdout) == []


def test_a_request_file_without_requests_is_refused(run, tmp_path):
    (tmp_path / "requests.txt").write_text("\n \n")
    result = new(run, "--requests", str(tmp_path / "requests.txt"))
    assert result.exit_code == 2 and "no requests" in result.output
