"""What votes add up to, in every database."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import sqlalchemy as sa

from chat_app import migrations
from chat_app.annotation.insights import Insights, alias, alpha
from chat_app.annotation.projects import ProjectError, Side, makers
from chat_app.annotation.ranking import wilson
from chat_app.annotation.votes import Votes
from chat_app.commands.bench_votes import fill
from chat_app.store import Store
from tests.chat_app.made_votes import check, comparison, project, say, vote
from tests.recsys.made_use import made_dataset


@pytest.fixture
def votes(url):
    store = Store(url)
    yield Votes(store)
    store.close()


@pytest.fixture
def quick(tmp_path):
    store = Store.sqlite(tmp_path / "store.sqlite")
    yield Votes(store)
    store.close()


def found(votes: Votes, project_id: str):
    return Insights(votes.store).of(project_id)


def test_only_votes_that_stand_count_and_checks_only_for_people(votes):
    made = [comparison(n) for n in range(3)] + [comparison(9, known="second", id="c" * 32)]
    pid = project(votes, made, overlap=2)
    vote(votes, pid, "ann", "first", "first", "tie")
    vote(votes, pid, "bob", "first", "second", "bad")
    check(votes, pid, "c" * 32, "ann", "A", seed=1)
    check(votes, pid, "c" * 32, "bob", "A", seed=2)
    last = votes.back(pid, "ann", "c" * 32)
    while last.comparison.rank != 0:
        last = votes.back(pid, "ann", last.comparison.id)
    say(votes, "ann", last, "second")  # thought over

    one = found(votes, pid)
    assert (one.project, one.votes, one.checks, one.judged) == ("Which?", 6, 2, 3)
    [pair] = one.pairs
    assert (pair.first, pair.second) == ("als, guarded", "popularity, free")
    assert (pair.wins, pair.losses, pair.ties, pair.bad) == (2, 2, 1, 1)
    assert {s.share.mean for s in one.ranking} == {0.5}
    people = {a.name: (a.votes, a.checks, a.right.mean) for a in one.annotators}
    assert people == {alias("ann"): (4, 1, 1), alias("bob"): (4, 1, 0)}
    assert sum(n for _, n in one.days) == 8 and one.side_a.low < one.side_a.high
    # ann: second, first, tie; bob: first, second, bad: never the same
    assert one.agreement < 0 and "annotator ann" not in one.csv()


def test_the_winner_in_sql_is_the_winner_of_the_vote(quick):
    pid = project(quick, [comparison(n) for n in range(30)])
    given = vote(quick, pid, "ann", *(("first", "second", "first", "tie", "bad") * 6))
    [pair] = found(quick, pid).pairs
    assert (pair.wins, pair.losses, pair.ties, pair.bad) == (12, 6, 6, 6)
    a = sum(v.choice == "A" for v in given)
    assert found(quick, pid).side_a == wilson(a, 18)


def test_the_median_of_an_odd_and_an_even_number_of_times(votes):
    pid = project(votes, [comparison(n) for n in range(9)])
    for who, times in {"ann": (1, 100, 3), "bob": (1, 2, 4, 90), "cid": (None,)}.items():
        for time in times:
            vote(votes, pid, who, "tie", seconds=time)
    pace = {a.name: a.pace for a in found(votes, pid).annotators}
    assert (pace[alias("ann")], pace[alias("bob")]) == (3, 3) and math.isnan(pace[alias("cid")])


def test_makers_are_told_apart_by_decoding_and_weights(quick):
    sides = (Side(ranker="sft"), Side(ranker="sft", decoding="free"))
    made = [comparison(0, pair=sides, adapters=("a" * 64, "a" * 64))]
    made += [comparison(1, pair=sides, adapters=("b" * 64, "a" * 64))]
    pid = project(quick, made)
    vote(quick, pid, "ann", "first", "first")
    names = [s.name for s in found(quick, pid).ranking]
    assert set(names) == {"sft, guarded, aaaaaaaa", "sft, guarded, bbbbbbbb", "sft, free, aaaaaaaa"}
    assert names[-1] == "sft, free, aaaaaaaa"


def test_alpha_is_the_published_one():
    # Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example C: three observers
    observers = ("*****34121133*3", "1*213343*******", "**21344*21133*4")
    units = [[column.count(value) for value in "1234"] for column in zip(*observers, strict=True)]
    assert alpha(np.array(units)) == pytest.approx(0.691, abs=5e-4)
    assert alpha(np.array([[2, 0], [0, 3]])) == 1
    for nothing in ([[2, 0], [3, 0]], [[1, 0], [0, 1]], np.zeros((0, 4))):
        assert math.isnan(alpha(np.array(nothing)))


def test_agreement_on_choice_and_on_each_reason(votes):
    pid = project(votes, [comparison(n) for n in range(4)], overlap=2)
    for who in ("ann", "bob"):
        for n in range(4):
            reasons = ("variety",) if n % 2 else ("variety", "novelty")[n % 2 : 1 + (who == "ann")]
            what = "first" if n % 2 else "second"
            say(votes, who, votes.next(pid, who), what, reasons=reasons)
    one = found(votes, pid)
    assert one.agreement == 1 and one.judged == 4
    assert math.isnan(one.reason_agreement["variety"])  # always given
    assert one.reason_agreement["novelty"] < 0.2 and math.isnan(one.reason_agreement["request"])


def test_kept_until_the_next_vote_and_empty_projects(quick):
    pid = project(quick, [comparison(n) for n in range(3)])
    insights = Insights(quick.store)
    empty = insights.of(pid)
    assert (empty.votes, empty.ranking, empty.pairs, empty.judged) == (0, (), (), 0)
    assert math.isnan(empty.agreement) and insights.of(pid) is empty
    vote(quick, pid, "ann", "first")
    assert insights.of(pid).votes == 1
    other = project(quick, [comparison(0)], name="Other")
    assert insights.of(other).votes == 0 and insights.of(pid).votes == 1
    with pytest.raises(ProjectError):
        insights.of("nothing")


def test_numbers_to_take_away(quick):
    pid = project(quick, [comparison(n) for n in range(3)])
    vote(quick, pid, "ann", "first", "first", "tie")
    rows = list(csv.DictReader(found(quick, pid).csv().splitlines()))
    told = {(row["measure"], row["of"]): row for row in rows}
    assert told["wins", "als, guarded against popularity, free"]["value"] == "2"
    assert float(told["share of wins", "als, guarded"]["value"]) == pytest.approx(2.5 / 3, abs=1e-6)
    assert told["alpha", "choice"]["value"] == "" and told["share of wins", "als, guarded"]["low"]


def test_comparisons_of_before_get_their_makers(url):
    store = Store(url)
    votes = Votes(store)
    pid = project(votes, [comparison(n, known="first" if n == 2 else None) for n in range(3)])
    with store.reading() as db:
        before = db.execute(sa.select(makers).order_by(makers.c.comparison)).all()
    with store.writing() as db:
        makers.drop(db)
        migrations.m005_makers(db)
    with store.reading() as db:
        assert db.execute(sa.select(makers).order_by(makers.c.comparison)).all() == before
        assert {c["name"] for c in sa.inspect(db).get_columns("makers")} == set(makers.c.keys())
    assert len(before) == 3 and pid and {row.first for row in before} == {"als, guarded"}
    store.close()


def test_a_made_project_is_counted_in_full(quick):
    pid = fill(quick, made_dataset(n_items=100).catalog, 400)
    one = found(quick, pid)
    superseded = 400 - one.votes
    assert 0 < superseded < 40 and one.checks == 0 and len(one.annotators) == 20
    assert sum(p.wins + p.losses + p.ties + p.bad for p in one.pairs) == one.votes
    assert len(one.days) == 30 and abs(one.agreement) < 0.2
