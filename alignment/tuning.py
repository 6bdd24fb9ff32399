"""Which network is best here: SFT runs that differ in one thing, measured on the validation item.

    python -m alignment.tuning [VARIANT …] [--dataset NAME] [--seeds 3] [--epochs 1]

Runs that are done are read, not repeated; an interrupted one goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import numpy as np

from alignment.sft import SFTParams, practised_adapter, run_sft
from alignment.sources import load_sources
from recsys.datasets import load_dataset
from recsys.lm.adapter import MANIFEST, read_manifest
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
    "30 layers": {"layers": 30},
    "rank 8": {"rank": 8, "alpha": 16},
    "rank 32": {"rank": 32, "alpha": 64},
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
def main(names: tuple[str, ...], dataset: str, seeds: int, epochs: int) -> None:
    """Train the variants (default: all) and print their validation figures."""
    settings = get_settings()
    sources = load_sources(load_dataset(dataset), settings, click.echo)
    click.echo("| variant | HR@10 | NDCG@10 |\n|---|---|---|")
    for name in names or VARIANTS:
        measured = []
        for seed in range(seeds):
            place = (
                settings.data_dir / "tuning" / f"{sources.catalog.name} {name} {epochs} epochs seed {seed}"
            )
            adapter = place / "adapter"
            params = _changed(SFTParams(epochs=epochs, seed=seed), VARIANTS[name])
            made = practised_adapter(adapter) if params.practice else adapter
            if not (made / MANIFEST).exists() or not (place / "done").exists():
                run_sft(sources, place, adapter, params, lambda message: click.echo(message, err=True))
                (place / "done").touch()
            measured.append(read_manifest(made).metrics)
        columns = [np.array([run[key] for run in measured]) for key in ("hr", "ndcg")]
        click.echo(f"| {name} | " + " | ".join(f"{c.mean():.3f} ± {c.std():.3f}" for c in columns) + " |")


def _changed(params: SFTParams, changes: dict[str, Any]) -> SFTParams:
    windows = replace(params.windows, **changes.get("windows", {}))
    return replace(params, **{**changes, "windows": windows})


if __name__ == "__main__":
    main()
