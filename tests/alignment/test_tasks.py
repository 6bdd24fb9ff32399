"""Training samples: whatever is asked, the answer obeys."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment.answers import best_list
from alignment.intents import Intents, Moment
from alignment.tasks import MIX, Sample, TaskMaker, read_chat
from alignment.wishes import Wishes
from recsys.candidates import fit
from recsys.controls import Clause, ControlIntent
from recsys.errors import TillerError
from recsys.likeness import Likeness
from recsys.lm import wording
from recsys.slate import plan_slate
from recsys.themes import Themes
from tests.made import catalog_of, catalogs, intents
from tests.recsys.made_use import embed_words, made_dataset

DATA = made_dataset(60, 40)
CATALOG = DATA.catalog
LIKENESS = Likeness(CATALOG, fit(DATA.interactions, len(CATALOG)))
HISTORY = DATA.interactions.item[:12].tolist()
LISTS = sorted(set(MIX) - {"chat", "reverse"})


class ByRow:
    """A teacher that likes items after the last known one best, and forgets nothing it is asked."""

    def __init__(self, n_items=60):
        self.n_items = n_items
        self.asked = []

    def scores_at(self, history, cuts):
        self.asked.append((list(history), list(cuts)))
        rows = np.arange(self.n_items)
        last = [history[cut - 1] if cut else 0 for cut in cuts]
        return np.stack([-((rows - at) % self.n_items) for at in last]).astype(np.float32)


def maker(mix=None, seed=0, catalog=CATALOG, likeness=LIKENESS, **options):
    texts = list(catalog.texts) or list(catalog.titles)
    options = {"vectors": embed_words(texts), "themes": Themes({"icy": ["winter"]}), **options}
    return TaskMaker(catalog, ByRow(len(catalog)), likeness, mix=mix, seed=seed, **options)


def plan_of(sample: Sample):
    assert sample.intent is not None
    return plan_slate(sample.intent.compile(CATALOG), HISTORY[: sample.cut], sample.shown)


@pytest.mark.parametrize("task", LISTS)
def test_a_list_holds_every_control_and_nothing_known(task):
    samples = maker({task: 1}, seed=3).samples(HISTORY, 60)
    assert Counter(sample.task for sample in samples)[task] >= 30
    for sample in samples:
        plan = plan_of(sample)
        report = plan.constraints.report(sample.answer)
        assert [c for c in report if not c.met and c.control != "count"] == []
        assert len(sample.answer) == plan.count == len(set(sample.answer))
        left_out = {*HISTORY[: sample.cut], *sample.shown, *plan.constraints.seeds}
        assert not left_out & set(sample.answer)


@pytest.mark.parametrize("task", LISTS)
def test_what_is_asked_is_said(task):
    for sample in maker({task: 1}, seed=4).samples(HISTORY, 20):
        said = "".join(piece if isinstance(piece, str) else f"<{piece}>" for piece in sample.words).casefold()
        intent = sample.intent
        values = [value for clause in (*intent.require, *intent.exclude) for value in clause.values]
        values += [quota.value for quota in intent.quotas if quota.value]
        assert all(value.casefold() in said for value in values)
        assert intent.count is None or task == "search" or str(intent.count) in said
        seeds = sample.intent.compile(CATALOG)
        assert {*seeds.seeds, *seeds.unlike_seeds, *sample.shown} <= set(sample.words)


def test_the_true_next_item_comes_first_when_it_qualifies():
    samples = maker({"seqrec": 1, "plus": 1, "minus": 1, "at_least": 1}).samples(HISTORY, 200)
    first = 0
    for sample in samples:
        target = HISTORY[sample.cut]
        if target in sample.answer:
            assert sample.answer[0] == target
            first += 1
        else:
            plan = plan_of(sample)
            assert not plan.guard().permits(target)
    assert first > 80


def test_without_the_next_item_the_teacher_completes_the_list():
    for sample in maker({"seqrec": 1}).samples(HISTORY, 30):
        scores = ByRow().scores_at(HISTORY, [sample.cut])[0]
        rest = sample.answer[1:]
        assert list(rest) == sorted(rest, key=lambda row: -scores[row])
        better = scores > min(scores[list(rest)], default=np.inf)
        assert set(np.flatnonzero(better)) <= {*HISTORY[: sample.cut], *sample.answer}


def test_hard_negatives_are_frequent_in_the_teachers_list_and_foreign_to_the_target():
    drawn = Intents(CATALOG, Wishes(CATALOG, LIKENESS), np.random.default_rng(0))
    scores = np.zeros(len(CATALOG), np.float32)
    scores[1::2] = 1  # red ones
    excluded = {drawn.minus(Moment((), 0, scores, 0)).exclude[0].any_of for _ in range(40)}
    assert ("Red",) in excluded
    values = [drawn._hard_value(Moment((), 1, scores, 1)) for _ in range(5)]
    assert set(values) == {None}  # every favourite is as red as the target


@settings(max_examples=60)
@given(st.data())
def test_a_label_is_the_plan_with_the_target_raised(data):
    catalog = data.draw(catalogs(min_size=2))
    intent = data.draw(intents(catalog))
    plan = plan_slate(intent.compile(catalog))
    scores = np.linspace(1, 0, len(catalog)).astype(np.float32)
    target = data.draw(st.integers(0, len(catalog) - 1))
    rows = best_list(plan, scores, target)
    assert len(rows) == plan.count
    if plan.count and plan.guard().permits(target) and not intent.order:
        assert rows[0] == target
    if not plan.relaxations:
        assert all(c.met for c in plan.constraints.report(rows))


def test_the_same_seed_makes_the_same_samples_and_another_others():
    one, two, other = (maker(seed=seed).samples(HISTORY, 25) for seed in (5, 5, 6))
    assert one == two
    assert one != other


def test_every_task_of_the_mix_occurs():
    made = Counter(sample.task for sample in maker().samples(HISTORY, 1500))
    assert set(made) == set(MIX)
    assert made["seqrec"] > made["more"]


def test_the_teacher_is_asked_once_a_user():
    made = maker()
    made.samples(HISTORY, 40)
    assert len(made._teacher.asked) == 1
    assert made._teacher.asked[0][1] == sorted(set(made._teacher.asked[0][1]))


@pytest.mark.parametrize("history", [[], [7], [7, 7, 8]])
def test_short_histories(history):
    for sample in maker().samples(history, 60):
        assert sample.cut <= len(history)
        if not isinstance(sample.answer, str):
            assert not set(history[: sample.cut]) & set(sample.answer)


def test_cuts_may_be_given():
    samples = maker().samples(HISTORY, 30, cuts=(0, len(HISTORY)))
    assert {sample.cut for sample in samples} == {0, len(HISTORY)}


def test_who_knows_everything_gets_an_empty_list():
    everything = list(range(len(CATALOG)))
    samples = maker({"seqrec": 1, "plus": 1}).samples(everything, 5, cuts=(len(everything),))
    assert [sample.answer for sample in samples] == [()] * 5


def test_texts_answer_questions_and_talk():
    said = dict(read_chat())
    for sample in maker({"chat": 1, "reverse": 1}).samples(HISTORY, 40):
        assert sample.intent is None
        if sample.task == "chat":
            assert said[sample.words[0]] == sample.answer
        else:
            row = next(piece for piece in sample.words if isinstance(piece, int))
            assert sample.answer == ", ".join(CATALOG.categorical["color"].values_of(row))


def test_chat_is_short_and_never_says_two_things():
    exchanges = read_chat()
    assert len(exchanges) >= 100
    assert len(dict(exchanges)) == len(exchanges)
    assert max(len(answer.split()) for _, answer in exchanges) <= 20


def test_likes_and_themes_steer():
    wishes = Wishes(CATALOG, LIKENESS, embed_words(CATALOG.texts), Themes({"icy": ["winter"]}))
    flat, everything = np.zeros(len(CATALOG), np.float32), np.ones(len(CATALOG), bool)

    def best(intent, n=5):
        steered = wishes.steer(intent.compile(CATALOG), everything, flat)
        return np.argsort(-steered.scores, kind="stable")[:n], steered

    rows, steered = best(ControlIntent(theme="icy", count=5))
    assert all("winter" in CATALOG.texts[row].casefold() for row in rows)
    rows, steered = best(ControlIntent(avoid_theme="pirate"))
    assert not any("pirate" in CATALOG.texts[row].casefold() for row in rows)
    assert not any(steered.fits[row] for row in range(60) if "pirate" in CATALOG.texts[row].casefold())
    like = ControlIntent(like=(CATALOG.titles[0],))
    rows, steered = best(like)
    assert all(row % 2 == 0 for row in rows if row)  # its audience likes the even ones
    assert steered.fits.sum() < len(CATALOG)
    far = wishes.steer(ControlIntent(unlike=like.like).compile(CATALOG), everything, flat)
    assert far.scores[rows[-1]] < far.scores[1] + 1e-6
    assert wishes.steer(ControlIntent(count=3).compile(CATALOG), everything, flat).scores is flat


def test_another_catalogue_with_next_to_nothing_known():
    bare = catalog_of([[], [], ["Red"]], [[], [], []], [np.nan, np.nan, np.nan], np.zeros(3, np.float32))
    likeness = Likeness(bare, fit(made_dataset(3, 0).interactions, 3))
    samples = maker(catalog=bare, likeness=likeness, vectors=None).samples([0], 80, cuts=(0, 1))
    assert all(set(sample.answer) <= {0, 1, 2} for sample in samples if not isinstance(sample.answer, str))


def test_unseen_wordings_are_used_only_when_asked_for():
    mix = {"at_least": 1}
    trained = " ".join(str(sample.words) for sample in maker(mix).samples(HISTORY, 400))
    unseen = " ".join(str(sample.words) for sample in maker(mix, unseen=True).samples(HISTORY, 400))
    assert "never below" in unseen
    assert "never below" not in trained
    assert "make sure at least" in trained
    assert "make sure at least" not in unseen


def test_unknown_tasks_and_damaged_files_are_named(tmp_path):
    with pytest.raises(TillerError, match="bowling"):
        maker({"bowling": 1})
    (tmp_path / "chat.toml").write_text("exchanges = [['a']]")
    with pytest.raises(TillerError, match="chat.toml"):
        read_chat(tmp_path / "chat.toml")


def test_search_is_worded_in_its_own_way_too():
    clause = Clause(facet="color", any_of=("Red",))
    assert wording.search(clause, CATALOG) == ("1 item: color Red",)
