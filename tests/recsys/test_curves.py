"""The controllability curve: rankers whose lists are known by construction draw known lines."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import curves
from recsys.controls import ControlError, ControlIntent
from recsys.curves import Curve, Sweep, least_mainstream, load_or_measure, measure_lines, write_csv
from recsys.errors import TillerError
from recsys.held_out import HeldOut
from recsys.plots import curve_png, plot_curve
from recsys.rankers import Static
from recsys.settings import Settings
from tests.recsys.made_use import made_dataset

DATASET = made_dataset(80, 60)
BLUE = Sweep("share", "color", "Blue")


@pytest.fixture
def held_out(tmp_path):
    return HeldOut(DATASET, Settings(home=tmp_path, _env_file=None))


class Oracle(Static):
    """Knows what everybody chooses next."""

    name = "oracle"

    def __init__(self, held_out):
        self._targets = {case.taste: case.target for case in held_out.cases}
        self._n = len(held_out.catalog)

    def scores(self, taste):
        scores = np.zeros(self._n, np.float32)
        scores[self._targets[taste]] = 1
        return scores


@pytest.mark.parametrize("text", ["share:color=Blue", "range:year", "count", "popularity"])
def test_a_sweep_is_written_as_it_is_read(text):
    assert str(Sweep.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "share", "share:color", "share:=Blue", "range", "count:9", "popularity:x", "magic", "range:"]
)
def test_what_is_no_sweep_is_refused(text):
    with pytest.raises(ControlError, match="no sweep"):
        Sweep.parse(text)


@given(
    st.integers(2, 51), st.sampled_from([BLUE, Sweep("count"), Sweep("popularity"), Sweep("range", "year")])
)
def test_every_point_asks_for_its_number(n, sweep):
    asked = sweep.points(DATASET.catalog, n)
    numbers = [number for number, _ in asked]
    assert numbers == sorted(numbers) and 2 <= len(asked) <= n
    for number, intent in asked:
        constraints = intent.compile(DATASET.catalog)
        if sweep.kind == "count":
            assert constraints.count == number
        elif sweep.kind == "range":
            (span,) = intent.ranges
            assert span.min <= number <= span.max and constraints.count == 10
        else:
            assert intent.quotas[0].share == pytest.approx(number / 100) and constraints.count == 10


def test_windows_stand_side_by_side():
    spans = [intent.ranges[0] for _, intent in Sweep("range", "year").points(DATASET.catalog, 6)]
    years = DATASET.catalog.numeric["year"]
    held = [((years >= span.min) & (years <= span.max)).sum() for span in spans]
    assert all(held) and all(a.max < b.min for a, b in zip(spans, spans[1:], strict=False))


def test_a_guarded_share_is_delivered_as_asked(held_out):
    curve = load_or_measure(held_out, [("popularity", "guarded"), ("popularity", "free")], BLUE, points=6)
    guarded, free = curve.lines
    assert [point.asked for point in guarded.points] == [0, 20, 40, 60, 80, 100]
    for point in guarded.points:
        assert point.delivered.mean == pytest.approx(point.asked) and point.obeyed.mean == 1
        assert point.delivered.low <= point.delivered.mean <= point.delivered.high
    delivered = {point.delivered.mean for point in free.points}
    assert len(delivered) == 1  # by itself it knows of no control
    assert free.points[0].cost.mean == 0 and any(point.obeyed.mean < 1 for point in free.points)


def test_counts_windows_and_the_mainstream_are_delivered(held_out):
    als = [("als", "guarded")]
    for point in load_or_measure(held_out, als, Sweep("count"), users=5, points=4).lines[0].points:
        assert point.delivered.mean == point.asked and point.obeyed.mean == 1
    line = load_or_measure(held_out, als, Sweep("range", "year"), users=5, points=4).lines[0]
    assert [p.delivered.mean for p in line.points] == sorted(p.delivered.mean for p in line.points)
    assert all(point.obeyed.mean == 1 for point in line.points)
    line = load_or_measure(held_out, als, Sweep("popularity"), users=5, points=3).lines[0]
    assert line.points[0].delivered.mean == 0 < line.points[-1].delivered.mean


def test_the_mainstream_of_a_sweep_is_that_of_the_controls():
    catalog = DATASET.catalog
    mask = ControlIntent(popularity="mainstream").compile(catalog).mask
    assert ((catalog.popularity >= least_mainstream(catalog)) == mask).all()


def test_the_price_is_the_gain_that_is_lost(held_out):
    blue = held_out.catalog.categorical["color"].mask("Blue")
    cases = held_out.cases
    (line,) = measure_lines(held_out.catalog, cases, [(Oracle(held_out), "guarded")], BLUE, points=2)
    assert line.plain.mean == 1
    none, only = line.points
    # about 0 % and about 100 % allow one item of the other kind; building aims at none
    share = np.mean([blue[case.target] for case in cases])
    assert (none.ndcg.mean, only.ndcg.mean) == (pytest.approx(1 - share), pytest.approx(share))
    assert none.cost.mean == pytest.approx(share) and only.cost.mean == pytest.approx(1 - share)


def test_what_was_measured_is_kept_under_all_it_depends_on(held_out, monkeypatch):
    made = []
    real = curves.measure_lines
    monkeypatch.setattr(curves, "measure_lines", lambda *a, **k: made.append(len(a[2])) or real(*a, **k))
    both = [("popularity", "guarded"), ("als", "guarded")]
    first = load_or_measure(held_out, both[:1], BLUE, 5, 3)
    again = load_or_measure(held_out, both, BLUE, 5, 3)
    assert made == [1, 1]
    assert again.lines[0].points[1].delivered.mean == pytest.approx(first.lines[0].points[1].delivered.mean)
    assert load_or_measure(held_out, both, BLUE, 5, 3).to_dict() == again.to_dict() and len(made) == 2
    red = Sweep("share", "color", "Red")
    for other in ({"users": 6}, {"points": 4}, {"seed": 1}, {"sweep": red}):
        load_or_measure(held_out, both[:1], **{"sweep": BLUE, "users": 5, "points": 3, **other})
    assert made == [1, 1, 1, 1, 1, 1]
    changed = HeldOut(made_dataset(80, 60, seed=1), held_out.settings)
    load_or_measure(changed, both[:1], BLUE, 5, 3)
    assert len(made) == 7
    for path in (held_out.settings.data_dir / "curves").iterdir():
        path.write_text("{damaged")
    load_or_measure(held_out, both[:1], BLUE, 5, 3)
    assert len(made) == 8


def test_progress_counts_all_lists_and_can_stop(held_out):
    told = []
    load_or_measure(held_out, [("als", "free")], BLUE, 5, 3, progress=lambda *now: told.append(now))
    assert told[0] == (0, 20) and told[-1] == (20, 20) and told == sorted(told)

    class Stop(Exception):
        pass

    def stop(done, total):
        if done:
            raise Stop

    with pytest.raises(Stop):
        load_or_measure(held_out, [("als", "guarded")], BLUE, 5, 3, progress=stop)
    assert len(list((held_out.settings.data_dir / "curves").iterdir())) == 1  # nothing half done is kept


@pytest.mark.parametrize(
    ("entry", "sweep", "points", "says"),
    [
        (("magic", "guarded"), BLUE, 3, "no ranker"),
        (("als", "guarded"), Sweep("share", "color", "Bleu"), 3, "Did you mean Blue"),
        (("als", "guarded"), Sweep("share", "taste", "Blue"), 3, "no facet"),
        (("als", "guarded"), Sweep("range", "weight"), 3, "no number"),
        (("als", "guarded"), BLUE, 1, "points"),
    ],
)
def test_refusals(held_out, entry, sweep, points, says):
    with pytest.raises(TillerError, match=says):
        load_or_measure(held_out, [entry], sweep, 5, points)


def test_too_little_data_is_said(tmp_path):
    few = HeldOut(made_dataset(5, 2), Settings(home=tmp_path, _env_file=None))
    with pytest.raises(TillerError, match="Too little data"):
        load_or_measure(few, [("als", "guarded")], BLUE)


def test_csv_json_table_and_pictures(held_out, tmp_path):
    curve = load_or_measure(held_out, [("als", "guarded"), ("als", "free")], BLUE, 5, 3)
    assert isinstance(curve, Curve)
    write_csv(curve, tmp_path / "new" / "curve.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "new" / "curve.csv").read_text())))
    assert len(rows) == 6 and rows[1]["decoding"] == "guarded" and float(rows[1]["delivered"]) == 50
    data = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert data["sweep"] == "share:color=Blue" and len(data["lines"][0]["points"]) == 3
    assert "als, free" in curve.table()
    assert curve_png(curve).startswith(b"\x89PNG")
    plot_curve(curve, tmp_path / "curve.svg")
    text = (tmp_path / "curve.svg").read_text()
    assert all(f"<!-- {words} -->" in text for words in ("als, guarded", "als, free", "as asked"))
    with pytest.raises(TillerError, match="cannot be written"):
        write_csv(curve, tmp_path / "curve.svg" / "curve.csv")
