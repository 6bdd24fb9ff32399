"""Exports: the votes that are in them, and those that must never be."""

from __future__ import annotations

import json
import random
import re
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from alignment.preferences import Pair, PreferenceError, Single, read_pairs
from chat_app import cli
from chat_app.annotation.exports import Filters, export_preferences, export_zip, verdict
from chat_app.annotation.projects import ProjectError
from chat_app.annotation.votes import Vote, Votes
from chat_app.commands import export as command
from chat_app.store import Store
from recsys.settings import Settings
from tests.chat_app.conftest import read_only
from tests.chat_app.made_votes import TOYS, check, comparison, project, say, vote
from tests.recsys.made_use import made_dataset

FIRST, SECOND = (1000, 1002), (1004, 1006)
TIMES = [1_760_000_000 + 86_400 * day for day in range(10)]  # from 2025-10-09 on


@pytest.fixture
def votes(tmp_path):
    clock = {"now": TIMES[0]}

    def tick() -> float:
        clock["now"] += 1
        return clock["now"]

    kept = Votes(Store.sqlite(tmp_path / "store.sqlite"), tick)
    kept.clock = clock  # type: ignore[attr-defined]
    yield kept
    kept.store.close()


def exported(votes: Votes, path: Path, **filters) -> list[Pair]:
    made = export_preferences(votes.store, TOYS, path, filters=Filters(**filters))
    pairs, bad = read_pairs(path, TOYS)
    assert bad == [] and made.rows == len(pairs)
    return pairs


def test_what_the_majority_chose_goes_out_and_comes_back(votes, tmp_path):
    pid = project(votes, [comparison(0), comparison(1)], overlap=3)
    for who, said in {
        "ann": ("first", "second"),
        "bob": ("first", "second"),
        "cid": ("tie", "second"),
    }.items():
        vote(votes, pid, who, *said, strength=len(who) if "tie" not in said else None, reasons=("novelty",))
    pairs = exported(votes, tmp_path / "p.jsonl")
    by = {pair.chosen_items: pair for pair in pairs}
    assert by.keys() == {FIRST, SECOND}
    one = by[FIRST]
    assert one.rejected_items == SECOND and one.agreement == pytest.approx(2 / 3) and one.strength == 3
    assert one.reasons == ("novelty",) and one.project == "Which?" and one.source == "annotation"
    assert one.context.request == "blue toys" and one.context.profile == ((1008, "liked"),)
    assert one.created and one.created.isoformat().startswith("2025-10-09") and by[SECOND].agreement == 1
    assert exported(votes, tmp_path / "q.jsonl", agreement=0.9) == [by[SECOND]]


def test_neither_superseded_nor_known_nor_tied_votes_are_ever_in_it(votes, tmp_path):
    """Whatever people do, each exported pair is the majority of the votes that stand."""
    draw = random.Random(5)
    made = [comparison(n, id=f"{n:032}") for n in range(12)]
    made += [comparison(99, known="first", rows=((8, 10), (9, 11)), id="c" * 32)]
    pid = project(votes, made, overlap=3)
    for who in ("ann", "bob", "cid"):
        vote(votes, pid, who, *draw.choices(("first", "second", "tie", "bad"), k=12))
        check(votes, pid, "c" * 32, who, "A", seed=2)
        for n in draw.sample(range(12), 5):
            say(votes, who, votes.reopen(who, f"{n:032}"), draw.choice(("first", "second", "tie")))
    record = [entry for entry in votes.record(pid) if entry[2] is None and entry[1].known is None]
    expected = {"ties": 0, "first": 0, "second": 0}
    for n in range(12):
        said = [v.winner or "tie" for v, about, _ in record if about.rank == n]
        assert len(said) == 3
        most = max(set(said), key=said.count)
        expected["ties" if said.count(most) < 2 or most == "tie" else most] += 1
    path = tmp_path / "p.jsonl"
    export = export_preferences(votes.store, TOYS, path)
    pairs = read_pairs(path, TOYS)[0]
    assert not {1008, 1010} & {item for pair in pairs for item in (*pair.chosen_items, *pair.rejected_items)}
    assert sum(pair.chosen_items == FIRST for pair in pairs) == expected["first"]
    assert sum(pair.chosen_items == SECOND for pair in pairs) == expected["second"]
    assert export.ties == expected["ties"] and len(pairs) == 12 - export.ties


@pytest.mark.parametrize(
    ("said", "winner", "share"),
    [
        (["first"], "first", 1),
        (["first", "second"], None, 0.5),
        (["first", "tie"], None, 0.5),
        (["first", "first", "second"], "first", 2 / 3),
        (["tie", "tie", "second"], None, 2 / 3),
        (["bad", "bad", "second"], "bad", 2 / 3),
        (["first", "first", "tie", "bad", "second"], None, 2 / 5),
    ],
)
def test_more_than_half_decide(said, winner, share):
    def given(what: str) -> Vote:
        choice = {"first": "A", "second": "B"}.get(what, what)
        return Vote(1, "", "", "", "", choice, None, (), "", None, 0, 1, None, "")  # type: ignore[arg-type]

    assert verdict([given(what) for what in said]) == (winner, pytest.approx(share))


def test_single_lists_are_good_or_not(votes, tmp_path):
    pid = project(votes, [comparison(n) for n in range(3)])
    vote(votes, pid, "ann", "second", "bad", "tie")
    path = tmp_path / "kto.jsonl"
    export_preferences(votes.store, TOYS, path, "single", "token")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    singles = [Single.model_validate(row) for row in rows]
    assert sorted((s.items, s.label) for s in singles) == [
        (FIRST, False),
        (FIRST, False),
        (SECOND, False),
        (SECOND, True),
    ]
    assert rows[0]["completion"][0]["content"].startswith("<|item_")


def test_filters_by_project_source_and_day(votes, tmp_path):
    for name, day in (("Old", 0), ("New", 4)):
        votes.clock["now"] = TIMES[day]
        pid = project(votes, [comparison(0)], name=name)
        vote(votes, pid, "ann", "first")
    path = tmp_path / "p.jsonl"
    assert {p.project for p in exported(votes, path)} == {"Old", "New"}
    assert [p.project for p in exported(votes, path, project="Old")] == ["Old"]
    assert [p.project for p in exported(votes, path, since=date(2025, 10, 13))] == ["New"]
    assert [p.project for p in exported(votes, path, until=date(2025, 10, 9))] == ["Old"]
    kept = path.read_bytes()
    for nothing in ({"source": "chat"}, {"agreement": 0.5, "until": date(2020, 1, 1)}):
        with pytest.raises(PreferenceError, match="nothing that fits these filters"):
            exported(votes, path, **nothing)
    with pytest.raises(ProjectError, match="Old"):
        exported(votes, path, project="None")
    assert path.read_bytes() == kept


def test_the_card_beside_it_says_what_it_is(votes, tmp_path):
    pid = project(votes, [comparison(n) for n in range(3)])
    vote(votes, pid, "ann", "first", "tie", "second", comment="private words")
    made = export_preferences(votes.store, TOYS, tmp_path / "p.jsonl", filters=Filters(project="Which?"))
    card = made.card.read_text()
    assert made.card.name == "p.jsonl.md" and made.ties == 1
    for told in ("| rows | 2 |", "| ties, not in here | 1 |", "| filter: project | Which? |", "Which? 2"):
        assert told in card
    both = card + made.path.read_text()
    assert "private" not in both and '"ann"' not in both


def test_lists_that_cannot_be_told_are_counted(votes, tmp_path):
    strange = comparison(1, rows=((0, 2), (3,)))
    strange.second["items"][0]["id"] = 77  # an item that the catalogue lacks by now
    pid = project(votes, [comparison(0, rows=((0, 2), ())), strange, comparison(2)])
    vote(votes, pid, "ann", "first", "first", "first")
    made = export_preferences(votes.store, TOYS, tmp_path / "p.jsonl")
    assert (made.rows, made.left_out) == (1, 2)
    other = made_dataset(n_items=3).catalog
    kept = made.path.read_bytes()
    with pytest.raises(PreferenceError, match="nothing to write that fits"):
        export_preferences(votes.store, other, tmp_path / "p.jsonl")
    assert made.path.read_bytes() == kept


def test_a_broken_target_is_one_sentence_and_nothing_is_half_written(votes, tmp_path, monkeypatch):
    pid = project(votes, [comparison(0)])
    vote(votes, pid, "ann", "first")
    target = tmp_path / "out"
    target.mkdir()
    (target / "file").write_text("kept")
    for path in (target, target / "file" / "p.jsonl"):
        with pytest.raises(PreferenceError, match=r"cannot be written \(.+\): give another place"):
            export_preferences(votes.store, TOYS, path)
    with read_only(target), pytest.raises(PreferenceError, match="Permission denied"):
        export_preferences(votes.store, TOYS, target / "p.jsonl")
    assert [(p.name, p.read_text()) for p in target.iterdir()] == [("file", "kept")]
    with pytest.raises(PreferenceError, match="No space left"):  # a device that is always full
        export_preferences(votes.store, TOYS, full_disk(target, monkeypatch))
    assert [p.name for p in target.iterdir()] == ["file"]


def full_disk(folder: Path, monkeypatch) -> Path:
    """A target in a folder on which nothing can be written any more."""
    plain = Path.open

    def opened(self, mode="r", *args, **kwargs):
        return plain(
            Path("/dev/full") if "w" in mode and self.parent == folder else self, mode, *args, **kwargs
        )

    monkeypatch.setattr(Path, "open", opened)
    return folder / "p.jsonl"


def test_both_files_in_one_zip_for_the_page(votes, monkeypatch):
    pid = project(votes, [comparison(0)])
    vote(votes, pid, "ann", "first")
    made, packed = export_zip(votes.store, TOYS, "pairs", "title", Filters())
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert archive.namelist() == ["preferences.jsonl", "preferences.jsonl.md"]
        assert Pair.model_validate_json(archive.read("preferences.jsonl")).chosen_items == FIRST
    assert not made.path.exists()
    monkeypatch.setattr("chat_app.annotation.exports.MOST_ZIPPED", 10)
    with pytest.raises(PreferenceError, match="tiller export preferences"):
        export_zip(votes.store, TOYS, "pairs", "title", Filters())


def test_the_command(votes, tmp_path, monkeypatch):
    pid = project(votes, [comparison(0), comparison(1)])
    vote(votes, pid, "ann", "first", "tie")
    monkeypatch.setattr(
        command,
        "read_settings",
        lambda **_: Settings(store_url=f"sqlite:///{tmp_path / 'store.sqlite'}", _env_file=None),
    )
    monkeypatch.setattr("recsys.datasets.load_dataset", lambda name: made_dataset(n_items=12))
    out = tmp_path / "some" / "votes.jsonl"

    def run(*arguments: str):
        return CliRunner().invoke(command.export, ["preferences", "--out", str(out), *arguments])

    result = run("--items", "token", "--from", "2025-10-09", "--to", "2025-10-09")
    assert result.exit_code == 0, result.output
    assert "Wrote 1 rows" in result.output and "1 ties" in result.output
    assert re.search(r"<\|item_\d+\|>", out.read_text()) and out.with_name("votes.jsonl.md").exists()
    assert run("--from", "yesterday").exit_code == 2 and run("--agreement", "2").exit_code == 2
    assert isinstance(run("--project", "none").exception, ProjectError)


def test_the_command_says_in_one_sentence_where_it_cannot_write(votes, tmp_path, monkeypatch, capsys):
    pid = project(votes, [comparison(0)])
    vote(votes, pid, "ann", "first")
    settings = Settings(store_url=f"sqlite:///{tmp_path / 'store.sqlite'}", _env_file=None)
    monkeypatch.setattr(command, "read_settings", lambda **_: settings)
    monkeypatch.setattr("recsys.datasets.load_dataset", lambda name: made_dataset(n_items=12))
    monkeypatch.setattr(cli, "_be_quiet", lambda: None)
    here = tmp_path / "here"
    (here / "p.jsonl.md").mkdir(parents=True)  # in the way of the data card
    (here / "file").write_text("kept")
    for place in (here, here / "file" / "x", here / "file" / "deep" / "x", here / "p.jsonl"):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["export", "preferences", "--out", str(place)])
        out, said = capsys.readouterr()
        assert stopped.value.code == 1 and out == "" and said.count("\n") == 1
        assert said.startswith("tiller: ") and str(place) in said and "ive another place" in said
        assert sorted(p.name for p in here.rglob("*")) == ["file", "p.jsonl.md"]
    assert (here / "file").read_text() == "kept"
