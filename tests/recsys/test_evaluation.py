import json

import numpy as np
import pytest

from recsys.candidates import ALSParams, fit
from recsys.control_tasks import NO_CATEGORY, TASKS
from recsys.datasets import leave_last_out, training_catalog
from recsys.errors import TillerError
from recsys.evaluation import K, accuracy_ranks, cases_of, evaluate
from recsys.rankers import ALS
from recsys.tuning import tune
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(80, 30)


@pytest.fixture(scope="module")
def report():
    return evaluate(DATASET, ["popularity", "als"], quick=True)


def test_the_report_is_complete(report):
    assert {row.model for row in report.accuracy} == {"popularity", "als"}
    assert {row.likes for row in report.accuracy} == {None, 0, 1, 3, 5}
    assert {(row.protocol, row.task) for row in report.control} == {
        (protocol, task)
        for protocol in ("paper", "open")
        for task in TASKS
        if protocol == "paper" or task not in (*NO_CATEGORY, "Several")  # too few toys for several
    }
    assert [(row.model, row.against) for row in report.differences] == [("popularity", "als")] * 2
    assert {row.against for row in report.control_differences} == {"als"}


def test_a_sample_takes_part(report):
    few = evaluate(DATASET, ["popularity"], ranked=9, users=4)
    assert (few.users, few.list_users) == (9, 4) and report.users > 9


def test_only_the_lists_asked_for_are_made(report):
    guarded = evaluate(DATASET, ["popularity", "als"], quick=True, decodings=["guarded"])
    assert guarded.control == [row for row in report.control if row.decoding == "guarded"]


def test_guarded_lists_obey_and_free_ones_need_not(report):
    guarded = [row for row in report.control if row.decoding == "guarded" and row.lists]
    assert guarded
    for row in guarded:
        assert row.correct_count == 1
        assert row.obeyed.mean == 1 or row.task == "SeqRec"  # which asks for nothing
        assert row.repeat_item == row.non_exist == row.in_history == 0
    free = [row for row in report.control if row.decoding == "free" and row.lists]
    assert min(row.obeyed.mean for row in free if row.task != "SeqRec") < 1
    assert max(row.in_history for row in free) > 0  # known items come as the ranker gives them


def test_two_tastes_are_told_apart(report):
    rows = {(row.model, row.likes): row.hr.mean for row in report.accuracy if row.items == "all"}
    assert rows["popularity", None] == rows["popularity", 5] == rows["als", 0]


def test_json_and_table(report):
    again = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert again["users"] == report.users and len(again["control"]) == len(report.control)
    text = report.table()
    assert "als + quota slate" in text and "HR@10" in text and "nan" not in text


def test_cases_by_hand():
    interactions = DATASET.interactions
    split = leave_last_out(interactions)
    mine = interactions.item[interactions.user == 3]
    for part, back in (("test", 1), ("valid", 2)):
        case = next(c for c in cases_of(interactions, split, part) if c.user == 3)
        assert case.target == mine[-back]
        assert case.history.tolist() == mine[:-back].tolist()
        assert set(case.taste.known) == set(case.history.tolist()) and not case.taste.seen
        assert all(row % 2 == 1 for row in case.taste.liked)


def test_what_is_held_out_leaves_no_trace():
    """Changing the last two interactions of everybody changes no model and no statistic."""
    interactions = DATASET.interactions
    ends = interactions.bounds()[1:]
    held = np.zeros(len(interactions), bool)
    held[ends - 1] = held[ends - 2] = True
    other = interactions.item.copy()
    other[held] = (other[held] + 40) % 80
    changed = type(DATASET)(
        DATASET.catalog,
        type(interactions)(
            interactions.users,
            interactions.user,
            other,
            np.where(held, 1, interactions.rating),
            interactions.timestamp,
        ),
    )
    catalogs, factors = [], []
    for dataset in (DATASET, changed):
        split = leave_last_out(dataset.interactions)
        catalogs.append(training_catalog(dataset, split))
        factors.append(fit(split.train, 80).factors)
    assert np.array_equal(*factors)
    assert np.array_equal(catalogs[0].popularity, catalogs[1].popularity)
    assert np.array_equal(catalogs[0].numeric["rating"], catalogs[1].numeric["rating"], equal_nan=True)


def test_ranks_leave_the_history_out():
    split = leave_last_out(DATASET.interactions)
    cases = list(cases_of(DATASET.interactions, split, "test"))[:5]
    ranker = ALS(DATASET.catalog, fit(split.train, 80))
    core = np.ones(80, bool)
    ranks = accuracy_ranks(ranker, cases, core, None, 0)["all"]
    for case, rank in zip(cases, ranks, strict=True):
        scores = ranker.scores(case.taste)
        order = [row for row in np.argsort(-scores, kind="stable") if row not in set(case.history.tolist())]
        assert order.index(case.target) == rank


def test_refusals():
    with pytest.raises(TillerError, match="no ranker"):
        evaluate(DATASET, ["magic"])
    with pytest.raises(TillerError, match="Too little data"):
        evaluate(made_dataset(3, 2), ["popularity"])


def test_same_seed_same_report(report):
    assert evaluate(DATASET, ["popularity", "als"], quick=True).to_dict() == report.to_dict()
    assert K == 10


def test_tuning_ranks_the_grid(capsys):
    results = tune(DATASET, [ALSParams(factors=4), ALSParams(factors=8)])
    assert {result[-1].factors for result in results} == {4, 8}
    assert results[0][0] >= results[1][0] and capsys.readouterr().out.count("NDCG@10") == 2
