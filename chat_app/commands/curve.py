"""``tiller curve``: the controllability curve at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from chat_app.commands.common import JSON_OPTION, read_settings, say


@click.command()
@JSON_OPTION
@click.option("--dataset", help="ml-latest-small, ml-1m, a folder …  [default: TILLER_CATALOG]")
@click.option(
    "--sweep",
    required=True,
    metavar="WHAT",
    help="share:FACET=VALUE, range:FACET, count or popularity (niche to mainstream).",
)
@click.option(
    "--models",
    default="popularity,als",
    show_default=True,
    help="Rankers, separated by commas; NAME:free for its own lists.",
)
@click.option("--users", type=click.IntRange(1), default=100, show_default=True)
@click.option("--points", type=click.IntRange(2, 51), default=11, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), help="Also write the points.")
@click.option(
    "--png", type=click.Path(dir_okay=False, path_type=Path), help="Also write a picture (.png, .svg)."
)
def curve(
    as_json: bool,
    dataset: str | None,
    sweep: str,
    models: str,
    users: int,
    points: int,
    seed: int,
    csv: Path | None,
    png: Path | None,
) -> None:
    """The controllability curve: asked against delivered, and what it costs."""
    from recsys.curves import Sweep, load_or_measure, write_csv
    from recsys.datasets import load_dataset
    from recsys.held_out import HeldOut
    from recsys.plots import check_path, plot_curve

    turned = Sweep.parse(sweep)
    if png:  # before anything slow happens
        check_path(png)
    settings = read_settings(catalog=dataset)
    entries = [_entry(name) for name in models.split(",") if name.strip()]
    held_out = HeldOut(load_dataset(settings.catalog), settings, say)
    told = -1

    def progress(done: int, total: int) -> None:
        nonlocal told
        if total and (tenth := 10 * done // total) > told:
            told = tenth
            say(f"{done:,} of {total:,} lists.")

    found = load_or_measure(held_out, entries, turned, users, points, seed, progress)
    if csv:
        write_csv(found, csv)
    if png:
        plot_curve(found, png)
    click.echo(json.dumps(found.to_dict()) if as_json else found.table())


def _entry(text: str) -> tuple[str, Literal["guarded", "free"]]:
    """``als`` or ``als:guarded``, ``als:free``."""
    name, _, decoding = text.strip().partition(":")
    if decoding not in ("", "guarded", "free"):
        raise click.UsageError(f"{text.strip()}: a list is guarded or free.")
    return name, "free" if decoding == "free" else "guarded"
