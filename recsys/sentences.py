"""From a person's sentence to the slate: does the list hold every control that the sentence states?

The labelled requests are JSON lines, ``{"text": …, "intent": <ControlIntent>}``, the intent written by
hand. Each is answered twice by the whole recommender, as the reader understood it and as its label
says, so that misreading and disobeying can be told apart; both lists are held against the label.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from recsys.catalog import Catalog
from recsys.controls import ControlIntent
from recsys.errors import TillerError
from recsys.metrics import Estimate, bootstrap
from recsys.profile import Profile
from recsys.rankers import Decoding
from recsys.recommender import Recommender
from recsys.report import plain, show, table
from recsys.slate import plan_slate

Read = Callable[[str], ControlIntent]


@dataclass(frozen=True)
class LabelledRequest:
    """What somebody typed, and the controls that it states."""

    text: str
    intent: ControlIntent


@dataclass(frozen=True)
class SentenceRow:
    """One recommender on all requests that the catalogue can meet. ``reading`` is "reader" or "label";
    ``held`` the share of slates that hold every control of the label, with the 95 % interval."""

    model: str
    decoding: Decoding
    reading: str
    requests: int
    held: Estimate


@dataclass(frozen=True)
class SentenceReport:
    """The rows of all recommenders."""

    rows: list[SentenceRow]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return plain(asdict(self))

    def table(self) -> str:
        """A Markdown table."""
        cells = [(r.model, r.decoding, r.reading, str(r.requests), show(r.held)) for r in self.rows]
        return table(["model", "decoding", "read by", "requests", "slates that hold every control"], cells)


def read_requests(path: Path) -> list[LabelledRequest]:
    """The labelled requests of a file; :class:`TillerError` names the line that is none."""
    requests = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TillerError(f"{path} cannot be read ({error}): give a file of labelled requests.") from None
    for i, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            requests.append(LabelledRequest(entry["text"], ControlIntent.model_validate(entry["intent"])))
        except (ValueError, TypeError, KeyError, ValidationError) as error:
            what = " ".join(str(error).split())[:120]
            raise TillerError(f"{path}, line {i} is no labelled request ({what}): mend it.") from None
    if not requests:
        raise TillerError(f"{path} holds no request: give one a line.")
    return requests


def sentence_rows(
    recommender: Recommender,
    requests: Sequence[LabelledRequest],
    read: Read,
    decodings: Sequence[Decoding] = ("guarded", "distinct", "free"),
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[SentenceRow]:
    """Answer every request, for somebody of whom nothing is known.

    ``read`` turns a text into controls. Requests whose label the catalogue cannot meet in full are
    left out. Raises :class:`ControlError` for a label that is not in the catalogue's words.
    """
    say, catalog = progress or (lambda message: None), recommender.catalog
    possible = [r for r in requests if not plan_slate(r.intent.compile(catalog)).relaxations]
    if left_out := len(requests) - len(possible):
        say(f"Left out {left_out} of {len(requests)} requests: the catalogue cannot meet them in full.")
    readings: dict[str, Read | None] = {"reader": read, "label": None}
    rows = []
    for decoding in decodings:
        for reading, reader in readings.items():
            say(f"Answering {len(possible)} requests: {recommender.name}, {decoding}, {reading}.")
            held = []
            for request in possible:
                intent = reader(request.text) if reader else request.intent
                slate = recommender.recommend(Profile(), intent, decoding=decoding)
                held.append(holds([item.id for item in slate.items], request.intent, catalog))
            share = bootstrap(np.array(held, float), seed)
            rows.append(SentenceRow(recommender.name, decoding, reading, len(possible), share))
    return rows


def holds(ids: Sequence[int | str], intent: ControlIntent, catalog: Catalog) -> bool:
    """Whether a list is one that an intent asks for: something, nothing twice, no seed, and every
    control met, the length too where it is stated."""
    rows = [-1 if (row := catalog.row(item_id)) is None else row for item_id in ids]
    constraints = intent.compile(catalog)
    seeds = {*constraints.seeds, *constraints.unlike_seeds}
    met = all(control.met for control in constraints.report(rows))
    return bool(rows) and -1 not in rows and len(set(rows)) == len(rows) and not seeds & set(rows) and met
