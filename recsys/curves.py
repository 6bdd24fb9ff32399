"""The controllability curve: a control is turned from one end to the other, and what the lists hold is
set against what was asked.

============  =====================================  ==================================================
sweep         asked                                  delivered
============  =====================================  ==================================================
``share``     0 to 100 % of a category, in ten       per cent of the list that are in it
``popularity``  0 to 100 % of well-known items       per cent of the list that are well-known (niche to
                                                     mainstream)
``count``     1 to 50 items                          length of the list
``range``     a window that moves over a number      mean of that number over the list
============  =====================================  ==================================================

*Obeyed* is CPA of a share, whether the length is right of a count, TCP of a window. The price is
NDCG@10 of the item that the person chose next: *cost* is that of the ranker's plain list of ten less
that of the list under the control, user by user. Intervals are 95 %, bootstrapped over users.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from recsys.cases import Case, sample
from recsys.catalog import Catalog
from recsys.constraints import Constraints
from recsys.contenders import MakesLists
from recsys.control_tasks import K
from recsys.controls import ControlError, ControlIntent, Quota, Range
from recsys.errors import TillerError
from recsys.held_out import HeldOut
from recsys.metrics import Estimate, bootstrap, cpa, list_rank, ndcg, tcp
from recsys.rankers import Decoding, Request
from recsys.report import plain, show, table
from recsys.slate import plan_slate

USERS, POINTS, MOST_POINTS, LONGEST = 100, 11, 51, 50
#: Lists asked for in one go; progress is told, and a curve can be stopped, after each.
BATCH = 32
#: Windows lie between these quantiles of a number, so that each has items to choose from.
ENDS = (0.05, 0.95)
#: Of the measurements; another number makes kept curves out of date.
VERSION = 1

Kind = Literal["share", "popularity", "count", "range"]
#: Told how many lists are made, of how many. What it raises passes through: that is how to stop.
Progress = Callable[[int, int], None]
Entry = tuple[str, Decoding]


@dataclass(frozen=True)
class Sweep:
    """What is turned. ``facet`` and ``value`` name the category of a share, ``facet`` the number of a
    range."""

    kind: Kind
    facet: str = ""
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> Sweep:
        """From ``share:FACET=VALUE``, ``range:FACET``, ``count`` or ``popularity``, as :meth:`__str__`
        writes them. Raises :class:`ControlError`."""
        kind, _, rest = text.partition(":")
        facet, _, value = rest.partition("=")
        sweep = cls(kind, facet.strip(), value.strip())  # type: ignore[arg-type]
        needs = {"share": (True, True), "range": (True, False)}.get(kind, (False, False))
        if kind not in get_args(Kind) or (bool(sweep.facet), bool(sweep.value)) != needs:
            raise ControlError(
                f"“{text}” is no sweep: give share:FACET=VALUE, range:FACET, count or popularity."
            )
        return sweep

    def __str__(self) -> str:
        return self.kind + (f":{self.facet}" if self.facet else "") + (f"={self.value}" if self.value else "")

    @property
    def label(self) -> str:
        """What the axis shows."""
        return {
            "share": f"{self.value}, % of the list",
            "popularity": "well-known, % of the list",
            "count": "length of the list",
            "range": self.facet.replace("_", " "),
        }[self.kind]

    def points(self, catalog: Catalog, n: int) -> list[tuple[float, ControlIntent]]:
        """What is asked at each of about ``n`` points, as a number and as an intent; lengths are not
        asked twice. Raises :class:`ControlError` for a number that the catalogue does not have."""
        if self.kind == "count":
            numbers = dict.fromkeys(np.linspace(1, LONGEST, n).round().astype(int).tolist())
            return [(float(number), ControlIntent(count=number)) for number in numbers]
        if self.kind == "range":
            return _windows(catalog, self.facet, n)
        if self.kind == "share":
            what: dict[str, Any] = {"facet": self.facet, "value": self.value}
        else:
            what = {"facet": "popularity", "min": least_mainstream(catalog)}
        shares = np.linspace(0, 1, n).round(4).tolist()
        return [
            (100 * share, ControlIntent(count=K, quotas=(Quota(**what, share=share),))) for share in shares
        ]


@dataclass(frozen=True)
class CurvePoint:
    """One point of a line: means over users with their intervals."""

    asked: float
    delivered: Estimate
    obeyed: Estimate
    ndcg: Estimate
    cost: Estimate


@dataclass(frozen=True)
class Line:
    """One ranker's curve; ``plain`` is NDCG@10 of its lists of ten with nothing else asked."""

    model: str
    decoding: Decoding
    plain: Estimate
    points: tuple[CurvePoint, ...]

    @property
    def name(self) -> str:
        return f"{self.model}, {self.decoding}"


@dataclass(frozen=True)
class Curve:
    """The lines of some rankers over the same users and points."""

    sweep: Sweep
    catalog: str
    users: int
    seed: int
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return plain({**asdict(self), "sweep": str(self.sweep)})

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat row a point and ranker."""
        for line in self.lines:
            for point in line.points:
                row: dict[str, Any] = {"model": line.model, "decoding": line.decoding, "asked": point.asked}
                for name in ("delivered", "obeyed", "ndcg", "cost"):
                    estimate: Estimate = getattr(point, name)
                    row |= {name: estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
                yield {key: round(v, 6) if isinstance(v, float) else v for key, v in row.items()}

    def csv(self) -> str:
        """The rows as CSV, with a header line."""
        rows = list(self.rows())
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else ["model"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def table(self) -> str:
        """The curve as text."""
        head = f"{self.sweep.label}; {self.catalog}, {self.users:,} users, seed {self.seed}; [95 % interval]"
        cells = [
            (line.name, f"{p.asked:g}", show(p.delivered), show(p.obeyed), show(p.ndcg), show(p.cost))
            for line in self.lines
            for p in line.points
        ]
        return f"{head}\n\n" + table(
            ["ranker", "asked", "delivered", "obeyed", "NDCG@10", "cost in NDCG@10"], cells
        )


def measure_lines(
    catalog: Catalog,
    cases: Sequence[Case],
    rankers: Sequence[tuple[MakesLists, Decoding]],
    sweep: Sweep,
    points: int = POINTS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Line, ...]:
    """The line of each ranker over these cases.

    What can be built is planned once for all rankers. ``seed`` is of the bootstrap. ``progress`` is
    called between batches; an exception that it raises stops the measuring.
    """
    asked = [(0.0, ControlIntent(count=K)), *sweep.points(catalog, points)]
    total = len(asked) * len(rankers) * len(cases)
    tell, done = progress or (lambda done, total: None), 0
    numbers = np.full((len(rankers), len(asked), len(cases), 3), np.nan)  # delivered, obeyed, NDCG
    tell(0, total)
    for p, (_, intent) in enumerate(asked):
        constraints = intent.compile(catalog)
        for start in range(0, len(cases), BATCH):
            batch = cases[start : start + BATCH]
            requests = [Request(c.taste, plan_slate(constraints, c.history.tolist())) for c in batch]
            for r, (ranker, decoding) in enumerate(rankers):
                lists = ranker.lists(requests, decoding)
                for i, (case, rows) in enumerate(zip(batch, lists, strict=True), start):
                    numbers[r, p, i] = measure_list(rows, case, constraints, sweep if p else None)
                done += len(batch)
                tell(done, total)
    return tuple(
        _line(ranker.name, decoding, [number for number, _ in asked[1:]], values, seed)
        for (ranker, decoding), values in zip(rankers, numbers, strict=True)
    )


def measure_list(
    rows: Sequence[int], case: Case, constraints: Constraints, sweep: Sweep | None
) -> tuple[float, float, float]:
    """Delivered, obeyed and NDCG@10 of one list; the first two are NaN without a sweep."""
    gain = float(ndcg(np.array([list_rank(list(rows)[:K], case.target)]), K)[0])
    if sweep is None:
        return np.nan, np.nan, gain
    if sweep.kind == "count":
        return float(len(rows)), float(len(rows) == constraints.count), gain
    if sweep.kind == "range":
        real = [row for row in rows if row >= 0]
        mean = _mean(constraints.catalog.numeric[sweep.facet][real])
        return mean, tcp(rows, constraints.controls[0].mask, K), gain
    compiled = constraints.quotas[0]
    return 100 * tcp(rows, compiled.mask, K), cpa(rows, compiled.mask, compiled.quota, K), gain


def load_or_measure(
    held_out: HeldOut,
    entries: Sequence[Entry],
    sweep: Sweep,
    users: int = USERS,
    points: int = POINTS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Curve:
    """The curve of some rankers by name and decoding, over a random sample of users.

    Each line is kept in ``curves`` of the data directory under a hash of all that it depends on, and
    measured only when it is not there.

    Raises
    ------
    TillerError : a ranker is unknown or cannot decode like this, or there is nobody to ask.
    """
    cases = sample(held_out.cases, users, seed)
    if not cases:
        raise TillerError("Too little data for a curve: nobody and nothing has five interactions.")
    if not 2 <= points <= MOST_POINTS:
        raise TillerError(f"A curve has 2 to {MOST_POINTS} points.")
    for _, intent in sweep.points(held_out.catalog, points):  # refuse what is unknown before anything slow
        intent.compile(held_out.catalog)
    paths = {entry: _path(held_out, entry, sweep, users, points, seed) for entry in dict.fromkeys(entries)}
    lines = {entry: _kept(path) for entry, path in paths.items()}
    missing = [entry for entry, line in lines.items() if line is None]
    rankers: list[tuple[MakesLists, Decoding]] = []
    for name, decoding in missing:
        contender = held_out.contender(name)
        if decoding not in contender.decodings:
            raise TillerError(f"{name} makes {' and '.join(contender.decodings)} lists only.")
        rankers.append((contender.ranker, decoding))
    if rankers:
        made = measure_lines(held_out.catalog, cases, rankers, sweep, points, seed, progress)
        for entry, line in zip(missing, made, strict=True):
            _keep(paths[entry], line)
            lines[entry] = line
    drawn = tuple(line for line in lines.values() if line is not None)
    return Curve(sweep, held_out.catalog.name, len(cases), seed, drawn)


def write_csv(curve: Curve, path: Path) -> None:
    """Write the points to a file. Raises :class:`TillerError` when that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(curve.csv(), encoding="utf-8")
    except OSError as error:
        raise TillerError(f"The points cannot be written to {path} ({error}).") from None


def least_mainstream(catalog: Catalog) -> float:
    """The number of ratings from which on an item is mainstream (``recsys.constraints``)."""
    if "popularity" not in catalog.numeric:
        raise ControlError("This catalogue does not know how popular its items are.")
    return float(catalog.popularity[ControlIntent(popularity="mainstream").compile(catalog).mask].min())


def _windows(catalog: Catalog, facet: str, n: int) -> list[tuple[float, ControlIntent]]:
    """``n`` windows of equal width side by side, each asked for by its middle."""
    ControlIntent(ranges=(Range(facet=facet, min=0),)).compile(catalog)  # refuses an unknown facet
    known = catalog.numeric[facet][np.isfinite(catalog.numeric[facet])]
    if not len(known):
        raise ControlError(f"No {catalog.noun[0]} has a known {facet}.")
    first, last = np.quantile(known, ENDS).tolist()
    edges = np.linspace(first, last, n + 1)
    if whole := bool((known == known.round()).all()):
        edges = np.unique(edges.round())
    if edges[0] == edges[-1]:
        raise ControlError(f"There is nothing to turn: nearly all {catalog.noun[1]} have one {facet}.")
    out = []
    for low, high in zip(edges, edges[1:], strict=False):
        end = high - 1 if whole and high != edges[-1] else high
        span = Range(facet=facet, min=float(low), max=float(end))
        out.append((float(low + end) / 2, ControlIntent(count=K, ranges=(span,))))
    return out


def _line(model: str, decoding: Decoding, asked: Sequence[float], values: np.ndarray, seed: int) -> Line:
    """``values`` is ``(1 + points, users, 3)``, the plain list first."""
    base = values[0, :, 2]
    points = []
    for number, column in zip(asked, values[1:], strict=True):
        delivered, obeyed, gain = (bootstrap(column[:, i], seed) for i in range(3))
        cost = bootstrap(base - column[:, 2], seed)
        points.append(CurvePoint(number, delivered, obeyed, gain, cost))
    return Line(model, decoding, bootstrap(base, seed), tuple(points))


def _mean(numbers: np.ndarray) -> float:
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers.mean()) if len(numbers) else np.nan


# -- files -----------------------------------------------------------------------------------


def _path(held_out: HeldOut, entry: Entry, sweep: Sweep, users: int, points: int, seed: int) -> Path:
    name, decoding = entry
    key = {
        "version": VERSION,
        "data": held_out.hash,
        "model": name,
        "weights": held_out.version(name),
        "decoding": decoding,
        "sweep": str(sweep),
        "users": users,
        "points": points,
        "seed": seed,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    return held_out.settings.data_dir / "curves" / f"{digest}.json"


def _kept(path: Path) -> Line | None:
    """The line in a file; None where there is none, or none that can be read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        points = tuple(
            CurvePoint(p.pop("asked"), **{name: _estimate(e) for name, e in p.items()})
            for p in kept["points"]
        )
        return Line(kept["model"], kept["decoding"], _estimate(kept["plain"]), points)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _estimate(kept: dict[str, float | None]) -> Estimate:
    return Estimate(**{name: np.nan if value is None else value for name, value in kept.items()})


def _keep(path: Path, line: Line) -> None:
    """Write beside, then rename; a folder that cannot be written only costs the time next time."""
    beside = path.with_suffix(f".{os.getpid()}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(plain(asdict(line))), encoding="utf-8")
        beside.replace(path)
