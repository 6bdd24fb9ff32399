"""Preference files: of two lists for one context, which was better.

One pair a line, JSON, in TRL's conversational preference format (``prompt``, ``chosen``, ``rejected``)
with what Tiller itself goes by: the context and the items. The unpaired form (for KTO) has ``completion``
and ``label`` in their place. Training reads the context and the items, never the prose.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alignment.messages import Contents, Messages
from recsys.candidates import Taste
from recsys.catalog import Catalog, ItemId
from recsys.controls import ControlError, ControlIntent
from recsys.errors import TillerError

Polarity = Literal["liked", "disliked", "seen"]


class PreferenceError(TillerError):
    """A preference file that cannot be used or written; the message says why and what to do."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Context(_Record):
    """For whom and under which request lists were compared. ``profile`` is in time order; ``request``
    is what was said last, ``intent`` all that was in force."""

    profile: tuple[tuple[ItemId, Polarity], ...] = ()
    request: str | None = None
    intent: ControlIntent = ControlIntent()
    catalog: str
    source: Literal["data", "chat"] = "data"
    conversation: str | int | None = None

    @property
    def key(self) -> str:
        """The same for contexts that a model cannot tell apart."""
        read = (self.catalog, self.profile, self.intent.model_dump_json())
        return hashlib.sha256(repr(read).encode()).hexdigest()

    def taste(self, catalog: Catalog, latest: int | None = None) -> Taste:
        """The profile in rows, of which the ``latest`` entries; unknown items are left out. Of several
        words on one item the last counts, but "seen" says nothing against a like or dislike."""
        known: dict[int, Polarity] = {}
        for item, polarity in self.profile:
            row = catalog.row(item)
            if row is None or (polarity == "seen" and row in known):
                continue
            known.pop(row, None)
            known[row] = polarity
        entries = list(known.items())[-latest:] if latest else list(known.items())
        return Taste.of_timeline([row for row, _ in entries], [polarity for _, polarity in entries])


class Judged(_Record):
    """A context and what is known of the judgement.

    ``agreement`` is the share of those who judged that judged so, ``strength`` how much better (1 to
    3), ``reasons`` the tags that were given.
    """

    context: Context
    project: str = ""
    source: Literal["annotation", "chat"] = "annotation"
    agreement: float = Field(1.0, ge=0, le=1)
    strength: int | None = Field(None, ge=1, le=3)
    reasons: tuple[str, ...] = ()
    created: datetime | None = None


class Pair(Judged):
    """Two lists for one context, item ids in order."""

    chosen_items: tuple[ItemId, ...] = Field(min_length=1)
    rejected_items: tuple[ItemId, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _different(self) -> Pair:
        if self.chosen_items == self.rejected_items:
            raise ValueError("both lists are the same")
        return self


class Single(Judged):
    """One list, and whether it was good."""

    items: tuple[ItemId, ...] = Field(min_length=1)
    label: bool


Row = TypeVar("Row", Pair, Single)


@dataclass(frozen=True)
class BadRow:
    """A row that is left out: its number, from 1, and why."""

    number: int
    why: str


# -- reading ----------------------------------------------------------------------------------------


def read_pairs(path: Path, catalog: Catalog) -> tuple[list[Pair], list[BadRow]]:
    """The pairs of a file that fit a catalogue, and the lines that are left out.

    A line is left out when it is no pair, names a facet, value, title or listed item that the
    catalogue lacks, or says again, to the same moment, what an earlier one said.

    Raises
    ------
    PreferenceError : the file cannot be read, or no line of it is of use.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise PreferenceError(f"{path} cannot be read ({error.strerror}): give a preference file.") from None
    pairs: list[Pair] = []
    bad: list[BadRow] = []
    first: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _pair(line)
        why = found if isinstance(found, str) else _misfit(found, catalog)
        if isinstance(found, Pair) and found.created and not why:
            before = first.setdefault(found.model_dump_json(), number)
            why = f"it repeats line {before}" if before != number else None
        if why:
            bad.append(BadRow(number, why))
        else:
            assert isinstance(found, Pair)
            pairs.append(found)
    if not pairs:
        reason = f"line {bad[0].number}: {bad[0].why}" if bad else "it is empty"
        raise PreferenceError(
            f"{path} has no pair to learn from ({reason}): export one with `tiller export preferences`."
        )
    return pairs, bad


def _pair(line: bytes) -> Pair | str:
    """The pair, or why it is none."""
    try:
        return Pair.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        return ": ".join([".".join(map(str, first["loc"])), first["msg"]]).removeprefix(": ")


def _misfit(row: Pair | Single, catalog: Catalog) -> str | None:
    """Why a row does not fit the catalogue."""
    if row.context.catalog != catalog.name:
        return f"it is about the catalogue {row.context.catalog}, not {catalog.name}"
    listed = (*row.chosen_items, *row.rejected_items) if isinstance(row, Pair) else row.items
    unknown = next((item for item in listed if catalog.row(item) is None), None)
    if unknown is not None:
        return f"the catalogue has no item {unknown!r}"
    try:
        row.context.intent.compile(catalog)
    except ControlError as error:
        return str(error)
    return None


def split(pairs: Sequence[Pair], share: float, seed: int = 0) -> tuple[list[Pair], list[Pair]]:
    """A part to learn from and one held out, by context: no context is in both.

    ``share`` of the contexts are held out, at least one and never all; of a single context, none.
    """
    keys = {pair.context.key for pair in pairs}
    drawn = sorted(keys, key=lambda key: hashlib.sha256(f"{seed}{key}".encode()).digest())
    size = min(max(round(share * len(keys)), 1), len(keys) - 1) if share else 0
    out = set(drawn[:size])
    held = [pair for pair in pairs if pair.context.key in out]
    return [pair for pair in pairs if pair.context.key not in out], held


# -- writing ----------------------------------------------------------------------------------------


def write_pairs(
    path: Path, pairs: Iterable[Pair], catalog: Catalog, contents: Contents = "title"
) -> list[BadRow]:
    """Write a preference file; returns the pairs (by number, from 1) that do not fit the catalogue and
    are left out.

    ``contents``: items in the messages by title, or by token (``<|item_ROW|>``). Ties are no pairs.

    Raises
    ------
    PreferenceError : the file cannot be written, or nothing fits; one that stood there is as it was.
    """
    messages = Messages(catalog, contents)

    def row(pair: Pair) -> dict[str, Any]:
        return {
            "prompt": messages.prompt(pair.context.taste(catalog), pair.context.intent),
            "chosen": messages.answer(pair.chosen_items),
            "rejected": messages.answer(pair.rejected_items),
        }

    return _write(path, pairs, catalog, row)


def write_unpaired(
    path: Path, singles: Iterable[Single], catalog: Catalog, contents: Contents = "title"
) -> list[BadRow]:
    """The same for lists judged one by one, TRL's unpaired form; see :func:`write_pairs`."""
    messages = Messages(catalog, contents)

    def row(single: Single) -> dict[str, Any]:
        return {
            "prompt": messages.prompt(single.context.taste(catalog), single.context.intent),
            "completion": messages.answer(single.items),
        }

    return _write(path, singles, catalog, row)


def _write(
    path: Path, rows: Iterable[Row], catalog: Catalog, messages: Callable[[Row], dict[str, Any]]
) -> list[BadRow]:
    bad, written = [], 0
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8") as file:
            for number, row in enumerate(rows, start=1):
                if why := _misfit(row, catalog):
                    bad.append(BadRow(number, why))
                    continue
                file.write(json.dumps(messages(row) | row.model_dump(mode="json"), ensure_ascii=False) + "\n")
                written += 1
        if not written:
            raise PreferenceError(f"There is nothing to write that fits the catalogue {catalog.name}.")
        beside.replace(path)
    except OSError as error:
        raise PreferenceError(
            f"{path} cannot be written ({error.strerror}): give another place for the export."
        ) from None
    finally:
        with suppress(OSError):
            beside.unlink()
    return bad


# -- what is in them --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    """Counts over judgements; the counters are by name, most frequent first."""

    rows: int
    contexts: int
    projects: dict[str, int]
    sources: dict[str, int]
    contexts_from: dict[str, int]
    reasons: dict[str, int]
    strengths: dict[str, int]
    agreement: float
    unanimous: int
    first: datetime | None
    last: datetime | None


def statistics(rows: Sequence[Pair] | Sequence[Single]) -> Statistics:
    """What some judgements are made of. Raises :class:`PreferenceError` when there are none."""
    if not rows:
        raise PreferenceError("There are no judgements to count: choose other filters.")
    created = sorted(row.created for row in rows if row.created)
    strengths = [str(row.strength) for row in rows if row.strength]
    return Statistics(
        rows=len(rows),
        contexts=len({row.context.key for row in rows}),
        projects=_counts(row.project or "(none)" for row in rows),
        sources=_counts(row.source for row in rows),
        contexts_from=_counts(row.context.source for row in rows),
        reasons=_counts(reason for row in rows for reason in row.reasons),
        strengths=_counts(strengths),
        agreement=sum(row.agreement for row in rows) / len(rows),
        unanimous=sum(row.agreement == 1 for row in rows),
        first=created[0] if created else None,
        last=created[-1] if created else None,
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
