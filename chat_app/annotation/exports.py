"""Votes, and feedback from the chat, as preference files (``alignment/preferences.py``).

**Which list is better.** Of the votes that stand on a comparison, the list that more than half of all
who voted prefer is chosen, the other one rejected; ``agreement`` is that share. Ties and "both bad"
count among all votes. Where no list has more than half, there is no pair: it is a tie. Known-answer
checks are never exported, nor is what was asked for in a chat whose person does not consent any more.

**Pairs** are that. **Single** lists are the chosen one (good) and the rejected one (not good), and both
lists where more than half said "both bad" (not good).

**From the chat**, with consent: of one list, the items that were liked against those that were
disliked (pairs); each of these items by itself (single). "Seen" says nothing of taste.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import ValidationError

from alignment.data_card import Card, data_card
from alignment.messages import Contents
from alignment.preferences import (
    Context,
    Pair,
    PreferenceError,
    Single,
    statistics,
    write_pairs,
    write_unpaired,
)
from chat_app.annotation.making import Asked, context
from chat_app.annotation.projects import Project, Projects, Which, find_comparison, makers
from chat_app.annotation.votes import Vote, as_vote, stands, votes
from chat_app.feedback import Listed, read_listed
from chat_app.personal import may_be_used
from chat_app.store import Store
from recsys.catalog import Catalog

Kind = Literal["pairs", "single"]
Source = Literal["annotation", "chat"]
MOST_ZIPPED = 16_000_000  # bytes that a page can take
NOTHING = "There is nothing to export yet, or nothing that fits these filters: choose other ones."


@dataclass(frozen=True)
class Filters:
    """What to export: one project's votes (by name; None: all), those agreed on so far, from one source,
    given from one day to another (UTC, both included)."""

    project: str | None = None
    agreement: float = 0.0
    source: Source | None = None
    since: date | None = None
    until: date | None = None

    def words(self) -> dict[str, str]:
        """The filters that are set, in words."""
        told = {
            "project": self.project,
            "agreement": f"at least {self.agreement:g}" if self.agreement else None,
            "source": self.source,
            "from": self.since and self.since.isoformat(),
            "to": self.until and self.until.isoformat(),
        }
        return {name: words for name, words in told.items() if words}

    def dates(self, column: sa.Column[str]) -> list[sa.ColumnElement[bool]]:
        """The days as conditions on a column of times."""
        since = [column >= self.since.isoformat()] if self.since else []
        until = [column < (self.until + timedelta(days=1)).isoformat()] if self.until else []
        return since + until


@dataclass(frozen=True)
class Exported:
    """What was written: the file, its data card, the rows in it; comparisons without a majority; rows
    that do not fit the catalogue."""

    path: Path
    card: Path
    rows: int
    ties: int
    left_out: int


def export_preferences(
    store: Store,
    catalog: Catalog,
    path: Path,
    kind: Kind = "pairs",
    contents: Contents = "title",
    filters: Filters | None = None,
) -> Exported:
    """Write a preference file, and its data card beside it under the same name and ``.md``.

    Raises
    ------
    PreferenceError : nothing fits the filters, or the place cannot be written; a file that stood
        there is as it was.
    """
    filters, card = filters or Filters(), path.with_name(f"{path.name}.md")
    with suppress(PermissionError):  # where one may not even look, the writing says what is wrong
        if card.is_dir():
            raise PreferenceError(
                f"The data card {card} cannot be written: it is a folder. Give another place."
            )
    found = Judgements(store, catalog, filters)
    if kind == "pairs":
        rows: Any = list(found.pairs())
        write: Any = write_pairs
    else:
        rows, write = list(found.singles()), write_unpaired
    if not rows:
        raise PreferenceError(NOTHING)
    bad = {row.number for row in write(path, rows, catalog, contents)}
    kept = [row for number, row in enumerate(rows, start=1) if number not in bad]
    left_out = len(bad) + found.unreadable
    told = filters.words() | {"form": f"{kind}, items by {contents}"}
    about = Card(path.name, catalog.name, told, found.ties, left_out)
    _write_whole(card, data_card(about, statistics(kept)))
    return Exported(path, card, len(kept), found.ties, left_out)


def export_zip(
    store: Store, catalog: Catalog, kind: Kind, contents: Contents, filters: Filters
) -> tuple[Exported, bytes]:
    """The same two files as a ZIP in memory; nothing of it stays on the disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "preferences.jsonl"
        made = export_preferences(store, catalog, path, kind, contents, filters)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in (made.path, made.card):
                archive.write(part, part.name)
    if packed.tell() > MOST_ZIPPED:
        raise PreferenceError(
            f"That is {made.rows:,} rows, too much for a page: use `tiller export preferences`, or filters."
        )
    return made, packed.getvalue()


class Judgements:
    """The judgements that fit some filters. While they are read, ``ties`` counts comparisons without a
    majority, ``unreadable`` those that cannot be told (a list without items, a chat that may not be used)."""

    def __init__(self, store: Store, catalog: Catalog, filters: Filters) -> None:
        self.store, self.catalog, self.filters = store, catalog, filters
        self.ties = self.unreadable = 0

    def pairs(self) -> Iterator[Pair]:
        """Comparisons with a majority for one list; liked against disliked items of a list."""
        for lists, winner, told in self._comparisons():
            if winner == "bad":
                self.ties += 1
                continue
            chosen, rejected = lists if winner == "first" else lists[::-1]
            yield from self._made(Pair, told, chosen_items=chosen, rejected_items=rejected)
        for shown, told in self._lists():
            liked, disliked = shown.items_said("liked"), shown.items_said("disliked")
            if liked and disliked:
                yield from self._made(Pair, told, chosen_items=liked, rejected_items=disliked)

    def singles(self) -> Iterator[Single]:
        """Lists that were found good or not good, one by one."""
        for lists, winner, told in self._comparisons():
            for which, items in zip(("first", "second"), lists, strict=True):
                yield from self._made(Single, told, items=items, label=which == winner)
        for shown, told in self._lists():
            for item in shown.items:
                if shown.said.get(item) in ("liked", "disliked"):
                    label = shown.said[item] == "liked"
                    yield from self._made(Single, told, items=(item,), label=label)

    def _made(self, row: Any, told: dict[str, Any], **more: Any) -> Iterator[Any]:
        try:
            yield row(**told, **more)
        except ValidationError:
            self.unreadable += 1

    def _comparisons(self) -> Iterator[tuple[tuple[tuple, tuple], Which | Literal["bad"], dict[str, Any]]]:
        """The item ids of both lists, which is better or that both are bad, and what else is told."""
        if self.filters.source == "chat":
            return
        projects = Projects(self.store)
        wanted = [projects.named(self.filters.project)] if self.filters.project else projects.all()
        with self.store.reading() as db:
            for project in wanted:
                for comparison, given in self._votes(db, project):
                    winner, agreement = verdict(given)
                    if winner is None:
                        self.ties += 1
                    elif agreement >= self.filters.agreement:
                        about = find_comparison(db, comparison)
                        asked = about.context
                        if asked["source"] == "chat" and not may_be_used(db, asked["conversation"]):
                            self.unreadable += 1
                            continue
                        lists = [tuple(i["id"] for i in s["items"]) for s in (about.first, about.second)]
                        agreed = [vote for vote in given if _says(vote) == winner]
                        told = {"context": about.context, "project": project.name, "agreement": agreement}
                        yield (lists[0], lists[1]), winner, told | _said(agreed)

    def _votes(self, db: sa.Connection, project: Project) -> Iterator[tuple[str, list[Vote]]]:
        """The votes that stand, by comparison; read before others read with the same connection."""
        v = votes.c
        query = sa.select(votes).join(makers, makers.c.comparison == v.comparison)
        query = query.where(v.project == project.id, makers.c.known.is_(None), stands())
        query = query.where(*self.filters.dates(v.created)).order_by(v.comparison, v.seq)
        rows = db.execute(query).all()
        for comparison, of in groupby(rows, key=lambda row: row.comparison):
            yield comparison, [as_vote(row) for row in of]

    def _lists(self) -> Iterator[tuple[Listed, dict[str, Any]]]:
        """Lists of the chat with something said of them, and what else is told."""
        if self.filters.source == "annotation" or self.filters.project:
            return
        since = self.filters.since.isoformat() if self.filters.since else ""
        until = (self.filters.until + timedelta(days=1)).isoformat() if self.filters.until else "9999"
        for shown in read_listed(self.store):
            if shown.said and since <= shown.created < until:
                request = (shown.request, shown.intent)
                about = context(Asked(shown.profile, request, shown.conversation), self.catalog)
                told = {"context": Context.model_validate(about), "source": "chat"}
                yield shown, told | {"created": shown.created}


def verdict(given: list[Vote]) -> tuple[Which | Literal["bad"] | None, float]:
    """What more than half of some votes say, and their share; None where there is no such half, or it
    says that both are as good."""
    [(most, n)] = Counter(_says(vote) for vote in given).most_common(1)
    return (most if 2 * n > len(given) and most != "tie" else None), n / len(given)  # type: ignore[return-value]


def _says(vote: Vote) -> str:
    return vote.winner or vote.choice


def _said(agreed: list[Vote]) -> dict[str, Any]:
    """How much better those who agree find it (their median), why, and when the last one said so."""
    strengths = [vote.strength for vote in agreed if vote.strength]
    reasons = dict.fromkeys(reason for vote in agreed for reason in vote.reasons)
    strength = int(median(strengths) + 0.5) if strengths else None
    return {"strength": strength, "reasons": tuple(reasons), "created": max(v.created for v in agreed)}


def _write_whole(path: Path, text: str) -> None:
    """Write beside, then rename: the file is whole or as it was."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise PreferenceError(
            f"The data card {path} cannot be written ({error.strerror}): give another place for the export."
        ) from None
    finally:
        with suppress(OSError):
            beside.unlink()
