"""A packed window says exactly what its plain prompts say one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from alignment.packing import IGNORED, Branch, Window, collate, pack
from recsys.candidates import Taste
from tests.made_lm import small_model
from tests.recsys.made_use import made_dataset

MODEL = small_model(made_dataset(n_items=12).catalog)
ROWS = st.integers(0, 11)
WORDS = st.lists(
    st.one_of(ROWS, st.sampled_from(["5 items.", " like ", "Only Blue"])), min_size=1, max_size=3
)
ANSWERS = st.one_of(st.lists(ROWS, min_size=1, max_size=4).map(tuple), st.sampled_from(["Blue", "no"]))


@st.composite
def windows(draw) -> Window:
    rows = draw(st.lists(ROWS, max_size=6, unique=True))
    kinds = draw(
        st.lists(st.sampled_from(["liked", "disliked", "seen"]), min_size=len(rows), max_size=len(rows))
    )
    cuts = st.integers(0, len(rows))
    branch = st.builds(Branch, cuts, WORDS.map(tuple), ANSWERS, whole=st.booleans())
    return Window(rows, kinds, draw(st.lists(branch, max_size=3)), draw(st.booleans()))


def plain(window: Window, branch: Branch) -> tuple[list[int], list[int]]:
    """Prompt and answer as the served model reads them."""
    cut = branch.cut
    taste = Taste.of_timeline(window.rows[:cut], window.polarities[:cut])
    answer = (
        MODEL.prompts.text(branch.answer)
        if isinstance(branch.answer, str)
        else [MODEL.first + row for row in branch.answer]
    )
    labels = [*answer, MODEL.end] if branch.whole else list(answer[:1])
    return MODEL.prompt_ids(taste, branch.words), labels


@given(st.lists(windows(), min_size=1, max_size=3))
@settings(max_examples=40)
@torch.no_grad()
def test_a_branch_is_the_plain_prompt_with_its_answer(made: list[Window]) -> None:
    batch = collate([pack(window, MODEL.prompts) for window in made])
    logits = MODEL.model(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
    ).logits
    for i, window in enumerate(made):
        labelled = batch.answer[i] != IGNORED
        found, labels = logits[i][labelled], batch.answer[i][labelled].tolist()
        begin = 0
        for branch in window.branches:
            prompt, answer = plain(window, branch)
            alone = MODEL.model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            assert labels[begin : begin + len(answer)] == answer
            assert torch.allclose(found[begin : begin + len(answer)], alone, atol=1e-4)
            begin += len(answer)
        assert begin == len(labels)


@given(windows())
@settings(max_examples=40)
@torch.no_grad()
def test_each_entry_of_a_history_tells_of_the_next(window: Window) -> None:
    packed = pack(window, MODEL.prompts)
    labels = [label for label in packed.next_item if label != IGNORED]
    assert labels == (list(window.rows) if window.ordered else [])
    batch = collate([packed])
    logits = MODEL.model(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
    ).logits[0]
    for cut, at in enumerate(np.flatnonzero(np.array(packed.next_item) != IGNORED).tolist()):
        taste = Taste.of_timeline(window.rows[:cut], window.polarities[:cut])
        alone = MODEL.model(torch.tensor([MODEL.prompts.profile(taste)])).logits[0, -1]
        assert torch.allclose(logits[at], alone, atol=1e-4)


def test_padding_changes_nothing_and_is_finite() -> None:
    short, long = Window([1], ["liked"]), Window([1, 2, 3], ["seen", "disliked", "liked"])
    batch = collate([pack(short, MODEL.prompts), pack(long, MODEL.prompts)])
    with torch.no_grad():
        both = MODEL.model(
            input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        ).logits
    assert both.isfinite().all()
    end = batch.ids.shape[1]
    assert not (batch.mask[0, 0] & ~torch.eye(end, dtype=torch.bool))[len(MODEL.prompts.head) + 1 :].any()
    labels = functional.one_hot(batch.next_item.clamp(min=0), 12)[batch.next_item >= 0].argmax(1)
    assert labels.tolist() == [1, 1, 2, 3]


def test_what_branches_see() -> None:
    window = Window([4, 5], ["liked", "seen"], [Branch(1, ("a",), (2,)), Branch(0, ("b",), (3,))])
    packed = pack(window, MODEL.prompts)
    mask = collate([packed]).mask[0, 0].numpy()
    branch = np.array(packed.branch)
    assert (
        not mask[np.ix_(branch == 1, branch == 2)].any() and not mask[np.ix_(branch == 2, branch == 1)].any()
    )
    assert not mask[np.ix_(branch == 0, branch > 0)].any()
    seen = mask[np.ix_(branch == 1, branch == 0)]
    assert (seen.sum(axis=1) == len(MODEL.prompts.head) + 1).all()


@pytest.mark.parametrize("rows", [[], [3]])
def test_a_window_without_branches(rows: list[int]) -> None:
    packed = pack(Window(rows, ["liked"] * len(rows)), MODEL.prompts)
    assert len(packed.ids) == len(MODEL.prompts.head) + len(rows)
