"""The queue and its votes: nothing lost, nothing counted twice, no comparison seen too often."""

from __future__ import annotations

import math
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from chat_app.annotation import votes as v
from chat_app.annotation.projects import (
    Comparison,
    Plan,
    Project,
    ProjectError,
    Side,
    comparisons,
    guidelines,
)
from chat_app.annotation.projects import places as places_table
from chat_app.annotation.projects import projects as projects_table
from chat_app.annotation.votes import HOLD, Ballot, NothingToDo, VoteRefused, Votes, swapped
from chat_app.store import Store, StoreError

PAIR = (Side(ranker="als"), Side(ranker="popularity", decoding="free"))
NOON = 1_800_000_000.0 - 1_800_000_000 % 86_400 + 43_200


def record(ranker: str) -> dict:
    items = [{"id": n, "title": f"Toy {n}"} for n in range(3)]
    return {"ranker": ranker, "adapter": None, "decoding": "guarded", "seed": 0, "items": items}


def made(n: int, known=None) -> list[Comparison]:
    context = {"profile": [[1, "liked"]], "request": "red toys", "intent": {}, "source": "data"}
    return [
        Comparison(context | {"n": i}, record("als"), record("popularity"), "5 items.", known, rank=float(i))
        for i in range(n)
    ]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def votes(url, clock):
    store = Store(url)
    yield Votes(store, clock)
    store.close()


@pytest.fixture
def quick(tmp_path, clock):
    """On SQLite alone, for what does not depend on the database."""
    store = Store.sqlite(tmp_path / "store.sqlite")
    yield Votes(store, clock)
    store.close()


def project(votes: Votes, n=5, checks=0, **plan) -> str:
    plan = Plan(pairs=(PAIR,), **plan)
    return votes.projects.create("Which is better?", "Be fair.", plan, made(n) + made(checks, "first")).id


def say(votes: Votes, who: str, at: v.Assignment, choice="A", **more) -> v.Vote:
    return votes.vote(who, at.comparison.id, at.key, Ballot(choice, **more))


def walk(votes: Votes, project_id: str, who: str) -> list[bool]:
    """Vote on all there is; of each comparison, whether it was a check."""
    kinds = []
    with suppress(NothingToDo):
        while True:
            at = votes.next(project_id, who)
            kinds.append(at.comparison.known is not None)
            say(votes, who, at)
    return kinds


class TestEveryDatabase:
    def test_the_schema_is_the_one_that_is_used(self, votes):
        inspector = sa.inspect(votes.store.engine)
        used = (projects_table, guidelines, comparisons, places_table, v.votes, v.skips, v.drafts)
        for table in (*used, v.reservations):
            assert {c["name"] for c in inspector.get_columns(table.name)} == {c.name for c in table.columns}

    def test_a_vote_says_all_that_was_in_view(self, votes):
        pid = project(votes)
        given_ = votes.next(pid, "ann")
        vote = say(votes, "ann", given_, "B", strength=2, reasons=("novelty",), comment="ünï 🎬", seconds=4.5)
        [(kept, comparison, superseded)] = votes.record(pid)
        assert kept == vote and superseded is None and comparison == given_.comparison
        assert (kept.strength, kept.reasons, kept.comment, kept.seconds) == (2, ("novelty",), "ünï 🎬", 4.5)
        assert kept.seed == given_.seed and kept.guidelines == 1 and kept.created.startswith("2027-01-15T12")
        assert comparison.first == record("als") and comparison.words == "5 items."
        assert given_.shown[1] == (comparison.first if vote.winner == "first" else comparison.second)

    def test_the_same_key_counts_once(self, votes):
        pid = project(votes)
        at = votes.next(pid, "ann")
        first = say(votes, "ann", at, "A")
        assert say(votes, "ann", at, "A") == first == say(votes, "ann", at, "B")  # the first word stands
        assert votes.progress(pid, "ann").mine == votes.progress(pid, "ann").taken == 1

    def test_two_windows_of_one_person_look_at_the_same(self, votes):
        pid = project(votes)
        assert votes.next(pid, "ann") == votes.next(pid, "ann")

    def test_a_place_is_held_for_one_and_given_on_later(self, votes, clock):
        pid = project(votes, n=1)
        at = votes.next(pid, "ann")
        with pytest.raises(NothingToDo):
            votes.next(pid, "bob")
        clock.now += HOLD + 1
        other = votes.next(pid, "bob")
        assert other.comparison == at.comparison
        with pytest.raises(VoteRefused, match="somebody else"):
            say(votes, "ann", at)
        say(votes, "bob", other)
        with pytest.raises(VoteRefused, match="somebody else"):
            say(votes, "ann", at)
        assert [kept.annotator for kept, _, _ in votes.record(pid)] == ["bob"]

    def test_a_late_vote_counts_while_its_place_is_free(self, votes, clock):
        pid = project(votes, n=1)
        at = votes.next(pid, "ann")
        clock.now += 10 * HOLD
        assert say(votes, "ann", at).seq and votes.progress(pid, "ann").taken == 1

    def test_overlap_is_that_many_different_people(self, votes):
        pid = project(votes, n=1, overlap=2)
        for who in ("ann", "bob"):
            say(votes, who, votes.next(pid, who))
        for who in ("ann", "bob", "cid"):
            with pytest.raises(NothingToDo, match="everything"):
                votes.next(pid, who)

    def test_a_vote_that_is_thought_over_supersedes(self, votes):
        pid = project(votes)
        for choice in ("A", "tie"):
            say(votes, "ann", votes.next(pid, "ann"), choice)
        last = votes.back(pid, "ann")
        assert last.vote.choice == "tie" and last.seed == last.vote.seed
        earlier = votes.back(pid, "ann", last.comparison.id)
        assert earlier.vote.choice == "A"
        assert votes.back(pid, "ann", earlier.comparison.id) is None
        again = votes.back(pid, "ann", last.comparison.id)  # two windows: one vote is superseded once
        new = say(votes, "ann", earlier, "B")
        assert say(votes, "ann", again, "bad") == new and new.supersedes == earlier.vote.seq
        assert [kept.choice for kept, _ in votes.mine(pid, "ann")] == ["B", "tie"]
        assert [(kept.choice, by) for kept, _, by in votes.record(pid)] == [
            ("A", new.seq),
            ("tie", None),
            ("B", None),
        ]
        assert votes.progress(pid, "ann").taken == votes.progress(pid, "ann").mine == 2
        assert votes.reopen("ann", new.comparison).vote == new
        assert votes.back(pid, "ann").comparison == last.comparison  # revised or not, they keep their order

    def test_nobody_touches_what_is_anothers(self, votes):
        pid = project(votes)
        at = votes.next(pid, "ann")
        with pytest.raises(VoteRefused, match="not given to you"):
            say(votes, "bob", at)
        votes.save_draft("bob", at.comparison.id, {"comment": "x"})
        votes.skip("bob", at.comparison.id)
        assert votes.next(pid, "ann") == at
        say(votes, "ann", at)
        with pytest.raises(VoteRefused, match="not given to you"):
            say(votes, "bob", at)
        with pytest.raises(VoteRefused, match="no vote"):
            votes.reopen("bob", at.comparison.id)
        assert votes.mine(pid, "bob") == [] and votes.back(pid, "bob") is None

    def test_many_threads_lose_and_double_nothing(self, votes):
        pid, errors = project(votes, n=20, overlap=3), []

        def work(who: str) -> None:
            draw = random.Random(who)
            try:
                while True:
                    at = votes.next(pid, who)
                    for _ in range(draw.choice((1, 2))):  # some click twice
                        say(votes, who, at, draw.choice(("A", "B", "tie", "bad")))
            except NothingToDo:
                pass
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(f"annotator {i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = [(vote.comparison, vote.annotator) for vote, _, _ in votes.record(pid)]
        assert not errors and len(kept) == len(set(kept)) == 60

    def test_the_database_itself_refuses_a_doubled_vote(self, votes):
        pid = project(votes)
        say(votes, "ann", votes.next(pid, "ann"))
        with votes.store.engine.connect() as db:
            row = dict(db.execute(sa.select(v.votes)).mappings().one())
            del row["seq"]
            with pytest.raises(IntegrityError):
                db.execute(v.votes.insert().values(row | {"key": "other"}))
        with votes.store.engine.connect() as db, pytest.raises(IntegrityError):
            db.execute(places_table.update().values(taken=2))


class TestQueue:
    def test_the_lowest_rank_comes_first_and_what_was_skipped_never_again(self, quick):
        pid = project(quick)
        seen = []
        for _ in range(5):
            at = quick.next(pid, "ann")
            seen.append(at.comparison.context["n"])
            quick.skip("ann", at.comparison.id)
            quick.skip("ann", at.comparison.id)  # pressed twice
        assert seen == [0, 1, 2, 3, 4]
        with pytest.raises(NothingToDo):
            quick.next(pid, "ann")
        assert quick.next(pid, "bob").comparison.context["n"] == 0

    def test_sides_are_swapped_by_the_seed_for_about_half(self, quick):
        pid, seeds = project(quick, n=100), []
        for _ in range(100):
            at = quick.next(pid, "ann")
            seeds.append(at.seed)
            pair = (at.comparison.first, at.comparison.second)
            assert at.shown == (pair[::-1] if swapped(at.seed) else pair)
            quick.skip("ann", at.comparison.id)
        assert 20 < sum(map(swapped, seeds)) < 80

    def test_the_daily_cap_holds_and_the_clock_does_not_lift_it(self, quick, clock):
        pid = project(quick, n=9, daily_cap=2)
        for _ in range(2):
            say(quick, "ann", quick.next(pid, "ann"))
        for set_back in (0, 3600, 5 * 86_400):
            clock.now = NOON - set_back
            with pytest.raises(NothingToDo, match="2 votes of today"):
                quick.next(pid, "ann")
        say(quick, "ann", quick.back(pid, "ann"), "B")  # thinking over is no further vote
        clock.now = NOON + 86_400
        assert say(quick, "ann", quick.next(pid, "ann"))
        quick.next(pid, "bob")

    def test_a_clock_set_back_frees_places_and_keeps_the_order(self, quick, clock):
        pid = project(quick, n=1)
        first = quick.next(pid, "ann")
        clock.now -= 30 * 86_400
        assert quick.next(pid, "bob").comparison == first.comparison  # held until next month otherwise
        pid = quick.projects.create("Another", "", Plan(pairs=(PAIR,)), made(3)).id
        orders = []
        for _ in range(3):
            orders.append(say(quick, "ann", quick.next(pid, "ann")).comparison)
            clock.now -= 1000
        assert [c.id for _, c in quick.mine(pid, "ann")] == orders[::-1]
        assert quick.back(pid, "ann").comparison.id == orders[-1]

    def test_known_answers_are_mixed_in_for_everybody(self, quick):
        plan, places = Plan(pairs=(PAIR,), overlap=9, checks=0.3), []
        pid = quick.projects.create("Checked", "", plan, made(60) + made(40, "first")).id
        for who in ("ann", "bob"):
            kinds = walk(quick, pid, who)
            assert kinds.count(False) == 60 and 25 <= kinds.count(True) <= 26  # 30 %
            places.append([n for n, check in enumerate(kinds) if check])
        assert places[0] != places[1]
        assert quick.progress(pid, "ann").places == 60 * 9  # checks are apart

    def test_a_small_project_shows_everybody_a_check(self, quick):
        plan = Plan(pairs=(PAIR,), overlap=9, checks=0.1, count=3)
        pid = quick.projects.create("Small", "", plan, made(3) + made(1, "first")).id
        for who in map(str, range(9)):
            assert walk(quick, pid, who).count(True) == 1

    def test_a_draft_is_kept_until_the_vote(self, quick):
        pid = project(quick)
        at = quick.next(pid, "ann")
        quick.save_draft("ann", at.comparison.id, {"comment": "half a"})
        quick.save_draft("ann", at.comparison.id, {"comment": "half a thought"})
        assert quick.next(pid, "ann").draft == {"comment": "half a thought"}
        with pytest.raises(VoteRefused, match="shorten"):
            quick.save_draft("ann", at.comparison.id, {"comment": "x" * v.MAX_DRAFT})
        say(quick, "ann", at)
        quick.save_draft("ann", at.comparison.id, {"comment": "too late"})
        assert quick.back(pid, "ann").draft is None

    def test_guidelines_are_kept_in_every_version(self, quick):
        pid = project(quick)
        at = quick.next(pid, "ann")
        assert quick.projects.revise(pid, "Be fairer.") == 2
        assert say(quick, "ann", at).guidelines == 1  # what was in view
        assert say(quick, "ann", quick.next(pid, "ann")).guidelines == 2
        found = quick.projects.get(pid)
        assert (found.version, found.guidelines) == (2, "Be fairer.") and quick.projects.all() == [found]

    def test_projects_that_cannot_be(self, quick):
        project(quick)
        with pytest.raises(ProjectError, match="already"):
            project(quick)
        with pytest.raises(ProjectError, match="same lists"):
            quick.projects.create("Empty", "", Plan(pairs=(PAIR,)), [])
        assert [p.name for p in quick.projects.all()] == ["Which is better?"]
        for call in (lambda: quick.next("x", "ann"), lambda: quick.progress("x", "ann")):
            with pytest.raises(ProjectError, match="no such project"):
                call()
        with pytest.raises(StoreError):
            quick.vote("ann", "nothing", "key", Ballot("A"))


@given(checks=st.integers(1, 50), count=st.integers(1, 300), who=st.text(max_size=5), name=st.uuids())
def test_each_block_of_places_has_one_check(checks, count, who, name):
    share = max(checks / 100, 1 / count)
    project = Project(str(name), "Checked", Plan(pairs=(PAIR,), checks=checks / 100, count=count), 1, "")
    met = 0
    for place in range(200):  # never a whole check away from the share that was asked for
        met += v.is_check(project, who, place)
        assert abs(met - (place + 1) * share) < 1 + 1e-6
        assert met or place + 1 < math.ceil(1 / share)


def test_where_checks_stand_cannot_be_foreseen():
    project = Project("p", "Checked", Plan(pairs=(PAIR,), checks=0.1), 1, "")
    first = [next(n for n in range(10) if v.is_check(project, who, n)) for who in map(str, range(200))]
    assert {*first} == {*range(10)}
    gaps = [n % 10 for n in range(300) if v.is_check(project, "ann", n)]
    assert len({*gaps}) > 5


PEOPLE = ("ann", "bob", "cid")
STEPS = st.lists(
    st.tuples(st.sampled_from(("next", "vote", "again", "back", "skip", "wait")), st.sampled_from(PEOPLE)),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, n=st.integers(1, 4), overlap=st.integers(1, 3))
def test_whatever_people_do_nothing_counts_twice(tmp_path_factory, steps, n, overlap):
    """Any order of looking, voting, voting again with the same page, thinking over, skipping and
    waiting: one vote a person and comparison, never more than ``overlap``, and those that were
    acknowledged are all there."""
    store, clock = Store.sqlite(tmp_path_factory.mktemp("votes") / "store.sqlite"), Clock()
    votes = Votes(store, clock)
    pid = project(votes, n=n, overlap=overlap)
    pages: dict[str, list[v.Assignment]] = {who: [] for who in PEOPLE}
    acknowledged: dict[str, str] = {}
    for do, who in steps:
        try:
            if do == "next":
                pages[who].append(votes.next(pid, who))
            elif do == "back" and (at := votes.back(pid, who)):
                pages[who].append(at)
            elif do == "wait":
                clock.now += HOLD * 0.7
            elif do == "skip" and pages[who]:
                votes.skip(who, pages[who][-1].comparison.id)
            elif do in ("vote", "again") and pages[who]:
                at = pages[who][-1 if do == "vote" else 0]
                vote = say(votes, who, at, "A" if at.seed % 3 else "tie")
                assert acknowledged.setdefault(vote.key, vote.comparison) == at.comparison.id
        except (NothingToDo, VoteRefused):
            pass
    record_ = list(votes.record(pid))
    assert {vote.key: vote.comparison for vote, _, _ in record_} == acknowledged
    standing = [(vote.comparison, vote.annotator) for vote, _, by in record_ if by is None]
    assert len(standing) == len(set(standing))
    counts = [sum(c == comparison for c, _ in standing) for comparison, _ in standing]
    assert max(counts, default=0) <= overlap
    assert votes.progress(pid, "ann").taken == len(standing)
    store.close()


VOTING = """
import sys
from chat_app.store import Store
from chat_app.annotation.votes import Ballot, Votes
votes = Votes(Store(sys.argv[1]))
[project] = votes.projects.all()
while True:
    at = votes.next(project.id, "ann")
    votes.save_draft("ann", at.comparison.id, {"comment": "begun"})
    print("begun", at.comparison.id, flush=True)
    votes.vote("ann", at.comparison.id, at.key, Ballot("A", comment="x" * 500))
    print("done", at.comparison.id, flush=True)
"""


@pytest.mark.parametrize("after", [1, 23])
def test_a_kill_loses_at_most_the_vote_in_flight(tmp_path, after):
    votes = Votes(Store.sqlite(tmp_path / "store.sqlite"))
    pid, url = project(votes, n=5000), str(votes.store.engine.url)
    votes.store.close()
    child = subprocess.Popen(
        [sys.executable, "-c", VOTING, url], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    assert child.stdout is not None
    said = [child.stdout.readline().split() for _ in range(2 * after + 1)]  # a vote is in flight now
    child.send_signal(signal.SIGKILL)
    said += [line.split() for line in child.stdout.read().splitlines()]
    child.wait()
    begun, done = ([c for word, c in said if word == kind] for kind in ("begun", "done"))
    assert len(done) >= after

    votes = Votes(Store(url))
    assert not votes.store.notices
    kept = [vote.comparison for vote, _, _ in votes.record(pid)]
    assert kept[: len(done)] == done and kept in (done, begun)
    at = votes.next(pid, "ann")  # and the person goes on where they were
    assert at.comparison.id not in kept
    if kept == done:
        assert at.draft == {"comment": "begun"} or at.comparison.id not in begun
    say(votes, "ann", at)
    assert votes.progress(pid, "ann").taken == len(kept) + 1
    votes.store.close()
