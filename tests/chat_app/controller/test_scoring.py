"""The scorer itself: a perfect reader scores 1, known mistakes score known values."""

import json
from pathlib import Path

import pytest

from chat_app.controller.scoring import LabelledTurn, Reader, atoms, load, main, plain_text, score
from chat_app.controller.turn import Event, TurnIntent
from chat_app.state import State
from recsys.controls import Clause, ControlEdit, ControlIntent, Quota, Range, Removal

COMEDY = Clause(facet="genre", any_of=("Comedy",))
ROMANCE = Clause(facet="genre", any_of=("Romance",))
HEAT = Event(kind="liked", item="Heat (1995)", id=6)
FUNNY = ControlIntent(require=(COMEDY,))


def turn(text: str, act: str, intent: ControlIntent | None = None, *events: tuple) -> LabelledTurn:
    return LabelledTurn("x", text, act, intent or ControlIntent(), frozenset(("event", *e) for e in events))


TALK = [
    turn("comedies", "recommend", FUNNY),
    turn("five, i loved heat", "recommend", FUNNY.model_copy(update={"count": 5}), ("liked", "Heat (1995)")),
    turn("undo", "undo", FUNNY),
    turn("bye", "smalltalk", FUNNY),
]
PERFECT = {
    "comedies": TurnIntent(act="recommend", edit=ControlEdit(add=FUNNY)),
    "five, i loved heat": TurnIntent(
        act="recommend", edit=ControlEdit(add=ControlIntent(count=5)), events=(HEAT,)
    ),
    "undo": TurnIntent(act="undo"),
    "bye": TurnIntent(act="smalltalk"),
}


def reader(**changes: TurnIntent) -> Reader:
    answers = PERFECT | changes
    return lambda state, text: answers[text]


@pytest.mark.parametrize("alone", [False, True])
def test_a_perfect_reader_scores_one(alone: bool) -> None:
    report = score(reader(), [TALK, TALK], alone)
    assert (report.turns, report.act_accuracy, report.slots.f1) == (8, 1, 1)
    assert report.slots.right == 2 * 6 and not report.mistakes
    assert set(report.kinds) == {"require", "count", "event"}


def test_a_misread_control_costs_in_every_later_turn_unless_each_is_read_alone() -> None:
    wrong = reader(comedies=TurnIntent(act="recommend", edit=ControlEdit(add=ControlIntent(count=5))))
    carried, alone = score(wrong, [TALK]), score(wrong, [TALK], alone=True)
    # turn 2 gets its count right either way; Comedy is missed four times or once
    assert (carried.slots.right, carried.slots.wrong, carried.slots.missed) == (2, 3, 4)
    assert (alone.slots.right, alone.slots.wrong, alone.slots.missed) == (5, 1, 1)
    assert carried.slots.precision == 2 / 5 and carried.slots.recall == 2 / 6
    assert carried.slots.f1 == pytest.approx(4 / 11)


def test_a_missed_undo_is_carried_and_acts_are_counted() -> None:
    missed = reader(undo=TurnIntent(act="unclear"))
    carried, alone = score(missed, [TALK]), score(missed, [TALK], alone=True)
    assert carried.act_accuracy == alone.act_accuracy == 0.75
    assert (carried.slots.wrong, alone.slots.wrong) == (2, 1)
    assert carried.confusions["undo", "unclear"] == 1
    assert "act unclear, not undo" in str(carried.mistakes[0])


def test_undo_takes_back_one_turn_each_and_not_the_beginning() -> None:
    talk = [TALK[0], TALK[1], TALK[2], turn("undo", "undo"), turn("undo", "undo")]
    assert score(reader(), [talk]).slots.f1 == 1


def test_reset_empties_the_controls() -> None:
    reset = {"start over": TurnIntent(act="reset")}
    assert score(reader(**reset), [[TALK[0], turn("start over", "reset")]]).slots.f1 == 1


def test_no_slots_at_all_is_right_and_chatter_as_a_theme_is_wrong() -> None:
    hello = [turn("bye", "smalltalk")]
    assert score(reader(), [hello]).slots.f1 == 1
    noise = TurnIntent(act="smalltalk", edit=ControlEdit(add=ControlIntent(theme="goodbye")))
    assert score(reader(bye=noise), [hello]).slots.precision == 0


def same(one: ControlIntent, other: ControlIntent) -> bool:
    return atoms(one) == atoms(other, themes_of=one)


def test_what_means_the_same_scores_the_same() -> None:
    both = Clause(facet="genre", all_of=("Comedy", "Romance"))
    either = Clause(facet="genre", any_of=("Comedy", "Romance"))
    assert same(ControlIntent(require=(both,)), ControlIntent(require=(ROMANCE, COMEDY)))
    assert same(ControlIntent(exclude=(either,)), ControlIntent(exclude=(ROMANCE, COMEDY)))
    assert not same(ControlIntent(require=(either,)), ControlIntent(require=(ROMANCE, COMEDY)))
    assert not same(ControlIntent(exclude=(both,)), ControlIntent(exclude=(ROMANCE, COMEDY)))
    shared = atoms(ControlIntent(require=(either,))) & atoms(ControlIntent(require=(ROMANCE, COMEDY)))
    assert len(shared) == 2  # the values; that they are alternatives is a slot of its own


def test_numbers_are_compared_whole() -> None:
    nineties = ControlIntent(ranges=(Range(facet="year", min=1990, max=1999),))
    assert not atoms(nineties) & atoms(ControlIntent(ranges=(Range(facet="year", min=1990),)))
    third = ControlIntent(quotas=(Quota(facet="genre", value="War", share=1 / 3),))
    assert same(third, ControlIntent(quotas=(Quota(facet="genre", value="War", share=0.333),)))
    assert not same(third, ControlIntent(quotas=(Quota(facet="genre", value="War", count=3),)))
    whole = ControlIntent(quotas=(Quota(facet="genre", value="War", share=1),))
    assert not same(whole, ControlIntent(quotas=(Quota(facet="genre", value="War", count=1),)))


@pytest.mark.parametrize(
    ("labelled", "read", "agrees"),
    [
        ("superheroes", "superhero", True),
        ("true story", "based on a true story", True),
        ("space", "set in space", True),
        ("psychological twist ending", "twist ending", True),
        ("tense", "gory", False),
        ("tense", None, False),
        ("heist", "hey there i want you to find me a heist movie", False),  # noise counts
    ],
)
def test_themes_are_compared_by_content_words(labelled: str, read: str | None, agrees: bool) -> None:
    assert same(ControlIntent(theme=labelled), ControlIntent(theme=read)) is agrees
    assert not same(ControlIntent(theme=labelled), ControlIntent(avoid_theme=read))


def test_labels_without_text_find_it_in_the_dialogues(tmp_path: Path) -> None:
    dialogue = {"id": "7", "turns": [{"text": "hi"}, {"text": "@187028 <It  (2017)> was @6 <Heat (1995)>"}]}
    (tmp_path / "theirs.jsonl").write_text(json.dumps(dialogue) + "\n")
    label = {"file": "theirs.jsonl", "id": "7", "turn": 1, "act": "feedback", "events": [], "intent": {}}
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps(label) + "\n")
    [[loaded]] = load(labels, tmp_path)
    assert (loaded.text, loaded.act) == ("It (2017) was Heat (1995)", "feedback")


def test_missing_dialogues_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TILLER_DIALOGUES", str(tmp_path))
    label = {"file": "none.jsonl", "id": "7", "turn": 1, "act": "feedback", "events": [], "intent": {}}
    (tmp_path / "labels.jsonl").write_text(json.dumps(label))
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "labels.jsonl")
    assert main([str(tmp_path / "labels.jsonl")]) == 1
    assert "TILLER_DIALOGUES" in capsys.readouterr().err


def test_marks_are_stripped() -> None:
    assert plain_text("@1 <A  (2000)>  and @ b") == "A (2000) and b"


def test_the_state_goes_on_from_turn_to_turn() -> None:
    seen: list[State] = []

    def watching(state: State, text: str) -> TurnIntent:
        seen.append(state)
        drop = ControlEdit(remove=(Removal(field="require", facet="genre"),))
        return TurnIntent(act="recommend", edit=drop, events=(HEAT,))

    score(watching, [TALK[:2]], alone=True)
    assert seen[0] == State()
    assert seen[1].profile.liked == (6,) and seen[1].intent == FUNNY  # the labelled controls
