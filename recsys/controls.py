"""Controls: what a person asks of a list, and what that means.

``ControlIntent`` is the public, serialisable form, ``ControlEdit`` a change to it.
``ControlIntent.compile(catalog)`` gives ``Constraints`` (``recsys/constraints.py``): one
boolean mask a control and one counter a quota. The chat, the decoder, the training labels,
the rewards and the metrics all use this one meaning.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from recsys.errors import TillerError

if TYPE_CHECKING:
    from recsys.catalog import Catalog
    from recsys.constraints import Constraints

DEFAULT_COUNT = 5
MAX_COUNT = 200
MAX_QUOTAS = 16

Popularity = Literal["mainstream", "niche"]
Order = Literal["newest", "oldest", "top_rated", "most_popular", "shortest", "longest"]
Op = Literal["at_least", "at_most", "about", "exactly"]

#: What an item's length may be called, the likeliest first.
LENGTHS = ("runtime", "duration", "length", "playing_time", "minutes", "time", "pages", "hours", "seconds")
# order -> (numeric facets, of which a catalogue may have one; +1 when large comes first)
ORDER_KEYS: dict[str, tuple[tuple[str, ...], int]] = {
    "newest": (("year",), 1),
    "oldest": (("year",), -1),
    "top_rated": (("rating",), 1),
    "most_popular": (("popularity",), 1),
    "shortest": (LENGTHS, -1),
    "longest": (LENGTHS, 1),
}


def order_facet(order: str, numeric: Container[str]) -> tuple[str, int] | None:
    """The numeric facet that an order goes by, and +1 when large comes first; None where ``numeric`` (a
    catalogue's facets) has none of that kind."""
    facets, sign = ORDER_KEYS[order]
    return next(((facet, sign) for facet in facets if facet in numeric), None)


class ControlError(TillerError, ValueError):
    """A control that the catalogue cannot understand; the message is for people."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Clause(_Frozen):
    """A condition on a categorical facet: any of, or all of, some values."""

    facet: str
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Clause:
        if bool(self.any_of) == bool(self.all_of):
            raise ValueError("a clause has either any_of or all_of, with at least one value")
        return self

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        key = "any_of" if self.any_of else "all_of"
        return {"facet": self.facet, key: list(self.values)}

    @property
    def values(self) -> tuple[str, ...]:
        return self.any_of or self.all_of

    @property
    def label(self) -> str:
        return f"{self.facet} {(' or ' if self.any_of else ' and ').join(self.values)}"


class Range(_Frozen):
    """Inclusive bounds on a numeric facet; an unknown number fails."""

    facet: str
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min, max or both")
        return self

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        return {"facet": self.facet, "min": _plain(self.min), "max": _plain(self.max)}

    @property
    def label(self) -> str:
        return f"{self.facet} {_span(self.min, self.max)}"


class Quota(_Frozen):
    """How many items of a list have a property: a facet value, or a number in a range."""

    facet: str
    value: str | None = None
    min: float | None = None
    max: float | None = None
    op: Op = "about"
    share: float | None = Field(None, ge=0, le=1)
    count: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Quota:
        if (self.share is None) == (self.count is None):
            raise ValueError("a quota has either a share or a count")
        if (self.value is None) == (self.min is None and self.max is None):
            raise ValueError("a quota has either a value or a min / max")
        return self

    @model_serializer
    def _dump(self) -> dict[str, Any]:
        what: dict[str, Any] = (
            {"value": self.value}
            if self.value is not None
            else {"min": _plain(self.min), "max": _plain(self.max)}
        )
        return {"facet": self.facet, **what, "op": self.op, "share": self.share, "count": self.count}

    def asked(self, n: int) -> int:
        """How many of ``n`` items the quota names: ``at_least`` rounds a share up,
        ``at_most`` down, the others to the nearest (halves up)."""
        if self.count is not None:
            return self.count
        exact = round((self.share or 0) * n, 9)  # .07 * 100 is 7.000000000000001
        if self.op == "at_least":
            return math.ceil(exact)
        return math.floor(exact if self.op == "at_most" else exact + 0.5)

    def bounds(self, n: int, aim: bool = False) -> tuple[int, int]:
        """Least and most items of ``n`` that meet the quota; ``about`` allows one more or
        fewer, unless ``aim`` asks for the number that building aims at."""
        asked = self.asked(n)
        if self.op == "at_least":
            return asked, n
        if self.op == "at_most":
            return 0, min(asked, n)
        slack = 1 if self.op == "about" and not aim else 0
        return max(asked - slack, 0), min(asked + slack, n)

    @property
    def subject(self) -> tuple[str, str | None, float | None, float | None]:
        """What the quota counts: two quotas on one property replace each other."""
        return self.facet, self.value, self.min, self.max

    @property
    def label(self) -> str:
        what = self.value if self.value is not None else _span(self.min, self.max)
        number = f"{self.share * 100:g} %" if self.share is not None else str(self.count)
        return f"{self.facet} {what} {self.op.replace('_', ' ')} {number}"


class ControlIntent(_Frozen):
    """Everything a person asks of the next list. The JSON form is a public contract."""

    count: int | None = Field(None, ge=1, le=MAX_COUNT)
    require: tuple[Clause, ...] = ()
    exclude: tuple[Clause, ...] = ()
    ranges: tuple[Range, ...] = ()
    quotas: tuple[Quota, ...] = ()
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    theme: str | None = None
    avoid_theme: str | None = None
    popularity: Popularity | None = None
    order: Order | None = None

    def compile(self, catalog: Catalog, count: int | None = None) -> Constraints:
        """The intent as masks and quota counters over a catalogue's items.

        ``count`` stands in where the intent asks for no number. Raises
        :class:`ControlError` when a facet, value or title is not the catalogue's.
        """
        from recsys.constraints import compile_intent

        return compile_intent(self, catalog, count)


ListField = Literal["require", "exclude", "ranges", "quotas", "like", "unlike"]
ScalarField = Literal["count", "theme", "avoid_theme", "popularity", "order"]


class Removal(_Frozen):
    """What to take out of an intent: a whole field, its entries on one facet, one value (for
    ``like`` / ``unlike``: one title) of them, or exactly one ``entry``."""

    field: ListField | ScalarField
    facet: str | None = None
    value: str | None = None
    entry: Clause | Quota | None = None


class ControlEdit(_Frozen):
    """What one turn changes: ``clear`` first, then ``remove``, then ``add``.

    Added numbers and words replace what stood there, a range replaces the one on its facet,
    a quota the one on its property; clauses join the others. The latest word wins: an added
    exclusion takes its values out of ``require`` and ``quotas``, and the other way round; a share
    of a value takes the place of requiring it.
    """

    clear: bool = False
    remove: tuple[Removal, ...] = ()
    add: ControlIntent = ControlIntent()

    def __bool__(self) -> bool:
        return self != ControlEdit()

    def apply(self, intent: ControlIntent) -> ControlIntent:
        """The intent in force after this edit."""
        base = ControlIntent() if self.clear else intent
        for removal in self.remove:
            base = _remove(base, removal)
        for clause in self.add.exclude:
            if clause.any_of or len(clause.values) == 1:
                base = _overrule(base, ("require", "quotas"), clause.facet, clause.values, self.add)
        for clause in self.add.require:
            base = _overrule(base, ("exclude", "quotas"), clause.facet, clause.values, self.add)
        for quota in self.add.quotas:
            if quota.value is not None:
                base = _overrule(base, ("exclude",), quota.facet, (quota.value,), self.add)
                # "comedies", then "half of them comedies": a share of what was all of it
                whole = Clause(facet=quota.facet, any_of=(quota.value,))
                if whole not in self.add.require:
                    base = _remove(base, Removal(field="require", entry=whole))
        return _join(base, self.add)


def _join(base: ControlIntent, add: ControlIntent) -> ControlIntent:
    new = {f: getattr(add, f) for f in get_args(ScalarField) if getattr(add, f) is not None}
    for field in ("require", "exclude", "like", "unlike"):
        new[field] = tuple(dict.fromkeys((*getattr(base, field), *getattr(add, field))))
    facets = {r.facet for r in add.ranges}
    new["ranges"] = (*(r for r in base.ranges if r.facet not in facets), *add.ranges)
    subjects = {q.subject for q in add.quotas}
    new["quotas"] = (*(q for q in base.quotas if q.subject not in subjects), *add.quotas)
    return base.model_copy(update=new)


def _overrule(
    intent: ControlIntent,
    fields: tuple[str, ...],
    facet: str,
    values: tuple[str, ...],
    add: ControlIntent,
) -> ControlIntent:
    """Without what contradicts newly added values. Combinations (``all_of``) stay: "no romcoms"
    and "comedies" go together; and so does what the same turn says again."""
    new = {}
    for field in fields:
        said_again = getattr(add, field)
        entries: list[Any] = list(getattr(intent, field))
        for value in values:
            entries = [
                part
                for entry in entries
                for part in (
                    [entry]
                    if entry.facet != facet or entry in said_again or getattr(entry, "all_of", ())
                    else _without(entry, value)
                )
            ]
        new[field] = tuple(entries)
    return intent.model_copy(update=new)


def _remove(intent: ControlIntent, removal: Removal) -> ControlIntent:
    field = removal.field
    if field in get_args(ScalarField):
        return intent.model_copy(update={field: None})
    kept: list[Any] = []
    for entry in getattr(intent, field):
        if removal.entry is not None:
            kept += [entry] if entry != removal.entry else []
        elif isinstance(entry, str):  # a title of like / unlike
            keep = removal.value is not None and entry.casefold() != removal.value.casefold()
            kept += [entry] if keep else []
        elif removal.facet is not None and entry.facet != removal.facet:
            kept.append(entry)
        elif removal.value is not None:
            kept += _without(entry, removal.value)
    return intent.model_copy(update={field: tuple(kept)})


def _without(entry: Clause | Range | Quota, value: str) -> list[Clause | Range | Quota]:
    """The entry without one value: unchanged, smaller, or gone."""
    if isinstance(entry, Range):
        return [entry]
    if isinstance(entry, Quota):
        return [] if entry.value is not None and entry.value.casefold() == value.casefold() else [entry]
    left = tuple(v for v in entry.values if v.casefold() != value.casefold())
    if len(left) == len(entry.values):
        return [entry]
    if not left or entry.all_of:
        return []
    return [Clause(facet=entry.facet, any_of=left)]


def _plain(number: float | None) -> float | int | None:
    """1990.0 reads better as 1990 in JSON and on a chip."""
    return int(number) if number is not None and float(number).is_integer() else number


def _span(low: float | None, high: float | None) -> str:
    low, high = _plain(low), _plain(high)
    if low is None:
        return f"up to {high}"
    if high is None:
        return f"from {low}"
    return f"{low}" if low == high else f"{low}–{high}"
