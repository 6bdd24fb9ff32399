import json

import pytest

from recsys.controls import Clause, ControlIntent, Quota
from recsys.errors import TillerError
from recsys.sentences import LabelledRequest, SentenceReport, holds, read_requests, sentence_rows
from recsys.slate import Slate, SlateItem, plan_slate
from tests.recsys.made_use import made_dataset

CATALOG = made_dataset(80, 30).catalog
RED = ControlIntent(require=(Clause(facet="color", any_of=("Red",)),))
BLUE = ControlIntent(require=(Clause(facet="color", any_of=("Blue",)),))
HALF = ControlIntent(count=4, quotas=(Quota(facet="color", value="Red", op="exactly", share=0.5),))


class Lister:
    """Plays a recommender: guarded it obeys, free it lists the first of the catalogue."""

    name, catalog = "made", CATALOG

    def recommend(self, profile, intent, *, decoding):
        plan = plan_slate(intent.compile(CATALOG))
        rows = plan.pick(-CATALOG.popularity) if decoding == "guarded" else range(plan.count)
        return Slate(items=tuple(SlateItem(id=CATALOG.ids[row], title="") for row in rows))


def rows_of(requests, read):
    return {(r.decoding, r.reading): r for r in sentence_rows(Lister(), requests, read)}


def test_misreading_and_disobeying_are_told_apart():
    requests = [LabelledRequest("red", RED), LabelledRequest("half red", HALF), LabelledRequest("blue", BLUE)]
    rows = rows_of(requests, lambda text: {"half red": HALF}.get(text, RED))  # takes blue for red
    assert rows["guarded", "label"].held.mean == 1
    assert rows["guarded", "reader"].held.mean == pytest.approx(2 / 3)
    assert rows["free", "label"].held.mean == pytest.approx(1 / 3)  # only half and half comes by itself
    assert rows["guarded", "label"].requests == 3
    report = SentenceReport(list(rows.values()))
    assert "made" in report.table() and report.to_dict()["rows"][0]["held"]["mean"] == pytest.approx(
        2 / 3, abs=1e-5
    )


def test_what_the_catalog_cannot_meet_is_left_out():
    said = []
    impossible = LabelledRequest("", ControlIntent(count=100))
    rows = sentence_rows(
        Lister(), [impossible, LabelledRequest("", RED)], lambda t: RED, progress=said.append
    )
    assert {row.requests for row in rows} == {1} and "Left out 1 of 2" in said[0]


def test_holds_by_hand():
    ids = CATALOG.ids
    assert holds([ids[1], ids[3]], RED, CATALOG) and not holds([ids[1], ids[2]], RED, CATALOG)
    assert not holds([], RED, CATALOG) and not holds([ids[1], ids[1]], RED, CATALOG)
    assert not holds([ids[1], 0], RED, CATALOG)  # 0 is nobody's id
    like = ControlIntent(like=(CATALOG.titles[1],))
    assert holds([ids[3]], like, CATALOG) and not holds([ids[1]], like, CATALOG)
    assert not holds([ids[1]], RED.model_copy(update={"count": 2}), CATALOG)


def test_files(tmp_path):
    path = tmp_path / "requests.jsonl"
    good = json.dumps({"text": "red", "intent": RED.model_dump(mode="json")})
    path.write_text(f"{good}\n\n{good}\n")
    assert read_requests(path) == [LabelledRequest("red", RED)] * 2
    for bad in ("nonsense", "[]", '{"text": "x"}', '{"text": "x", "intent": {"color": "Red"}}'):
        path.write_text(f"{good}\n{bad}\n")
        with pytest.raises(TillerError, match="line 2"):
            read_requests(path)
    path.write_text("")
    with pytest.raises(TillerError, match="holds no request"):
        read_requests(path)
    with pytest.raises(TillerError, match="cannot be read"):
        read_requests(tmp_path / "missing")
