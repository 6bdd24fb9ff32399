"""``tiller export``: what people said, as data for training."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import click

from chat_app.commands.common import read_settings, say

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def export() -> None:
    """What people said, as data for training."""


@export.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="preferences.jsonl",
    show_default=True,
    metavar="FILE",
    help="JSON lines; a data card is written beside it.",
)
@click.option(
    "--kind",
    type=click.Choice(["pairs", "single"]),
    default="pairs",
    show_default=True,
    help="Chosen and rejected lists (DPO), or lists judged one by one (KTO).",
)
@click.option(
    "--items",
    type=click.Choice(["title", "token"]),
    default="title",
    show_default=True,
    help="How the messages name items.",
)
@click.option("--project", metavar="NAME", help="The votes of one project.  [default: everything]")
@click.option("--agreement", type=click.FloatRange(0, 1), default=0.0, help="Least share that agrees.")
@click.option("--source", type=click.Choice(["annotation", "chat"]), help="[default: both]")
@click.option("--from", "since", type=DAY, metavar="YYYY-MM-DD", help="The first day (UTC).")
@click.option("--to", "until", type=DAY, metavar="YYYY-MM-DD", help="The last day (UTC).")
@click.option("--catalog", help="What it is about.  [default: the catalogue of the settings]")
def preferences(
    out: Path,
    kind: Literal["pairs", "single"],
    items: Literal["title", "token"],
    catalog: str | None,
    since: datetime | None,
    until: datetime | None,
    **given: Any,
) -> None:
    """Votes, and feedback from chats with consent, as a TRL preference dataset.

    Of each comparison, the list that more than half of its voters prefer; ties are left out.
    """
    from chat_app.annotation.exports import Filters, export_preferences
    from chat_app.store import Store
    from recsys.datasets import load_dataset

    settings = read_settings(catalog=catalog)
    filters = Filters(since=since and since.date(), until=until and until.date(), **given)
    store = Store.open(settings)
    try:
        about = load_dataset(settings.catalog).catalog
        made = export_preferences(store, about, out, kind, items, filters)
    finally:
        store.close()
    say(f"Wrote {made.rows:,} rows to {made.path}, and what they are to {made.card}.")
    if made.ties or made.left_out:
        say(f"Left out: {made.ties:,} ties, {made.left_out:,} that do not fit the catalogue.")
