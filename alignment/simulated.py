"""A simulated annotator with a preference that only we know: does the way back work, without people?

    python -m alignment.simulated vote --model NAME --facet year --prefer less --out votes.jsonl
    tiller align dpo --preferences votes.jsonl --parent NAME --name NEW
    python -m alignment.simulated compare NAME NEW --facet year --plot moved.png

Votes and the comparison are on requests of different people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from alignment.preferences import Context, Pair, write_pairs
from recsys.candidates import Taste
from recsys.catalog import Catalog
from recsys.errors import TillerError
from recsys.metrics import Estimate, bootstrap
from recsys.plots import FIRST, SECOND, check_path
from recsys.rankers import Decoding, Ranker, Request
from recsys.slate import plan_slate

if TYPE_CHECKING:
    from alignment.sources import Sources

#: The requests that are judged: those that leave a choice of what to list.
ASKED = {"seqrec": 3, "plus": 3, "minus": 2, "at_most": 1, "at_least": 1, "about": 1, "facet": 1, "range": 1}
LEAST, MOST = 2, 10  # items of a list
VOTERS = 0.7  # share of the people on whose requests votes are cast
TRIES = 5  # draws of two lists that differ
PROJECT = "simulated"
DECODINGS: tuple[Decoding, ...] = ("guarded", "free")


@dataclass(frozen=True)
class HiddenPreference:
    """Of two lists the one whose items have the larger (``sign`` 1) or smaller (-1) mean of a numeric
    facet is better; a vote says the opposite with probability ``noise``."""

    facet: str = "year"
    sign: int = -1
    noise: float = 0.1

    def mean(self, catalog: Catalog, rows: Sequence[int]) -> float:
        """Of the facet over the items whose number is known; NaN without any."""
        numbers = catalog.numeric[self.facet][[row for row in rows if row >= 0]]
        known = numbers[np.isfinite(numbers)]
        return float(known.mean()) if len(known) else np.nan

    def check(self, catalog: Catalog) -> None:
        """Raise :class:`TillerError` when the catalogue has no such facet."""
        if self.facet not in catalog.numeric:
            names = ", ".join(catalog.numeric)
            raise TillerError(f"{catalog.name} has no numeric facet “{self.facet}”: choose among {names}.")

    def vote(
        self, catalog: Catalog, one: Sequence[int], other: Sequence[int], rng: np.random.Generator
    ) -> tuple[Sequence[int], Sequence[int]] | None:
        """The chosen and the rejected list; None where they are equally good."""
        better = self.sign * (self.mean(catalog, one) - self.mean(catalog, other))
        if not better or np.isnan(better):
            return None
        upright = (better > 0) != (rng.random() < self.noise)
        return (one, other) if upright else (other, one)


@dataclass(frozen=True, eq=False)
class Asked:
    """A request by somebody of the data: as it is kept, and as a ranker reads it."""

    context: Context
    request: Request


def draw_requests(sources: Sources, n: int, seed: int, voters: bool) -> list[Asked]:
    """``n`` requests of people of the training part: of the ``voters``, or of the others."""
    from alignment.grpo_prompts import draw_entries

    catalog, train = sources.catalog, sources.train
    voting = np.random.default_rng(0).random(len(train.users)) < VOTERS
    people = train.select(voting[train.user] == voters)
    maker, rng = sources.maker(seed, mix=ASKED), np.random.default_rng(seed)
    asked: list[Asked] = []
    while len(asked) < n:
        for entry in draw_entries(maker, people, n - len(asked), rng):
            rows, kinds, intent = entry.rows[:-1], entry.polarities[:-1], entry.sample.intent
            assert intent is not None
            taste = Taste.of_timeline(rows, kinds)
            plan = plan_slate(intent.compile(catalog), taste.known)
            if LEAST <= plan.count <= MOST and not plan.relaxations:
                profile = tuple(zip((catalog.ids[row] for row in rows), kinds, strict=True))
                context = Context.model_validate(
                    {"profile": profile, "intent": intent, "catalog": catalog.name}
                )
                asked.append(Asked(context, Request(taste, plan)))
    return asked


def sample_list(ranker: Ranker, request: Request, rng: np.random.Generator, temperature: float) -> list[int]:
    """A list under the request's plan, each item drawn by the ranker's scores, taken as logits (the
    Gumbel-max trick)."""
    constraints, guard = request.plan.constraints, request.plan.guard()
    intent = constraints.intent.model_copy(update={"count": constraints.count})
    walk, rows = ranker.steps(request.taste, intent), []
    while True:
        noisy = walk.scores / temperature + rng.gumbel(size=len(walk.scores))
        rows.append(int(np.where(guard.allowed(), noisy, -np.inf).argmax()))
        guard.take(rows[-1])
        if guard.done:
            return rows
        walk.take(rows[-1])


def simulate_votes(
    ranker: Ranker,
    catalog: Catalog,
    asked: Sequence[Asked],
    preference: HiddenPreference,
    seed: int = 0,
    temperature: float = 0.7,
) -> Iterator[Pair]:
    """A vote on two lists drawn from the ranker for each request, where it has two that differ in
    what the annotator looks at."""
    preference.check(catalog)
    rng = np.random.default_rng(seed)
    for one in asked:
        for _ in range(TRIES):
            lists = [sample_list(ranker, one.request, rng, temperature) for _ in range(2)]
            if vote := preference.vote(catalog, lists[0], lists[1], rng):
                chosen, rejected = (tuple(catalog.ids[row] for row in rows) for rows in vote)
                yield Pair(
                    context=one.context,
                    chosen_items=chosen,
                    rejected_items=rejected,
                    project=PROJECT,
                    created=datetime.now(UTC),
                )
                break


# -- what came of it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shift:
    """One measure before and after, means over requests with 95 % intervals; ``change`` is paired."""

    decoding: str
    measure: str
    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two models on the same requests: of each list the mean of the facet and the share of its
    controls that are met (NaN: nothing was asked), ``(2, n)`` by decoding, before and after."""

    names: tuple[str, str]
    facet: str
    means: dict[str, np.ndarray]
    met: dict[str, np.ndarray]

    def shifts(self) -> list[Shift]:
        """Everything as estimates."""
        return [
            _shift(decoding, measure, values)
            for decoding in self.means
            for measure, values in (
                (f"mean {self.facet}", self.means[decoding]),
                ("controls met", self.met[decoding]),
            )
        ]

    def table(self) -> str:
        """As Markdown."""
        head = "| decoding | measure | before | after | change |\n|---|---|---|---|---|"
        rows = [
            f"| {s.decoding} | {s.measure} | {_text(s.before)} | {_text(s.after)} | {_text(s.change)} |"
            for s in self.shifts()
        ]
        return "\n".join([head, *rows])

    def plot(self, path: Path) -> None:
        """Where the guarded lists were and are, and whether they still obey, as a picture."""
        from matplotlib.figure import Figure

        check_path(path)
        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        means = self.means["guarded"]
        span = (float(np.nanmin(means)), float(np.nanmax(means)))
        for name, values, color in zip(self.names, means, (FIRST, SECOND), strict=True):
            left.hist(values, bins=25, range=span, color=color, alpha=0.5, label=name)
            left.axvline(float(np.nanmean(values)), color=color)
        left.set(title=f"Mean {self.facet} of a list, guarded", ylabel="lists")
        left.legend(frameon=False)
        places = np.arange(len(self.met))
        for i, color in enumerate((FIRST, SECOND)):
            found = [bootstrap(values[i]) for values in self.met.values()]
            ends = np.maximum(np.array([(e.mean - e.low, e.high - e.mean) for e in found]).T, 0)
            right.bar(places + 0.4 * i - 0.2, [e.mean for e in found], 0.38, yerr=ends, color=color)
        right.set_xticks(places, list(self.met))
        right.set(title="Controls met", ylim=(0, 1.05))
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)


def compare(
    before: Ranker, after: Ranker, catalog: Catalog, asked: Sequence[Asked], preference: HiddenPreference
) -> Comparison:
    """Let both answer the same requests, guarded and free."""
    preference.check(catalog)
    requests = [one.request for one in asked]
    means: dict[str, np.ndarray] = {}
    met: dict[str, np.ndarray] = {}
    for decoding in DECODINGS:
        lists = [ranker.lists(requests, decoding) for ranker in (before, after)]
        means[decoding] = np.array([[preference.mean(catalog, rows) for rows in own] for own in lists])
        met[decoding] = np.array([[_met(*one) for one in zip(requests, own, strict=True)] for own in lists])
    return Comparison((before.name, after.name), preference.facet, means, met)


def _met(request: Request, rows: Sequence[int]) -> float:
    """The share of the controls that a list meets; NaN where none was asked for."""
    report = request.plan.constraints.report(rows)
    return float(np.mean([line.met for line in report])) if report else np.nan


def _shift(decoding: str, measure: str, values: np.ndarray) -> Shift:
    before, after = values
    return Shift(decoding, measure, bootstrap(before), bootstrap(after), bootstrap(after - before))


def _text(e: Estimate) -> str:
    return f"{e.mean:.4g} [{e.low:.4g}, {e.high:.4g}]"


# -- the command ------------------------------------------------------------------------------------


def _load(names: Sequence[str], dataset: str | None) -> tuple[Sources, list[Ranker]]:
    """The rankers of these names, as the product has them."""
    from alignment.sources import load_sources
    from recsys.datasets import load_dataset
    from recsys.models import check_model, load_ranker
    from recsys.settings import get_settings

    settings = get_settings()
    for name in names:  # before anything slow happens
        check_model(name, settings)
    sources = load_sources(load_dataset(dataset or settings.catalog), settings, _say)

    def load(name: str) -> Ranker:
        texts = sources.vectors
        return load_ranker(name, sources.catalog, sources.als, settings, lambda rows: texts[list(rows)], _say)

    return sources, [load(name) for name in names]


def _say(message: str) -> None:
    click.echo(message, err=True)


def _preference(command: Any) -> Any:
    """The options that say what the annotator likes."""
    for option in (
        click.option("--facet", default="year", show_default=True, help="What the annotator looks at."),
        click.option("--dataset", help="[default: the catalogue of the settings]"),
        click.option("--seed", default=0, show_default=True),
    ):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Votes with a hidden preference, and what came of them."""


@main.command()
@_preference
@click.option("--model", "name", required=True, help="The adapter whose lists are judged.")
@click.option("--prefer", type=click.Choice(["less", "more"]), default="less", show_default=True)
@click.option("--votes", "n", default=400, show_default=True)
@click.option("--noise", type=click.FloatRange(0, 0.5), default=0.1, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, min_open=True), default=0.7, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def vote(
    name: str, facet: str, prefer: str, n: int, noise: float, temperature: float, dataset: str | None,
    seed: int, out: Path,
) -> None:  # fmt: skip
    """Write a preference file."""
    sources, [ranker] = _load([name], dataset)
    preference = HiddenPreference(facet, 1 if prefer == "more" else -1, noise)
    asked = draw_requests(sources, n + n // 4, seed, voters=True)
    pairs: list[Pair] = []
    for pair in simulate_votes(ranker, sources.catalog, asked, preference, seed, temperature):
        pairs.append(pair)
        if len(pairs) % 50 == 0:
            _say(f"{len(pairs)} of {n} votes")
        if len(pairs) == n:
            break
    write_pairs(out, pairs, sources.catalog)
    _say(f"{len(pairs)} votes in {out}: `tiller align dpo --preferences {out} --parent {name}`.")


@main.command(name="compare")
@_preference
@click.argument("before")
@click.argument("after")
@click.option("--requests", "n", default=200, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Also write a picture (.png, .svg).")
def compare_command(
    before: str, after: str, facet: str, n: int, dataset: str | None, seed: int, plot: Path | None
) -> None:
    """Print how far lists moved, on requests of people whom no vote was about."""
    if plot:  # before anything slow happens
        check_path(plot)
    sources, [old, new] = _load([before, after], dataset)
    asked = draw_requests(sources, n, seed + 1, voters=False)
    found = compare(old, new, sources.catalog, asked, HiddenPreference(facet))
    click.echo(found.table())
    if plot:
        found.plot(plot)


if __name__ == "__main__":
    try:
        main()
    except TillerError as error:
        raise SystemExit(str(error)) from None
