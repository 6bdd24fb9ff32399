"""Tables beside those of the conversations, and the time that is written into them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

Clock = Callable[[], float]
_meta = MetaData()


def table(name: str, texts: str, integers: str = "", floats: str = "") -> Table:
    """A table as queries see it, with columns of three kinds; its constraints are the migrations'."""
    kinds = ((texts, Text), (integers, Integer), (floats, Float))
    return Table(name, _meta, *(Column(column, kind) for names, kind in kinds for column in names.split()))


def stamp(clock: Clock) -> str:
    """This moment as the store writes it."""
    return datetime.fromtimestamp(clock(), UTC).isoformat(timespec="milliseconds")
