"""Several trainings of one recipe that differ in the seed, as one row: mean and interval over seeds."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from recsys.errors import TillerError
from recsys.metrics import Estimate
from recsys.report import EvaluationReport

#: What a model's name ends with (a fused one's name goes on after it).
SEED = re.compile(r"-seed(\d+)(?=\+|$)")


def over_seeds(means: Iterable[float]) -> Estimate:
    """Mean of one number a seed with its 95 % interval by Student's t, which for three seeds is wide;
    of a single seed the interval is unknown (NaN)."""
    values = np.array([mean for mean in means if np.isfinite(mean)], float)
    if len(values) < 2:
        return Estimate(float(values.mean()) if len(values) else np.nan, np.nan, np.nan)
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def check_seeds(names: Iterable[str]) -> None:
    """Raise :class:`TillerError` when none of the models takes part with several seeds."""
    recipes = [SEED.sub("", name) for name in names if SEED.search(name)]
    if len(set(recipes)) == len(recipes):
        raise TillerError("No model takes part with several seeds: name them NAME-seed0, NAME-seed1 …")


def merge_seeds(report: EvaluationReport) -> EvaluationReport:
    """The report with all ``NAME-seedN`` as one model ``NAME (n seeds)``; others stay as they are.

    A model compared with one of several seeds too is compared with the one of its own seed.
    """
    seeds: dict[str, set[str]] = defaultdict(set)
    rows: list[Any] = [*report.accuracy, *report.control]
    for row in rows:
        if found := SEED.search(row.model):
            seeds[SEED.sub("", row.model)].add(found[1])
    names = {name: f"{name} ({len(numbers)} seeds)" for name, numbers in seeds.items()}
    tables: dict[str, Any] = {
        field.name: _merged(getattr(report, field.name), names)
        for field in fields(report)
        if isinstance(getattr(report, field.name), list)
    }
    return replace(report, **tables)


def _merged(rows: list[Any], names: dict[str, str]) -> list[Any]:
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        if _of_one_seed(row):
            groups[_key(row, names)].append(row)
    return [_mean(group, names) for group in groups.values()]


def _of_one_seed(row: Any) -> bool:
    mine, theirs = SEED.search(row.model), SEED.search(getattr(row, "against", ""))
    return not (mine and theirs) or mine[1] == theirs[1]


def _named(name: str, names: dict[str, str]) -> str:
    return names.get(SEED.sub("", name), name) if SEED.search(name) else name


def _key(row: Any, names: dict[str, str]) -> tuple[Any, ...]:
    """What a row is about: its texts, and its profile."""
    texts = [_named(value, names) for value in vars(row).values() if isinstance(value, str)]
    return (*texts, getattr(row, "likes", None))


def _mean(rows: list[Any], names: dict[str, str]) -> Any:
    first: Any = rows[0]
    if not SEED.search(first.model) and not SEED.search(getattr(first, "against", "")):
        return first
    new: dict[str, Any] = {}
    for name, value in vars(first).items():
        column = [getattr(row, name) for row in rows]
        if isinstance(value, str):
            new[name] = _named(value, names)
        elif is_dataclass(value):
            new[name] = over_seeds(estimate.mean for estimate in column)
        elif isinstance(value, float):
            new[name] = over_seeds(column).mean
    return replace(first, **new)
