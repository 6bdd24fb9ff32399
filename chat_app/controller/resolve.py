"""What a chat model returned, held against the catalogue.

A model invents values, misspells names and forgets brackets. Everything it says is resolved to
what the catalogue has; what it does not have ends up in ``unknown``, what makes no sense is left
out, and when nothing sensible is left a :class:`Nonsense` makes the rules take over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from rapidfuzz import fuzz, process, utils

from chat_app.controller.turn import Act, Event, TurnIntent, Unknown
from recsys.catalog import Catalog
from recsys.controls import (
    MAX_COUNT,
    Clause,
    ControlEdit,
    ControlIntent,
    ListField,
    Op,
    Order,
    Popularity,
    Quota,
    Range,
    Removal,
    ScalarField,
)

SAME, NEAR = 85, 60  # similarity of a spelling that is taken, and of one that is offered
FIELDS = (*get_args(ListField), *get_args(ScalarField))
LONGEST_THEME = 200
MOST_BRACES = 50  # places tried for the start of the JSON object


class Nonsense(ValueError):
    """What came back cannot be read as a turn."""


def schema(catalog: Catalog) -> dict[str, Any]:
    """JSON schema of what a chat model is asked to return."""
    text, many = {"type": "string"}, lambda entry: {"type": "array", "items": entry}
    categorical, numeric = {"enum": list(catalog.categorical)}, {"enum": list(catalog.numeric)}
    any_facet = {"enum": [*catalog.facets]}
    number = {"type": ["number", "null"]}
    clause = _object({"facet": categorical, "any_of": many(text), "all_of": many(text)}, ["facet"])
    span = _object({"facet": numeric, "min": number, "max": number}, ["facet"])
    quota = {
        "facet": any_facet,
        "value": {"type": ["string", "null"]},
        "min": number,
        "max": number,
        "op": {"enum": list(get_args(Op))},
        "share": number,
        "count": {"type": ["integer", "null"]},
    }
    add = {
        "count": {"type": ["integer", "null"]},
        "require": many(clause),
        "exclude": many(clause),
        "ranges": many(span),
        "quotas": many(_object(quota, ["facet", "op"])),
        "like": many(text),
        "unlike": many(text),
        "theme": {"type": ["string", "null"]},
        "avoid_theme": {"type": ["string", "null"]},
        "popularity": {"enum": [*get_args(Popularity), None]},
        "order": {"enum": [*get_args(Order), None]},
    }
    removal = {
        "field": {"enum": list(FIELDS)},
        "facet": {"type": ["string", "null"]},
        "value": {"type": ["string", "null"]},
    }
    event = {"kind": {"enum": ["liked", "disliked", "seen"]}, "title": text}
    reading = {
        "act": {"enum": list(get_args(Act))},
        "add": _object(add, []),
        "remove": many(_object(removal, ["field"])),
        "start_over": {"type": "boolean"},
        "events": many(_object(event, ["kind", "title"])),
        "about": {"type": ["string", "null"]},
        "asks": {"type": ["string", "null"]},
    }
    return {"title": "reading", "description": "What the message means", **_object(reading, ["act"])}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def read_json(text: str) -> dict[str, Any]:
    """The JSON object in a model's answer, wherever it stands; :class:`Nonsense` if none."""
    decoder = json.JSONDecoder()
    start = -1
    for _ in range(MOST_BRACES):
        if (start := text.find("{", start + 1)) < 0:
            break
        try:
            return decoder.raw_decode(text, start)[0]
        except (json.JSONDecodeError, RecursionError):
            continue
    raise Nonsense("no JSON object")


def resolve(data: Any, catalog: Catalog) -> TurnIntent:
    """A turn from the model's object. Raises :class:`Nonsense`."""
    return _Resolver(catalog).turn(data)


class _Resolver:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.unknown: list[Unknown] = []

    def turn(self, data: Any) -> TurnIntent:
        if not isinstance(data, dict) or data.get("act") not in get_args(Act):
            raise Nonsense("no act")
        act: Act = data["act"]
        add = self._intent(_dict(data.get("add")))
        removals = tuple(self._removals(data.get("remove")))
        edit = ControlEdit(clear=data.get("start_over") is True, remove=removals, add=add)
        events = tuple(self._events(data.get("events")))
        target = self._title(data["about"]) if _text(data.get("about")) else None
        asks = self._facet(data.get("asks"), self.catalog.facets)
        if act in ("smalltalk", "unclear", "feedback", "undo") and edit:
            act = "recommend"
        if act in ("smalltalk", "unclear") and events:
            act = "feedback"
        if act == "reset" and add != ControlIntent():
            act = "recommend"
            edit = edit.model_copy(update={"clear": True})
        if act == "feedback" and not events and not self.unknown:
            raise Nonsense("feedback on nothing")
        return TurnIntent(
            act=act,
            edit=edit if act in ("recommend", "more") else ControlEdit(),
            events=events,
            target=None if target is None else self.catalog.ids[target],
            asks=asks or (str(data["asks"])[:40] if _text(data.get("asks")) else None),
            unknown=tuple(dict.fromkeys(self.unknown)),
        )

    def _intent(self, add: dict[str, Any]) -> ControlIntent:
        count = add.get("count")
        fields: dict[str, Any] = {
            "count": min(count, MAX_COUNT) if type(count) is int and count > 0 else None,
            "require": tuple(self._clauses(add.get("require"))),
            "exclude": tuple(self._clauses(add.get("exclude"))),
            "ranges": tuple(self._ranges(add.get("ranges"))),
            "quotas": tuple(self._quotas(add.get("quotas"))),
            "like": tuple(self._titles(add.get("like"))),
            "unlike": tuple(self._titles(add.get("unlike"))),
        }
        for name in ("theme", "avoid_theme"):
            fields[name] = (_text(add.get(name)) or "")[:LONGEST_THEME] or None
        for name, known in (("popularity", Popularity), ("order", Order)):
            fields[name] = add.get(name) if add.get(name) in get_args(known) else None
        return ControlIntent(**fields)

    def _clauses(self, entries: Any) -> Iterator[Clause]:
        for entry in _dicts(entries):
            facet = self._facet(entry.get("facet"), self.catalog.categorical)
            key = "any_of" if entry.get("any_of") else "all_of"
            said = _texts(entry.get(key)) or _texts(entry.get("value"))
            if facet is None:
                self.unknown += [Unknown(text=v, kind=str(entry.get("facet"))[:40]) for v in said]
                continue
            values = [v for v in (self._value(facet, v) for v in said) if v is not None]
            if values and (key == "any_of" or len(values) == len(said)):
                yield Clause(facet=facet, **{key: tuple(dict.fromkeys(values))})

    def _ranges(self, entries: Any) -> Iterator[Range]:
        for entry in _dicts(entries):
            facet = self._facet(entry.get("facet"), self.catalog.numeric)
            low, high = _number(entry.get("min")), _number(entry.get("max"))
            if facet and (low, high) != (None, None) and not (low and high and low > high):
                yield Range(facet=facet, min=low, max=high)

    def _quotas(self, entries: Any) -> Iterator[Quota]:
        for entry in _dicts(entries):
            facet = self._facet(entry.get("facet"), self.catalog.facets)
            share, count = _number(entry.get("share")), _number(entry.get("count"))
            if facet is None or (share is None) == (count is None):
                continue
            what: dict[str, Any] = {"min": _number(entry.get("min")), "max": _number(entry.get("max"))}
            if facet in self.catalog.categorical:
                what = {"value": self._value(facet, _text(entry.get("value")) or "")}
            if share is not None and 1 < share <= 100:
                share /= 100  # a percentage
            op = entry.get("op") if entry.get("op") in get_args(Op) else "about"
            yield from _made(Quota, facet=facet, op=op, share=share, count=count, **what)

    def _titles(self, entries: Any) -> Iterator[str]:
        rows = [self._title(text) for text in _texts(entries)]
        yield from dict.fromkeys(self.catalog.titles[row] for row in rows if row is not None)

    def _events(self, entries: Any) -> Iterator[Event]:
        for entry in _dicts(entries):
            if entry.get("kind") in ("liked", "disliked", "seen") and (said := _text(entry.get("title"))):
                row = self._title(said)
                if row is not None:
                    item, name = self.catalog.ids[row], self.catalog.titles[row]
                    yield Event(kind=entry["kind"], item=name, id=item)

    def _removals(self, entries: Any) -> Iterator[Removal]:
        for entry in _dicts(entries):
            field, facet, value = entry.get("field"), _text(entry.get("facet")), _text(entry.get("value"))
            if field not in FIELDS:
                continue
            facet = self._facet(facet, self.catalog.facets)
            if value and field in ("like", "unlike"):
                row = self._title(value)
                value = value if row is None else self.catalog.titles[row]
            elif value and facet and facet in self.catalog.categorical:
                value = self._value(facet, value) or value  # an unknown one removes nothing
            yield from _made(Removal, field=field, facet=facet, value=value)

    def _facet(self, said: Any, known: Iterable[str]) -> str | None:
        return next(
            (f for f in known if isinstance(said, str) and f.casefold() == said.strip().casefold()), None
        )

    def _value(self, facet: str, said: str) -> str | None:
        """The catalogue's spelling; a value that it has not goes to ``unknown``."""
        column = self.catalog.categorical[facet]
        if spelled := column.spelling(said.strip()):
            return spelled
        near = process.extract(
            said,
            column.values,
            scorer=fuzz.ratio,
            processor=utils.default_process,
            limit=3,
            score_cutoff=NEAR,
        )
        if near and near[0][1] >= SAME:
            return near[0][0]
        if said.strip():
            self.unknown.append(Unknown(text=said[:80], kind=facet, nearest=tuple(v for v, *_ in near)))
        return None

    def _title(self, said: str) -> int | None:
        index = self.catalog.title_index
        match = index.best(said)
        if match is not None:
            return match.row
        near = tuple(self.catalog.titles[m.row] for m in index.search(said, n=3))
        self.unknown.append(Unknown(text=said[:80], kind="title", nearest=near))
        return None


def _made(kind: Callable[..., BaseModel], **fields: Any) -> Iterator[Any]:
    """The object, when its fields make sense together."""
    try:
        yield kind(**fields)
    except ValidationError:
        return


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    found = [_text(v) for v in (value if isinstance(value, list) else [value])]
    return [text for text in found if text]


def _number(value: Any) -> float | None:
    return (
        value
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
        else None
    )
