"""How facets and values are spoken of: a catalogue's own ``synonyms.toml``, and behind it the one beside
this module, for what people call alike on every catalogue (years, ratings, lengths, prices, countries)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from chat_app.controller.text import canonical, plural, singular
from recsys.catalog import Catalog
from recsys.controls import ORDER_KEYS
from recsys.errors import TillerError
from recsys.settings import ASSETS

EVERYDAY: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
SOFT_FACETS = frozenset({"tag", "tags", "keyword", "keywords"})
SCALES = (1.0, 5.0, 10.0, 20.0, 100.0)  # highest ratings that people give


@dataclass(frozen=True)
class FacetWords:
    """How one facet is spoken of; see ``assets/ml-latest-small/synonyms.toml`` for the keys."""

    facet: str
    names: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    weak_cues: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    units: Mapping[str, float] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    kind: bool = False
    verbs: tuple[str, ...] = ()
    any_of: bool = False
    soft: bool = False
    calendar: bool = False
    needs_cue: bool = False
    scale: float | None = None
    people: bool = True  # who go by their surnames, too, where a facet holds names
    most: bool = False  # a bare amount is the most that is wanted


class _Meaning(BaseModel):
    model_config = ConfigDict(extra="forbid")

    say: list[str]
    means: dict[str, Any]


class _Synonyms(BaseModel):
    """The form of a file of synonyms."""

    model_config = ConfigDict(extra="forbid")

    nouns: list[str] = []
    fillers: list[str] = []
    themes: list[str] = []
    services: list[str] = []
    facets: dict[str, dict[str, Any]] = {}
    values: dict[str, dict[str, list[str]]] = {}
    cued: dict[str, dict[str, list[str]]] = {}
    meaning: list[_Meaning] = []


def synonyms_path(catalog: Catalog, source: str = "") -> Path:
    """Where the synonyms of a catalogue are: in the folder that it was read from, or shipped."""
    folder = Path(source).expanduser()
    return (folder if source and folder.is_dir() else ASSETS / catalog.name) / "synonyms.toml"


def read_synonyms(path: Path) -> dict[str, Any]:
    """A file of synonyms; {} if there is none.

    Raises
    ------
    TillerError : it is no TOML, or says what is not understood.
    """
    if not path.is_file():
        return {}
    try:
        own = tomllib.loads(path.read_text("utf-8"))
        _Synonyms.model_validate(own)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise TillerError(f"{path} cannot be read: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise TillerError(f"{path}, {where}: {first['msg'][0].lower()}{first['msg'][1:]}.") from None
    orders = (entry["means"].get("order") for entry in own.get("meaning", ()))
    if wrong := [order for order in orders if order is not None and order not in ORDER_KEYS]:
        raise TillerError(f"{path}, meaning: {wrong[0]!r} is none of the orders {', '.join(ORDER_KEYS)}.")
    keys = {f.name for f in fields(FacetWords)} - {"facet"}
    for facet, said in own.get("facets", {}).items():
        if unknown := sorted(set(said) - keys):
            raise TillerError(f"{path}, facets.{facet}: {unknown[0]!r} is none of {', '.join(sorted(keys))}.")
    return own


def facet_words(catalog: Catalog, facet: str, own: Mapping[str, Any]) -> FacetWords:
    """How a facet is spoken of. What a catalogue's own synonyms say of it replaces what is usual, key by
    key."""
    spoken = canonical(facet.replace("_", " "))
    known = {**_usual(spoken, facet in catalog.categorical), **own.get("facets", {}).get(facet, {})}
    if facet not in own.get("facets", {}) and facet in catalog.categorical:  # plain English prepositions
        known["kind"] = True
        known["cues"] = (spoken, f"{spoken} is", *known.get("cues", ()))
        known.setdefault("weak_cues", ("by", "from", "with"))
        known.setdefault("asks", (spoken,))
    for key in ("names", "cues", "weak_cues", "after", "verbs", "asks", "more", "less"):
        known[key] = tuple(canonical(w) for w in known.get(key, ()))
    known["names"] = tuple(dict.fromkeys((*known["names"], spoken, plural(spoken))))
    if facet in catalog.numeric:
        known.setdefault("units", {spoken: 1, singular(spoken): 1})
        if facet == "rating":
            known.setdefault("scale", _scale(catalog.numeric[facet]))
    known["units"] = {_unit(unit): factor for unit, factor in known.get("units", {}).items()}
    known.setdefault("soft", facet in SOFT_FACETS)
    return FacetWords(facet=facet, **known)


def _unit(said: str) -> str:
    """ "%" is how a message's "percent" is read."""
    return said if said.startswith("%") else canonical(said)


def usual_nouns(catalog: Catalog) -> list[str]:
    """What else people call the items of a catalogue, by its noun."""
    own = {canonical(noun) for noun in catalog.noun}
    return [said for noun, others in EVERYDAY["nouns"].items() if noun in own for said in others]


def _usual(spoken: str, categorical: bool) -> dict[str, Any]:
    """What is usual for a facet of such a name: the whole of it, or a word in it ("cooking time")."""
    found = {name: entry for entry in EVERYDAY["facet"] for name in entry["called"]}
    words = [spoken, singular(spoken), *spoken.split()]
    said = next((dict(found[word]) for word in words if word in found), {})
    said.pop("called", None)
    return {} if categorical and "units" in said else said


def _scale(ratings: np.ndarray) -> float | None:
    highest = float(np.nanmax(ratings)) if np.isfinite(ratings).any() else 0.0
    return next((scale for scale in SCALES if highest <= scale), None)
