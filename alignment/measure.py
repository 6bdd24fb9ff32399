"""Measure an adapter again on the validation item; figures and weights go into its manifest.

    python -m alignment.measure NAME [--dataset NAME]

After a training this is done by itself; here it is done for an adapter that was measured in another way,
or on other data. Of one that learned from votes nothing is changed: its weights are its parent's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alignment.sources import Sources, load_sources
from alignment.training import measured
from recsys.datasets import load_dataset
from recsys.errors import TillerError
from recsys.lm.adapter import read_manifest, write_manifest
from recsys.models import BY_PROMOTION, find_adapter
from recsys.settings import get_settings


def measure_again(sources: Sources, adapter: Path) -> dict[str, Any]:
    """Measure an adapter and write its manifest; returns the figures.

    Raises
    ------
    TillerError : it learned from votes, or there is nobody to measure it on.
    """
    manifest = read_manifest(adapter)
    if manifest.stage == BY_PROMOTION:
        raise TillerError(f"{adapter.name} learned from votes and keeps the weights of {manifest.parent}.")
    metrics = sources.measure(adapter)
    if not metrics:
        raise TillerError(f"Nobody in {sources.catalog.name} has used enough to measure {adapter.name} on.")
    write_manifest(adapter, measured(manifest, metrics))
    return metrics


@click.command()
@click.argument("name")
@click.option("--dataset", help="What it was trained on.  [default: the catalogue of the settings]")
def main(name: str, dataset: str | None) -> None:
    """Measure the adapter NAME (or folder) again, and write the figures into its manifest."""
    settings = get_settings()
    folder = find_adapter(name, settings)
    if folder is None:
        raise TillerError(f"There is no adapter “{name}”: see `tiller models`.")
    sources = load_sources(load_dataset(dataset or settings.catalog), settings, _say)
    for figure, value in measure_again(sources, folder).items():
        click.echo(f"{figure}: {value if isinstance(value, tuple) else round(value, 4)}")


def _say(message: str) -> None:
    click.echo(message, err=True)


if __name__ == "__main__":
    try:
        main()
    except TillerError as error:
        raise SystemExit(str(error)) from None
