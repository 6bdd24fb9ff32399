"""Lists under control: rankers answer the questions of the control tasks, and are compared.

The questions are gone through once, a few hundred at a time: what can be built is planned once for
all rankers, each answers all of them in one batch, and only the numbers are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

import numpy as np

from recsys.catalog import Catalog
from recsys.contenders import Contender
from recsys.control_tasks import CATEGORY_TASKS, MEASURES, PROTOCOLS, TASKS, Question, measure
from recsys.metrics import bootstrap
from recsys.rankers import Decoding, Request, Words
from recsys.report import AS, ControlDifferenceRow, ControlRow
from recsys.slate import SlatePlan, plan_slate

#: Questions that are planned and answered in one go.
CHUNK = 256
#: A free-form wording of a question: ``rephrase(question) -> Words``.
Rephrase = Callable[[Question], Words]


@dataclass
class Answers:
    """The numbers of every list: by ranker, decoding, wording, protocol and task, then by user."""

    users: int
    by_kind: dict[tuple[str, Decoding, str, str, str], dict[int, list[list[float]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def of_users(self, kind: tuple[str, Decoding, str, str, str]) -> np.ndarray:
        """Each user's mean over their lists, ``(users, len(MEASURES))``; NaN where there is none."""
        means = np.full((self.users, len(MEASURES)), np.nan)
        for user, numbers in self.by_kind.get(kind, {}).items():
            means[user] = nanmean(np.array(numbers, float))
        return means


def answer(
    contenders: Sequence[Contender],
    catalog: Catalog,
    asked: Iterator[Question],
    users: int,
    rephrase: Rephrase,
    say: Callable[[str], None],
) -> Answers:
    """Let every contender make its lists."""
    compiled = lru_cache(CHUNK)(lambda intent: intent.compile(catalog))
    answers, told = Answers(users), 0
    while chunk := list(islice(asked, CHUNK)):
        if chunk[-1].user >= told:
            say(f"Lists under control: user {chunk[-1].user + 1:,} of {users:,}.")
            told = chunk[-1].user + max(users // 10, 1)
        planned = [(q, plan_slate(compiled(q.intent), q.history.tolist())) for q in chunk]
        # once for all: nobody's words depend on who else takes part
        said = [rephrase(q) for q in chunk] if any(c.reads_words for c in contenders) else []
        for contender in contenders:
            mine = [pair for pair in planned if pair[0].user < (contender.users or users)]
            for decoding in contender.decodings if mine else ():
                _answer(answers, contender, mine, decoding, "canonical", [None] * len(mine))
                if contender.reads_words and decoding != "guarded":  # users come one after the other
                    _answer(answers, contender, mine, decoding, "unseen", said[: len(mine)])
    return answers


def _answer(
    answers: Answers,
    contender: Contender,
    planned: Sequence[tuple[Question, SlatePlan]],
    decoding: Decoding,
    wording: str,
    words: Sequence[Words | None],
) -> None:
    requests = [Request(q.taste, plan, said) for (q, plan), said in zip(planned, words, strict=True)]
    lists = contender.ranker.lists(requests, decoding)
    for (q, plan), rows in zip(planned, lists, strict=True):
        kind = (contender.name, decoding, wording, q.protocol, q.task)
        answers.by_kind[kind][q.user].append(measure(rows, q, plan))


def control_rows(answers: Answers, seed: int) -> list[ControlRow]:
    """One row a kind of list, in the order of the tables."""
    order = {kind: place for place, kind in enumerate(answers.by_kind)}
    models = list(dict.fromkeys(kind[0] for kind in order))

    def place(kind: tuple[str, Decoding, str, str, str]) -> tuple[int, ...]:
        model, decoding, wording, protocol, task = kind
        at = (PROTOCOLS.index(protocol), TASKS.index(task))  # type: ignore[arg-type]
        return models.index(model), *at, wording != "canonical", list(AS).index(decoding)

    rows = []
    for kind in sorted(order, key=place):
        model, decoding, wording, protocol, task = kind
        columns = answers.of_users(kind).T
        hr, ndcg, obeyed = (bootstrap(column, seed) for column in columns[:3])
        correct, repeat, missing, known = nanmean(columns[3:].T).tolist()
        lists = sum(map(len, answers.by_kind[kind].values()))
        scores = (lists, hr, ndcg, obeyed, correct, repeat, missing, known)
        rows.append(ControlRow(model, decoding, protocol, task, *scores, wording))
    return rows


def control_differences(
    answers: Answers, pairs: Sequence[tuple[str, str]], seed: int
) -> list[ControlDifferenceRow]:
    """Guarded lists of one ranker less another's (ranker + quota slate), user by user; task ``all``
    is the mean over the five category tasks."""
    rows = []
    for model, against in pairs:
        for protocol in PROTOCOLS:
            values = {}
            for name in (model, against):
                kinds = {task: (name, "guarded", "canonical", protocol, task) for task in TASKS}
                per_task = {task: answers.of_users(kind)[:, :2] for task, kind in kinds.items()}  # type: ignore[arg-type]
                per_task["all"] = nanmean(np.stack([per_task[task] for task in CATEGORY_TASKS]))
                values[name] = per_task
            for task in (*TASKS, "all"):
                own, other = values[model][task], values[against][task]
                both = np.isfinite(own).all(axis=1) & np.isfinite(other).all(axis=1)
                if not both.any():
                    continue
                hr, ndcg = (bootstrap(own[both, i] - other[both, i], seed) for i in (0, 1))
                base = float(other[both, 1].mean())
                gain = ndcg.mean / base if base else np.nan
                rows.append(
                    ControlDifferenceRow(model, against, protocol, task, int(both.sum()), hr, ndcg, gain)
                )
    return rows


def nanmean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis that leaves NaN out, without a warning where there is nothing else."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
