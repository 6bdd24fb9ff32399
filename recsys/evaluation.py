"""Evaluation: how well rankers find what people chose next, and how exactly they obey.

Leave-last-out: rankers are fitted, and popularity, ratings and tags counted, on all but the last
two interactions of every user. At test time the history is all but the last interaction, on
validation all but the last two; the item after it is the target. Rankings are full: every item
outside the history competes.

The control tasks ask for lists of ten: +C only a category, -C none of it, LP at most 20 %, EP about
50 %, MP at least 30 % of it. Each list is made *free* (the ranker's own best ten) and *guarded*
(ranker + quota slate). The category comes from the target (``paper``: a filter alone then raises
the hits) or is any with enough items (``open``: it says nothing of the target; the last two
interactions are both later, and hits are counted of those inside the category).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from recsys.candidates import ALSParams, Taste, fit
from recsys.catalog import Catalog
from recsys.constraints import Constraints
from recsys.controls import Clause, ControlIntent, Quota
from recsys.datasets import Dataset, Split, five_core, leave_last_out, load_dataset, training_catalog
from recsys.errors import TillerError
from recsys.interactions import Interactions
from recsys.metrics import Estimate, bootstrap, cpa, form, hit_ratio, list_rank, ndcg, rank_of, tcp
from recsys.rankers import RANKERS, Ranker
from recsys.slate import plan_slate
from recsys.topk import top

K = 10
LIKES: tuple[int | None, ...] = (None, 0, 1, 3, 5)  # None: the whole history
TASKS = ("+C", "-C", "LP", "EP", "MP")
SHARES: dict[str, tuple[Literal["at_most", "about", "at_least"], float]] = {
    "LP": ("at_most", 0.2),
    "EP": ("about", 0.5),
    "MP": ("at_least", 0.3),
}
QUICK_USERS, QUICK_CATEGORIES = 100, 2

Part = Literal["valid", "test"]
Protocol = Literal["paper", "open"]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class AccuracyRow:
    """One ranker on one kind of profile and one set of competing items."""

    model: str
    items: str  # "5-core" or "all"
    likes: int | None
    hr: Estimate
    ndcg: Estimate


@dataclass(frozen=True)
class ControlRow:
    """One ranker on one control task. ``obeyed`` is TCP for +C, 1 - TCP for -C, CPA for shares;
    errors are mean counts a list."""

    model: str
    decoding: str  # "free" or "guarded"
    protocol: Protocol
    task: str
    lists: int
    hr: Estimate
    ndcg: Estimate
    obeyed: Estimate
    correct_count: float
    repeat_item: float
    non_exist: float
    in_history: float


@dataclass(frozen=True)
class DifferenceRow:
    """HR and NDCG of one ranker less another's, user by user (paired bootstrap), whole histories."""

    model: str
    against: str
    items: str
    hr: Estimate
    ndcg: Estimate


@dataclass(frozen=True)
class EvaluationReport:
    """Everything measured. Intervals are 95 %, over users."""

    dataset: str
    part: Part
    users: int
    items: int
    core_items: int
    seed: int
    accuracy: list[AccuracyRow] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)
    control: list[ControlRow] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; what could not be measured is None."""
        return _plain(asdict(self))

    def table(self) -> str:
        """The tables as text."""
        from recsys.report import report_text

        return report_text(self)


@dataclass(frozen=True, eq=False)
class Case:
    """One user at evaluation time."""

    user: int
    history: np.ndarray  # rows, in time order
    taste: Taste
    target: int
    later: tuple[int, ...]


def run_evaluation(
    dataset_name: str,
    models: Sequence[str],
    quick: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Evaluate rankers by name on a dataset by name; see :func:`evaluate`."""
    return evaluate(load_dataset(dataset_name), models, quick=quick, seed=seed, progress=progress)


def evaluate(
    dataset: Dataset,
    models: Sequence[str] = tuple(RANKERS),
    part: Part = "test",
    quick: bool = False,
    seed: int = 0,
    params: ALSParams | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Accuracy and control of some rankers.

    Users and targets are those of the 5-core. ``quick`` takes a sample of the users and two
    categories of each.
    """
    say = progress or (lambda message: None)
    for name in models:
        if name not in RANKERS:
            raise TillerError(f"There is no ranker “{name}”: choose {' or '.join(RANKERS)}.")
    split = leave_last_out(dataset.interactions)
    catalog = training_catalog(dataset, split)
    users, core = five_core(dataset.interactions, len(catalog))
    say(f"Fitting on {len(split.train):,} interactions.")
    als = fit(split.train, len(catalog), params)
    every = cases_of(dataset.interactions, split, part)
    cases = [case for case in every if users[case.user] and core[case.target]]
    if not cases:
        raise TillerError("Too little data to evaluate: nobody and nothing has five interactions.")
    if quick and len(cases) > QUICK_USERS:
        chosen = np.random.default_rng(seed).choice(len(cases), QUICK_USERS, replace=False)
        cases = [cases[i] for i in sorted(chosen)]
    report = EvaluationReport(catalog.name, part, len(cases), len(catalog), int(core.sum()), seed)
    by_user: dict[tuple[str, str], np.ndarray] = {}
    for name in models:
        ranker = RANKERS[name](catalog, als)
        say(f"Ranking everything for {len(cases):,} users: {name}.")
        for likes in LIKES:
            ranks = accuracy_ranks(ranker, cases, core, likes, seed)
            for items, values in ranks.items():
                hr, gain = bootstrap(hit_ratio(values, K), seed), bootstrap(ndcg(values, K), seed)
                report.accuracy.append(AccuracyRow(name, items, likes, hr, gain))
                if likes is None:
                    by_user[name, items] = values
        for protocol in ("paper", "open"):
            for task in TASKS:
                say(f"Control task {task} ({protocol}): {name}.")
                report.control.extend(_control_rows(ranker, catalog, cases, protocol, task, quick, seed))
    for name in models[1:]:
        for items in ("5-core", "all"):
            report.differences.append(_difference(name, models[0], items, by_user, seed))
    return report


def cases_of(interactions: Interactions, split: Split, part: Part) -> Iterator[Case]:
    """One case for each user with something held out."""
    valid, test = split.valid, split.test
    bounds = interactions.bounds()
    liked, disliked = interactions.liked, interactions.disliked
    for user in np.flatnonzero(test >= 0).tolist():
        end = bounds[user + 1] - (1 if part == "test" else 2)
        span = slice(bounds[user], end)
        rows = interactions.item[span]
        kinds = np.select([disliked[span], liked[span]], ["disliked", "liked"], "seen")
        taste = Taste.of_timeline(rows.tolist(), kinds.tolist())
        target = int(test[user] if part == "test" else valid[user])
        later = (int(valid[user]), int(test[user])) if part == "test" else (int(valid[user]),)
        yield Case(user, rows, taste, target, later)


def accuracy_ranks(
    ranker: Ranker, cases: Sequence[Case], core: np.ndarray, likes: int | None, seed: int
) -> dict[str, np.ndarray]:
    """Ranks of the targets, among the 5-core items and among all; the whole history is taken out
    even where the profile is only ``likes`` of its liked items, drawn at random."""
    ranks: dict[str, list[int]] = {"5-core": [], "all": []}
    for case in cases:
        scores = ranker.scores(_shortened(case, likes, seed))
        rest = np.ones(len(core), bool)
        rest[case.history] = False
        rest[case.target] = True
        ranks["all"].append(rank_of(scores, case.target, rest))
        ranks["5-core"].append(rank_of(scores, case.target, rest & core))
    return {items: np.array(values) for items, values in ranks.items()}


def _shortened(case: Case, likes: int | None, seed: int) -> Taste:
    if likes is None:
        return case.taste
    rng = np.random.default_rng((seed, case.user))
    liked = rng.permutation(np.array(case.taste.liked, np.int64))[:likes]
    return Taste(liked=tuple(liked.tolist()))


# -- control ---------------------------------------------------------------------------------


def _control_rows(
    ranker: Ranker,
    catalog: Catalog,
    cases: Sequence[Case],
    protocol: Protocol,
    task: str,
    quick: bool,
    seed: int,
) -> list[ControlRow]:
    facet = next(iter(catalog.categorical), None)
    if facet is None:
        return []
    measured: dict[str, list[list[float]]] = {"free": [], "guarded": []}
    lists = 0
    compiled: dict[str, Constraints] = {}  # by category
    for case in cases:
        open_ = protocol == "open"
        taste, history, targets = _at(case, open_)
        scores = ranker.scores(taste)
        free = top(scores, K).tolist()
        values = _categories(catalog, facet, case, history, scores, task, open_, quick, seed)
        lists += len(values)
        mine: dict[str, list[list[float]]] = {"free": [], "guarded": []}
        for value in values:
            intent = _intent(facet, value, task)
            if value not in compiled:
                compiled[value] = intent.compile(catalog)
            inside = catalog.categorical[facet].mask(value)
            plan = plan_slate(compiled[value], history)
            wanted = [t for t in targets if not open_ or inside[t] == (task != "-C")]
            for decoding, rows in (("free", free), ("guarded", plan.pick(scores))):
                mine[decoding].append(_measure(rows, inside, intent, task, wanted, history))
        for decoding, numbers in mine.items():
            if numbers:
                measured[decoding].append(_means(numbers))
    out = []
    for decoding, numbers in measured.items():
        columns = np.array(numbers, float).reshape(-1, 7).T
        hr, gain, obeyed = (bootstrap(column, seed) for column in columns[:3])
        errors = [float(column.mean()) if len(column) else np.nan for column in columns[3:]]
        out.append(ControlRow(ranker.name, decoding, protocol, task, lists, hr, gain, obeyed, *errors))
    return out


def _at(case: Case, open_: bool) -> tuple[Taste, np.ndarray, tuple[int, ...]]:
    """Taste, history and targets: in the open protocol the last two interactions are all later."""
    later = len(case.later) - 1 if open_ else 0
    if not later:
        return case.taste, case.history, (case.target,)

    def before(rows: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(row for row in rows if row not in case.later)

    kept = case.taste
    lists = (before(kept.liked), before(kept.disliked), before(kept.seen), (), before(kept.order))
    return Taste(*lists), case.history[:-later], case.later


def _categories(
    catalog: Catalog,
    facet: str,
    case: Case,
    history: np.ndarray,
    scores: np.ndarray,
    task: str,
    open_: bool,
    quick: bool,
    seed: int,
) -> list[str]:
    """The categories to ask one user for."""
    column = catalog.categorical[facet]
    rng = np.random.default_rng((seed, case.user))
    if open_:
        left = column.counts - np.bincount(column.by_item[history].indices, minlength=len(column.values))
        eligible = len(catalog) - len(history) - left if task == "-C" else left
        values = [column.values[i] for i in np.flatnonzero(eligible >= 3 * K)]
        if quick and len(values) > QUICK_CATEGORIES:
            values = sorted(rng.choice(values, QUICK_CATEGORIES, replace=False).tolist())
        return values
    own = column.values_of(case.target)
    if task in ("+C", "EP", "MP"):
        return [str(rng.choice(own))] if own else []
    # a hard negative: the category that the ranker itself favours, of those the target lacks
    rest = scores.copy()
    rest[history] = -np.inf
    favoured = np.bincount(column.by_item[top(rest, K)].indices, minlength=len(column.values))
    favoured[[column.values.index(value) for value in own]] = 0
    return [column.values[int(favoured.argmax())]] if favoured.any() else []


def _intent(facet: str, value: str, task: str) -> ControlIntent:
    clause = Clause(facet=facet, any_of=(value,))
    if task == "+C":
        return ControlIntent(count=K, require=(clause,))
    if task == "-C":
        return ControlIntent(count=K, exclude=(clause,))
    op, share = SHARES[task]
    return ControlIntent(count=K, quotas=(Quota(facet=facet, value=value, op=op, share=share),))


def _measure(
    rows: list[int],
    inside: np.ndarray,
    intent: ControlIntent,
    task: str,
    targets: Sequence[int],
    history: np.ndarray,
) -> list[float]:
    """HR, NDCG, obeyed, then the form: one list's numbers. Without a target, HR is NaN."""
    ranks = np.array([list_rank(rows[:K], target) for target in targets])
    hr = float(hit_ratio(ranks, K).mean()) if len(ranks) else np.nan
    gain = float(ndcg(ranks, K).mean()) if len(ranks) else np.nan
    share = tcp(rows, inside, K)
    obeyed = cpa(rows, inside, intent.quotas[0], K) if intent.quotas else share if task == "+C" else 1 - share
    shape = form(rows, K, history.tolist())
    return [hr, gain, obeyed, shape.correct_count, shape.repeat_item, shape.non_exist, shape.in_history]


def _means(numbers: list[list[float]]) -> list[float]:
    """Column means that leave NaN out, without a warning where there is nothing else."""
    columns = np.array(numbers, float).T
    return [float(c[np.isfinite(c)].mean()) if np.isfinite(c).any() else np.nan for c in columns]


def _difference(
    name: str, against: str, items: str, ranks: dict[tuple[str, str], np.ndarray], seed: int
) -> DifferenceRow:
    own, other = ranks[name, items], ranks[against, items]
    hr = bootstrap(hit_ratio(own, K) - hit_ratio(other, K), seed)
    return DifferenceRow(name, against, items, hr, bootstrap(ndcg(own, K) - ndcg(other, K), seed))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
