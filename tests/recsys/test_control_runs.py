"""Lists under control: a decoder that does badly in one way at a time moves the metric of that way."""

from functools import cache

import numpy as np
import pytest

from recsys.candidates import Taste
from recsys.cases import Case
from recsys.contenders import Contender
from recsys.control_runs import answer, control_differences, control_rows, nanmean
from recsys.control_tasks import TASKS, Question, category_intent, measure, questions
from recsys.evaluation import evaluate
from recsys.rankers import Popularity, Static
from recsys.report import EvaluationReport
from recsys.slate import plan_slate
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(80, 30)
CATALOG = DATASET.catalog
CASES = [
    Case(u, np.array([u, u + 1, u + 2]), Taste(liked=(u, u + 1, u + 2)), u + 4, (u + 2, u + 4))
    for u in range(6)
]


class Obedient(Static):
    """Plays a language model: free lists follow the plan, but for one fault."""

    name, adapter = "made", "made"

    def __init__(self, fault=None):
        self._fault = fault

    def scores(self, taste):
        return np.arange(len(CATALOG), dtype=np.float32)[::-1].copy()

    def lists(self, requests, decoding):
        fault = None if decoding == "guarded" else self._fault
        if fault == "unseen words" and not any(request.words for request in requests):
            fault = None
        out = []
        for request in requests:
            rows = request.plan.pick(self.scores(request.taste))
            if fault == "repeats":
                rows[-1] = rows[0]
            elif fault == "invents":
                rows[0] = -1
            elif fault == "ends early":
                rows.pop()
            elif fault == "never ends":
                rows += [row for row in range(20, 50) if row not in rows]
            elif fault == "known":
                rows[-1] = request.taste.liked[0]
            elif fault in ("disobeys", "unseen words"):
                eligible = np.ones(len(CATALOG), bool)
                eligible[list(request.taste.known)] = False
                wrong = np.flatnonzero(eligible & ~_asked(request.plan))
                rows = wrong[: request.plan.count].tolist()
            elif fault == "silent":
                rows = []
            out.append(rows)
        return out


def _asked(plan):
    """What a request is about: the items it wants, or not too many of."""
    if not plan.constraints.quotas:
        return plan.constraints.mask
    compiled = plan.constraints.quotas[0]
    return ~compiled.mask if compiled.quota.op == "at_most" else compiled.mask


@cache
def rows_of(fault=None):
    contender = Contender(Obedient(fault), reads_words=True)
    asked = questions(CATALOG, CASES, Popularity(CATALOG), None, 0)
    answers = answer([contender], CATALOG, asked, len(CASES), lambda q: ("other words",), lambda m: None)
    return {(r.task, r.protocol, r.decoding, r.wording): r for r in control_rows(answers, 0)}


PERFECT = rows_of()


def test_a_perfect_decoder_makes_no_errors():
    assert {key[0] for key in PERFECT} == set(TASKS)
    for key, row in PERFECT.items():
        assert row.correct_count == 1 and row.repeat_item == row.non_exist == row.in_history == 0, key
        assert row.obeyed.mean == 1 or key[0] == "SeqRec" and np.isnan(row.obeyed.mean)


def test_each_task_asks_for_what_it_says():
    asked = list(questions(CATALOG, CASES, Popularity(CATALOG), None, 0))
    assert {q.user for q in asked} == set(range(len(CASES)))
    for q in asked:
        assert q.task in TASKS and len(q.history) == (3 if q.protocol == "paper" else 2)
        assert set(q.taste.known) == set(q.history.tolist())
        assert q.targets == ((q.user + 4,) if q.protocol == "paper" else (q.user + 2, q.user + 4))
        category = CATALOG.categorical["color"].values_of(q.targets[0])
        if q.protocol == "paper" and q.task in ("+C", "EP", "MP", "ItemSearch"):
            named = q.intent.require[0].values[0] if q.intent.require else q.intent.quotas[0].value
            assert named in category
        if q.protocol == "paper" and q.task == "-C":
            assert q.intent.exclude[0].values[0] not in category
        if q.protocol == "paper" and q.task == "LP":
            assert q.intent.quotas[0].value not in category
        if q.task == "Several" and q.protocol == "paper":
            assert len(q.intent.ranges) == 1 and q.intent.compile(CATALOG).mask[q.targets[0]]


def test_categories_limit_the_open_questions():
    def count(categories):
        asked = questions(CATALOG, CASES, Popularity(CATALOG), categories, 0)
        return sum(q.protocol == "open" and q.task == "+C" for q in asked)

    assert count(1) == len(CASES) < count(None) == 2 * len(CASES)


@pytest.mark.parametrize(
    ("fault", "measure"),
    [
        ("repeats", "repeat_item"),
        ("invents", "non_exist"),
        ("known", "in_history"),
        ("ends early", "correct_count"),
        ("never ends", "correct_count"),
        ("silent", "correct_count"),
    ],
)
def test_each_fault_moves_its_measure_and_only_free_lists(fault, measure):
    rows = rows_of(fault)
    free, before = rows["+C", "paper", "free", "canonical"], PERFECT["+C", "paper", "free", "canonical"]
    for name in ("repeat_item", "non_exist", "in_history", "correct_count"):
        assert (getattr(free, name) != getattr(before, name)) == (name == measure)
    guarded = ("+C", "paper", "guarded", "canonical")
    assert rows[guarded] == PERFECT[guarded]


@pytest.mark.parametrize("task", ["+C", "-C", "LP", "MP", "EP", "ItemSearch", "Several"])
def test_disobedience_shows_in_every_task(task):
    free = rows_of("disobeys")[task, "paper", "free", "canonical"]
    assert free.obeyed.mean < 1 and free.correct_count == 1


@pytest.mark.parametrize("task", ["+C", "-C", "MP", "EP", "ItemCount", "ItemSearch", "Several"])
def test_an_empty_list_obeys_nothing(task):
    assert rows_of("silent")[task, "paper", "free", "canonical"].obeyed.mean == 0


def test_unseen_words_are_measured_apart():
    rows = rows_of("unseen words")
    assert rows["+C", "paper", "free", "canonical"].obeyed.mean == 1
    assert rows["+C", "paper", "free", "unseen"].obeyed.mean < 1
    assert ("+C", "paper", "guarded", "unseen") not in rows


def test_everybody_gets_the_same_unseen_words():
    class Reading(Obedient):
        def __init__(self, name):
            super().__init__()
            self.name, self.read = name, []

        def lists(self, requests, decoding):
            self.read += [request.words for request in requests if request.words]
            return super().lists(requests, decoding)

    def words_read(*names, decodings=("free",)):
        said = iter(range(10**6))
        rankers = [Reading(name) for name in names]
        asked = questions(CATALOG, CASES, Popularity(CATALOG), 1, 0)
        made = [Contender(ranker, decodings, reads_words=True) for ranker in rankers]
        answer(made, CATALOG, asked, len(CASES), lambda q: (str(next(said)),), lambda m: None)
        return [ranker.read for ranker in rankers]

    [alone] = words_read("a")
    assert len(alone) == len(set(alone)) > 6
    assert words_read("b", "a") == [alone, alone]
    assert words_read("a", decodings=("free", "distinct")) == [alone * 2]


def test_one_list_by_hand():
    intent = category_intent("color", "Blue", "MP")  # at least 3 of 10; even rows are Blue
    question = Question(0, "paper", "MP", intent, Taste(liked=(0,)), np.array([0]), (5,))
    plan = plan_slate(intent.compile(CATALOG), [0])
    rows = [1, 3, 5, 7, 9, 2, 4, -1, 2, 0]
    hr, ndcg, obeyed, *errors = measure(rows, question, plan)
    assert (hr, ndcg, obeyed) == (1, pytest.approx(1 / np.log2(4)), 1)
    assert errors == [1, 1, 1, 1]  # right length, one repeat, one invention, one known
    assert measure([1, 3, 5, 2, 4], question, plan)[2:4] == [0, 0]


def test_open_hits_count_only_what_obeys():
    intent = category_intent("color", "Blue", "+C")
    question = Question(0, "open", "+C", intent, Taste(), np.array([], int), (4, 5))
    plan = plan_slate(intent.compile(CATALOG))
    assert measure([4, 6], question, plan)[0] == 1
    other = Question(0, "open", "+C", intent, Taste(), np.array([], int), (3, 5))
    assert np.isnan(measure([4, 6], other, plan)[0])


def test_slow_contenders_are_asked_for_some_users_only():
    few = Contender(Obedient(), decodings=("free",), users=2)
    asked = questions(CATALOG, CASES, Popularity(CATALOG), 1, 0)
    answers = answer([few], CATALOG, asked, len(CASES), lambda q: (), lambda m: None)
    rows = control_rows(answers, 0)
    assert {row.decoding for row in rows} == {"free"}
    assert next(row.lists for row in rows if row.task == "SeqRec") == 2


def test_differences_are_paired_and_say_their_gain():
    class Knowing(Obedient):
        name = "knowing"

        def lists(self, requests, decoding):
            return [[request.taste.liked[0] + 4, *range(60, 69)] for request in requests]

    both = [Contender(Knowing()), Contender(Obedient())]
    asked = questions(CATALOG, CASES, Popularity(CATALOG), None, 0)
    answers = answer(both, CATALOG, asked, len(CASES), lambda q: (), lambda m: None)
    rows = control_differences(answers, [("knowing", "made")], 0)
    seq = next(row for row in rows if row.task == "SeqRec")
    assert seq.users == len(CASES) and seq.ndcg.low <= seq.ndcg.mean <= seq.ndcg.high
    made = next(
        r for r in control_rows(answers, 0) if (r.model, r.task, r.decoding) == ("made", "SeqRec", "guarded")
    )
    assert seq.ndcg.mean == pytest.approx(1 - made.ndcg.mean)
    assert seq.gain == pytest.approx(seq.ndcg.mean / made.ndcg.mean)
    assert {row.task for row in rows} >= {"all", "+C", "Several"}


def test_a_language_model_takes_part_in_the_report():
    report = evaluate(DATASET, ["als", Contender(Obedient("invents"), reads_words=True)], quick=True)
    assert isinstance(report, EvaluationReport) and report.list_users == 15
    assert [(row.model, row.against) for row in report.differences] == [("made", "als")] * 2
    text = report.table()
    assert "made, unseen words" in text and "made + quota slate" in text and "NDCG gain" in text


def test_means_leave_out_what_is_missing():
    assert nanmean(np.array([[1, np.nan], [3, np.nan]])).tolist()[0] == 2
    assert np.isnan(nanmean(np.array([[np.nan]]))[0])


def test_what_stands_beyond_the_number_asked_for_counts_for_nothing():
    intent = category_intent("color", "Blue", "ItemSearch")
    question = Question(0, "paper", "ItemSearch", intent, Taste(), np.array([], int), (4,))
    plan = plan_slate(intent.compile(CATALOG))
    assert measure([2, 4, 5, 7], question, plan)[:4] == [0, 0, 1, 0]
    assert measure([4], question, plan)[:4] == [1, 1, 1, 1]
