"""Evaluation: how well rankers find what people chose next, and how exactly they obey.

Leave-last-out: rankers are fitted, and popularity, ratings and tags counted, on all but the last
two interactions of every user. At test time the history is all but the last interaction, on
validation all but the last two; the item after it is the target. Rankings are full: every item
outside the history competes.

Accuracy is measured by the scores that a ranker gives every item in one pass, control by the lists
that it makes: *free* (by itself) and *guarded* (a ranker without words of its own: ranker + quota
slate). ``recsys.control_tasks`` says what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from recsys.accuracy import accuracy_ranks, cold_hit_ratio
from recsys.candidates import ALSParams
from recsys.cases import Case, Part, cases_of, core_cases, sample
from recsys.contenders import Contender, Grounds, contenders
from recsys.control_runs import answer, control_differences, control_rows
from recsys.control_tasks import K, Question, questions
from recsys.datasets import Dataset, leave_last_out, training_catalog
from recsys.lm.wording import phrased
from recsys.metrics import bootstrap, hit_ratio, ndcg
from recsys.rankers import RANKERS, Decoding, Popularity, Words
from recsys.report import AccuracyRow, ColdRow, DifferenceRow, EvaluationReport
from recsys.seeds import SEED

__all__ = ["K", "Case", "accuracy_ranks", "cases_of", "evaluate"]

LIKES: tuple[int | None, ...] = (None, 0, 1, 3, 5)  # None: the whole history
#: What every other ranker is compared with, where it takes part.
BASELINES = ("teacher", "als")
QUICK_USERS, QUICK_CATEGORIES = 100, 2
#: Users and categories of the control tasks where a language model makes lists step by step.
LIST_USERS, LIST_CATEGORIES = 200, 2
QUICK_LIST_USERS, QUICK_LIST_CATEGORIES = 15, 1

Progress = Callable[[str], None]


def evaluate(
    dataset: Dataset,
    models: Sequence[str | Contender] = tuple(RANKERS),
    part: Part = "test",
    quick: bool = False,
    seed: int = 0,
    params: ALSParams | None = None,
    progress: Progress | None = None,
    users: int | None = None,
    categories: int | None = None,
    fusion: float | None = None,
    ranked: int | None = None,
    decodings: Collection[Decoding] = get_args(Decoding),
) -> EvaluationReport:
    """Accuracy and control of some rankers.

    Users and targets are those of the 5-core. ``quick`` takes a sample of them.

    Parameters
    ----------
    users : so many of them, drawn at random, are asked the control tasks; default all, or
        :data:`LIST_USERS` where a language model takes part.
    categories : so many categories a user and task in the open protocol; default all, or
        :data:`LIST_CATEGORIES`.
    fusion : weight of ALS in models called NAME+als; default, what each was tuned to.
    ranked : so many users, drawn at random, take part at all; default all of them.
    decodings : the kinds of lists that are made.
    """
    say = progress or (lambda message: None)
    split = leave_last_out(dataset.interactions)
    catalog = training_catalog(dataset, split)
    rankers = contenders(models, Grounds(catalog, split.train, params, fusion, quick, say))
    rankers = [replace(r, decodings=tuple(d for d in r.decodings if d in decodings)) for r in rankers]
    cases, core = core_cases(dataset.interactions, len(catalog), split, part)
    if any(contender.reads_words for contender in rankers):
        users = users or (QUICK_LIST_USERS if quick else LIST_USERS)
        categories = categories or (QUICK_LIST_CATEGORIES if quick else LIST_CATEGORIES)
    cases = sample(cases, ranked, seed)
    if quick:
        cases, categories = sample(cases, QUICK_USERS, seed), categories or QUICK_CATEGORIES
    asked = sample(cases, users, seed)
    sizes = (len(cases), len(catalog), int(core.sum()))
    report = EvaluationReport(catalog.name, part, *sizes, seed, list_users=len(asked))
    pairs = _pairs([contender.name for contender in rankers])
    _measure_accuracy(report, rankers, cases, core, pairs, seed, say)
    for contender in rankers:
        if (scorer := contender.scorer) is not None and contender.cold is not None:
            for ranker in (scorer, Popularity(catalog)):
                share = cold_hit_ratio(ranker, dataset.interactions, contender.cold, K, seed=seed)
                report.cold.append(ColdRow(ranker.name, int(contender.cold.sum()), *share))
    rng = np.random.default_rng(seed)

    def rephrase(question: Question) -> Words:
        return phrased(question.intent, catalog, rng, unseen=True)

    guides = {contender.name: contender.scorer for contender in rankers if contender.scorer}
    guide = next((guides[name] for name in BASELINES if name in guides), Popularity(catalog))
    stream = questions(catalog, asked, guide, categories, seed)
    answers = answer(rankers, catalog, stream, len(asked), rephrase, say)
    report.control.extend(control_rows(answers, seed))
    report.control_differences.extend(control_differences(answers, pairs, seed))
    return report


def _measure_accuracy(
    report: EvaluationReport,
    rankers: Sequence[Contender],
    cases: list[Case],
    core: np.ndarray,
    pairs: list[tuple[str, str]],
    seed: int,
    say: Progress,
) -> None:
    by_user: dict[tuple[str, str], np.ndarray] = {}
    for contender in rankers:
        name = contender.name
        if (scorer := contender.scorer) is None:
            continue
        say(f"Ranking everything for {len(cases):,} users: {name}.")
        for likes in LIKES:
            for items, ranks in accuracy_ranks(scorer, cases, core, likes, seed).items():
                hr, gain = bootstrap(hit_ratio(ranks, K), seed), bootstrap(ndcg(ranks, K), seed)
                report.accuracy.append(AccuracyRow(name, items, likes, hr, gain))
                if likes is None:
                    by_user[name, items] = ranks
    for name, base in pairs:
        for items in ("5-core", "all"):
            if (name, items) in by_user and (base, items) in by_user:
                own, other = by_user[name, items], by_user[base, items]
                hr = bootstrap(hit_ratio(own, K) - hit_ratio(other, K), seed)
                gain = bootstrap(ndcg(own, K) - ndcg(other, K), seed)
                report.differences.append(DifferenceRow(name, base, items, hr, gain))


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    """Who is compared with whom: everybody with each baseline (or with the first), no two twice."""
    pairs: list[tuple[str, str]] = []
    bases = [name for kind in BASELINES for name in names if SEED.sub("", name) == kind]
    for base in bases or names[:1]:
        pairs += [(name, base) for name in names if name != base and (base, name) not in pairs]
    return pairs
