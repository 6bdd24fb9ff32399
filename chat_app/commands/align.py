"""``tiller align``: training from the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from chat_app.commands.common import read_settings, say


@click.group()
def align() -> None:
    """Train the language model on a catalogue. Interrupt when you like: the same command goes on."""


@align.command()
@click.option("--dataset", help="What to learn.  [default: the catalogue of the settings]")
@click.option("--name", help="Name of the adapter.  [default: the catalogue's, then -sft]")
@click.option("--epochs", type=click.IntRange(0), help="Passes over the histories; 0: only practise.")
@click.option("--practice", type=click.IntRange(0), help="Passes of practice after those: makes a child.")
@click.option("--own-lists", is_flag=True, help="Practise after the model's own lists, too.")
@click.option("--layers", type=click.IntRange(1), help="Layers of the base that are used.")
@click.option("--batch", type=click.IntRange(1), help="Histories a step.")
@click.option("--requests", type=click.IntRange(1), help="Requests made of each piece of a history.")
@click.option("--hidden", type=click.FloatRange(0, 0.5), help="Share of the items to keep from it.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Of the LoRA.")
@click.option("--minutes", type=click.FloatRange(0.1), help="Stop after so long.")
@click.option("--seed", type=int, default=0, show_default=True)
def sft(dataset: str | None, name: str | None, requests: int | None, **given: Any) -> None:
    """Supervised: items, and requests with answers made with the teacher's help."""
    from alignment.sft import SFTParams, practised_adapter, run_sft
    from alignment.sources import load_sources
    from alignment.training import with_parents
    from recsys.datasets import load_dataset
    from recsys.models import find_adapter, own_models

    settings = read_settings(catalog=dataset)
    data = load_dataset(settings.catalog)
    name = name or f"{data.catalog.name}-sft"
    params = SFTParams(**{key: value for key, value in given.items() if value is not None})
    if requests is not None:
        params = replace(params, windows=params.windows.with_requests(requests))
    work, adapter = settings.data_dir / "training" / name, own_models(settings) / name
    if not params.epochs:
        folder = find_adapter(name, settings)
        if not params.practice:
            raise click.UsageError("Without epochs there is only practice: add --practice 1.")
        if folder is None:
            raise click.UsageError(f"There is no adapter “{name}” to practise: see `tiller models`.")
        adapter = with_parents(folder, practised_adapter(adapter))
    sources = load_sources(data, settings, say, params.hidden, params.seed)
    made = run_sft(sources, work, adapter, params, say)
    if made is None:  # interrupted, which has been said
        return
    say(f"Made {made}. Try it: `tiller recommend --model {made.name} --like TITLE`.")


@align.command()
@click.option("--dataset", help="What it was trained on.  [default: the catalogue of the settings]")
@click.option("--parent", metavar="NAME", help="The adapter to go on from.  [default: the dataset's -sft]")
@click.option("--name", help="Name of the adapter.  [default: the catalogue's, then -grpo]")
@click.option("--steps", type=click.IntRange(1), help="Steps of learning.")
@click.option("--minutes", type=click.FloatRange(0.1), help="Stop after so long.")
@click.option("--credit", type=click.Choice(["token", "sum"]), help="Reward each item's token, or the list.")
@click.option("--seed", type=int, default=0, show_default=True)
def grpo(dataset: str | None, parent: str | None, name: str | None, **given: Any) -> None:
    """Reinforcement: lists of its own, rewarded item by item and as a whole."""
    from alignment.grpo import GRPOParams, align_grpo
    from alignment.sources import load_sources
    from recsys.datasets import load_dataset
    from recsys.models import find_adapter, own_models

    settings = read_settings(catalog=dataset)
    data = load_dataset(settings.catalog)
    parent = parent or f"{data.catalog.name}-sft"
    folder = find_adapter(parent, settings)
    if folder is None:
        raise click.UsageError(f"There is no adapter “{parent}” to go on from: run `tiller align sft` first.")
    name = name or f"{data.catalog.name}-grpo"
    params = GRPOParams(**{key: value for key, value in given.items() if value is not None})
    work = settings.data_dir / "training" / name
    made = align_grpo(
        load_sources(data, settings, say), folder, own_models(settings) / name, work, params, say
    )
    say(f"Made {made}. Try it: `tiller recommend --model {made.name} --like TITLE`.")


@align.command()
@click.option(
    "--preferences",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Pairs, as `tiller export preferences` writes them.",
)
@click.option("--dataset", help="What it was trained on.  [default: the catalogue of the settings]")
@click.option("--parent", metavar="NAME", help="The adapter to go on from.  [default: the default model]")
@click.option("--name", help="Name of the adapter.  [default: the catalogue's, then -dpo]")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the pairs.")
@click.option("--minutes", type=click.FloatRange(0.1), help="Stop after so long.")
@click.option("--beta", type=click.FloatRange(0, min_open=True), help="How near the parent to stay.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Of the LoRA.")
@click.option("--held-out", type=click.FloatRange(0, 0.5), help="Share of the contexts to measure on.")
@click.option("--seed", type=int, default=0, show_default=True)
def dpo(preferences: Path, dataset: str | None, parent: str | None, name: str | None, **given: Any) -> None:
    """Preferences: which of two lists people found better."""
    from alignment.dpo import DPOParams, align_dpo
    from alignment.preferences import read_pairs
    from alignment.sources import load_sources
    from recsys.datasets import load_dataset
    from recsys.models import default_model, find_adapter, own_models

    settings = read_settings(catalog=dataset)
    data = load_dataset(settings.catalog)
    parent = parent or default_model(data.catalog, settings)
    folder = find_adapter(parent, settings)
    if folder is None:
        raise click.UsageError(f"There is no adapter “{parent}” to go on from: run `tiller align sft` first.")
    name = name or f"{data.catalog.name}-dpo"
    _check_not_default(name, default_model(data.catalog, settings))
    pairs, bad = read_pairs(preferences, data.catalog)
    for row in bad:
        say(f"Line {row.number} is left out: {row.why}.")
    params = DPOParams(**{key: value for key, value in given.items() if value is not None})
    work = settings.data_dir / "training" / name
    sources = load_sources(data, settings, say)
    made = align_dpo(sources, folder, pairs, own_models(settings) / name, work, params, say)
    say(
        f"Made {made}. Hold it against the one before: `tiller evaluate --models {folder.name},{made.name}`; "
        f"make it the default: `tiller models promote {made.name}`."
    )


def _check_not_default(name: str, default: str) -> None:
    """What ranks for people changes by promotion alone."""
    if name == default:
        raise click.UsageError(f"{name} is the default model: give the new one another --name.")
