"""What training draws on, made small: a toy catalogue, a tiny base, and an adapter that knows nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from alignment.sources import Sources
from recsys.candidates import fit
from recsys.cases import Case
from recsys.datasets import Dataset, leave_last_out, training_catalog
from recsys.lm.adapter import Manifest, item_keys, save_adapter
from recsys.lm.base import base_hash
from recsys.semantic import item_texts
from recsys.sequence import SequenceModel, SequenceParams
from recsys.themes import Themes
from tests.recsys.made_use import embed_words

WIDTH, LAYERS = 16, 2


def sources_of(dataset: Dataset, base: Path, cases: list[Case] | None = None) -> Sources:
    split = leave_last_out(dataset.interactions)
    catalog = training_catalog(dataset, split)
    return Sources(
        catalog=catalog,
        train=split.train,
        als=fit(split.train, len(catalog)),
        teacher=SequenceModel(len(catalog), SequenceParams(width=8, layers=1, heads=1)),
        vectors=embed_words(item_texts(catalog)),
        themes=Themes(),
        base=base,
        base_name=str(base),
        data_dir=base.parent,
        cases=cases or [],
        core=np.ones(len(catalog), bool),
    )


def untrained_adapter(sources: Sources, folder: Path, seed: int = 0) -> Path:
    """An adapter of stage SFT without LoRA; its rows are random, but that neighbours are alike."""
    generator = torch.Generator().manual_seed(seed)
    catalog, base = sources.catalog, sources.base
    manifest = Manifest(
        folder.name, "sft", str(base), base_hash(base), LAYERS, catalog.name, len(catalog), 1, 1
    )
    rows = {}
    for side in ("in", "out"):
        made = torch.randn(len(catalog), WIDTH, generator=generator) * 0.3
        made[:, 0] = torch.linspace(-1.5, 1.5, len(catalog))
        rows[f"rows.{side}"] = made.bfloat16()
    text = {"text.newcomer": torch.zeros(WIDTH).bfloat16()}
    save_adapter(folder, manifest, rows | text | {"items": torch.tensor(item_keys(catalog))})
    return folder
