"""``tiller models``: what there is, and which one ranks by default."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from chat_app.commands.common import JSON_OPTION, read_settings, say

if TYPE_CHECKING:
    from recsys.catalog import Catalog
    from recsys.settings import Settings


@click.group(invoke_without_command=True)
@JSON_OPTION
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """The models at hand, and which one ranks by default."""
    if context.invoked_subcommand:
        if as_json:
            raise click.UsageError("--json is for the list alone.")
        return
    from dataclasses import asdict

    from recsys.models import adapters, default_model
    from recsys.promotion import promotions
    from recsys.rankers import RANKERS

    settings = read_settings()
    found = adapters(settings, say)
    catalog = _catalog(settings)
    default = default_model(catalog, settings, say)
    if as_json:
        own = {name: {"folder": str(folder), **asdict(card)} for name, (folder, card) in found.items()}
        promoted = [entry.model_dump(mode="json") for entry in promotions(catalog.name, settings.data_dir)]
        listed = {"rankers": list(RANKERS), "adapters": own, "default": default, "promoted": promoted}
        click.echo(json.dumps(listed))
        return
    mark = f" (default for {catalog.name})"
    for name in RANKERS:
        click.echo(name + mark * (name == default))
    for name, (_, card) in found.items():
        figures = ", ".join(f"{key} {value:.3g}" for key, value in card.metrics.items() if key != "epoch")
        over = f" over {card.parent}" if card.parent else ""
        click.echo(
            f"{name}{mark * (name == default)}: {card.stage}{over} of {card.base} for {card.catalog}; "
            f"validation {figures}"
        )


@models.command()
@click.argument("name")
def promote(name: str) -> None:
    """Let NAME rank by default, once it is seen to load."""
    from recsys import models as shelf

    settings = read_settings()
    catalog = _catalog(settings)
    before = shelf.promote(name, catalog, settings)
    say(
        f"{name} ranks {catalog.name} by default, in place of {before}; a Tiller that is running takes it up "
        "with its next answer. `tiller models rollback` takes that back."
    )
    _say_what_is_set(settings)


@models.command()
def rollback() -> None:
    """Take the latest promotion back."""
    from recsys import models as shelf

    settings = read_settings()
    catalog = _catalog(settings)
    gone, back = shelf.rollback(catalog, settings)
    say(
        f"{back} ranks {catalog.name} by default again, in place of {gone}; a Tiller that is running takes "
        "it up with its next answer."
    )
    _say_what_is_set(settings)


def _say_what_is_set(settings: Settings) -> None:
    from recsys.models import AUTO

    if settings.model != AUTO:
        say(f"But TILLER_MODEL names {settings.model}, which goes before any default.")


def _catalog(settings: Settings) -> Catalog:
    from recsys.datasets import load_dataset

    return load_dataset(settings.catalog).catalog
