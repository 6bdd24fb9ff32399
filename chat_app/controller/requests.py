"""Single requests with what they ask for: does a reader understand exactly that?

A file holds one request a line, ``{"text": …, "intent": <ControlIntent>}`` (``tests/data/README.md``).
Two readings are the same when they compile to the same masks and quota bounds; themes are left out,
as they only steer the ranking.

    python -m chat_app.controller.requests FILE… [--errors] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.catalog import Catalog
from recsys.constraints import Constraints
from recsys.controls import DEFAULT_COUNT, ControlIntent
from recsys.errors import TillerError
from recsys.sentences import LabelledRequest
from recsys.sentences import read_requests as load_requests

PARTS = ("controls", "quotas", "count", "order", "like", "unlike")


def differences(one: ControlIntent, other: ControlIntent, catalog: Catalog) -> list[str]:
    """In which of ``PARTS`` ``other`` means something else than ``one``; none when they agree."""
    n = one.count or DEFAULT_COUNT  # shares are compared over a list of one length
    parts = [_meaning(intent.compile(catalog), n) for intent in (one, other)]
    return [name for name, mine, theirs in zip(PARTS, *parts, strict=True) if mine != theirs]


def _meaning(compiled: Constraints, n: int) -> tuple[object, ...]:
    mask = np.ones(len(compiled.catalog), bool)
    for control in compiled.controls:
        mask &= control.mask
    quotas = sorted((q.mask.tobytes(), q.quota.bounds(n, aim=True)) for q in compiled.quotas)
    intent = compiled.intent
    likes = set(compiled.seeds), set(compiled.unlike_seeds)
    return (mask.tobytes(), quotas, intent.count, intent.order, *likes)


@dataclass(frozen=True)
class Misread:
    """A request that was read as something else."""

    request: LabelledRequest
    got: ControlIntent
    parts: tuple[str, ...]

    def __str__(self) -> str:
        want, got = (i.model_dump_json(exclude_defaults=True) for i in (self.request.intent, self.got))
        return f"{self.request.text}\n    {', '.join(self.parts)}\n    asked {want}\n    read  {got}"


@dataclass(frozen=True)
class Reading:
    """How many requests of a set were read as they were meant."""

    requests: int
    misread: tuple[Misread, ...]

    @property
    def hard(self) -> float:
        """Share whose hard controls and quotas are exactly those asked for."""
        wrong = sum(not {"controls", "quotas"}.isdisjoint(m.parts) for m in self.misread)
        return 1 - wrong / max(self.requests, 1)

    @property
    def exact(self) -> float:
        """Share that agrees in all of ``PARTS``."""
        return 1 - len(self.misread) / max(self.requests, 1)

    def as_dict(self) -> dict[str, float | dict[str, int]]:
        parts = {part: sum(part in m.parts for m in self.misread) for part in PARTS}
        return {
            "requests": self.requests,
            "hard": round(self.hard, 4),
            "exact": round(self.exact, 4),
            "wrong": parts,
        }


def read_requests(
    read: Callable[[str], ControlIntent], requests: Sequence[LabelledRequest], catalog: Catalog
) -> Reading:
    """Let ``read`` read every request as the first of a conversation."""
    found = [(request, read(request.text)) for request in requests]
    parts = [(request, got, differences(request.intent, got, catalog)) for request, got in found]
    return Reading(len(found), tuple(Misread(r, got, tuple(p)) for r, got, p in parts if p))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chat_app.controller.requests", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="labelled requests, JSONL")
    parser.add_argument("--errors", action="store_true", help="list what was misread")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--dataset", default="ml-latest-small", help="whose catalogue the labels are in")
    options = parser.parse_args(argv)
    from chat_app.controller.rules import read_rules
    from chat_app.controller.synonyms import synonyms_path
    from chat_app.state import State
    from recsys.datasets import load_dataset

    def read(text: str) -> ControlIntent:
        return State().apply(reader.read(State(), text)).intent

    try:
        catalog = load_dataset(options.dataset).catalog
        reader = read_rules(catalog, synonyms_path(catalog, options.dataset))
        readings = {name: read_requests(read, load_requests(name), catalog) for name in options.files}
    except TillerError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({str(name): r.as_dict() for name, r in readings.items()}, indent=2))
        return 0
    for name, r in readings.items():
        wrong = r.as_dict()["wrong"]
        print(
            f"{name}: {r.requests} requests   hard controls {r.hard:.3f}   all {r.exact:.3f}   wrong {wrong}"
        )
        if options.errors:
            print("\n".join(map(str, r.misread)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
