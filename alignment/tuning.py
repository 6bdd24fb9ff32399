"""Which network is best here: SFT runs that differ in one thing, measured on the validation item.

    python -m alignment.tuning [VARIANT …] [--seeds 3] [--epochs 1] [--layers N] [--requests N] …

Runs that are done are read, not repeated; an interrupted one goes on. Their adapters stay, and
``tiller evaluate --seeds --models FOLDER,FOLDER …`` measures them on the test item.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from alignment.sft import SFTParams, practised_adapter, run_sft
from alignment.sources import Sources, load_sources
from alignment.training import FREE
from recsys.datasets import load_dataset
from recsys.lm.adapter import MANIFEST, read_manifest
from recsys.lm.base import base_hash
from recsys.settings import get_settings

#: What each variant changes of the default parameters.
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "text only": {"parts": ("text",)},
    "behaviour only": {"parts": ("cf", "residual")},
    "no residual": {"parts": ("cf", "text")},
    "tied rows": {"tied": True},
    "input rows as small as words'": {"in_scale": 1.0},
    "6 layers": {"layers": 6},
    "12 layers": {"layers": 12},
    "30 layers": {"layers": 30},
    "rank 8": {"rank": 8, "alpha": 16},
    "history 50": {"windows": {"history": 50}},
    "history 200": {"windows": {"history": 200}},
    "no chat": {"chat": False},
    "practice": {"practice": 1},
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(VARIANTS)))
@click.option("--dataset", default="ml-latest-small", show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--epochs", default=1, show_default=True)
@click.option("--layers", type=click.IntRange(1), help="Of the base, where the variant does not say.")
@click.option("--requests", type=click.IntRange(1), help="Requests made of each piece of a history.")
@click.option("--batch", type=click.IntRange(1), help="Histories a step.")
def main(names: tuple[str, ...], dataset: str, seeds: int, **given: int | None) -> None:
    """Train the variants (default: all) and print their validation figures: mean ± deviation over seeds."""
    settings = get_settings()
    sources = load_sources(load_dataset(dataset), settings, click.echo)
    if not sources.cases:
        raise click.ClickException("Nobody has used enough to be measured: variants cannot be compared.")
    given = {key: value for key, value in given.items() if value is not None}
    setting = " ".join([sources.catalog.name, *(f"{key} {value}" for key, value in given.items())])
    click.echo("| variant | HR@10 | NDCG@10 |\n|---|---|---|")
    for name in names or VARIANTS:
        measured = []
        for seed in range(seeds):
            place = settings.data_dir / "tuning" / setting / f"{name.replace(' ', '-')}-seed{seed}"
            params = _changed(_params(seed, given), VARIANTS[name])
            measured.append(_measured(sources, place, params))
        columns = [np.array([run[key] for run in measured]) for key in ("hr", "ndcg")]
        click.echo(f"| {name} | " + " | ".join(map(_figure, columns)) + " |")


def _figure(column: np.ndarray) -> str:
    deviation = f" ± {column.std(ddof=1):.3f}" if len(column) > 1 else ""
    return f"{column.mean():.3f}{deviation}"


def _measured(sources: Sources, place: Path, params: SFTParams) -> dict[str, Any]:
    """The validation figures of a run, done now or before."""
    adapter = place / place.name
    made = practised_adapter(adapter) if params.practice else adapter
    if (place / "done").exists() and not _is_of(made, params, sources):
        kept = place.with_name(f"{place.name}-{datetime.now():%Y%m%d-%H%M%S}")
        place.rename(kept)
        click.echo(f"{place} was trained with other settings: kept as {kept}, and trained again.", err=True)
    if not (place / "done").exists():
        done = run_sft(sources, place, adapter, params, lambda message: click.echo(message, err=True))
        if done != made:
            raise click.Abort  # by Ctrl-C; the others would go on
        (place / "done").touch()
    return read_manifest(made).metrics


def _is_of(made: Path, params: SFTParams, sources: Sources) -> bool:
    """Whether an adapter was trained as wanted."""
    if not (made / MANIFEST).exists():
        return False
    own = replace(params, epochs=0) if params.practice else params
    wanted, manifest = json.loads(json.dumps(asdict(own))), read_manifest(made)
    same = all(manifest.training.get(name) == wanted[name] for name in wanted.keys() - (FREE - {"epochs"}))
    return same and manifest.base_hash == base_hash(sources.base)


def _params(seed: int, given: dict[str, Any]) -> SFTParams:
    requests = given.get("requests")
    params = SFTParams(seed=seed, **{key: value for key, value in given.items() if key != "requests"})
    return params if requests is None else replace(params, windows=params.windows.with_requests(requests))


def _changed(params: SFTParams, changes: dict[str, Any]) -> SFTParams:
    windows = replace(params.windows, **changes.get("windows", {}))
    return replace(params, **{**changes, "windows": windows})


if __name__ == "__main__":
    main()
