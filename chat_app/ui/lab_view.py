"""HTML of the Control Lab: the form, lists side by side, the curve, model cards."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from chat_app.lab import Compared, Lab, Made, export
from chat_app.lab_link import Comparison, RankerChoice
from chat_app.ui.cards import render
from chat_app.ui.fields import Fields, field
from chat_app.ui.lab_form import KINDS, MINE, OPS, SCALARS
from chat_app.words.chips import chips
from chat_app.words.phrases import ORDERS, POPULARITY, plain_label
from recsys.catalog import Catalog
from recsys.contenders import FUSED
from recsys.controls import order_facet
from recsys.curves import MOST_POINTS, Curve, Sweep
from recsys.lm.adapter import Manifest
from recsys.plots import curve_png
from recsys.profile import Profile
from recsys.report import number, show
from recsys.titles import display_title

VALUES_OFFERED, HISTORY_SHOWN, HASH_SHOWN = 300, 30, 12
RANKERS = {
    "popularity": "The best rated of the most used items: the same list for everybody.",
    "als": "Implicit ALS with the profile folded in, fitted on the training part.",
    "teacher": "A SASRec, a sequential transformer over all items, fitted on the training part.",
    "zero-shot": "The base language model, untrained: it writes titles, which are matched exactly.",
}
DECODINGS = {
    "guarded": "keeps to the controls while the list is made",
    "free": "the ranker by itself; nothing holds it to them",
}


def form(lab: Lab, comparison: Comparison, fields: Fields | None = None, remark: str = "") -> str:
    """The form with what is set. The line that adds controls stays as it was in ``fields``; ``remark``
    is said about the last change."""
    line = {name: field(fields or {}, name) for name in ("kind", "facet", "number", "op", "unit", "amount")}
    catalog, intent = lab.catalog, comparison.intent
    sweep = Sweep.parse(comparison.sweep) if comparison.sweep else Sweep("share")
    elsewhere: dict[str, Any] = {**dict.fromkeys(SCALARS), "like": (), "unlike": ()}
    listed = intent.model_copy(update=elsewhere)  # what has no field of its own
    who = comparison.who
    return render(
        "lab_form.html",
        catalog=catalog,
        comparison=comparison,
        remark=remark,
        line=line,
        who="items:" if who.kind == "items" else f"{who.kind}:{who.name}",
        items=json.dumps([list(item) for item in who.items]),
        mine=MINE,
        personas=list(lab.personas),
        people=lab.people(),
        intent=listed.model_dump_json(exclude_defaults=True),
        chips=[
            (plain_label(catalog, chip.label), chip.removal.model_dump_json(exclude_none=True))
            for chip in chips(listed)
        ],
        set=intent,
        titles={name: "; ".join(getattr(intent, name)) for name in ("like", "unlike")},
        kinds=KINDS,
        ops=OPS,
        popularity=POPULARITY,
        orders={name: words for name, words in ORDERS.items() if order_facet(name, catalog.numeric)},
        facets={name: _common(catalog, name) for name in catalog.categorical},
        first=next(iter(catalog.categorical), ""),
        categories=[(name, name.replace("_", " ")) for name in catalog.categorical],
        numbers=[(name, name.replace("_", " ")) for name in catalog.numeric],
        rankers=_rankers(lab),
        decodings=DECODINGS,
        fused=FUSED,
        sweep=sweep,
        most_points=MOST_POINTS,
    )


def compared(lab: Lab, found: Compared) -> str:
    """Lists side by side."""
    catalog = lab.catalog
    data = json.dumps(export(found, catalog), ensure_ascii=False, indent=2)
    names = [made.choice.label for made in found.lists]
    target = found.person.target
    return render(
        "lab_result.html",
        catalog=catalog,
        found=found,
        controls=[plain_label(catalog, control.label) for control in found.controls],
        shares=[control.is_share for control in found.controls],
        lists=[(made, _figures(made, found)) for made in found.lists],
        title=display_title,
        label=partial(plain_label, catalog),
        history=_history(found.person.profile, catalog),
        target=None if target is None else display_title(catalog.titles[target]),
        overlaps=[(names[a], names[b], n) for (a, b), n in found.shared.items()],
        link=found.comparison.model_copy(update={"sweep": ""}).link(),  # reopens without a curve
        download=_data_url("application/json", data.encode()),
    )


def curve(found: Curve, noun: str, link: str) -> str:
    """The picture, its numbers, and both to take away."""
    picture = curve_png(found)
    estimates = [
        (line.name, f"{p.asked:g}", show(p.delivered), show(p.obeyed), show(p.ndcg), show(p.cost))
        for line in found.lines
        for p in line.points
    ]
    return render(
        "lab_curve.html",
        curve=found,
        noun=noun,
        picture=_data_url("image/png", picture),
        download=_data_url("text/csv", found.csv().encode()),
        rows=estimates,
        plain=[(line.name, show(line.plain)) for line in found.lines],
        link=link,
    )


def live(words: str = "", done: int = 0, total: int = 0, trouble: str = "", stop: str = "lab_stop") -> str:
    """What is going on, with a bar where it can be counted and a button that stops it; or what went wrong."""
    return render("lab_live.html", words=words, done=done, total=total, trouble=trouble, stop=stop)


def model_cards(
    names: Sequence[str],
    manifests: Sequence[Manifest],
    default: str = "",
    promotable: Collection[str] = (),
    promoted: str = "",
    said: str = "",
) -> str:
    """A card for each ranker at hand; those of adapters say what their manifests say. ``default`` ranks
    unless another is named; there is a button for each that is ``promotable``, and one that takes
    ``promoted`` back; ``said`` is what came of the last one."""
    plain = [(name, RANKERS[name]) for name in names if name in RANKERS]
    trained = [(manifest, _facts(manifest)) for manifest in manifests]
    buttons = {"default": default, "promotable": promotable, "promoted": promoted}
    return render("lab_models.html", plain=plain, trained=trained, said=said, **buttons)


def _facts(manifest: Manifest) -> dict[str, list[tuple[str, str]]]:
    """What a manifest says, in groups."""
    values = asdict(manifest)
    training, metrics = values.pop("training"), values.pop("metrics")
    for name in ("name", "stage", "parent"):
        values.pop(name)
    own = [(key.replace("_", " "), _word(value)) for key, value in values.items() if value not in ("", None)]
    groups = {"Made of": own, "Training": list(_flat(training)), "Figures": list(_flat(metrics))}
    return {title: facts for title, facts in groups.items() if facts}


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested values as one list of names and words."""
    out = []
    for key, value in values.items():
        name = f"{before}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            out += _flat(value, f"{name}, ")
        elif value is not None:
            out.append((name, _word(value)))
    return out


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_word, value))
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{40,}", value):
        return value[:HASH_SHOWN] + "…"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _rankers(lab: Lab) -> list[tuple[str, list[RankerChoice]]]:
    """The choices by ranker."""
    return [(name, list(both)) for name, both in groupby(lab.choices(), lambda choice: choice.model)]


def _figures(made: Made, found: Compared) -> list[tuple[str, str]]:
    """The measures of a list, in words."""
    if made.form is None:
        return []
    out = []
    for name, wanted in (("TCP", False), ("CPA", True)):
        own = [f for f, c in zip(made.figures, found.controls, strict=True) if c.is_share == wanted]
        out += [(name, number(float(np.mean(own))))] if own else []
    shape = made.form
    errors = [
        (shape.repeat_item, "repeated"),
        (shape.non_exist, "no such item"),
        (shape.in_history, "known already"),
    ]
    said = [f"{count} {words}" for count, words in errors if count]
    if not shape.correct_count:
        said.insert(0, f"{len(made.entries)} of {found.asked} items")
    return [*out, ("form errors", ", ".join(said) or "none")]


def _history(profile: Profile, catalog: Catalog) -> list[tuple[str, str]]:
    """The latest of a profile, newest first, with their polarity."""
    kinds = {item: kind for kind in ("liked", "disliked", "seen") for item in getattr(profile, kind)}
    latest = profile.order[::-1][:HISTORY_SHOWN]
    rows = [(catalog.row(item), kinds[item]) for item in latest]
    return [(display_title(catalog.titles[row]), kind) for row, kind in rows if row is not None]


def commonest(catalog: Catalog, facet: str) -> str:
    """The commonest value of a facet."""
    column = catalog.categorical[facet]
    return column.values[int(column.counts.argmax())] if column.values else ""


def _common(catalog: Catalog, facet: str) -> list[str]:
    """The commonest values of a facet, in alphabetical order."""
    column = catalog.categorical[facet]
    common = np.argsort(-column.counts, kind="stable")[:VALUES_OFFERED]
    return sorted(column.values[place] for place in common.tolist())


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
