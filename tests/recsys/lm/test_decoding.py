"""Decoding: guarded lists obey, free ones are the model's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.candidates import Taste
from recsys.constraints import Constraints
from recsys.controls import ControlIntent
from recsys.lm.decoding import SLACK, free_lists, guarded_lists, with_beside
from recsys.lm.model import KEPT, ItemTokenModel
from recsys.lm.ranker import BRIEF, LONG, LanguageModel, standard
from recsys.lm.wording import canonical
from recsys.rankers import Popularity, Request
from recsys.slate import plan_slate
from tests.made import catalogs, intents
from tests.made_lm import small_model
from tests.recsys.made_use import made_dataset

CATALOG = made_dataset(n_items=30).catalog
MODEL = small_model(CATALOG)
TASTES = [Taste(), Taste(liked=(1,)), Taste(liked=(4, 9, 2), disliked=(7,)), Taste(seen=tuple(range(12)))]
WORDS = canonical(ControlIntent(count=4), CATALOG)
PROMPTS = [MODEL.prompt_ids(taste, WORDS) for taste in TASTES]


def plan(intent: ControlIntent, taste: Taste = Taste()):  # noqa: B008
    return plan_slate(intent.compile(CATALOG), taste.known)


def greedy(model: ItemTokenModel, prompt: list[int], count: int, distinct: bool = False) -> list[int]:
    """Free decoding the slow way."""
    ids, rows = list(prompt), []
    while len(rows) < count + SLACK:
        with torch.no_grad():
            logits = model.model(torch.tensor([ids])).logits[0, -1]
        if distinct:
            logits[[model.first + row for row in rows if row >= 0]] = -torch.inf
        token = int(logits.argmax())
        if token == model.end:
            break
        rows.append(token - model.first if token >= model.first else -1)
        ids.append(token)
    return rows


class TestGuarded:
    @given(data=st.data())
    @settings(max_examples=40)
    def test_lists_obey(self, data) -> None:
        catalog = data.draw(catalogs())
        model = small_model(catalog, seed=data.draw(st.integers(0, 3)))
        asked = data.draw(st.lists(intents(catalog), min_size=1, max_size=3))
        known = tuple(data.draw(st.lists(st.integers(0, len(catalog) - 1), max_size=3, unique=True)))
        taste = Taste(liked=known)
        plans = [plan_slate(intent.compile(catalog), known) for intent in asked]
        prompts = [model.prompt_ids(taste, canonical(intent, catalog)) for intent in asked]
        for made, drawn in zip(guarded_lists(model, prompts, plans, None), plans, strict=True):
            assert len(made) == len(set(made)) == drawn.count and not set(made) & set(known)
            constraints: Constraints = drawn.constraints
            assert drawn.relaxations or all(control.met for control in constraints.report(made))
            if constraints.intent.order and not drawn.bounds:
                other = drawn.pick(np.zeros(len(catalog)))
                key = {"top_rated": "rating"}.get(constraints.intent.order, "year")
                values = np.nan_to_num(catalog.numeric[key], nan=-1)
                assert values[made].tolist() == values[other].tolist()

    def test_each_step_takes_the_likeliest_that_may_come(self) -> None:
        [made] = guarded_lists(MODEL, PROMPTS[:1], [plan(ControlIntent(count=5))], None)
        ids = list(PROMPTS[0])
        for place, row in enumerate(made):
            with torch.no_grad():
                items = MODEL.model(torch.tensor([ids])).logits[0, -1, MODEL.first :]
            items[made[:place]] = -torch.inf
            assert int(items.argmax()) == row
            ids.append(MODEL.first + row)

    def test_nothing_to_list(self) -> None:
        taste = Taste(seen=tuple(range(30)))
        assert guarded_lists(MODEL, PROMPTS[:1], [plan(ControlIntent(count=2), taste)], None) == [[]]


class TestFree:
    @pytest.mark.parametrize("distinct", [False, True])
    def test_it_is_greedy_decoding_one_by_one_or_together(self, distinct: bool) -> None:
        counts = [4, 1, 2, 6]
        lists = free_lists(MODEL, PROMPTS, counts, distinct)
        assert lists == [greedy(MODEL, p, c, distinct) for p, c in zip(PROMPTS, counts, strict=True)]
        alone = [free_lists(MODEL, [p], [c], distinct)[0] for p, c in zip(PROMPTS, counts, strict=True)]
        assert lists == alone
        repeats = any(len(set(rows) - {-1}) < len([row for row in rows if row >= 0]) for rows in lists)
        assert repeats is not distinct  # this model repeats where it may

    @pytest.mark.parametrize(("token", "made"), [("end", []), ("word", [-1] * (2 + SLACK))])
    def test_words_are_no_items_and_the_end_ends(self, token: str, made: list[int]) -> None:
        model = small_model(CATALOG)
        id = model.end if token == "end" else 40
        model._logits = lambda state, rows: _only(id, model, rows)  # type: ignore[method-assign]
        assert free_lists(model, PROMPTS[:1], [2]) == [made]


def _only(id: int, model: ItemTokenModel, rows: torch.Tensor) -> np.ndarray:
    scores = np.zeros((1, len(rows)), np.float32)
    scores[0, id] = 1
    return scores


class TestPrefix:
    def test_what_was_kept_of_a_profile_gives_what_reading_all_gives(self) -> None:
        model = small_model(CATALOG)
        others = [Taste(liked=(row,)) for row in range(KEPT + 2)]
        for taste in (*TASTES, TASTES[2], *others, TASTES[2]):  # again at once, and after it was forgotten
            for words in (WORDS, canonical(ControlIntent(count=2, theme="robot"), CATALOG)):
                kept = model.read_one(taste, words)
                whole = model.read([model.prompt_ids(taste, words)])
                assert np.allclose(model.item_scores(kept), model.item_scores(whole), atol=1e-4)
                for row in (3, 5):  # steps must not change what is kept
                    kept = model.step(kept, [model.first + row])
                    whole = model.step(whole, [model.first + row])
                assert np.allclose(model.item_scores(kept), model.item_scores(whole), atol=1e-4)
        assert len(model._profiles) <= KEPT

    def test_prompts_read_together_are_read_alike(self) -> None:
        together = MODEL.scores_many(PROMPTS)
        for prompt, scores in zip(PROMPTS, together, strict=True):
            with torch.no_grad():
                alone = MODEL.model(torch.tensor([prompt])).logits[0, -1, MODEL.first :]
            assert np.allclose(scores, alone.numpy(), atol=1e-4)
        assert MODEL.scores_many([]).shape == (0, 30)


class TestRanker:
    def test_what_stands_beside_it_counts_alike_everywhere(self) -> None:
        intent, taste, other = ControlIntent(count=10), TASTES[2], Popularity(CATALOG)
        ranker = LanguageModel(MODEL, "made", other, 0.7, 0.5)
        prompt = MODEL.prompt_ids(taste, canonical(intent, CATALOG))
        foreseen, own = MODEL.scores_many([MODEL.prompts.profile(taste), prompt])
        popular = 0.7 * standard(other.scores_many([taste]))[0]
        scores = with_beside(foreseen, popular)
        assert np.allclose(ranker.scores(taste), scores, atol=1e-4)
        assert np.allclose(ranker.scores_many(TASTES)[2], scores, atol=1e-4)
        wanted = own + own.std() * (0.5 * standard(foreseen[None])[0] + popular)
        assert np.allclose(ranker.steps(taste, intent).scores, wanted, atol=1e-4)
        wanted[list(taste.known)] = -np.inf
        first = ranker.lists([Request(taste, plan(intent, taste))], "guarded")[0][0]
        assert first == int(wanted.argmax())

    def test_brief_profiles_have_a_weight_of_their_own(self) -> None:
        other = Popularity(CATALOG)
        few, middling, many = (Taste(liked=tuple(range(n))) for n in (BRIEF, (BRIEF + LONG) // 2, LONG + 1))
        ranker = LanguageModel(MODEL, "made", other, 0.2, brief=0.8)
        for taste, weight in ((few, 0.8), (middling, 0.5), (many, 0.2)):
            alike = LanguageModel(MODEL, "made", other, weight)
            assert np.allclose(ranker.scores(taste), alike.scores(taste), atol=1e-4)
        assert not np.allclose(ranker.scores(few), LanguageModel(MODEL, "made", other, 0.2).scores(few))

    def test_lists_may_have_weights_of_their_own(self) -> None:
        other, intent = Popularity(CATALOG), ControlIntent(count=3)
        ranker = LanguageModel(MODEL, "made", other, 0.2, 0.5, 0.8, listed=(0.4, 0.1))
        few, many = (Taste(liked=tuple(range(n))) for n in (BRIEF, LONG))
        for taste, scored, listed in ((few, 0.8, 0.4), (many, 0.2, 0.1)):
            alike = [LanguageModel(MODEL, "made", other, weight, 0.5) for weight in (scored, listed)]
            assert np.allclose(ranker.scores(taste), alike[0].scores(taste), atol=1e-4)
            steps = [one.steps(taste, intent).scores for one in (ranker, alike[1])]
            assert np.allclose(*steps, atol=1e-4)
            assert not np.allclose(ranker.steps(taste, intent).scores, alike[0].steps(taste, intent).scores)

    def test_seeds_are_foreseen_as_the_latest_likes(self) -> None:
        ranker = LanguageModel(MODEL, "made", Popularity(CATALOG))
        seeded = replace(TASTES[2], seeds=(7, 11))
        prompt = [*MODEL.prompts.profile(TASTES[2]), MODEL.first + 7, MODEL.first + 11]
        expected = MODEL.scores_many([prompt])[0]
        assert np.allclose(ranker.scores(seeded), expected, atol=1e-4)
        assert np.allclose(ranker.scores_many([TASTES[2], seeded])[1], expected, atol=1e-4)

    def test_free_lists_are_the_models_own(self) -> None:
        helped = LanguageModel(MODEL, "made", Popularity(CATALOG), 0.7, 0.5)
        alone = LanguageModel(MODEL, "made", Popularity(CATALOG))
        requests = [Request(taste, plan(ControlIntent(count=3), taste)) for taste in TASTES]
        assert helped.lists(requests, "free") == alone.lists(requests, "free")
        assert helped.lists(requests, "guarded") != alone.lists(requests, "guarded")

    def test_steps_ask_the_model_anew(self) -> None:
        ranker, intent = LanguageModel(MODEL, "made", Popularity(CATALOG)), ControlIntent(count=3)
        walk = ranker.steps(TASTES[1], intent)
        prompt = MODEL.prompt_ids(TASTES[1], canonical(intent, CATALOG))
        walk.take(5)
        assert np.allclose(walk.scores, MODEL.scores_many([[*prompt, MODEL.first + 5]])[0], atol=1e-4)

    def test_no_requests(self) -> None:
        assert LanguageModel(MODEL, "made", Popularity(CATALOG)).lists([], "free") == []


def test_picking_with_scores_anew_obeys_and_follows_them() -> None:
    intent = ControlIntent(count=3)
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(31, 30))
    made = plan(intent).pick(scores[30], after=lambda row: scores[row])
    expected = [int(scores[30].argmax())]
    for _ in range(2):
        rest = scores[expected[-1]].copy()
        rest[expected] = -np.inf
        expected.append(int(rest.argmax()))
    assert made == expected
