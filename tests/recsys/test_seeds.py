import numpy as np
import pytest

from recsys.errors import TillerError
from recsys.metrics import Estimate
from recsys.report import AccuracyRow, ControlRow, DifferenceRow, EvaluationReport
from recsys.seeds import check_seeds, merge_seeds, over_seeds

CERTAIN = Estimate(0.5, 0.4, 0.6)


def report(**tables):
    return EvaluationReport("toys", "test", 10, 20, 5, 0, **tables)


def accuracy(model, hr, likes=None):
    return AccuracyRow(model, "all", likes, Estimate(hr, 0, 1), CERTAIN)


def test_mean_and_interval_by_hand():
    found = over_seeds([0.1, 0.2, 0.3])  # deviation .1, t of 2 degrees of freedom is 4.303
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(4.303 * 0.1 / np.sqrt(3), abs=1e-4)
    assert np.isnan(over_seeds([0.1]).low) and np.isnan(over_seeds([]).mean)


def test_seeds_become_one_row_and_others_stay():
    rows = [
        accuracy("als", 0.3),
        *(accuracy(f"sft-seed{i}", 0.1 * i) for i in (1, 2, 3)),
        accuracy("sft-seed1", 1, 3),
    ]
    merged = merge_seeds(report(accuracy=rows)).accuracy
    assert merged[0] is rows[0]
    assert [(row.model, row.likes) for row in merged[1:]] == [("sft (3 seeds)", None), ("sft (3 seeds)", 3)]
    assert merged[1].hr.mean == pytest.approx(0.2) and merged[1].hr.low < 0.1


def test_a_fused_model_is_one_of_its_own():
    rows = [accuracy(f"sft-seed{i}{fused}", 0.2) for i in (0, 1) for fused in ("", "+als")]
    merged = merge_seeds(report(accuracy=rows)).accuracy
    assert [row.model for row in merged] == ["sft (2 seeds)", "sft+als (2 seeds)"]


def test_models_of_several_seeds_are_compared_seed_by_seed():
    def row(own, other, hr):
        return DifferenceRow(f"sft-seed{own}", f"teacher-seed{other}", "all", Estimate(hr, 0, 0), CERTAIN)

    rows = [row(0, 0, 0.1), row(0, 1, 9.0), row(1, 0, 9.0), row(1, 1, 0.3)]
    accuracies = [accuracy(f"{model}-seed{i}", 0.1) for model in ("sft", "teacher") for i in (0, 1)]
    merged = merge_seeds(report(accuracy=accuracies, differences=rows)).differences
    assert [(r.model, r.against) for r in merged] == [("sft (2 seeds)", "teacher (2 seeds)")]
    assert merged[0].hr.mean == pytest.approx(0.2)


def test_numbers_of_control_rows_are_averaged_and_counts_kept():
    rows = [
        ControlRow(f"sft-seed{i}", "free", "open", "+C", 7, CERTAIN, CERTAIN, CERTAIN, 1.0, 0.2 * i, 0.0, 0.0)
        for i in (0, 1)
    ]
    (merged,) = merge_seeds(report(control=rows)).control
    assert merged.lists == 7 and merged.repeat_item == pytest.approx(0.1) and merged.wording == "canonical"


def test_nothing_to_merge_is_said():
    check_seeds(["als", "sft-seed0", "sft-seed1"])
    with pytest.raises(TillerError, match="several seeds"):
        check_seeds(["als", "sft-seed0", "grpo-seed1"])
