"""The adapters in assets/models fit the catalogue that is shipped with them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from safetensors import safe_open

from recsys.datasets import load_dataset
from recsys.lm.adapter import ITEMS, WEIGHTS, item_keys, read_manifest
from recsys.models import SHIPPED, default_model
from recsys.settings import Settings

FOLDERS = sorted(path.parent for path in SHIPPED.glob("*/manifest.json"))
LIMIT = 40e6  # bytes, of all together


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
class TestEach:
    def test_the_weights_are_the_manifests(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        assert hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() == manifest.sha256
        assert manifest.name == folder.name and folder.name.endswith(manifest.stage)

    def test_its_parent_is_there(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        if manifest.parent is not None:
            assert read_manifest(SHIPPED / manifest.parent).sha256 == manifest.parent_sha256

    def test_it_knows_every_item_of_its_catalogue(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        with safe_open(folder / WEIGHTS, "np") as tensors:
            if ITEMS not in set(tensors.keys()):
                assert manifest.parent is not None  # its parent does
                return
            keys = tensors.get_tensor(ITEMS)
        assert (keys == item_keys(load_dataset(manifest.catalog).catalog)).all()

    def test_it_says_what_it_has_not_seen_and_how_good_it_is(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        assert "last two" in manifest.split and 0 < manifest.metrics["ndcg"] <= manifest.metrics["hr"] < 1


def test_one_of_them_ranks_by_default(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, _env_file=None)
    catalog = load_dataset(settings.catalog).catalog
    assert default_model(catalog, settings) in {folder.name for folder in FOLDERS}


def test_together_they_stay_small() -> None:
    assert 0 < sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) < LIMIT
    assert (SHIPPED / "README.md").exists()
