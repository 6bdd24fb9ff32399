"""The slate: a list of recommended items with everything that is to be said about it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from recsys.catalog import ItemId
from recsys.constraints import Compliance


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SlateItem(_Frozen):
    """One recommended item."""

    id: ItemId
    title: str
    year: int | None = None
    facets: dict[str, Any] = {}
    score: float = 0.0
    reasons: tuple[str, ...] = ()


class Relaxation(_Frozen):
    """A control that gave way: its label, what was done instead, and why (a sentence)."""

    control: str
    to: str | None = None
    reason: str


class FunnelStep(_Frozen):
    """How many items were left after a step."""

    step: str
    items: int


class Slate(_Frozen):
    """A list under controls. The JSON form is a public contract.

    ``relaxations`` is empty exactly when every control is met and the list has the length
    asked for. ``timings`` are in seconds.
    """

    items: tuple[SlateItem, ...] = ()
    compliance: tuple[Compliance, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()
    funnel: tuple[FunnelStep, ...] = ()
    timings: dict[str, float] = {}
    model: str = ""
    adapter: str | None = None
    catalog: str = ""
    decoding: str = "guarded"
