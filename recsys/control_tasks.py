"""The control tasks: what is asked of a list, and how well a list answers.

=============  ==========================================================  =========================
task           asks for                                                    obeyed
=============  ==========================================================  =========================
SeqRec         ten items, nothing else                                     --
+C             ten, only of one category                                   TCP
-C             ten, none of one category                                   TCP of the rest
LP, EP, MP     ten, at most 20 %, about 50 %, at least 30 % of a category  CPA
ItemCount      some number from 1 to 20                                    CorrectCount
ItemSearch     one, of a category                                          TCP
Several        ten, of a category, without another, within some numbers    1 when every control holds
=============  ==========================================================  =========================

The category comes from the item to be found (``paper``: a filter alone then raises the hits) or is
any with enough items (``open``: it says nothing of the target; the last two interactions are both
later, and hits are counted of those that obey). In the paper's protocol -C and LP name a category that
the target lacks: the one that a *guide*, the teacher where there is one, lists most often (a hard
negative). Every ranker gets the same questions, so two can be compared list by list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from recsys.accuracy import BATCH, scores_of
from recsys.candidates import Taste
from recsys.cases import Case
from recsys.catalog import Catalog
from recsys.controls import Clause, ControlIntent, Quota, Range
from recsys.metrics import cpa, form, hit_ratio, list_rank, ndcg, tcp
from recsys.rankers import Ranker
from recsys.slate import SlatePlan
from recsys.topk import top

K = 10
MOST = 20  # items that ItemCount asks for
ENOUGH = 3 * K  # eligible items that an open question needs
CATEGORY_TASKS = ("+C", "-C", "LP", "EP", "MP")
TASKS = ("SeqRec", *CATEGORY_TASKS, "ItemCount", "ItemSearch", "Several")
NO_CATEGORY = ("SeqRec", "ItemCount")  # the same under both protocols, so asked once
SHARES: dict[str, tuple[Literal["at_most", "about", "at_least"], float]] = {
    "LP": ("at_most", 0.2),
    "EP": ("about", 0.5),
    "MP": ("at_least", 0.3),
}
#: What is measured of one list.
MEASURES = ("hr", "ndcg", "obeyed", "correct_count", "repeat_item", "non_exist", "in_history")

Protocol = Literal["paper", "open"]
PROTOCOLS: tuple[Protocol, ...] = ("paper", "open")


@dataclass(frozen=True, eq=False)
class Question:
    """One list to ask for. ``user`` is the position of the case, ``targets`` what is to be found."""

    user: int
    protocol: Protocol
    task: str
    intent: ControlIntent
    taste: Taste
    history: np.ndarray
    targets: tuple[int, ...]


def questions(
    catalog: Catalog, cases: Sequence[Case], guide: Ranker, categories: int | None = None, seed: int = 0
) -> Iterator[Question]:
    """All questions, user by user; ``categories`` limits the open ones a task and user."""
    facet = next(iter(catalog.categorical), None)
    for start in range(0, len(cases), BATCH):
        batch = cases[start : start + BATCH]
        guided = scores_of(guide, [case.taste for case in batch])
        for user, (case, scores) in enumerate(zip(batch, guided, strict=True), start):
            rng = np.random.default_rng((seed, case.user))
            number = int(rng.integers(1, MOST + 1))
            asked: list[tuple[Protocol, str, ControlIntent]] = [
                ("paper", "SeqRec", ControlIntent(count=K)),
                ("paper", "ItemCount", ControlIntent(count=number)),
            ]
            earlier = case.earlier()
            if facet is not None:
                paper = _paper_questions(catalog, facet, case, scores, rng)
                asked += [("paper", task, intent) for task, intent in paper]
                open_ = _open_questions(catalog, facet, earlier.history, categories, rng)
                asked += [("open", task, intent) for task, intent in open_]
            for protocol, task, intent in asked:
                at = case if protocol == "paper" else earlier
                targets = (case.target,) if protocol == "paper" else case.later
                yield Question(user, protocol, task, intent, at.taste, at.history, targets)


def _paper_questions(
    catalog: Catalog, facet: str, case: Case, scores: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, ControlIntent]]:
    """Questions about the target's own categories and, where less is asked for, about a hard negative."""
    column = catalog.categorical[facet]
    own = column.values_of(case.target)
    negative = _favoured(catalog, facet, case, scores, own)
    for task in (*CATEGORY_TASKS, "ItemSearch"):
        values = ([negative] if negative else []) if task in ("-C", "LP") else own
        if values:
            yield task, category_intent(facet, str(rng.choice(values)), task)
    if several := _several(catalog, facet, case.target, rng):
        yield "Several", several


def _favoured(catalog: Catalog, facet: str, case: Case, scores: np.ndarray, own: list[str]) -> str | None:
    """The category most frequent in the guide's own list, of those that the target lacks."""
    column = catalog.categorical[facet]
    rest = np.array(scores)
    rest[case.history] = -np.inf
    counts = np.bincount(column.by_item[top(rest, K)].indices, minlength=len(column.values))
    counts[[column.values.index(value) for value in own]] = 0
    return column.values[int(counts.argmax())] if counts.any() else None


def _open_questions(
    catalog: Catalog, facet: str, history: np.ndarray, categories: int | None, rng: np.random.Generator
) -> Iterator[tuple[str, ControlIntent]]:
    """Questions about any category of which enough items are left."""
    column = catalog.categorical[facet]
    inside = column.counts - np.bincount(column.by_item[history].indices, minlength=len(column.values))
    outside = len(catalog) - len(history) - inside
    for task in (*CATEGORY_TASKS, "ItemSearch"):
        values = [column.values[i] for i in np.flatnonzero((outside if task == "-C" else inside) >= ENOUGH)]
        if categories is not None and len(values) > categories:
            values = sorted(rng.choice(values, categories, replace=False).tolist())
        for value in values:
            yield task, category_intent(facet, value, task)
    known = np.zeros(len(catalog), bool)
    known[history] = True
    for _ in range(categories or 1):
        for anchor in rng.integers(0, len(catalog), 20).tolist():
            several = _several(catalog, facet, anchor, rng)
            if several and (several.compile(catalog).mask & ~known).sum() >= ENOUGH:
                yield "Several", several
                break


def category_intent(facet: str, value: str, task: str) -> ControlIntent:
    """What a task asks about one category."""
    clause = Clause(facet=facet, any_of=(value,))
    if task in ("+C", "ItemSearch"):
        return ControlIntent(count=K if task == "+C" else 1, require=(clause,))
    if task == "-C":
        return ControlIntent(count=K, exclude=(clause,))
    op, share = SHARES[task]
    return ControlIntent(count=K, quotas=(Quota(facet=facet, value=value, op=op, share=share),))


def _several(catalog: Catalog, facet: str, anchor: int, rng: np.random.Generator) -> ControlIntent | None:
    """Several controls that one item, ``anchor``, obeys: a category of it, none of one that it lacks,
    and a range of the first numeric facet that reaches a quarter of the catalogue to either side."""
    column = catalog.categorical[facet]
    own = column.values_of(anchor)
    lacking = [value for value in column.values if value not in own]
    if not (own and lacking):
        return None
    ranges: tuple[Range, ...] = ()
    name = next(iter(catalog.numeric), None)
    if name is not None and np.isfinite(catalog.numeric[name][anchor]):
        numbers = np.sort(catalog.numeric[name][np.isfinite(catalog.numeric[name])])
        place = (
            np.searchsorted(numbers, catalog.numeric[name][anchor]) + np.array([-1, 1]) * len(numbers) // 4
        )
        low, high = numbers[np.clip(place, 0, len(numbers) - 1)].tolist()
        ranges = (Range(facet=name, min=low, max=high),)
    return ControlIntent(
        count=K,
        require=(Clause(facet=facet, any_of=(str(rng.choice(own)),)),),
        exclude=(Clause(facet=facet, any_of=(str(rng.choice(lacking)),)),),
        ranges=ranges,
    )


def measure(rows: Sequence[int], question: Question, plan: SlatePlan) -> list[float]:
    """:data:`MEASURES` of one list. The length held against it is what can be had; hits are NaN
    where no target obeys the open question, and so is ``obeyed`` where nothing was asked."""
    rows, constraints = list(rows), plan.constraints
    k = min(K, constraints.count)
    targets = question.targets
    if question.protocol == "open" and not constraints.quotas:
        targets = tuple(target for target in targets if constraints.mask[target])
    elif question.protocol == "open":
        targets = tuple(target for target in targets if constraints.quotas[0].mask[target])
    ranks = np.array([list_rank(rows[:k], target) for target in targets])
    hr = float(hit_ratio(ranks, K).mean()) if len(ranks) else np.nan
    gain = float(ndcg(ranks, K).mean()) if len(ranks) else np.nan
    shape = form(rows, plan.count, question.history.tolist())
    obeyed = _obeyed(rows, question.task, plan, shape.correct_count)
    return [hr, gain, obeyed, shape.correct_count, shape.repeat_item, shape.non_exist, shape.in_history]


def _obeyed(rows: list[int], task: str, plan: SlatePlan, correct_count: float) -> float:
    constraints = plan.constraints
    if task == "SeqRec":
        return np.nan
    if task == "ItemCount":
        return correct_count
    if task in SHARES:
        compiled = constraints.quotas[0]
        return cpa(rows, compiled.mask, compiled.quota, K)
    if task == "Several":
        held = (control.met for control in constraints.report(rows) if control.control != "count")
        return float(bool(rows) and all(held))
    return tcp(rows, constraints.controls[0].mask, constraints.count)
