"""What the Control Lab's form says: the fields of the page as a comparison. Nothing in them is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chat_app.lab_link import Comparison, LabError, RankerChoice, Who
from chat_app.ui.fields import Fields, checked, field, number
from recsys.catalog import Catalog
from recsys.constraints import find_title
from recsys.controls import Clause, ControlEdit, ControlIntent, Quota, Range

#: Kinds of controls that the form adds, as it names them.
KINDS = {
    "only": "only",
    "all": "all of",
    "none": "none of",
    "share": "a share of",
    "range": "between",
    "share_range": "a share between",
}
OPS = {"about": "about", "at_least": "at least", "at_most": "at most", "exactly": "exactly"}
MINE = "mine"
SCALARS = ("count", "theme", "avoid_theme", "popularity", "order")


def read_form(fields: Fields, catalog: Catalog, mine: Callable[[], Who]) -> Comparison:
    """The comparison that the form describes; ``mine`` finds one's own profile.

    Raises
    ------
    FormError : a field is not what it has to be.
    ControlError : the catalogue does not know a title or value.
    """
    kind, _, name = field(fields, "who").partition(":")
    if kind == MINE:
        who = mine()
    elif kind == "items":
        who = checked(lambda: Who(kind="items", items=json.loads(field(fields, "items") or "[]")))
    else:
        who = checked(lambda: Who(kind=kind, name=name))  # type: ignore[arg-type]
    return checked(
        lambda: Comparison(
            catalog=catalog.name,
            who=who,
            request=field(fields, "said"),
            intent=_intent(fields, catalog),
            rankers=tuple(_choice(text) for text in fields.get("rankers") or ()),
            sweep=_sweep(fields),
            users=number(fields, "users") or 100,
            points=number(fields, "points") or 11,
        )
    )


def with_control(fields: Fields, catalog: Catalog, intent: ControlIntent) -> ControlIntent:
    """The intent with the control that the form's "add" line describes. Raises as :func:`read_form`."""
    kind, facet = field(fields, "kind"), field(fields, "facet")
    column, low, high = field(fields, "number"), number(fields, "low"), number(fields, "high")
    if kind not in KINDS:
        raise LabError("Choose what kind of control to add.")
    if kind in ("range", "share_range") and low is None and high is None:
        raise LabError("Give the smallest number, the largest, or both.")
    values = _values(field(fields, "value"), facet, catalog)
    if kind not in ("range", "share_range") and not values:
        raise LabError(f"Give a value of {facet.replace('_', ' ')}.")

    def make() -> ControlIntent:
        if kind in ("only", "all"):
            clause = Clause(facet=facet, **{"any_of" if kind == "only" else "all_of": values})
            return ControlIntent(require=(clause,))
        if kind == "none":
            return ControlIntent(exclude=(Clause(facet=facet, any_of=values),))
        if kind == "range":
            return ControlIntent(ranges=(Range(facet=column, min=low, max=high),))
        amount = number(fields, "amount")
        if amount is None:
            raise LabError("Say how large the share is.")
        per_cent = field(fields, "unit") != "items"
        quota: dict[str, Any] = {"op": field(fields, "op") or "about"}
        quota |= {"share": amount / 100} if per_cent else {"count": int(amount)}
        what = {"facet": facet, "value": values[0]} if kind == "share" else None
        quota |= what or {"facet": column, "min": low, "max": high}
        return ControlIntent(quotas=(Quota.model_validate(quota),))

    changed = ControlEdit(add=checked(make)).apply(intent)
    changed.compile(catalog)  # refuses what the catalogue does not know
    return changed


def _intent(fields: Fields, catalog: Catalog) -> ControlIntent:
    """The controls added so far, with the numbers and words that stand in fields of their own."""
    kept = ControlIntent.model_validate_json(field(fields, "intent") or "{}")
    scalars: dict[str, Any] = {name: field(fields, name) or None for name in SCALARS}
    scalars["count"] = number(fields, "count")
    lists = {name: _titles(field(fields, name), catalog) for name in ("like", "unlike")}
    return ControlIntent.model_validate({**kept.model_dump(), **scalars, **lists})


def _values(text: str, facet: str, catalog: Catalog) -> tuple[str, ...]:
    """One value that the catalogue has, commas and all, or several with commas between."""
    column = catalog.categorical.get(facet)
    if column is not None and (whole := column.spelling(text)):
        return (whole,)
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    return tuple((column.spelling(part) if column is not None else None) or part for part in parts)


def _titles(text: str, catalog: Catalog) -> tuple[str, ...]:
    """Titles with semicolons between, as the catalogue spells them."""
    parts = (part.strip() for part in text.split(";"))
    return tuple(dict.fromkeys(catalog.titles[find_title(catalog, part)] for part in parts if part))


def _choice(text: Any) -> RankerChoice:
    model, _, decoding = str(text).rpartition("|")
    return RankerChoice.model_validate({"model": model, "decoding": decoding})


def _sweep(fields: Fields) -> str:
    kind = field(fields, "sweep")
    if kind == "share":
        return f"share:{field(fields, 'sweep_facet')}={field(fields, 'sweep_value')}"
    return f"range:{field(fields, 'sweep_number')}" if kind == "range" else kind
