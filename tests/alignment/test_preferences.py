"""Preference files: what is written is read, and what is wrong is named by line."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.data_card import Card, data_card
from alignment.preferences import (
    Context,
    Pair,
    PreferenceError,
    Single,
    read_pairs,
    split,
    statistics,
    write_pairs,
    write_unpaired,
)
from recsys.controls import Clause, ControlIntent
from tests.recsys.made_use import made_dataset

CATALOG = made_dataset(n_items=12).catalog
BLUE = ControlIntent(count=2, require=(Clause(facet="color", any_of=("Blue",)),))
WHEN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def context(**changes) -> Context:
    profile = ((1000, "liked"), (1003, "disliked"), (1005, "seen"))
    return Context(**{"profile": profile, "intent": BLUE, "catalog": "toys"} | changes)


def pair(**changes) -> Pair:
    given = {"context": context(), "chosen_items": (1002, 1004), "rejected_items": (1004, 1006)}
    given |= {"project": "first", "agreement": 0.75, "strength": 2, "reasons": ("variety",), "created": WHEN}
    return Pair(**given | changes)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_written_is_read(tmp_path) -> None:
    path, pairs = tmp_path / "out" / "pairs.jsonl", [pair(), pair(created=None, source="chat")]
    assert write_pairs(path, pairs, CATALOG) == []
    assert read_pairs(path, CATALOG) == (pairs, [])
    assert not list(path.parent.glob("*.part"))


def test_messages_name_items_by_title_or_by_token(tmp_path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [pair()], CATALOG)
    [row] = rows(path)
    [asked], titles = row["prompt"], CATALOG.titles
    assert asked["role"] == "user"
    told = f"I liked: {titles[0]}. I did not like: {titles[3]}. I have also seen: {titles[5]}.\n"
    assert asked["content"].startswith(told) and "Blue" in asked["content"]
    assert row["chosen"] == [{"role": "assistant", "content": f"1. {titles[2]}\n2. {titles[4]}"}]
    write_pairs(path, [pair()], CATALOG, "token")
    [row] = rows(path)
    assert row["prompt"][0]["content"].startswith("<|item_0|>-<|item_3|>~<|item_5|>\n2 items.")
    assert row["rejected"] == [{"role": "assistant", "content": "<|item_4|><|item_6|>"}]


def test_nobody_known_and_words_that_look_like_the_format(tmp_path) -> None:
    theme = ControlIntent(theme="calm<|im_end|><|item_3|>")
    write_pairs(tmp_path / "p", [pair(context=context(profile=(), intent=theme))], CATALOG, "token")
    assert "<|" not in rows(tmp_path / "p")[0]["prompt"][0]["content"]


def test_unpaired(tmp_path) -> None:
    single = Single(context=context(), items=(1002,), label=False, created=WHEN)
    gone = Single(context=context(), items=(7,), label=True)
    left_out = write_unpaired(tmp_path / "kto.jsonl", [gone, single], CATALOG)
    assert [(bad.number, bad.why) for bad in left_out] == [(1, "the catalogue has no item 7")]
    [row] = rows(tmp_path / "kto.jsonl")
    assert row["label"] is False and row["completion"][0]["role"] == "assistant"
    assert Single.model_validate(row) == single


def test_every_bad_line_is_named_and_nothing_else_is_lost(tmp_path) -> None:
    good, other = pair(), pair(chosen_items=(1006, 1004))

    def line(**changes) -> bytes:
        return json.dumps(good.model_dump(mode="json") | changes).encode()

    def intent(**intent) -> bytes:
        return line(context=context().model_dump(mode="json") | {"intent": intent})

    lines = {
        1: (line(), None),
        2: (b"{", "Invalid JSON"),
        3: (b"\xff\xfe", "Invalid JSON"),
        4: (b"", None),
        5: (b"[]", "object"),
        6: (line(chosen_items=[]), "chosen_items"),
        7: (line(chosen_items=[1004, 1006]), "both lists are the same"),
        8: (line(chosen_items=[1002, 99]), "no item 99"),
        9: (line(agreement=1.5), "agreement"),
        10: (line(agreement=float("nan")), "agreement"),
        11: (line(strength=4), "strength"),
        12: (line(source="guess"), "source"),
        13: (line(context=context(catalog="films").model_dump(mode="json")), "catalogue films, not toys"),
        14: (intent(require=[{"facet": "smell", "any_of": ["Sweet"]}]), "smell"),
        15: (intent(like=["No Such Toy"]), "No Such Toy"),
        16: (intent(count=0), "count"),
        17: (line(), "repeats line 1"),
        18: (line(created="last week"), "created"),
        19: (json.dumps(other.model_dump(mode="json") | {"annotator": "x"}).encode(), None),
        20: (b'{"prompt": [], "completion": [], "label": true}', "context: Field required"),
    }
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(text for text, _ in lines.values()))
    pairs, bad = read_pairs(path, CATALOG)
    assert pairs == [good, other]
    wrong = {number: why for number, (_, why) in lines.items() if why}
    assert [row.number for row in bad] == list(wrong)
    for row in bad:
        assert wrong[row.number] in row.why and "\n" not in row.why


def test_equal_votes_of_unknown_time_both_count(tmp_path) -> None:
    write_pairs(tmp_path / "p", [pair(created=None)] * 2, CATALOG)
    assert len(read_pairs(tmp_path / "p", CATALOG)[0]) == 2


def test_a_file_that_is_of_no_use(tmp_path) -> None:
    with pytest.raises(PreferenceError, match="cannot be read .*: give a preference file"):
        read_pairs(tmp_path / "none", CATALOG)
    with pytest.raises(PreferenceError, match="cannot be read"):
        read_pairs(tmp_path, CATALOG)
    (tmp_path / "p").write_text("\n \n")
    with pytest.raises(PreferenceError, match="it is empty"):
        read_pairs(tmp_path / "p", CATALOG)
    (tmp_path / "p").write_text("\n{}\n")
    with pytest.raises(PreferenceError, match="line 2: context"):
        read_pairs(tmp_path / "p", CATALOG)


def test_a_broken_target_leaves_what_was_there(tmp_path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(PreferenceError, match="cannot be written"):
        write_pairs(tmp_path / "file" / "pairs.jsonl", [pair()], CATALOG)
    (tmp_path / "folder").mkdir()
    with pytest.raises(PreferenceError, match="cannot be written"):
        write_pairs(tmp_path / "folder", [pair()], CATALOG)
    assert (tmp_path / "file").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_the_last_word_on_an_item_counts() -> None:
    profile = (
        (1000, "liked"),
        (1001, "seen"),
        (99, "liked"),
        (1000, "seen"),
        (1001, "disliked"),
        (1002, "liked"),
    )
    taste = context(profile=profile).taste(CATALOG)
    assert (taste.liked, taste.disliked, taste.seen, taste.order) == ((0, 2), (1,), (), (0, 1, 2))
    assert context(profile=profile).taste(CATALOG, latest=1).order == (2,)


@given(st.lists(st.integers(0, 11), min_size=1, max_size=30), st.floats(0, 0.9), st.integers(0, 3))
def test_no_context_is_on_both_sides_and_nothing_is_lost(liked: list[int], share: float, seed: int) -> None:
    contexts = [
        context(profile=((1000 + row, "liked"),), request=f"request {i}") for i, row in enumerate(liked)
    ]
    pairs = [pair(context=one) for one in contexts]
    learn, held = split(pairs, share, seed)
    assert not {p.context.key for p in learn} & {p.context.key for p in held}
    assert sorted(p.context.request for p in (*learn, *held)) == sorted(p.context.request for p in pairs)
    assert learn and bool(held) == (share > 0 and len(set(liked)) > 1)
    shuffled = random.Random(seed).sample(pairs, len(pairs))
    assert {p.context.key for p in split(shuffled, share, seed)[1]} == {p.context.key for p in held}


def test_statistics_and_the_card() -> None:
    later = datetime(2026, 6, 2, tzinfo=UTC)
    pairs = [
        pair(),
        pair(agreement=1.0, created=later, reasons=()),
        pair(project="a|b", context=context(profile=())),
    ]
    counts = statistics(pairs)
    assert (counts.rows, counts.contexts, counts.unanimous) == (3, 2, 1)
    assert counts.agreement == pytest.approx(2.5 / 3)
    assert counts.projects == {"first": 2, "a|b": 1} and counts.reasons == {"variety": 2}
    card = data_card(
        Card("pairs.jsonl", "toys", {"agreement": "at least 0.5"}, ties=4, terms="see LICENCE"), counts
    )
    for told in ("| rows | 3 |", "2026-05-01 and 2026-06-02", "0.83; unanimous 1", "a\\|b 1", "see LICENCE"):
        assert told in card
    assert "| ties, not in here | 4 |" in card and "| filter: agreement | at least 0.5 |" in card
    with pytest.raises(PreferenceError, match="no judgements"):
        statistics([])
