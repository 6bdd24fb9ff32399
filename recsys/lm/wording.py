"""How a request is said to the language model: controls in words, items as tokens among them.

The wordings are data (``prompts/controls.toml``). :func:`canonical` is what the product says and
:func:`phrased` one of the many ways that training uses, or one of those kept out of training;
:func:`refined` says the same in several turns. Whatever the way, every control of the intent is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recsys.catalog import Catalog
from recsys.constraints import find_title
from recsys.controls import DEFAULT_COUNT, Clause, ControlEdit, ControlIntent, Quota, Range, Removal
from recsys.lm.phrasings import PLACE, WordingError, load_wordings
from recsys.rankers import Words
from recsys.themes import MAX_THEME

__all__ = ["WordingError", "Words", "canonical", "phrased", "refined", "reverse", "search"]

LOWER = 0.25  # how often training writes values in small letters
IN_WORDS = 0.5  # how often a share that has a word ("half") is said in words


def canonical(intent: ControlIntent, catalog: Catalog, shown: Sequence[int] = ()) -> Words:
    """The product's wording of an intent; it always names a number of items.

    Parameters
    ----------
    shown : rows listed before, which are not wanted again.

    Raises
    ------
    ControlError : when a title of ``like`` or ``unlike`` is unknown.
    """
    count = intent.count or DEFAULT_COUNT
    return _Speaker(catalog).request(intent.model_copy(update={"count": count}), shown)


def phrased(
    intent: ControlIntent,
    catalog: Catalog,
    rng: np.random.Generator,
    unseen: bool = False,
    shown: Sequence[int] = (),
) -> Words:
    """The intent in wordings drawn from those of training, or from those kept out of it.

    A number that nobody asked for is not said. See :func:`canonical`.
    """
    return _Speaker(catalog, rng, unseen).request(intent, shown)


def refined(
    turns: Sequence[ControlEdit],
    catalog: Catalog,
    rng: np.random.Generator | None = None,
    unseen: bool = False,
) -> Words:
    """A conversation of successive edits, begun with nothing asked, as one instruction: "10 Comedy.
    No Horror either. Actually, make it 5." Without ``rng`` in canonical wordings."""
    return _Speaker(catalog, rng, unseen).conversation(turns)


def search(
    clause: Clause, catalog: Catalog, rng: np.random.Generator | None = None, unseen: bool = False
) -> Words:
    """Asks for one item that meets a clause."""
    speaker = _Speaker(catalog, rng, unseen)
    return speaker.sentence(speaker.say("search", which=speaker.which(clause)))


def reverse(
    facet: str, row: int, catalog: Catalog, rng: np.random.Generator | None = None, unseen: bool = False
) -> Words:
    """Asks for the values that an item has in a facet."""
    speaker = _Speaker(catalog, rng, unseen)
    return speaker.sentence(speaker.say("reverse", facet=_name(facet), listed=(int(row),)))


class _Speaker:
    """One utterance: canonical without ``rng``."""

    def __init__(
        self, catalog: Catalog, rng: np.random.Generator | None = None, unseen: bool = False
    ) -> None:
        self._phrasings, self._names, self._share_words = load_wordings()
        self._catalog, self._rng, self._unseen = catalog, rng, unseen
        self._noun = ("item", "items")
        self._lower = False
        if rng is not None:
            self._noun = catalog.noun if rng.random() < 0.5 else self._noun
            self._lower = not unseen and bool(rng.random() < LOWER)

    # -- whole utterances ---------------------------------------------------------------------

    def request(self, intent: ControlIntent, shown: Sequence[int] = ()) -> Words:
        opening = self.say("count", n=str(intent.count), count=intent.count) if intent.count else None
        rest = self.controls(intent)
        if shown:
            rest.append(self.say("more", listed=self._items(shown)))
        if opening is None and (not rest or self._rng is None or self._rng.random() < 0.5):
            opening = self.say("open")
        return self._framed(opening, rest)

    def conversation(self, turns: Sequence[ControlEdit]) -> Words:
        said: list[Words] = []
        for i, turn in enumerate(turns):
            if i == 0:
                said.append(self.request(turn.add))
            elif change := self._change(turn):
                said.append(self.sentence(self.say("turn", change=_join(change, ", "))))
        return _merge(_join([_ended(words) for words in said], " "))

    def sentence(self, words: Words) -> Words:
        return _merge(_capital(words))

    # -- parts --------------------------------------------------------------------------------

    def say(self, key: str, count: int | None = None, **fill: str | Words) -> Words:
        """A wording of one table, filled in; ``count`` decides between "item" and "items"."""
        return _fill(self._pick(key), {"items": self._noun[0 if count == 1 else 1], **fill})

    def controls(self, intent: ControlIntent) -> list[Words]:
        """One fragment a control, in the order of the intent's fields."""
        parts = [self.say("require", which=self.which(clause)) for clause in intent.require]
        parts += [self.say("exclude", which=self.which(clause)) for clause in intent.exclude]
        parts += [self.range(r) for r in intent.ranges]
        parts += [self.quota(quota) for quota in intent.quotas]
        for key, titles in (("like", intent.like), ("unlike", intent.unlike)):
            if titles:
                rows = [find_title(self._catalog, title) for title in titles]
                parts.append(self.say(key, listed=self._items(rows)))
        for key, theme in (("theme", intent.theme), ("avoid_theme", intent.avoid_theme)):
            if theme:
                parts.append(self.say(key, theme=theme[:MAX_THEME]))
        if intent.popularity:
            parts.append(self.say(f"popularity.{intent.popularity}"))
        if intent.order:
            parts.append(self.say(f"order.{intent.order}"))
        return parts

    def which(self, clause: Clause) -> Words:
        """A clause as a noun phrase: "Comedy or Drama", "director Ida Lupino"."""
        glue = self._pick("join.or" if clause.any_of else "join.and")
        return self._values(clause.facet, glue.join(clause.values))

    def range(self, r: Range | Quota) -> Words:
        """Bounds in words: "year 1990-1999"."""
        if r.min is not None and r.max is not None:
            kind = "one" if r.min == r.max else "both"
        else:
            kind = "max" if r.min is None else "min"
        low, high = ("" if bound is None else _number(bound) for bound in (r.min, r.max))
        return self.say(self._own("range", r.facet, kind), facet=_name(r.facet), min=low, max=high)

    def quota(self, quota: Quota) -> Words:
        which = self.range(quota) if quota.value is None else self._values(quota.facet, quota.value)
        number = str(quota.count) if quota.share is None else self._share(quota.share)
        return self.say(f"quota.{quota.op}", number=number, which=which)

    def _values(self, facet: str, values: str) -> Words:
        values = values.lower() if self._lower else values
        return self.say(self._own("which", facet), facet=_name(facet), values=values)

    def _share(self, share: float) -> Words:
        percent = _number(round(share * 100, 2))
        words = self._share_words.get(percent, ())
        if words and self._rng is not None and self._rng.random() < IN_WORDS:
            return (words[int(self._rng.integers(len(words)))],)
        return self.say("share", percent=percent)

    def _items(self, rows: Sequence[int]) -> Words:
        return _join([(int(row),) for row in rows], self._pick("join.list"))

    def _own(self, table: str, facet: str, *kind: str) -> str:
        """The facet's own table, or the one that serves any."""
        own = ".".join((table, facet, *kind))
        return own if own in self._phrasings else ".".join((table, "any", *kind))

    # -- changes ------------------------------------------------------------------------------

    def _change(self, edit: ControlEdit) -> list[Words]:
        parts = [self.say("start_over")] if edit.clear else []
        for removal in edit.remove:
            key = "allowed" if removal.field == "exclude" and (removal.value or removal.entry) else "dropped"
            parts.append(self.say(key, what=self._what(removal)))
        if edit.add.count:
            parts.append(self.say("again", n=str(edit.add.count), count=edit.add.count))
        return parts + self.controls(edit.add)

    def _what(self, removal: Removal) -> Words:
        if isinstance(removal.entry, Clause):
            return self.which(removal.entry)
        if isinstance(removal.entry, Quota):
            return self.quota(removal.entry)
        if removal.value is not None:
            title = removal.field in ("like", "unlike")
            return (find_title(self._catalog, removal.value) if title else removal.value,)
        return (_name(removal.facet) if removal.facet else self._names[removal.field],)

    # -- wordings -----------------------------------------------------------------------------

    def _pick(self, key: str) -> Any:
        phrasing = self._phrasings[key]
        if self._rng is None:
            return phrasing.canonical
        wordings = phrasing.unseen if self._unseen else phrasing.train
        return wordings[int(self._rng.integers(len(wordings)))]

    def _framed(self, opening: Words | None, rest: list[Words]) -> Words:
        frame = self._pick("frames")
        if self._rng is not None:
            rest = [rest[i] for i in self._rng.permutation(len(rest))]
        parts = [*([opening] if opening else []), *rest]
        if self._rng is not None and frame["first"] == "any":
            parts = [parts[i] for i in self._rng.permutation(len(parts))]
        if frame["capital"] != "none":
            parts = [_capital(p) if i == 0 or frame["capital"] == "each" else p for i, p in enumerate(parts)]
        head = _join(parts[:-1], frame["between"])
        words = (*head, frame["last"], *parts[-1]) if head else parts[-1]
        return _merge((*words, frame["end"]))


# -- pieces -----------------------------------------------------------------------------------------


def _fill(template: str, values: Mapping[str, str | Words]) -> Words:
    out: list[str | int] = []
    for i, part in enumerate(PLACE.split(template)):
        if i % 2 == 0:
            out.append(part)
        else:
            value = values[part]
            out += [value] if isinstance(value, str) else value
    return _merge(out)


def _merge(pieces: Sequence[str | int]) -> Words:
    """Neighbouring texts as one, empty ones gone."""
    out: list[str | int] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return tuple(out)


def _join(parts: Sequence[Words], glue: str) -> Words:
    return tuple(piece for i, part in enumerate(parts) for piece in ((glue,) * (i > 0) + part))


def _capital(words: Words) -> Words:
    if not words or not isinstance(words[0], str):
        return words
    return (words[0][:1].upper() + words[0][1:], *words[1:])


def _ended(words: Words) -> Words:
    """With a full stop, where no mark ends it."""
    marked = isinstance(words[-1], str) and words[-1].rstrip().endswith((".", "!", "?"))
    return words if marked else (*words, ".")


def _name(facet: str) -> str:
    return facet.replace("_", " ")


def _number(value: float) -> str:
    return f"{value:.10g}"
