"""The command line, as a person or a script meets it: real processes. What needs none is in ``commands``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.controls import ControlIntent
from recsys.slate import Slate


@pytest.fixture(scope="module")
def tiller(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")

    def run(*arguments, stdin=b"", **env):
        return subprocess.run(
            [sys.executable, "-m", "chat_app.cli", *arguments],
            input=stdin,
            capture_output=True,
            timeout=300,
            env={**os.environ, "TILLER_HOME": str(home), "TILLER_MODEL": "als", **env},
        )

    return run


def one_line(result) -> str:
    """The error, which must be a single line without a traceback."""
    [line] = [line for line in result.stderr.decode().splitlines() if line.startswith("tiller:")]
    assert "Traceback" not in result.stderr.decode()
    return line


def test_help_imports_nothing_heavy():
    code = (
        "import sys, chat_app.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch','gradio','chromadb','langchain','numpy','pandas'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
    assert "recommend" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "No such command"),
        (["recommend", "--count", "0"], "not in the range"),
        (["recommend", "--decoding", "magic"], "magic"),
        (["recommend", "--intent", "/no/such/file"], "/no/such/file"),
        (["recommend", "--request", "a", "--intent", os.devnull], "not both"),
        (["align", "dpo"], "--preferences"),
        (["align", "dpo", "--preferences", "x.jsonl", "--parent", "nobody"], "tiller align sft"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(tiller, arguments, says):
    result = tiller(*arguments)
    assert result.returncode == 2
    assert says in one_line(result)
    assert result.stdout == b""


@pytest.mark.parametrize(
    ("intent", "says"),
    [
        ("not json", "is no ControlIntent"),
        ('{"count": 0}', "count"),
        ('{"require": [{"facet": "genre", "any_of": ["Comdey"]}]}', "Did you mean Comedy"),
        ('{"like": ["Qwertyuiop Zxcvb"]}', "no film called"),
        (b"\x00\xfa\xff", "is no ControlIntent"),
    ],
)
def test_a_wrong_intent_file_is_named(tiller, tmp_path, intent, says):
    file = tmp_path / "intent.json"
    file.write_bytes(intent if isinstance(intent, bytes) else intent.encode())
    result = tiller("recommend", "--json", "--intent", str(file))
    assert result.returncode == 1
    assert says in one_line(result)


def test_parse_reads_a_conversation_line_by_line(tiller):
    lines = "five thrillers from the 90s\nno horror\nundo\n\n\xff\xfe\nstart over\n"
    result = tiller("parse", "--json", stdin=lines.encode("latin-1"))
    assert result.returncode == 0, result.stderr
    turns = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(turn) for turn in turns] == [{"act", "events", "intent"}] * 6
    intents = [ControlIntent.model_validate(turn["intent"]) for turn in turns]
    assert intents[0].count == 5
    assert intents[1].exclude and not intents[2].exclude
    assert intents[2] == intents[3] == intents[4] == intents[0]
    assert intents[5] == ControlIntent()


def test_recommend_prints_a_slate(tiller):
    result = tiller(
        "recommend",
        "--json",
        "--like",
        "heat",
        "--like",
        "Matrix",
        "--request",
        "6 films, half comedies, no horror",
    )
    assert result.returncode == 0, result.stderr
    slate = Slate.model_validate_json(result.stdout)
    assert len(slate.items) == 6
    assert 2 <= sum("Comedy" in item.facets["genre"] for item in slate.items) <= 4
    assert not any("Horror" in item.facets["genre"] for item in slate.items)
    assert not {"Heat (1995)", "Matrix, The (1999)"} & {item.title for item in slate.items}
    assert slate.relaxations == () and slate.decoding == "guarded"


def test_recommend_for_a_person_in_the_data_and_for_nobody(tiller):
    assert tiller("recommend", "--json", "--user", "1").returncode == 0
    result = tiller("recommend", "--json", "--user", "no such person")
    assert result.returncode == 1
    assert "no such person" in one_line(result)


def test_what_cannot_be_read_changes_nothing(tiller):
    lines = [b"five comedies", b"", b"\x00\x01\x02\x03\x04", b"x" * 100_000]
    result = tiller("parse", "--json", stdin=b"\n".join(lines) + b"\n")
    turns = [json.loads(line) for line in result.stdout.splitlines()]
    assert [turn["act"] for turn in turns] == ["recommend", *["unclear"] * 3]
    assert all(turn["intent"] == turns[0]["intent"] for turn in turns)
    refused = tiller("recommend", "--request", "x" * 100_000)
    assert refused.returncode == 2 and "100,000 characters" in one_line(refused)


def test_a_wrong_setting_is_named(tiller):
    result = tiller("doctor", TILLER_PORT="abc")
    assert result.returncode == 2
    assert "TILLER_PORT is 'abc'" in one_line(result)


def test_other_catalogues_are_listed_by_their_own_facets(tiller):
    games = {"TILLER_CATALOG": str(Path(__file__).parents[1] / "data" / "board-games")}
    result = tiller("ask", stdin=b"three cooperative games\n", **games)
    assert b" \xe2\x80\x93 Cooperative" in result.stdout, result.stderr
    assert b"film" not in result.stdout.lower()


def test_ask_answers_until_the_input_ends(tiller):
    result = tiller("ask", stdin=b"three westerns\nmore\nthanks\n")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(b"  3. ") == 2


def test_doctor_finds_everything_here(tiller):
    result = tiller("doctor")
    assert result.returncode == 0 and b"FAIL" not in result.stdout, result.stdout
